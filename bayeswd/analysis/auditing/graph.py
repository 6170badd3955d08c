"""What a program computed, as a graph of calls that can be computed again elsewhere.

Each tensor that a call returned, or changed in place, is a `Node`: the call, and which of its
results. Three kinds of node have no call: a parameter as it is during one cycle (forward,
backward, update), a gradient that `backward` left, and a value that was given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

NOTHING: frozenset[int] = frozenset()


@dataclass(eq=False, repr=False)
class Call:
    """One call: tensors among the arguments are nodes. `changed`: places written in place."""

    func: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    grad: bool
    changed: list[tuple[Any, ...]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return str(getattr(self.func, "__name__", self.func))

    def parents(self) -> Iterator[Node]:
        for _, value in places((self.args, self.kwargs)):
            if isinstance(value, Node):
                yield value


@dataclass(eq=False, repr=False)
class Node:
    """One tensor: result `where` of `call`, or a root.

    colours: the data it was computed from. rows: of the data that it was picked from.
    parameter: index of the parameter that this root is. gradient: of the parameter whose gradient.
    """

    order: int
    shape: tuple[int, ...]
    dtype: torch.dtype
    call: Call | None = None
    where: tuple[Any, ...] = ()
    colours: frozenset[int] = NOTHING
    parameter: int | None = None
    gradient: int | None = None
    value: Tensor | None = None
    version: int = 0
    epoch: int = 0
    rows: int | None = None
    own: bool = False  # computed from a parameter
    unseen: bool = False  # computed from something, where the tape did not look

    def parents(self) -> Iterator[Node]:
        return self.call.parents() if self.call is not None else iter(())

    @property
    def size(self) -> int:
        return int(torch.Size(self.shape).numel())


@dataclass(frozen=True, eq=False)
class Sink:
    """A value that left torch: printed, plotted or turned into a number."""

    node: Node
    grad: bool
    cycle: int
    name: str
    leaves: list[Node]


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """(place, tensor or node) in nested lists, tuples and dicts."""
    if isinstance(value, Tensor | Node):
        yield at, value
    elif isinstance(value, list | tuple):
        for index, one in enumerate(value):
            yield from places(one, (*at, index))
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from places(one, (*at, key))


def mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """The same nest with `change` applied to everything that is no list, tuple or dict."""
    if isinstance(value, dict):
        return {key: mapped(one, change) for key, one in value.items()}
    if isinstance(value, list):
        return [mapped(one, change) for one in value]
    if isinstance(value, tuple) and not isinstance(value, torch.Size):
        parts = [mapped(one, change) for one in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return change(value)


def at(value: Any, where: tuple[Any, ...]) -> Any:
    """What stands at a place of a nest."""
    for key in where:
        value = value[key]
    return value


def memory(tensor: Tensor) -> tuple[Any, ...]:
    """Two tensors with the same memory are the same numbers."""
    try:
        start = tensor.untyped_storage().data_ptr()
    except (NotImplementedError, RuntimeError):  # sparse, or a wrapper of torch.func
        return (id(tensor),)
    return (start, tensor.storage_offset(), tuple(tensor.shape), tensor.stride())


def lost_track() -> Tensor:
    """Stands for a value whose making was not seen."""
    raise RuntimeError("part of a parameter was written in place")


def ancestors(roots: list[Node], stop: Mapping[Node, Any] | None = None) -> list[Node]:
    """Every node that these were computed from, themselves included, in the order of making."""
    found: dict[int, Node] = {}
    left = list(roots)
    while left:
        node = left.pop()
        if id(node) in found:
            continue
        found[id(node)] = node
        if stop is None or node not in stop:
            left.extend(node.parents())
    return sorted(found.values(), key=lambda node: node.order)


def signatures_of(nodes: list[Node], leaves: dict[Node, int]) -> dict[int, str]:
    """What each node is, in words that are the same in every cycle."""
    found: dict[int, str] = {}
    for node in nodes:
        if node in leaves:
            found[id(node)] = f"p{leaves[node]}"
        elif node.call is None:
            found[id(node)] = "data" if node.colours else "given"
        else:
            inner = ",".join(found[id(one)] for one in node.parents())
            text = f"{node.call.name}({inner})"
            found[id(node)] = text if len(text) < 200 else f"{node.call.name}#{hash(text)}"
    return found
