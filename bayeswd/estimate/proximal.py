"""L1 weight decay for torch.optim.SGD: the penalty l1_decay * |w|, with exact zeros.

Each step is torch's own step followed by a soft threshold. Whatever the threshold takes off is a
subgradient of the penalty, met at the new weights, and it goes into the momentum buffer as if it
had been part of the gradient. So training rests where gradient + weight_decay * w + s = 0 with s
in l1_decay * sign(w) ([-l1_decay, l1_decay] at 0), whatever momentum, dampening and nesterov are.
A threshold beside the buffer rests elsewhere: at the optimum of a penalty (1 - momentum) as
large. Without nesterov and dampening the step is iPiano's (Ochs, Chen, Brox & Pock 2014, eq. 5).
"""

from collections.abc import Callable
from typing import Any, overload

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from bayeswd.errors import InputError


class ProximalSGD(torch.optim.SGD):
    """`torch.optim.SGD` with one more option, `l1_decay`: the L1 twin of `weight_decay`.

    The arguments are SGD's; where `l1_decay` is 0 so is every bit of the result. It may differ
    between param groups, and is kept by `state_dict`. In units of the training loss: loss
    + l1_decay |w|_1 + (weight_decay / 2) |w|^2 is what comes to rest at its minimum.

    Raises InputError for a negative or non-finite `l1_decay`, and for `l1_decay` together with
    `maximize`, `differentiable` or `fused`.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float | Tensor = 0,
        nesterov: bool = False,
        *,
        l1_decay: float = 0,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        self._l1_decay = l1_decay  # for the groups that SGD's own __init__ adds
        super().__init__(
            params,
            lr,
            momentum,
            dampening,
            weight_decay,
            nesterov,
            maximize=maximize,
            foreach=foreach,
            differentiable=differentiable,
            fused=fused,
        )
        del self._l1_decay
        self.defaults["l1_decay"] = l1_decay

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group, which may have an `l1_decay` of its own."""
        default = self.defaults.get("l1_decay", getattr(self, "_l1_decay", 0))
        param_group.setdefault("l1_decay", default)
        _require_supported({**self.defaults, **param_group})
        super().add_param_group(param_group)

    def __setstate__(self, state: dict[str, Any]) -> None:
        # A state_dict of torch.optim.SGD names no l1_decay: the groups keep the one they have.
        present = [group["l1_decay"] for group in getattr(self, "param_groups", [])]
        super().__setstate__(state)
        for group, l1_decay in zip(self.param_groups, present, strict=False):
            group.setdefault("l1_decay", l1_decay)

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Take one step; `closure` reevaluates the model and returns the loss, as in SGD."""
        groups = [group for group in self.param_groups if group["l1_decay"] > 0]
        without_buffer = {
            parameter
            for group in groups
            if group["dampening"] != 0
            for parameter in group["params"]
            if self.state.get(parameter, {}).get("momentum_buffer") is None
        }
        loss = _sgd_step(self, closure)
        for group in groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    _threshold(group, parameter, self.state, parameter in without_buffer)
        return loss


@torch.no_grad()
def _threshold(group: dict[str, Any], parameter: Tensor, state: Any, first: bool) -> None:
    """Soft-threshold one parameter and book the subgradient in its momentum buffer.

    A subgradient s that joins the gradient enters the buffer with weight `joins` (torch dampens
    from the second step on) and moves the weights by -lr * reach * s.
    """
    lr, momentum = float(group["lr"]), group["momentum"]
    joins = 1 - group["dampening"] if momentum != 0 and not first else 1
    reach = joins + (momentum if group["nesterov"] else 0)
    if lr * reach == 0:
        return
    threshold = lr * reach * group["l1_decay"]
    taken = parameter.clamp(-threshold, threshold)  # lr * reach * s: all of a weight within
    parameter.sub_(taken)
    if momentum != 0:
        state[parameter]["momentum_buffer"].add_(taken, alpha=joins / (lr * reach))


def _sgd_step(optimizer: ProximalSGD, closure: Callable[[], float] | None) -> float | None:
    """SGD's step without its hooks and profiling, which run once around ours."""
    step: Any = torch.optim.SGD.step
    step = step.__wrapped__ if getattr(step, "hooked", False) else step
    return step(optimizer, closure)


def _require_supported(group: dict[str, Any]) -> None:
    l1_decay = group["l1_decay"]
    if not 0 <= l1_decay < float("inf"):
        raise InputError(f"ProximalSGD(l1_decay={l1_decay}): give a finite number >= 0.")
    clashing = [key for key in ("maximize", "differentiable", "fused") if group[key]]
    if l1_decay > 0 and clashing:
        raise InputError(
            f"ProximalSGD(l1_decay={l1_decay}, {clashing[0]}=True): the soft threshold belongs to "
            f"plain minimisation; leave {clashing[0]} out (to maximise, negate the loss)."
        )
