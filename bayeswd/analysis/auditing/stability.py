"""The learning rate against the largest that is stable."""

from __future__ import annotations

import math
from typing import Any

import torch

from bayeswd.analysis.auditing.branches import LossGraph
from bayeswd.analysis.auditing.evidence import Evidence
from bayeswd.analysis.auditing.full_objective import flat
from bayeswd.analysis.auditing.injected import GRAD
from bayeswd.analysis.auditing.result import Finding
from bayeswd.tables import number

POWER = 30  # iterations for the largest curvature


def of_step(evidence: Evidence, converged: dict[str, Any]) -> list[Finding]:
    """The learning rate against 2 (1 + momentum) / L, L the largest curvature of a batch."""
    learned = evidence.learned
    if learned is None or learned.rate is None:
        return []
    curvature = max(_curvature(evidence, graph) for graph in evidence.some_graphs)
    decay = max(
        (
            float(p.parts["l2"].max())
            for p in evidence.pulls
            if "l2" in p.parts and p.source != "loss"
        ),
        default=0.0,
    )
    limit = 2 * (1 + (learned.momentum or 0.0)) / (curvature + decay) if curvature > 0 else math.inf
    converged |= {"learning_rate": learned.rate, "stable_below": limit}
    if learned.rate <= limit:
        return []
    message = (
        f"the learning rate {number(learned.rate)} is above {number(limit)} = "
        "2 (1 + momentum) / L, L the largest curvature of a batch: steps overshoot"
    )
    values = {"learning_rate": learned.rate, "limit": limit}
    return [Finding("learning-rate-unstable", "error", message, evidence=values)]


def _curvature(evidence: Evidence, graph: LossGraph) -> float:
    """The largest eigenvalue of one batch's loss, at the last weights, by power iteration."""
    weights = evidence.last_weights
    keys = sorted(graph.used)
    leaves = {i: weights[i].detach().clone().requires_grad_() for i in weights}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        value = graph.objective(graph.at(leaves))
        inputs = [leaves[i] for i in keys]
        slopes = GRAD(value, inputs, create_graph=True, allow_unused=True)
        pairs = [
            (s, x) for s, x in zip(slopes, inputs, strict=True) if s is not None and s.requires_grad
        ]
        if not pairs:
            return 0.0
        slopes_flat = flat([s for s, _ in pairs])
        generator = torch.Generator().manual_seed(0)
        vector = torch.randn(slopes_flat.shape, generator=generator, dtype=torch.float64)
        size = 0.0
        for _ in range(POWER):
            vector = vector / vector.norm()
            product = GRAD(
                slopes_flat @ vector, [x for _, x in pairs], retain_graph=True, allow_unused=True
            )
            image = flat(
                [
                    torch.zeros_like(x) if p is None else p
                    for p, (_, x) in zip(product, pairs, strict=True)
                ]
            )
            size = float(image @ vector)
            if float(image.norm()) == 0:
                return 0.0
            vector = image
    return size
