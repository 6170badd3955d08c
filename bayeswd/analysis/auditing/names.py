"""What a program calls its tensors, modules and loaders: for the report, and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from bayeswd.analysis.auditing.tape import Tape


class Names:
    """given: what the user called each parameter. modules: the outermost ones that were seen."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.given: dict[int, str] = {}
        self.modules: list[nn.Module] = []
        self.objects: list[Any] = []  # whose names are wanted too
        self._tensors: dict[int, str] = {}
        self._objects: dict[int, str] = {}

    def look_around(self) -> None:
        """Names in the functions that are running."""
        frame: Any = sys._getframe(2)
        while frame is not None:
            if "bayeswd" not in str(frame.f_globals.get("__name__", "")):
                self.note({**frame.f_globals, **frame.f_locals})
            frame = frame.f_back

    def note(self, variables: dict[str, Any]) -> None:
        for name, value in list(variables.items()):
            if name.startswith("__"):
                continue
            if isinstance(value, nn.Module):
                self.add_module(value)
            if isinstance(value, nn.Module) or any(value is one for one in self.objects):
                self._objects.setdefault(id(value), name)
            for where, one in _tensors(name, value):
                index = self.tape.slots.index_of(one)
                if index is not None:
                    self._tensors.setdefault(index, where)

    def add_module(self, module: nn.Module) -> None:
        """Of modules inside each other only the outermost is kept."""
        if any(module in one.modules() for one in self.modules):
            return
        inner = set(module.modules())
        self.modules = [one for one in self.modules if one not in inner] + [module]

    def of_object(self, one: Any, otherwise: str) -> str:
        return self._objects.get(id(one), otherwise)

    def of(self, index: int) -> str:
        """What the user called it, a module's own name of it, a variable, or its place."""
        param = self.tape.params[index]
        if index in self.given:
            return self.given[index]
        holders = [
            (name, module)
            for module in sorted(self.modules, key=lambda one: -len(list(one.parameters())))
            for name, one in module.named_parameters()
            if one is param
        ]
        if not holders:
            return self._tensors.get(index, f"parameter {index} {tuple(param.shape)}")
        name, module = holders[0]
        others = [one for one in self.modules if one is not module]
        if any(name in dict(one.named_parameters()) for one in others):
            return f"{self.of_object(module, type(module).__name__)}.{name}"
        return name


def _tensors(name: str, value: Any) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, list | tuple) and len(value) <= 100:
        for index, one in enumerate(value):
            if isinstance(one, Tensor):
                yield f"{name}[{index}]", one
    elif isinstance(value, dict) and len(value) <= 100:
        for key, one in value.items():
            if isinstance(one, Tensor):
                yield f"{name}[{key!r}]", one
