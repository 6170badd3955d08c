"""Whether penalties act at all, and in the same way in every step and on every batch."""

from __future__ import annotations

from collections.abc import Sequence

from bayeswd.analysis.auditing import branch_forces
from bayeswd.analysis.auditing.branches import LossGraph
from bayeswd.analysis.auditing.force_families import probes
from bayeswd.analysis.auditing.replay import ReplayError


def silent(graphs: Sequence[LossGraph]) -> set[int]:
    """Parameters whose penalty is in the loss but pulls nothing: it was detached."""
    found: set[int] = set()
    for graph in graphs:
        try:
            for branch in graph.penalties:
                forces = branch_forces.force(graph, branch, probes(graph.weights)[0])
                if not any(bool(one.any()) for one in forces.values()):
                    found |= graph.parameters_of(branch.node)
        except ReplayError:
            continue
    return found


def is_broadcast(graph: LossGraph) -> bool:
    """Whether a penalty, one number, was added to each row of errors."""
    try:
        single = {id(one.node) for one in graph.penalties if one.node.size == 1}
    except ReplayError:
        return False
    return any(
        node.size > 1 and any(id(one) in single for one in node.parents())
        for node in graph.nodes
        if graph.is_tainted(node)
    )


def grows_with_rows(whole: LossGraph, rows: int, part: LossGraph, fewer: int) -> bool:
    """Whether a penalty weighs as many times more as its batch has more rows."""
    try:
        slopes = {one.signature: one.slope for one in whole.penalties}
        pairs = [(slopes.get(one.signature), one.slope) for one in part.penalties]
    except ReplayError:
        return False
    ratios = [
        float(a.abs().sum() / b.abs().sum()) for a, b in pairs if a is not None and b is not None
    ]
    return any(abs(ratio * fewer / rows - 1) < 1e-6 for ratio in ratios)


def come_and_go(graphs: Sequence[LossGraph]) -> bool:
    """Whether some steps have sums over parameters in their loss that others have not."""
    kinds = {frozenset(graph.sums_over_parameters) for graph in graphs if graph.has_data}
    return len(kinds) > 1
