"""Which node each living tensor is."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from bayeswd.analysis.auditing.call_kinds import is_leaf, is_one_number
from bayeswd.analysis.auditing.graph import Node


class NodeBook:
    """colours: the data that were met, by number.

    all_data: no data were marked, so that any given tensor of more than one number is data.
    epoch: of two nodes of one epoch none was made before the last update.
    """

    def __init__(self, all_data: bool) -> None:
        self.all_data, self.epoch = all_data, 0
        self.colours: dict[int, str] = {}
        self._named: dict[str, int] = {}
        self._nodes: WeakTensorKeyDictionary = WeakTensorKeyDictionary()
        self._order = 0

    def node_like(self, tensor: Tensor, **kind: Any) -> Node:
        self._order += 1
        shape = tuple(tensor.shape) if tensor.layout == torch.strided else tuple(tensor.size())
        return Node(self._order, shape, tensor.dtype, epoch=self.epoch, **kind)

    def found(self, tensor: Tensor) -> Node | None:
        return self._nodes.get(tensor)

    def note(self, tensor: Tensor, node: Node) -> None:
        """This tensor is that node."""
        self._nodes[tensor] = node

    def mark(self, tensor: Tensor, name: str, rows: int | None = None) -> int:
        """These numbers are data; the same name is the same colour, which is returned."""
        colour = self._named.setdefault(name, len(self.colours))
        self.colours[colour] = name
        rows = rows or (len(tensor) if tensor.ndim else 1)
        node = self.node_like(tensor, colours=frozenset([colour]), value=tensor, rows=rows)
        node.version = tensor._version
        self._nodes[tensor] = node
        return colour

    def given(self, tensor: Tensor) -> Node:
        """The root of a tensor that no recorded call made."""
        node = self.node_like(tensor, value=tensor, version=tensor._version)
        node.unseen = tensor.requires_grad and not is_leaf(tensor)
        if self.all_data and tensor.numel() > 1 and not is_one_number(tensor):
            colour = len(self.colours)
            self.colours[colour] = f"tensor {tuple(tensor.shape)}"
            node.colours, node.rows = frozenset([colour]), len(tensor)
        self._nodes[tensor] = node
        return node

    def used_now(self, tensor: Tensor) -> Node:
        """Its node; what was computed before the last update is a given number now."""
        found = self._nodes.get(tensor)
        if found is None:
            return self.given(tensor)
        if found.epoch == self.epoch and (found.call or found.gradient is not None):
            return found
        if found.value is not None and found.version == tensor._version:
            return found
        rows = found.rows if found.call is None or not tensor.ndim else len(tensor)
        root = self.node_like(tensor, colours=found.colours, value=tensor, rows=rows)
        root.version, root.own = tensor._version, found.own
        self._nodes[tensor] = root
        return root
