"""Whose memory a tensor is: an alias of a parameter or of its gradient counts as that."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from bayeswd.analysis.auditing.graph import memory

Owner = tuple[str, int]  # "parameter" or "gradient", and the index of the parameter


class Memories:
    """params: those of the tape, whose list this shares."""

    def __init__(self, params: list[Tensor]) -> None:
        self.params = params
        self._owners: dict[tuple[Any, ...], Owner] = {}
        self._storages: dict[int, int] = {}

    def remember(self, tensor: Tensor, kind: str, index: int) -> None:
        if tensor.numel() and tensor.layout == torch.strided:
            self._owners[memory(tensor)] = (kind, index)
            if kind == "parameter":
                self._storages[tensor.untyped_storage().data_ptr()] = index

    def owner(self, tensor: Tensor) -> Owner | None:
        """The parameter or gradient whose memory this is now."""
        found = self._owners.get(memory(tensor))
        if found is None:
            return None
        kind, index = found
        holder = self.params[index] if kind == "parameter" else self.params[index].grad
        if holder is None or memory(holder) != memory(tensor):
            return None  # freed, and used again for something else
        return found

    def part_of(self, tensor: Tensor) -> int | None:
        """The parameter that this is a view into, of another shape or order."""
        if tensor.layout != torch.strided or not tensor.numel():
            return None
        start = tensor.untyped_storage().data_ptr()
        index = self._storages.get(start)
        if index is None or not self.params[index].numel():
            return None
        return index if self.params[index].untyped_storage().data_ptr() == start else None
