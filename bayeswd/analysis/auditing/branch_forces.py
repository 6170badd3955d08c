"""The force of a penalty that was found in a loss, at any weights."""

from __future__ import annotations

import torch
from torch import Tensor

from bayeswd.analysis.auditing.branches import Branch, LossGraph
from bayeswd.analysis.auditing.force_families import Weights
from bayeswd.analysis.auditing.graph import ancestors
from bayeswd.analysis.auditing.injected import GRAD
from bayeswd.analysis.auditing.replay import constant, replay


def force(graph: LossGraph, branch: Branch, weights: Weights) -> Weights:
    """slope * d branch / d parameter, at any weights."""
    assert branch.slope is not None
    leaves = {key: one.detach().clone().requires_grad_() for key, one in weights.items()}
    with torch.enable_grad():
        (value,) = replay([branch.node], graph.at(leaves))
        whole = (value * branch.slope).sum()
    keys = list(leaves)
    if not whole.requires_grad:
        return {key: torch.zeros_like(one) for key, one in weights.items()}
    found = GRAD(whole, [leaves[key] for key in keys], allow_unused=True)
    return {
        key: torch.zeros_like(weights[key]) if one is None else one
        for key, one in zip(keys, found, strict=True)
    }


def penalty_value(graph: LossGraph, weights: Weights) -> Tensor:
    """What the penalties add to the objective, up to a constant."""
    if not graph.penalties:
        return torch.zeros((), dtype=torch.float64)
    values = replay([one.node for one in graph.penalties], graph.at(weights))
    pairs = zip(values, graph.penalties, strict=True)
    parts = [(v * one.slope).sum() for v, one in pairs if one.slope is not None]
    return torch.stack(parts).sum()


def centres(graph: LossGraph, branch: Branch) -> list[Tensor]:
    """Given tensors inside a branch: where it may pull to."""
    inside = ancestors([branch.node], graph.leaves)
    roots = [one for one in inside if one.call is None and one not in graph.leaves]
    return [constant(one) for one in roots if one.value is not None and one.shape]
