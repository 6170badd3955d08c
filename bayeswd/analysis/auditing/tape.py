"""Writing down every call of a torch function while a program runs.

A torch function mode sees the calls; what happens inside one is its own affair.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

from bayeswd.analysis.auditing.call_kinds import (
    GET_DATA,
    GET_GRAD,
    HOOKS,
    QUIET,
    SET_DATA,
    SET_GRAD,
    SINKS,
    UNCOUNTED,
    is_leaf,
    is_one_number,
    rows_behind,
    says_nothing,
    writes,
)
from bayeswd.analysis.auditing.graph import (
    NOTHING,
    Call,
    Node,
    Sink,
    ancestors,
    lost_track,
    mapped,
    memory,
    places,
)
from bayeswd.analysis.auditing.memories import Memories
from bayeswd.analysis.auditing.optimizer_steps import TakenStep

SINKS_KEPT = 60  # the first, and as many of the last


class Tape(TorchFunctionMode):
    """Records while entered and `on`.

    params: parameters in the order met. current: their nodes; grads: those of their gradients.
    given: the parameters that count (every leaf that requires a gradient where None).
    all_data: no data were marked, so that any given tensor of more than one number is data.
    """

    def __init__(self, given: list[Tensor] | None, all_data: bool) -> None:
        super().__init__()
        self.given = None if given is None else {id(one) for one in given}
        self.all_data, self.on, self.epoch, self.cycle = all_data, True, 0, 0
        self.params: list[Tensor] = []
        self.current: list[Node] = []
        self.grads: list[Node | None] = []
        self.sinks: list[Sink] = []
        self.empty_fills: list[str] = []
        self.colours: dict[int, str] = {}
        self._named: dict[str, int] = {}
        self.hooked = self.updated = False
        self.on_cycle: Callable[[], None] = lambda: None
        self._nodes: WeakTensorKeyDictionary = WeakTensorKeyDictionary()
        self._index: dict[int, int] = {}
        self._memories = Memories(self.params)
        self._order = 0

    # -- nodes ------------------------------------------------------------------------------

    def node_like(self, tensor: Tensor, **kind: Any) -> Node:
        self._order += 1
        shape = tuple(tensor.shape) if tensor.layout == torch.strided else tuple(tensor.size())
        return Node(self._order, shape, tensor.dtype, epoch=self.epoch, **kind)

    def mark(self, tensor: Tensor, name: str, rows: int | None = None) -> int:
        """These numbers are data; the same name is the same colour, which is returned."""
        colour = self._named.setdefault(name, len(self.colours))
        self.colours[colour] = name
        rows = rows or (len(tensor) if tensor.ndim else 1)
        node = self.node_like(tensor, colours=frozenset([colour]), value=tensor, rows=rows)
        node.version = tensor._version
        self._nodes[tensor] = node
        return colour

    def index_of(self, tensor: Tensor) -> int | None:
        return self._index.get(id(tensor))

    def node_of(self, tensor: Tensor) -> Node:
        """The node of a tensor that is used now."""
        if self._is_parameter(tensor):
            return self.current[self._register(tensor)]
        owner, found = self._memories.owner(tensor), self._nodes.get(tensor)
        place = None
        if owner is not None:
            place = (self.current if owner[0] == "parameter" else self.grads)[owner[1]]
        if place is not None:  # .data or detach() of it: the same numbers, but no way for gradients
            is_alias = found is not None and place in found.parents()
            return found if found is not None and is_alias else place
        if found is None:
            return self._given(tensor)
        if found.epoch == self.epoch and (found.call or found.gradient is not None):
            return found
        if found.value is not None and found.version == tensor._version:
            return found
        rows = found.rows if found.call is None or not tensor.ndim else len(tensor)
        root = self.node_like(tensor, colours=found.colours, value=tensor, rows=rows)
        root.version, root.own = tensor._version, found.own
        self._nodes[tensor] = root
        return root

    def _given(self, tensor: Tensor) -> Node:
        node = self.node_like(tensor, value=tensor, version=tensor._version)
        node.unseen = tensor.requires_grad and not is_leaf(tensor)
        if self.all_data and tensor.numel() > 1 and not is_one_number(tensor):
            colour = len(self.colours)
            self.colours[colour] = f"tensor {tuple(tensor.shape)}"
            node.colours, node.rows = frozenset([colour]), len(tensor)
        self._nodes[tensor] = node
        return node

    def _is_parameter(self, tensor: Tensor) -> bool:
        if id(tensor) in self._index:
            return True
        if not (tensor.requires_grad and is_leaf(tensor)):
            return False
        is_given = self.given is None or id(tensor) in self.given
        return is_given or self._replaced(tensor) is not None

    def _register(self, tensor: Tensor) -> int:
        index = self._index.get(id(tensor))
        if index is None:
            index = self._replaced(tensor)
            if index is None:
                index = len(self.params)
                self.params.append(tensor)
                self.current.append(self.node_like(tensor, parameter=index, own=True))
                self.grads.append(None)
            else:  # w = (w - lr * g).detach().requires_grad_(): the same parameter, updated
                self._index.pop(id(self.params[index]), None)
                self.params[index], self.current[index] = tensor, self._nodes[tensor]
                self.updated = True
            self._index[id(tensor)] = index
        self._memories.remember(tensor, "parameter", index)
        return index

    def _replaced(self, tensor: Tensor) -> int | None:
        """The parameter that a new leaf of the same shape was computed from."""
        found = self._nodes.get(tensor)
        if found is None or found.call is None or not found.own:
            return None
        roots = {n.parameter for n in ancestors([found]) if n.shape == found.shape}
        roots.discard(None)
        index = roots.pop() if len(roots) == 1 else None
        is_view = index is not None and memory(self.params[index]) == memory(tensor)
        return None if is_view else index

    def note(self, tensor: Tensor, node: Node) -> None:
        """This tensor is that node."""
        self._nodes[tensor] = node

    def note_gradient(self, index: int) -> None:
        """`backward` has just left a gradient."""
        gradient = self.params[index].grad
        if gradient is not None:
            self.grads[index] = self.node_like(gradient, gradient=index, own=True)
            self._memories.remember(gradient, "gradient", index)

    def note_step(self, step: TakenStep) -> None:
        """An optimizer has just moved its parameters."""
        indices = [self._register(param) for param in step.params]
        grads = [
            None if self.params[index].grad is None else self.grads[index] for index in indices
        ]
        call = Call(step, ([self.current[index] for index in indices], grads), {}, False)
        for place, index in enumerate(indices):
            if grads[place] is not None:
                param = self.params[index]
                self.current[index] = self.node_like(param, call=call, where=("out", place))
                self.current[index].own = True
        self.updated = True

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
        if func == SET_GRAD and args[1] is not None and id(args[0]) in self._index:
            index = self._index[id(args[0])]
            self.grads[index] = self.node_of(args[1])
            self._memories.remember(args[0].grad, "gradient", index)
        return result

    def _maybe_next_cycle(self, tensors: list[tuple[Any, Tensor]]) -> None:
        """A forward pass begins: a parameter is used that was updated since the last one."""
        if not torch.is_grad_enabled():
            return
        used = [one for _, one in tensors if one.requires_grad and self._is_parameter(one)]
        for one in used:
            self._register(one)
        if used and self.updated:
            self.next_cycle()

    def next_cycle(self) -> None:
        """Parameters as they are now become roots; the old cycle keeps its own last nodes."""
        self.on_cycle()
        self.updated = False
        self.cycle += 1
        self.epoch += 1
        for index, node in enumerate(self.current):
            node.call, node.where, node.parameter = None, (), index
            node.colours, node.value, node.own, node.epoch = NOTHING, None, True, self.epoch
            self._memories.remember(self.params[index], "parameter", index)

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
                    self._given(one)
                    if made_new
                    else self.node_like(one, where=("out", *place), **kind)
                )
                self._nodes[one] = node

    def _changed(self, tensor: Tensor, node: Node, func: Any) -> None:
        """A tensor was written in place: whoever shares its memory changed with it."""
        if tensor.numel() == 0 and func != SET_DATA:
            self.empty_fills.append(str(getattr(func, "__name__", func)))
        index = self._index.get(id(tensor))
        kind, index = (
            self._memories.owner(tensor) or ("", -1) if index is None else ("parameter", index)
        )
        if kind == "parameter":
            self.current[index] = node
            self.updated = True
            self._memories.remember(self.params[index], "parameter", index)
        elif kind == "gradient":
            self.grads[index] = node
        else:
            self._part_changed(tensor)
            self._nodes[tensor] = node

    def _part_changed(self, tensor: Tensor) -> None:
        """A view into a parameter was written: its new value is known, but not how it came."""
        index = self._memories.part_of(tensor)
        if index is not None:
            lost = Call(lost_track, (), {}, False)
            self.current[index] = self.node_like(self.params[index], call=lost, where=("out",))
            self.updated = True


class Off:
    """The tape does not look while inside."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape

    def __enter__(self) -> None:
        self.held, self.tape.on = self.tape.on, False

    def __exit__(self, *error: Any) -> None:
        self.tape.on = self.held
