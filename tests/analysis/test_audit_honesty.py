"""What cannot be measured is said to be so, with the reason; nothing is claimed instead."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import bayeswd as bw
from bayeswd.analysis.audit import Audit
from bayeswd.errors import InputError

Step = Callable[[Tensor, Tensor], None]


def held() -> SimpleNamespace:
    torch.manual_seed(0)
    s = SimpleNamespace(w=torch.randn(4, 1, requires_grad=True), speed=torch.randn(4, 1))
    s.net = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 1))
    s.optimizer = torch.optim.SGD(s.net.parameters(), lr=0.1)
    return s


def audited(s: SimpleNamespace, step: Step) -> Audit:
    torch.manual_seed(1)
    inputs, targets = torch.randn(12, 4), torch.randn(12, 1)
    parameters = [s.w, *s.net.parameters()]
    return bw.audit.step(step, parameters, inputs, targets)


def test_momentum_by_hand_that_is_already_running() -> None:
    """Its constant displacement looks like a centre; it is none."""
    s = held()

    def step(x: Tensor, y: Tensor) -> None:
        F.mse_loss(x @ s.w, y).backward()
        with torch.no_grad():
            s.speed.mul_(0.9).add_(s.w.grad + 0.1 * s.w)
            s.w.sub_(0.1 * s.speed)
        s.w.grad = None

    (w,) = audited(s, step).parameters
    assert w.status == "cannot tell"
    assert "momentum that was kept by hand" in w.reason


def test_part_of_a_parameter_is_written() -> None:
    s = held()

    def step(x: Tensor, y: Tensor) -> None:
        F.mse_loss(x @ s.w, y).backward()
        with torch.no_grad():
            s.w.sub_(0.1 * s.w.grad)
            s.w[:2] *= 0.99
        s.w.grad = None

    (w,) = audited(s, step).parameters
    assert w.status == "cannot tell"
    assert "part of a parameter was written in place" in w.reason


def test_a_penalty_on_the_gradient_of_the_model() -> None:
    s = held()

    def step(x: Tensor, y: Tensor) -> None:
        x = x.clone().requires_grad_()
        outputs = s.net(x)
        (slope,) = torch.autograd.grad(outputs.sum(), x, create_graph=True)
        s.optimizer.zero_grad()
        (F.mse_loss(outputs, y) + 0.1 * slope.square().sum()).backward()
        s.optimizer.step()

    found = audited(s, step)
    assert {one.status for one in found.parameters} == {"cannot tell"}
    assert "cannot be followed" in found.parameters[0].reason


def test_a_penalty_on_activations_belongs_to_the_data() -> None:
    s = held()

    def step(x: Tensor, y: Tensor) -> None:
        hidden = s.net[1](s.net[0](x))
        s.optimizer.zero_grad()
        (F.mse_loss(s.net[2](hidden), y) + 0.1 * hidden.abs().mean()).backward()
        s.optimizer.step()

    found = audited(s, step)
    assert {one.prior.family for one in found.parameters} == {"flat"}
    assert found.has("data-term-unknown")


def test_a_parameter_that_is_replaced_in_every_step() -> None:
    """w = (w - lr g).detach().requires_grad_() is followed, not lost."""
    s = held()

    def step(x: Tensor, y: Tensor) -> None:
        (F.mse_loss(x @ s.w, y) + 0.1 * s.w.square().sum()).backward()
        s.w = (s.w - 0.1 * s.w.grad).detach().requires_grad_()

    before = s.w
    (w,) = audited(s, step).parameters
    assert (w.prior.family, w.status) == ("gaussian", "measured")
    assert w.strength == pytest.approx(0.2, rel=1e-6)
    assert s.w is before


def test_gradients_that_are_no_gradients_of_backward() -> None:
    s = held()

    def step(x: Tensor, y: Tensor) -> None:
        slope = torch.func.grad(lambda w: F.mse_loss(x @ w, y))(s.w)
        with torch.no_grad():
            s.w.sub_(0.1 * slope)

    with pytest.raises(InputError, match="called no backward"):
        audited(s, step)


def test_an_update_that_ignores_the_gradient() -> None:
    s = held()

    def step(x: Tensor, y: Tensor) -> None:
        F.mse_loss(x @ s.w, y).backward()
        with torch.no_grad():
            s.w.mul_(0.9)
        s.w.grad = None

    (w,) = audited(s, step).parameters
    assert w.status == "cannot tell"
    assert "does not depend on the gradient" in w.reason


def test_a_loss_without_update() -> None:
    s = held()
    (w,) = audited(s, lambda x, y: F.mse_loss(x @ s.w, y).backward()).parameters
    assert w.status == "cannot tell"
    assert "no update of these parameters was seen" in w.reason


def test_frozen_in_the_optimizer() -> None:
    s = held()
    optimizer = torch.optim.SGD(s.net[2].parameters(), lr=0.1)

    def step(x: Tensor, y: Tensor) -> None:
        s.net.zero_grad()
        F.mse_loss(s.net(x), y).backward()
        optimizer.step()

    found = audited(s, step)
    assert [one.status for one in found.parameters] == ["not trained"] * 2 + ["measured"] * 2


def test_two_losses_of_two_players() -> None:
    s = held()
    other = torch.optim.SGD([s.w], lr=0.1)

    def step(x: Tensor, y: Tensor) -> None:
        s.optimizer.zero_grad()
        F.mse_loss(s.net(x), y).backward()
        s.optimizer.step()
        other.zero_grad()
        (F.mse_loss(x @ s.w, s.net(x).detach()) + 0.3 * s.w.abs().sum()).backward()
        other.step()

    assert audited(s, step).has("another-loss")


def test_a_penalty_in_every_second_step() -> None:
    s, count = held(), [0]

    def step(x: Tensor, y: Tensor) -> None:
        count[0] += 1
        s.optimizer.zero_grad()
        loss = F.mse_loss(s.net(x), y)
        if count[0] % 2:
            loss = loss + 0.1 * s.net[0].weight.square().sum()
        loss.backward()
        s.optimizer.step()

    assert audited(s, step).has("penalty-comes-and-goes")
