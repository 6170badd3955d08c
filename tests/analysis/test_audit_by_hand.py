"""Updates written by hand over raw tensors, hooks and clipping: what acts outside of the loss."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

import bayeswd as bw

N, D = 12, 4
RATE = 0.05
Rule = Callable[[SimpleNamespace], None]


def rows() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(N, D, generator=generator), torch.randn(N, 1, generator=generator)


def tensors() -> SimpleNamespace:
    generator = torch.Generator().manual_seed(1)
    s = SimpleNamespace(w=torch.randn(D, 1, generator=generator, requires_grad=True))
    s.b = torch.tensor([0.3], requires_grad=True)
    s.w0, s.params = s.w.detach().clone(), [s.w, s.b]
    s.speed = [torch.zeros(D, 1), torch.zeros(1)]
    s.square = [torch.zeros(D, 1), torch.zeros(1)]
    s.steps = [0]
    return s


def plain(s: SimpleNamespace) -> None:
    """The book's sgd on sums, which divides by the batch size."""
    with torch.no_grad():
        for p in s.params:
            p -= RATE * p.grad / N
            p.grad.zero_()


def decayed(s: SimpleNamespace) -> None:
    with torch.no_grad():
        s.w.mul_(1 - RATE * 3).sub_(RATE * s.w.grad)
        s.b.sub_(RATE * s.b.grad)
    s.w.grad = s.b.grad = None


def forgot_the_rate(s: SimpleNamespace) -> None:
    """(1 - lambda) w - lr g: the decay is 1/lr times too strong."""
    with torch.no_grad():
        s.w.copy_((1 - 0.03) * s.w - RATE * s.w.grad)
        s.b.copy_(s.b - RATE * s.b.grad)
    s.w.grad = s.b.grad = None


def decayed_after(s: SimpleNamespace) -> None:
    """(1 - lr lambda)(w - lr g) acts on the step too: lambda / (1 - lr lambda)."""
    for p in s.params:
        p.data -= RATE * p.grad.data
        p.grad.data.zero_()
    s.w.data *= 1 - RATE * 0.4


def grows(s: SimpleNamespace) -> None:
    with torch.no_grad():
        s.w += RATE * 0.3 * s.w - RATE * s.w.grad
        s.b -= RATE * s.b.grad
    s.w.grad = s.b.grad = None


def signs(s: SimpleNamespace) -> None:
    with torch.no_grad():
        s.w -= RATE * (s.w.grad + 0.2 * s.w.sign())
        s.b -= RATE * s.b.grad
    s.w.grad = s.b.grad = None


def thresholds(s: SimpleNamespace) -> None:
    """The proximal step of L1."""
    with torch.no_grad():
        moved = s.w - RATE * s.w.grad
        s.w[:] = moved.sign() * (moved.abs() - RATE * 0.2).clamp(min=0)
        s.b -= RATE * s.b.grad
    s.w.grad = s.b.grad = None


def to_the_start(s: SimpleNamespace) -> None:
    with torch.no_grad():
        s.w -= RATE * (s.w.grad + 1.6 * (s.w - s.w0))
        s.b -= RATE * s.b.grad
    s.w.grad = s.b.grad = None


def boxed(s: SimpleNamespace) -> None:
    plain(s)
    s.w.data.clamp_(-0.5, 0.5)


def shortened(s: SimpleNamespace) -> None:
    plain(s)
    with torch.no_grad():
        s.w *= (2.0 / s.w.norm()).clamp(max=1)


def momentum(s: SimpleNamespace) -> None:
    with torch.no_grad():
        for p, v in zip(s.params, s.speed, strict=True):
            v[:] = 0.9 * v + p.grad + 0.3 * p
            p[:] -= RATE * v
            p.grad.zero_()


def adam(s: SimpleNamespace) -> None:
    s.steps[0] += 1
    t = s.steps[0]
    with torch.no_grad():
        for p, m, v in zip(s.params, s.speed, s.square, strict=True):
            g = p.grad + 0.3 * p
            m[:] = 0.9 * m + 0.1 * g
            v[:] = 0.999 * v + 0.001 * torch.square(g)
            p[:] -= RATE * (m / (1 - 0.9**t)) / (torch.sqrt(v / (1 - 0.999**t)) + 1e-6)
            p.grad.data.zero_()


def in_the_gradient(s: SimpleNamespace) -> None:
    for p in s.params:
        p.grad.add_(p.data, alpha=0.4)
    plain(s)


W, B = "w", "b"
FLAT = ("flat", 0.0)
# name, update, summed errors, what w and b have, codes
BY_HAND: list[tuple[str, Rule, bool, tuple[str, float | None], tuple[str, float], set[str]]] = [
    ("no decay, summed errors", plain, True, FLAT, FLAT, set()),
    ("decay before the step", decayed, False, ("gaussian", 3.0), FLAT, set()),
    ("decay without learning rate", forgot_the_rate, False, ("gaussian", 0.6), FLAT, set()),
    ("decay after the step", decayed_after, False, ("gaussian", 0.4 / 0.98), FLAT, set()),
    ("decay of the wrong sign", grows, False, ("gaussian", -0.3), FLAT, {"improper-prior"}),
    ("signs", signs, False, ("laplace", 0.2), FLAT, set()),
    ("thresholds", thresholds, False, ("laplace", 0.2), FLAT, set()),
    ("to the initial values", to_the_start, False, ("gaussian", 1.6), FLAT, set()),
    ("a box", boxed, True, ("box", 0.5), FLAT, set()),
    ("a largest norm", shortened, True, ("max-norm", 2.0), FLAT, set()),
    ("momentum", momentum, False, ("gaussian", 0.3), ("gaussian", 0.3), {"bias-penalised"}),
    ("adam", adam, False, ("gaussian", 0.3), ("gaussian", 0.3), {"bias-penalised"}),
    (
        "added to the gradient",
        in_the_gradient,
        True,
        ("gaussian", 0.4),
        ("gaussian", 0.4),
        {"bias-penalised"},
    ),
]


@pytest.mark.parametrize(
    ("rule", "summed", "w", "b", "codes"), [r[1:] for r in BY_HAND], ids=[r[0] for r in BY_HAND]
)
def test_updates(
    rule: Rule,
    summed: bool,
    w: tuple[str, float | None],
    b: tuple[str, float],
    codes: set[str],
) -> None:
    s = tensors()

    def step(x: Tensor, y: Tensor) -> None:
        errors = (x @ s.w + s.b - y) ** 2 / 2
        (errors.sum() if summed else errors.mean()).backward()
        rule(s)

    found = bw.audit.step(step, {"w": s.w, "b": s.b}, *rows())
    for name, (family, number) in (("w", w), ("b", b)):
        one = found[name]
        assert (one.prior.family, one.status) == (family, "measured")
        got = one.prior.scale if family in ("box", "max-norm") else one.strength
        assert got == pytest.approx(number, rel=1e-6)
    assert found.codes == codes
    assert (found.reduction, found.half) == ("sum" if summed else "mean", True)
    assert torch.equal(s.w.detach(), s.w0)  # undone, and the momentum too
    assert not any(bool(v.any()) for v in [*s.speed, *s.square])
    assert s.steps == [0]


def test_autograd_grad_as_the_trainer() -> None:
    s = tensors()

    def step(x: Tensor, y: Tensor) -> None:
        loss = (x @ s.w + s.b - y).square().mean() + 0.1 * s.w.square().sum()
        slopes = torch.autograd.grad(loss, s.params)
        with torch.no_grad():
            for p, g in zip(s.params, slopes, strict=True):
                p -= RATE * (g + 0.3 * p)

    found = bw.audit.step(step, {"w": s.w, "b": s.b}, *rows())
    assert found["w"].strength == pytest.approx(0.5, rel=1e-6)
    assert found["b"].strength == pytest.approx(0.3, rel=1e-6)
    assert found.has("penalised-twice", "w")
