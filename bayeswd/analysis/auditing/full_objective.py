"""The objective over all examples, put together from the batches of one epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bayeswd.analysis.auditing import branch_forces
from bayeswd.analysis.auditing.branches import LossGraph
from bayeswd.analysis.auditing.evidence import Evidence
from bayeswd.analysis.auditing.force_families import Weights
from bayeswd.analysis.auditing.injected import GRAD
from bayeswd.analysis.auditing.priors_found import added

MOST = 600  # weights whose Hessian is made
NEWTON = 30
RANDOM = {"dropout", "batch_norm", "instance_norm", "alpha_dropout", "feature_dropout"}


@dataclass(eq=False)
class Objective:
    """misfit(w) + penalty(w) over the n examples, in nats (times sigma^2 under Gaussian noise).

    keys: the parameters that are trained. precisions, l1: of their Gaussian and Laplace parts.
    """

    graphs: Sequence[LossGraph]
    shares: Sequence[float]  # of each call of backward: 1 / precision of its rows
    keys: list[int]
    precisions: dict[int, Tensor]
    l1: dict[int, float]
    centres: dict[int, Tensor]

    def misfit(self, weights: Weights) -> Tensor:
        parts = []
        for graph, share in zip(self.graphs, self.shares, strict=True):
            whole = graph.objective(graph.at(weights))
            parts.append(share * (whole - branch_forces.penalty_value(graph, weights)))
        return torch.stack(parts).sum()

    def smooth(self, weights: Weights) -> Tensor:
        """Without the L1 part."""
        pulls = [
            0.5 * (precision * (weights[i] - self.centres[i]) ** 2).sum()
            for i, precision in self.precisions.items()
        ]
        return self.misfit(weights) + sum(pulls)

    def gradient(self, weights: Weights, whole: bool = True) -> Tensor:
        leaves = {i: w.detach().clone().requires_grad_() for i, w in weights.items()}
        value = self.smooth(leaves) if whole else self.misfit(leaves)
        found = GRAD(value, [leaves[i] for i in self.keys], allow_unused=True)
        return flat(
            [
                torch.zeros_like(leaves[i]) if g is None else g
                for i, g in zip(self.keys, found, strict=True)
            ]
        )

    def hessian(self, weights: Weights) -> Tensor:
        """Of the smooth part, [weight, weight]."""
        held = dict(weights)

        def value(vector: Tensor) -> Tensor:
            return self.smooth({**held, **self.unflat(vector, weights)})

        return torch.autograd.functional.hessian(value, flat([weights[i] for i in self.keys]))

    def unflat(self, vector: Tensor, like: Weights) -> Weights:
        parts = vector.split([like[i].numel() for i in self.keys])
        return {i: part.view(like[i].shape) for i, part in zip(self.keys, parts, strict=True)}


def flat(parts: Sequence[Tensor]) -> Tensor:
    return torch.cat([one.reshape(-1) for one in parts])


def objective_of(evidence: Evidence) -> Objective | None:
    """None where the batches that were kept are not one epoch, or the model is random."""
    graphs = _epoch(evidence)
    unit, term = evidence.unit, evidence.term
    if graphs is None or unit is None or term.weights is None or evidence.learned is None:
        return None
    if any(n.call is not None and n.call.name in RANDOM for g in graphs for n in g.nodes):
        return None
    keys = sorted(set(evidence.learned.moved) & evidence.graphs[0].used)
    precisions: dict[int, Tensor] = {}
    l1: dict[int, float] = {}
    centres: dict[int, Tensor] = {}
    for i in keys:
        total = added([one for one in evidence.pulls if one.parameter == i])
        if total.unknown or not set(total.parts) <= {"l2", "l1"}:
            return None
        if "l1" in total.parts:
            l1[i] = float(total.parts["l1"].mean()) * unit
        if "l2" in total.parts:
            precisions[i] = total.parts["l2"] * unit
            zero = torch.zeros((), dtype=torch.float64)
            centres[i] = zero if total.centre is None else total.centre
    # a mean over a short last batch weighs its rows more; here every row counts once
    shares = [_share(evidence, graph) for graph in graphs]
    return Objective(graphs, shares, keys, precisions, l1, centres)


def _share(evidence: Evidence, graph: LossGraph) -> float:
    rows = evidence.batch_rows(graph)
    mean = evidence.term.says[0].startswith("mean")
    ratio = rows / evidence.term.rows if mean else 1.0
    return ratio / evidence.term.mean_precision


def _epoch(evidence: Evidence) -> list[LossGraph] | None:
    """Calls of backward, from the first cycles on, whose rows add up to n."""
    found: list[LossGraph] = []
    rows = 0
    for cycle in evidence.observation.cycles:
        for event in cycle.backwards:
            graph = LossGraph(event)
            found.append(graph)
            rows += evidence.batch_rows(graph)
            if rows == evidence.n:
                return found
            if rows > evidence.n:
                return None
    return None
