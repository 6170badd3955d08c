"""Writing down every call of a torch function while a program runs.

A torch function mode sees the calls; what happens inside one is its own affair.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from bayeswd.analysis.auditing.call_kinds import (
    GET_DATA,
    GET_GRAD,
    HOOKS,
    QUIET,
    SET_DATA,
    SET_GRAD,
    SINKS,
    UNCOUNTED,
    rows_behind,
    says_nothing,
    writes,
)
from bayeswd.analysis.auditing.graph import (
    Call,
    Node,
    Sink,
    lost_track,
    mapped,
    places,
)
from bayeswd.analysis.auditing.node_book import NodeBook
from bayeswd.analysis.auditing.optimizer_steps import TakenStep
from bayeswd.analysis.auditing.slots import Slots

SINKS_KEPT = 60  # the first, and as many of the last


class Tape(TorchFunctionMode):
    """Records while entered and `on`.

    params: parameters in the order met. current: their nodes; grads: those of their gradients.
    given: the parameters that count (every leaf that requires a gradient where None).
    """

    def __init__(self, given: list[Tensor] | None, all_data: bool) -> None:
        super().__init__()
        self.on, self.cycle = True, 0
        self.book = NodeBook(all_data)
        self.node_like, self.mark = self.book.node_like, self.book.mark
        self.slots = Slots(given)
        self.params, self.current = self.slots.params, self.slots.current
        self.grads = self.slots.grads
        self.sinks: list[Sink] = []
        self.empty_fills: list[str] = []
        self.hooked = False
        self.on_cycle: Callable[[], None] = lambda: None

    # -- nodes ------------------------------------------------------------------------------

    def node_of(self, tensor: Tensor) -> Node:
        """The node of a tensor that is used now."""
        found = self.book.found(tensor)
        if self.slots.holds(tensor, found):
            return self.current[self._registered(tensor)]
        place = self.slots.node_at(tensor)
        if place is not None:  # .data or detach() of it: the same numbers, but no way for gradients
            is_alias = found is not None and place in found.parents()
            return found if found is not None and is_alias else place
        return self.book.used_now(tensor)

    def _registered(self, tensor: Tensor) -> int:
        return self.slots.register(tensor, self.book.found(tensor), self.node_like)

    def note_gradient(self, index: int) -> None:
        """`backward` has just left a gradient."""
        gradient = self.params[index].grad
        if gradient is not None:
            self.slots.set_gradient(index, self.node_like(gradient, gradient=index, own=True))

    def note_step(self, step: TakenStep) -> None:
        """An optimizer has just moved its parameters."""
        indices = [self._registered(param) for param in step.params]
        grads = [
            None if self.params[index].grad is None else self.grads[index] for index in indices
        ]
        call = Call(step, ([self.current[index] for index in indices], grads), {}, False)
        for place, index in enumerate(indices):
            if grads[place] is not None:
                param = self.params[index]
                self.current[index] = self.node_like(param, call=call, where=("out", place))
                self.current[index].own = True
        self.slots.updated = True

    # -- calls ------------------------------------------------------------------------------

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if not self.on:
            return func(*args, **kwargs)
        return self.record(func, args, kwargs)

    def record(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call, and write down what came of it."""
        tensors = [(place, one) for place, one in places((args, kwargs)) if isinstance(one, Tensor)]
        name = str(getattr(func, "__name__", ""))
        if name in SINKS and tensors:
            self._sunk(tensors[0][1], name)
        if func == GET_GRAD or name in SINKS or says_nothing(func, name, tensors):
            return func(*args, **kwargs)
        self.hooked = self.hooked or name in HOOKS
        if func == SET_GRAD or name in QUIET:
            return self._noticed(func, args, kwargs)
        if func != GET_DATA and func != SET_DATA and func != Tensor.detach:
            self._maybe_next_cycle(tensors)
        nodes = {id(one): self.node_of(one) for _, one in tensors}
        if writes(name, kwargs):
            self._save_before(tensors, nodes)
        versions = [one._version for _, one in tensors]
        self.on = False
        try:
            result = func(*args, **kwargs)
        finally:
            self.on = True
        self._written(func, args, kwargs, tensors, nodes, versions, result)
        return result

    def _sunk(self, tensor: Tensor, name: str) -> None:
        """The first values that leave torch are kept, and the last."""
        node = self.node_of(tensor)
        if node.own and node.size == 1 and node.call is not None:
            grad = torch.is_grad_enabled()
            self.sinks.append(Sink(node, grad, self.cycle, name, list(self.current)))
            if len(self.sinks) > 2 * SINKS_KEPT:
                del self.sinks[SINKS_KEPT]

    @staticmethod
    def _save_before(tensors: list[tuple[Any, Tensor]], nodes: dict[int, Node]) -> None:
        """A given value that may be overwritten now is copied first."""
        for _, one in tensors:
            node = nodes[id(one)]
            if node.value is one:
                node.value = one.detach().clone()
                node.version = node.value._version

    def _noticed(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self.on = False
        try:
            result = func(*args, **kwargs)
        finally:
            self.on = True
        index = self.slots.index_of(args[0]) if func == SET_GRAD else None
        if index is not None and args[1] is not None:
            self.slots.set_gradient(index, self.node_of(args[1]))
        return result

    def _maybe_next_cycle(self, tensors: list[tuple[Any, Tensor]]) -> None:
        """A forward pass begins: a parameter is used that was updated since the last one."""
        if not torch.is_grad_enabled():
            return
        wanting = [one for _, one in tensors if one.requires_grad]
        used = [one for one in wanting if self.slots.holds(one, self.book.found(one))]
        for one in used:
            self._registered(one)
        if used and self.slots.updated:
            self.next_cycle()

    def next_cycle(self) -> None:
        """Parameters as they are now become roots; the old cycle keeps its own last nodes."""
        self.on_cycle()
        self.cycle += 1
        self.book.epoch += 1
        self.slots.take_root(self.book.epoch)

    def _written(
        self,
        func: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        tensors: list[tuple[Any, Tensor]],
        nodes: dict[int, Node],
        versions: list[int],
        result: Any,
    ) -> None:
        name = str(getattr(func, "__name__", ""))
        changed = [
            (place, one)
            for (place, one), version in zip(tensors, versions, strict=True)
            if one._version != version or (name in UNCOUNTED and place[:2] == (0, 0))
        ]
        if func == SET_DATA:
            changed = [((0, 0), args[0])]
        made = [(place, one) for place, one in places(result) if isinstance(one, Tensor)]
        if not changed and not made:
            return
        call_args, call_kwargs = mapped(
            (args, kwargs), lambda one: nodes[id(one)] if isinstance(one, Tensor) else one
        )
        call = Call(func, call_args, call_kwargs, torch.is_grad_enabled())
        call.changed = [place for place, _ in changed]
        colours = frozenset().union(*(node.colours for node in nodes.values()))
        own = any(node.own for node in nodes.values())
        rows = rows_behind(call)
        kind: dict[str, Any] = {"call": call, "colours": colours, "rows": rows, "own": own}
        touched = {id(one) for _, one in changed}
        for place, one in changed:
            self._changed(one, self.node_like(one, where=("arg", *place), **kind), func)
        for place, one in made:
            if id(one) not in touched and id(one) not in nodes:
                made_new = not tensors  # drawn or read: the numbers themselves are what is known
                node = (
                    self.book.given(one)
                    if made_new
                    else self.node_like(one, where=("out", *place), **kind)
                )
                self.book.note(one, node)

    def _changed(self, tensor: Tensor, node: Node, func: Any) -> None:
        """A tensor was written in place: whoever shares its memory changed with it."""
        if tensor.numel() == 0 and func != SET_DATA:
            self.empty_fills.append(str(getattr(func, "__name__", func)))
        if self.slots.write(tensor, node):
            return
        index = self.slots.memories.part_of(tensor)
        if index is not None:  # a view into a parameter: the value is known, not how it came
            lost = Call(lost_track, (), {}, False)
            self.slots.update(index, self.node_like(self.params[index], call=lost, where=("out",)))
        self.book.note(tensor, node)


class Off:
    """The tape does not look while inside."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape

    def __enter__(self) -> None:
        self.held, self.tape.on = self.tape.on, False

    def __exit__(self, *error: Any) -> None:
        self.tape.on = self.held
