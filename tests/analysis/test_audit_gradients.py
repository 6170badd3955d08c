"""What changes gradients between the loss and the update: hooks, clipping, forgetting."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import bayeswd as bw

N, D, RATE = 12, 4, 0.05


def rows() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(N, D, generator=generator), torch.randn(N, 1, generator=generator)


def stepper(model: nn.Module, optimizer: Any, change: Callable[[], None] = lambda: None) -> Any:
    def step(x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        change()
        optimizer.step()

    return step


def test_hooks_on_parameters() -> None:
    model = nn.Linear(D, 1)
    model.weight.register_hook(lambda g: g + 0.2 * model.weight.detach().sign())
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    found = bw.audit.step(stepper(model, optimizer), model, *rows(), optimizer)
    assert found["weight"].prior.family == "laplace"
    assert found["weight"].strength == pytest.approx(0.2, rel=1e-6)
    assert found["bias"].prior.family == "flat"
    assert found.has("gradient-hook")


def test_hooks_after_accumulation() -> None:
    model = nn.Linear(D, 1)

    def decay(p: Tensor) -> None:
        p.grad.add_(p.detach(), alpha=0.2)

    model.weight.register_post_accumulate_grad_hook(decay)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    found = bw.audit.step(stepper(model, optimizer), model, *rows(), optimizer)
    assert found["weight"].prior.family == "gaussian"
    assert found["weight"].strength == pytest.approx(0.2, rel=1e-5)


def test_clipping_leaves_the_strength_where_it_does_not_clip() -> None:
    model = nn.Linear(D, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, weight_decay=0.2)
    clip = stepper(
        model, optimizer, lambda: nn.utils.clip_grad_norm_(model.parameters(), 0.1) and None
    )
    found = bw.audit.step(clip, model, *rows(), optimizer)
    assert found["weight"].strength == pytest.approx(0.2, rel=1e-6)
    values = stepper(
        model, optimizer, lambda: nn.utils.clip_grad_value_(model.parameters(), 0.1) and None
    )
    found = bw.audit.step(values, model, *rows(), optimizer)
    assert found["weight"].strength == pytest.approx(0.2, rel=1e-6)


def test_gradients_that_are_never_cleared() -> None:
    model = nn.Linear(D, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)

    def step(x: Tensor, y: Tensor) -> None:
        F.mse_loss(model(x), y).backward()
        optimizer.step()

    found = bw.audit.step(step, model, *rows(), optimizer)
    assert found.has("gradient-not-zeroed")


def test_without_backward() -> None:
    model = nn.Linear(D, 1)
    with pytest.raises(bw.InputError, match="called no backward"):
        bw.audit.step(lambda x, y: model(x), model, *rows())
