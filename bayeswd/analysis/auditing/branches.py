"""What a loss is made of: the data term, and branches that depend on parameters alone.

The frontier are the largest parts of the graph without data that are used together with data. A
weight entering the model is one, a penalty another. What tells them apart is the slope of the loss
in them: a penalty's slope does not change when other weights and other data are put in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from bayeswd.analysis.auditing.cycles import Backward
from bayeswd.analysis.auditing.force_families import Weights
from bayeswd.analysis.auditing.graph import Node, ancestors, signatures_of
from bayeswd.analysis.auditing.injected import GRAD
from bayeswd.analysis.auditing.replay import ReplayError, constant, replay, wide

SAME = 1e-9  # float64 replays of one number
CHANGES = 3  # other weights and other data that a slope must survive


@dataclass(frozen=True, eq=False)
class Branch:
    """A part of the loss without data. slope: d loss / d node, None where it depends on data."""

    node: Node
    slope: Tensor | None
    signature: str


class LossGraph:
    """The graph behind one call of backward."""

    def __init__(self, event: Backward, guessed: bool = False, evaluated: bool = False) -> None:
        self.event, self.guessed = event, guessed  # guessed: no data were marked
        self.evaluated = evaluated  # computed for its value, maybe without gradients
        self.nodes = ancestors([node for node, _ in event.losses], dict.fromkeys(event.leaves))
        self.leaves = {node: index for index, node in enumerate(event.leaves)}
        if evaluated:  # maybe before the update that has taken place since
            self.leaves |= {x: x.parameter for x in self.nodes if x.parameter is not None}
        self.depends: set[int] = set()
        for node in self.nodes:
            if node in self.leaves or any(id(one) in self.depends for one in node.parents()):
                self.depends.add(id(node))

    def is_own(self, node: Node) -> bool:
        """Whether it depends on a parameter."""
        return id(node) in self.depends

    def is_tainted(self, node: Node) -> bool:
        return bool(node.colours)

    @cached_property
    def has_data(self) -> bool:
        return any(self.is_tainted(node) and self.is_own(node) for node in self.nodes)

    @cached_property
    def data_roots(self) -> list[Node]:
        """Given tensors that are data and no parameter."""
        return [one for one in self.nodes if one.call is None and one.colours]

    @cached_property
    def entering(self) -> list[Node]:
        """Data as they meet what depends on parameters: a batch of inputs, of targets."""
        met = {id(parent) for node in self.nodes if self.is_own(node) for parent in node.parents()}
        return [
            one for one in self.nodes if id(one) in met and one.colours and not self.is_own(one)
        ]

    @property
    def opaque(self) -> bool:
        """Whether a given tensor was computed from something that was not seen."""
        roots = (one for one in self.nodes if one.call is None and one.value is not None)
        return any(one.unseen for one in roots)

    @cached_property
    def frontier(self) -> list[Node]:
        losses = {id(node) for node, _ in self.event.losses}
        used = {
            id(parent)
            for node in self.nodes
            if self.is_tainted(node) and self.is_own(node)
            for parent in node.parents()
        }
        return [
            node
            for node in self.nodes
            if self.is_own(node)
            and not self.is_tainted(node)
            and (id(node) in used or id(node) in losses)
        ]

    # -- values and slopes ------------------------------------------------------------------

    @cached_property
    def weights(self) -> Weights:
        return {i: wide(self.event.weights[i]) for i in range(len(self.event.leaves))}

    def at(self, weights: Weights) -> dict[Node, Tensor]:
        return {node: weights[index] for node, index in self.leaves.items()}

    def objective(self, known: dict[Node, Tensor]) -> Tensor:
        """What was differentiated: the losses, summed as their seeds say."""
        values = replay([node for node, _ in self.event.losses], known, self.evaluated)
        seeds = [seed for _, seed in self.event.losses]
        parts = [
            value.sum() if seed is None else (value * wide(seed)).sum()
            for value, seed in zip(values, seeds, strict=True)
        ]
        return torch.stack(parts).sum()

    def slopes(self, known: dict[Node, Tensor]) -> list[Tensor]:
        """d objective / d frontier, at these values of the leaves (and of other nodes)."""
        with torch.no_grad():
            values = replay(self.frontier, known)
        cut = [one.detach().requires_grad_() for one in values]
        whole = self.objective({**known, **dict(zip(self.frontier, cut, strict=True))})
        if not whole.requires_grad:
            return [torch.zeros_like(one) for one in cut]
        found = GRAD(whole, cut, allow_unused=True)
        return [
            torch.zeros_like(c) if f is None else dense(f) for c, f in zip(cut, found, strict=True)
        ]

    @cached_property
    def branches(self) -> list[Branch]:
        """The frontier with its slopes. ReplayError where the loss cannot be computed again."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            first = self.slopes(self.at(self.weights))
            others = list(self._elsewhere())
        signatures = signatures_of(self.nodes, self.leaves)
        return [
            Branch(
                node,
                first[place] if _constant(first[place], [one[place] for one in others]) else None,
                signatures[id(node)],
            )
            for place, node in enumerate(self.frontier)
        ]

    @property
    def penalties(self) -> list[Branch]:
        """Branches whose slope is the same everywhere, and not 0."""
        return [one for one in self.branches if one.slope is not None and bool(one.slope.any())]

    @property
    def undecided(self) -> list[Branch]:
        """Sums over weights with a slope that depends on the data, or is 0."""
        scalars = (one for one in self.branches if one.node.size == 1 and one.node.call is not None)
        return [
            one
            for one in scalars
            if (one.slope is None or not bool(one.slope.any())) and self._sums(one.node)
        ]

    @property
    def used(self) -> set[int]:
        """The parameters that the loss depends on."""
        return {index for node, index in self.leaves.items() if id(node) in self.depends_of_loss}

    @cached_property
    def depends_of_loss(self) -> set[int]:
        return {id(node) for node in self.nodes}

    @cached_property
    def undecided_parameters(self) -> set[int]:
        return {i for one in self.undecided for i in self.parameters_of(one.node)}

    def parameters_of(self, node: Node) -> set[int]:
        inside = ancestors([node], self.leaves)
        return {self.leaves[one] for one in inside if one in self.leaves}

    @cached_property
    def ambiguous_parameters(self) -> set[int]:
        """Where a parameter meets a tensor of its own shape that may be data or a prior's centre.

        Only where no data were marked: then any given tensor passes for data.
        """
        if not self.guessed:
            return set()
        found = set()
        for node in self.nodes:
            parents = list(node.parents())
            own = [one for one in parents if one in self.leaves and one.size > 1]
            data = [one for one in parents if one.colours and not self.is_own(one)]
            if len(own) == 1 and any(one.shape == own[0].shape for one in data):
                found.add(self.leaves[own[0]])
        return found

    @cached_property
    def sums_over_parameters(self) -> set[str]:
        """Single numbers computed from parameters alone, by what they are."""
        signatures = signatures_of(self.nodes, self.leaves)
        singles = (one for one in self.frontier if one.size == 1 and one.call is not None)
        return {signatures[id(one)] for one in singles if self._sums(one)}

    def _sums(self, node: Node) -> bool:
        return any(one in self.leaves and one.size > 1 for one in ancestors([node], self.leaves))

    def _elsewhere(self) -> Iterator[list[Tensor]]:
        """Slopes at other weights and from data in another order."""
        for change in range(CHANGES):
            generator = torch.Generator().manual_seed(change)
            weights = {key: one * _factor(one, generator) for key, one in self.weights.items()}
            known = {**self.at(weights), **self._other_data(generator)}
            try:
                slopes = self.slopes(known)
            except ReplayError:
                continue
            yield slopes

    def _other_data(self, generator: torch.Generator) -> dict[Node, Tensor]:
        """Rows permuted, numbers shrunk by up to a third: counts and shares stay what they are."""
        changed = {}
        for node in self.data_roots:
            value = constant(node)
            if value.ndim and len(value) > 1:
                value = value[torch.randperm(len(value), generator=generator)]
            if value.is_floating_point():
                value = value * (1 - torch.rand(value.shape, generator=generator).to(value) / 3)
            changed[node] = value
        return changed


def dense(gradient: Tensor) -> Tensor:
    """Embeddings may give their gradient by rows."""
    return gradient.to_dense() if gradient.layout == torch.sparse_coo else gradient


def _factor(like: Tensor, generator: torch.Generator) -> Tensor:
    return 0.5 + torch.rand(like.shape, generator=generator, dtype=torch.float64).to(like)


def _constant(first: Tensor, others: Sequence[Tensor]) -> bool:
    size = float(first.abs().max()) if first.numel() else 0.0
    return bool(others) and all(
        bool(((one - first).abs() <= SAME * size + 1e-300).all()) for one in others
    )
