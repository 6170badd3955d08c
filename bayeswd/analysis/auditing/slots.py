"""The parameters of a program, each in its slot, and the nodes that they are now."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from bayeswd.analysis.auditing.call_kinds import is_leaf
from bayeswd.analysis.auditing.graph import NOTHING, Node, ancestors, memory
from bayeswd.analysis.auditing.memories import Memories

MakeNode = Callable[..., Node]


class Slots:
    """params: in the order met. current: their nodes; grads: those of their gradients.

    given: the parameters that count (every leaf that requires a gradient where None).
    updated: one was written since the last forward pass.
    """

    def __init__(self, given: list[Tensor] | None) -> None:
        self.given = None if given is None else {id(one) for one in given}
        self.params: list[Tensor] = []
        self.current: list[Node] = []
        self.grads: list[Node | None] = []
        self.memories = Memories(self.params)
        self.updated = False
        self._index: dict[int, int] = {}

    def index_of(self, tensor: Tensor) -> int | None:
        return self._index.get(id(tensor))

    def holds(self, tensor: Tensor, found: Node | None) -> bool:
        """Whether it is a parameter, or what one was replaced by. found: its node so far."""
        if id(tensor) in self._index:
            return True
        if not (tensor.requires_grad and is_leaf(tensor)):
            return False
        is_given = self.given is None or id(tensor) in self.given
        return is_given or self._replaced(tensor, found) is not None

    def register(self, tensor: Tensor, found: Node | None, make: MakeNode) -> int:
        index = self._index.get(id(tensor))
        if index is None:
            index = self._replaced(tensor, found)
            if index is None:
                index = len(self.params)
                self.params.append(tensor)
                self.current.append(make(tensor, parameter=index, own=True))
                self.grads.append(None)
            else:  # w = (w - lr * g).detach().requires_grad_(): the same parameter, updated
                assert found is not None
                self._index.pop(id(self.params[index]), None)
                self.params[index] = tensor
                self.current[index], self.updated = found, True
            self._index[id(tensor)] = index
        self.memories.remember(tensor, "parameter", index)
        return index

    def _replaced(self, tensor: Tensor, found: Node | None) -> int | None:
        """The parameter that a new leaf of the same shape was computed from."""
        if found is None or found.call is None or not found.own:
            return None
        roots = {n.parameter for n in ancestors([found]) if n.shape == found.shape}
        roots.discard(None)
        index = roots.pop() if len(roots) == 1 else None
        is_view = index is not None and memory(self.params[index]) == memory(tensor)
        return None if is_view else index

    def node_at(self, tensor: Tensor) -> Node | None:
        """The node of the parameter or gradient whose memory this is."""
        owner = self.memories.owner(tensor)
        if owner is None:
            return None
        kind, index = owner
        return self.current[index] if kind == "parameter" else self.grads[index]

    def set_gradient(self, index: int, node: Node) -> None:
        gradient = self.params[index].grad
        assert gradient is not None
        self.grads[index] = node
        self.memories.remember(gradient, "gradient", index)

    def write(self, tensor: Tensor, node: Node) -> bool:
        """A tensor was written in place; whether it is a parameter, a gradient or an alias."""
        index = self._index.get(id(tensor))
        owner = self.memories.owner(tensor) if index is None else ("parameter", index)
        if owner is None:
            return False
        if owner[0] == "parameter":
            self.update(owner[1], node)
        else:
            self.grads[owner[1]] = node
        return True

    def update(self, index: int, node: Node) -> None:
        self.current[index] = node
        self.updated = True
        self.memories.remember(self.params[index], "parameter", index)

    def take_root(self, epoch: int) -> None:
        """From now on each parameter is what it is, whatever it was computed from."""
        self.updated = False
        for index, node in enumerate(self.current):
            node.call, node.where, node.parameter = None, (), index
            node.colours, node.value, node.own, node.epoch = NOTHING, None, True, epoch
            self.memories.remember(self.params[index], "parameter", index)
