"""The record of training: one cycle is forward, backward and update."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from bayeswd.analysis.auditing.graph import Node
from bayeswd.analysis.auditing.optimizer_steps import TakenStep

KEPT_FIRST = 60  # cycles; after them the 60th, the 90th, the 135th, ... are kept


@dataclass(eq=False)
class Backward:
    """One call of backward: what was differentiated, and at which parameters.

    leaves: the node of each parameter; weights: their values then. injected: gradient that came
    from hooks, by parameter.
    """

    losses: list[tuple[Node, Tensor | None]]
    leaves: list[Node]
    weights: list[Tensor]
    injected: dict[int, Tensor] = field(default_factory=dict)


@dataclass(eq=False)
class Cycle:
    """Forward, backward and update.

    end: the parameters' nodes after it. evaluations: calls of backward after each call of a
    closure. stale: the gradients of the cycle before were still there.
    """

    index: int
    backwards: list[Backward] = field(default_factory=list)
    steps: list[TakenStep] = field(default_factory=list)
    evaluations: list[int] = field(default_factory=list)
    end: list[Node] = field(default_factory=list)
    stale: bool = False


def copied(node: Node) -> Node:
    """The node as it is now; the original becomes the root of the next cycle."""
    return Node(
        node.order,
        node.shape,
        node.dtype,
        call=node.call,
        where=node.where,
        parameter=node.parameter,
        value=node.value,
        epoch=node.epoch,
        own=node.own,
    )


def is_kept(cycle: int) -> bool:
    """Whether this one is kept whole."""
    at = KEPT_FIRST
    while at < cycle:
        at = at * 3 // 2
    return cycle < KEPT_FIRST or cycle == at
