"""A step that an optimizer took, taken again on copies and from other numbers.

The copy is made without calling the class's `__init__`: everything the optimizer holds is copied,
its parameters are replaced by float64 ones, and its state starts anew.
"""

from __future__ import annotations

import copy
from collections import OrderedDict, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


class TakenStep:
    """One step as a function of parameters and gradients.

    repeats: the gradient is held constant at these weights for so many steps, of which the last
    is the answer: momentum and running averages then are what they are at rest.
    """

    __name__ = "optimizer step"

    def __init__(self, optimizer: Optimizer, with_closure: bool) -> None:
        self.optimizer, self.with_closure, self.repeats = optimizer, with_closure, 1
        self.params = [one for group in optimizer.param_groups for one in group["params"]]
        self.options = [
            {key: value for key, value in group.items() if key != "params"}
            for group in optimizer.param_groups
        ]

    def __call__(self, weights: list[Tensor], gradients: list[Tensor | None]) -> list[Tensor]:
        """The weights after the step, in the order of `params`."""
        params = [nn.Parameter(one.detach().clone()) for one in weights]
        stepper = self._copied(params)

        def closure() -> Tensor:
            for param, gradient in zip(params, gradients, strict=True):
                param.grad = None if gradient is None else gradient.detach().clone()
            return torch.zeros((), dtype=torch.float64)

        with torch.enable_grad():  # as closures expect; nothing is recorded in them
            for _ in range(self.repeats):
                for param, value in zip(params, weights, strict=True):
                    param.data = value.detach().clone()
                closure()
                arguments = (closure,) if self.with_closure else ()
                type(self.optimizer).step(stepper, *arguments)
        return [param.detach() for param in params]

    def _copied(self, params: list[nn.Parameter]) -> Optimizer:
        kind = type(self.optimizer)
        memo: dict[int, Any] = {id(a): b for a, b in zip(self.params, params, strict=True)}
        stepper = kind.__new__(kind)
        left_out = {"state", "step", "param_groups"}
        held = {k: v for k, v in self.optimizer.__dict__.items() if k not in left_out}
        for key, value in held.items():
            hooks = isinstance(value, OrderedDict) and key.endswith("hooks")
            stepper.__dict__[key] = OrderedDict() if hooks else copy.deepcopy(value, memo)
        stepper.state = defaultdict(dict)
        stepper.param_groups = []
        for group, options in zip(self.optimizer.param_groups, self.options, strict=True):
            own = {key: _wide(copy.deepcopy(value, memo)) for key, value in options.items()}
            own["params"] = [memo[id(one)] for one in group["params"]]
            stepper.param_groups.append(own)
        return stepper


@contextmanager
def repeated(steps: list[TakenStep], repeats: int) -> Iterator[None]:
    """While inside, each of these steps is its own last of `repeats`."""
    for step in steps:
        step.repeats = repeats
    try:
        yield
    finally:
        for step in steps:
            step.repeats = 1


def _wide(value: Any) -> Any:
    """A learning rate that is a tensor works on float64 weights."""
    if isinstance(value, Tensor) and value.is_floating_point():
        return value.to(torch.float64)
    return value
