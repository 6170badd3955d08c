"""Leave everything as it was: weights, buffers, optimizers, random numbers."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from bayeswd.analysis.auditing.call_kinds import UninitializedTensorMixin

DEEP = 4  # levels of containers and functions that are looked through


@contextmanager
def kept(*held: Any) -> Iterator[None]:
    """Put back, at the end, what these objects hold, and the random state of torch, numpy, Python.

    held: tensors, modules, optimizers, functions (with what they close over), containers.
    """
    restore: list[Callable[[], None]] = []
    seen: set[int] = set()
    for one in held:
        _save(one, restore, seen, DEEP)
    numbers, numpy_numbers = random.getstate(), np.random.get_state()
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=range(torch.cuda.device_count())))
        try:
            yield
        finally:
            for undo in reversed(restore):
                undo()
            random.setstate(numbers)
            np.random.set_state(numpy_numbers)


def _save(one: Any, restore: list[Callable[[], None]], seen: set[int], depth: int) -> None:
    if id(one) in seen or depth < 0:
        return
    seen.add(id(one))
    if isinstance(one, Tensor):
        _save_tensor(one, restore)
    elif isinstance(one, nn.Module):
        for module in one.modules():
            restore.append(partial(setattr, module, "training", module.training))
        for inner in [*one.parameters(), *one.buffers()]:
            _save(inner, restore, seen, depth)
    elif isinstance(one, Optimizer):
        _save_optimizer(one, restore, seen, depth)
    elif isinstance(one, list | dict | set):
        _save_container(one, restore, seen, depth)
    elif isinstance(one, tuple):
        for inner in one:
            _save(inner, restore, seen, depth - 1)
    elif isinstance(one, FunctionType | MethodType):
        _save_function(one, restore, seen, depth)
    elif hasattr(one, "__dict__") and not isinstance(one, type | ModuleType):
        _save_container(one.__dict__, restore, seen, depth)


def _save_tensor(one: Tensor, restore: list[Callable[[], None]]) -> None:
    if isinstance(one, UninitializedTensorMixin):
        return
    memory, value, gradient = one.data, one.detach().clone(), one.grad if one.is_leaf else None
    slope = torch.zeros(()) if gradient is None else gradient.detach().clone()
    needs = one.requires_grad

    def undo() -> None:
        with torch.no_grad():
            if one.is_leaf:
                one.data = memory
                one.requires_grad_(needs)
                one.grad = gradient
                if gradient is not None:
                    gradient.data.copy_(slope)
            if not torch.equal(memory, value):
                memory.copy_(value)

    restore.append(undo)


def _save_optimizer(
    one: Optimizer, restore: list[Callable[[], None]], seen: set[int], depth: int
) -> None:
    state = {key: dict(values) for key, values in one.state.items()}
    groups = [dict(group) for group in one.param_groups]

    def undo() -> None:
        one.state.clear()
        one.state.update(state)
        for group, before in zip(one.param_groups, groups, strict=True):
            group.clear()
            group.update(before)

    restore.append(undo)
    for values in state.values():
        _save(values, restore, seen, depth)
    for group in groups:
        _save(group["params"], restore, seen, depth)


def _save_container(
    one: Any, restore: list[Callable[[], None]], seen: set[int], depth: int
) -> None:
    before = one.copy()

    def undo() -> None:
        if isinstance(one, list):
            one[:] = before
        else:
            one.clear()
            one.update(before)

    restore.append(undo)
    for inner in before.values() if isinstance(one, dict) else before:
        _save(inner, restore, seen, depth - 1)


def _save_function(one: Any, restore: list[Callable[[], None]], seen: set[int], depth: int) -> None:
    """What a function closes over, and the globals of its own program that it names."""
    if isinstance(one, MethodType):
        _save(one.__self__, restore, seen, depth - 1)
        one = one.__func__
    if not isinstance(one, FunctionType):
        return
    for cell in one.__closure__ or ():
        with suppress(ValueError):  # not filled yet
            value = cell.cell_contents
            restore.append(partial(setattr, cell, "cell_contents", value))
            _save(value, restore, seen, depth - 1)
    for name in one.__code__.co_names:
        if name not in one.__globals__ or name.startswith("__"):
            continue
        value = one.__globals__[name]
        if isinstance(value, int | float | str):
            restore.append(partial(one.__globals__.__setitem__, name, value))
        elif not isinstance(value, FunctionType) or value.__module__ == one.__module__:
            _save(value, restore, seen, depth - 1)
