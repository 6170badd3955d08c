"""The data term of a loss: of which likelihood it is, and in which unit.

The model's output is the node through which every weight reaches the loss. There the force of the
data is compared, at several outputs, with the score of each likelihood: what is linear in the
output is Gaussian, what is linear in softmax(output) categorical, and so on. No target is needed,
it follows.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bayeswd.analysis.auditing.branches import LossGraph
from bayeswd.analysis.auditing.graph import Node
from bayeswd.analysis.auditing.injected import GRAD
from bayeswd.analysis.auditing.replay import ReplayError, replay
from bayeswd.analysis.auditing.scores import SCORES, Force, bounded, class_axis, fit


@dataclass(frozen=True, eq=False)
class DataTerm:
    """precision * (negative log likelihood of one element), summed: what `backward` was given.

    likelihood: "gaussian" (half squares; precision is then that of an element for sigma = 1),
        "categorical", "bernoulli", "poisson", "laplace", "huber", or "unknown".
    precision: None where it differs between rows; `weights` then has each one's.
    rows, outputs: elements of the output along its first axis, and of each of them.
    threshold: where a Huber loss becomes linear. note: what is unusual about it.
    """

    likelihood: str
    precision: float | None = None
    weights: Tensor | None = None
    rows: int = 0
    outputs: int = 1
    threshold: float | None = None
    smoothing: float = 0.0
    broadcast: bool = False
    note: str = ""

    @property
    def known(self) -> bool:
        return self.likelihood != "unknown"

    @property
    def mean_precision(self) -> float:
        """Of one row, on average."""
        assert self.weights is not None
        return float(self.weights.sum()) / (self.rows * self.outputs)

    @property
    def says(self) -> tuple[str, bool | None, float | None]:
        """(reduction, half, scale): the scale is 1 where reduction and half say it all."""
        if self.precision is None:
            return "weighted", None, None
        elements = self.rows * self.outputs
        for reduction, unit in (
            ("mean", 1 / elements),
            ("sum", 1.0),
            ("mean of rows", 1 / self.rows),
        ):
            factor = self.precision / unit
            halves = (1.0, 2.0) if self.likelihood == "gaussian" else (1.0,)
            for known in halves:
                if math.isclose(factor, known, rel_tol=1e-6):
                    half = None if self.likelihood != "gaussian" else known == 1.0
                    return reduction, half, 1.0
        return "scaled", None, self.precision * elements


def output_of(graph: LossGraph) -> Node | None:
    """The first node that all weights of the model must pass to reach the loss."""
    penalties = {id(one.node) for one in graph.penalties}
    place = {id(node): order for order, node in enumerate(graph.nodes)}
    ends = [node for node, _ in graph.event.losses]
    if len(ends) != 1:
        return None
    waiting = [(-place[id(ends[0])], ends[0])]
    seen = {id(ends[0])}
    last = None
    while waiting:
        _, node = heapq.heappop(waiting)
        if not graph.is_tainted(node):
            break  # a weight of the model: from here on there is more than one way
        if not waiting and node.dtype.is_floating_point:
            last = node
        for parent in node.parents():
            wanted = graph.is_own(parent) and id(parent) not in penalties
            if wanted and id(parent) not in seen:
                seen.add(id(parent))
                heapq.heappush(waiting, (-place[id(parent)], parent))
    return last


def data_term(graph: LossGraph) -> tuple[DataTerm, Node | None]:
    """The data term of one call of backward, and the node of the model's output."""
    output = output_of(graph)
    if output is None:
        return DataTerm("unknown", note="several losses were differentiated at once"), None
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return _scored(graph, output), output
    except ReplayError as reason:
        return DataTerm("unknown", note=str(reason)), output


def force_at_output(graph: LossGraph, output: Node) -> tuple[Tensor, Force]:
    """The output as it was, and d loss / d output at any other."""
    known = graph.at(graph.weights)
    with torch.no_grad():
        wanted = [output, *(one.node for one in graph.penalties)]
        value, *held = replay(wanted, known)
    fixed = {one.node: v for one, v in zip(graph.penalties, held, strict=True)}

    def force(at: Tensor) -> Tensor:
        leaf = at.detach().clone().requires_grad_()
        with torch.enable_grad():
            whole = graph.objective({**known, **fixed, output: leaf})
        (found,) = GRAD(whole, [leaf], allow_unused=True)
        return torch.zeros_like(leaf) if found is None else found

    return value, force


def _scored(graph: LossGraph, output: Node) -> DataTerm:
    value, force = force_at_output(graph, output)
    generator = torch.Generator().manual_seed(0)
    spread = float(value.std()) if value.numel() > 1 else 1.0
    spread = spread if spread > 0 else 1.0
    steps = [
        size * spread * torch.randn(value.shape, generator=generator, dtype=torch.float64)
        for size in (1.0, 0.3)
    ]
    slopes = [force(value)] + [force(value + step) for step in steps]
    rows = len(value) if value.ndim else 1
    shape: dict[str, Any] = {"rows": rows, "outputs": max(value.numel() // max(rows, 1), 1)}
    for name in SCORES:
        weights = fit(name, value, steps, slopes)
        if weights is not None:
            return _finished(name, weights, graph, output, value, slopes[0], shape)
    found = bounded(value, force)
    if found is None:
        return DataTerm("unknown", note=_what(graph, output), **shape)
    precision = float(found.weights.mean()) if is_uniform(found.weights) else None
    return DataTerm(
        found.likelihood, precision, found.weights.flatten(), threshold=found.threshold, **shape
    )


def _finished(
    name: str,
    weights: Tensor,
    graph: LossGraph,
    output: Node,
    value: Tensor,
    force: Tensor,
    shape: dict[str, Any],
) -> DataTerm:
    notes, smoothing = [], 0.0
    one = weights[weights != 0].mean()
    uniform = is_uniform(weights)
    axis = class_axis(name)
    if axis is not None:
        shape = {"rows": len(value), "outputs": weights.numel() // len(value)}
        targets, classes = SCORES[name](value) - force / weights, value.shape[axis]
        smoothing = float(1 - targets.amax(axis).mean()) * classes / (classes - 1)
        smoothing = smoothing if smoothing > 1e-6 else 0.0
        if not bool(((targets.sum(axis) - 1).abs() < 1e-6).all()):
            return DataTerm("unknown", note="the force does not sum to 0 over classes", **shape)
        name = "categorical"
    if float(one) < 0:
        notes.append("the data term has the wrong sign: training makes the fit worse")
    broadcast = name == "gaussian" and _is_broadcast(graph, output)
    return DataTerm(
        name,
        float(one) if uniform else None,
        weights.flatten(),
        smoothing=smoothing,
        broadcast=broadcast,
        note="; ".join(notes),
        **shape,
    )


def _is_broadcast(graph: LossGraph, output: Node) -> bool:
    """Outputs [n, 1] against targets [n]: somewhere after the output stand n x n numbers."""
    rows = output.shape[0] if output.shape else 1
    if rows < 2 or output.size != rows:
        return False
    later = [one for one in graph.nodes if one.order > output.order and graph.is_own(one)]
    # a loss function does it inside: there its two arguments show it
    for node in later:
        shapes = [one.shape for one in node.parents() if one.size > 1]
        together = node.size == rows * rows
        inside = node.size in (1, rows * rows) and {(rows, 1), (rows,)} <= set(shapes)
        if together or inside:
            return True
    return False


def _what(graph: LossGraph, output: Node) -> str:
    if output in [node for node, _ in graph.event.losses]:
        return "weights reach the loss by more than one way; no single output of a model"
    return "the force at the output is the score of no likelihood that is known here"


def is_uniform(weights: Tensor) -> bool:
    """Whether every row has the same, to rounding."""
    middle = weights.mean()
    return bool(((weights - middle).abs() <= 1e-6 * middle.abs()).all())
