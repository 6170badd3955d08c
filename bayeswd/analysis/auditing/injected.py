"""Gradient that does not come from the loss: hooks on tensors may add their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from bayeswd.analysis.auditing.tape import Tape

GRAD = torch.autograd.grad  # the original: while a program is watched the name leads elsewhere
TOLERANCE = 1e-5  # of the gradient, float32 sums in another order


def forces_of_hooks(tape: Tape, losses: list[Tensor]) -> Callable[[], dict[int, Tensor]]:
    """Call before `backward`; the result, called after it, is what hooks added, by parameter.

    A backward pass from a zero seed leaves what hooks on tensors add. Hooks that run once the
    gradient is stored are found as the difference between it and the gradient asked for directly.
    """
    params = [one for one in tape.params if one.requires_grad]
    indices = [index for index, one in enumerate(tape.params) if one.requires_grad]
    hooked = tape.hooked or any(one._backward_hooks for one in params)
    late = any(getattr(one, "_post_accumulate_grad_hooks", None) for one in params)
    if not (hooked or late) or not all(one.requires_grad for one in losses):
        return dict
    zero = _gradients(losses, params, [torch.zeros_like(one) for one in losses])
    direct = _gradients(losses, params, None if losses[0].ndim == 0 else losses) if late else None
    before = [None if one.grad is None else one.grad.clone() for one in params]

    def found() -> dict[int, Tensor]:
        added = dict(zip(indices, zero, strict=True))
        for place, (index, param) in enumerate(zip(indices, params, strict=True)):
            if direct is None or param.grad is None:
                continue
            held = before[place]
            gained = param.grad - (0 if held is None else held)
            rest = gained - direct[place]
            if float(rest.norm()) > TOLERANCE * float(direct[place].norm()):
                added[index] = added[index] + rest
        return {index: one for index, one in added.items() if bool(one.any())}

    return found


def _gradients(losses: list[Tensor], params: list[Tensor], seeds: Any) -> list[Tensor]:
    found = GRAD(losses, params, grad_outputs=seeds, retain_graph=True, allow_unused=True)
    return [
        torch.zeros_like(param) if one is None else one.detach().clone()
        for param, one in zip(params, found, strict=True)
    ]
