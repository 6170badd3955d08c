"""Losses with a known prior: what `audit.loss` must find, exactly, and what it must not say."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

import bayeswd as bw

N, D = 12, 4
Loss = Callable[[SimpleNamespace, Tensor, Tensor], Tensor]


def squares(s: SimpleNamespace, x: Tensor, y: Tensor) -> Tensor:
    return (x @ s.w + s.b - y) ** 2


def mse(s: SimpleNamespace, x: Tensor, y: Tensor) -> Tensor:
    return F.mse_loss(x @ s.w + s.b, y)


def half_mse(s: SimpleNamespace, x: Tensor, y: Tensor) -> Tensor:
    return squares(s, x, y).mean() / 2


class SignedSquare(torch.autograd.Function):
    """w^2 forward, and a gradient that is that of |w|: what acts is the gradient."""

    @staticmethod
    def forward(ctx: Any, w: Tensor) -> Tensor:  # type: ignore[override]
        ctx.save_for_backward(w)
        return w.square().sum()

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Tensor:  # type: ignore[override]
        return slope * ctx.saved_tensors[0].sign()


# name, loss, {parameter: (family, strength)}, codes; a parameter that is not named is flat
SQUARED: list[tuple[str, Loss, dict[str, tuple[str, float | None]], set[str]]] = [
    ("no penalty", half_mse, {}, set()),
    (
        "the book, from scratch",
        lambda s, x, y: half_mse(s, x, y) + 3 * s.w.square().sum() / 2,
        {"w": ("gaussian", 3.0)},
        set(),
    ),
    (
        "the book of 2019: the penalty on every row, summed",
        lambda s, x, y: squares(s, x, y) / 2 + 3 * s.w.square().sum() / 2,
        {"w": ("gaussian", 3.0 * N)},
        {"penalty-per-example"},
    ),
    (
        "keras l2: no half at all",
        lambda s, x, y: mse(s, x, y) + 3 * s.w.square().sum(),
        {"w": ("gaussian", 6.0)},
        {"half-missing"},
    ),
    (
        "sums, scikit-learn's ridge",
        lambda s, x, y: squares(s, x, y).sum() + 0.7 * s.w.square().sum(),
        {"w": ("gaussian", 1.4)},
        {"half-missing"},
    ),
    (
        "the mean of squared weights",
        lambda s, x, y: half_mse(s, x, y) + s.w.square().mean(),
        {"w": ("gaussian", 2 / D)},
        set(),
    ),
    (
        "the bias too",
        lambda s, x, y: half_mse(s, x, y) + 0.3 * (s.w.square().sum() + s.b.square().sum()),
        {"w": ("gaussian", 0.6), "b": ("gaussian", 0.6)},
        {"bias-penalised"},
    ),
    (
        "l1",
        lambda s, x, y: half_mse(s, x, y) + 0.37 * s.w.abs().sum(),
        {"w": ("laplace", 0.37)},
        set(),
    ),
    (
        "l1 halved",
        lambda s, x, y: half_mse(s, x, y) + 0.37 * torch.norm(s.w, 1) / 2,
        {"w": ("laplace", 0.185)},
        set(),
    ),
    (
        "elastic net",
        lambda s, x, y: half_mse(s, x, y) + 0.2 * s.w.abs().sum() + 0.4 * s.w.square().sum() / 2,
        {"w": ("elastic-net", 0.6)},
        set(),
    ),
    (
        "the norm without its square",
        lambda s, x, y: half_mse(s, x, y) + 3 * torch.norm(s.w) / 2,
        {"w": ("spherical-exponential", 1.5)},
        {"unsquared-norm"},
    ),
    (
        "the norm of all parameters at once",
        lambda s, x, y: half_mse(s, x, y) + 0.5 * torch.cat([s.w.flatten(), s.b]).norm(),
        {"w": ("spherical-exponential", 0.5), "b": ("spherical-exponential", 0.5)},
        {"unsquared-norm", "bias-penalised"},
    ),
    (
        "minus l1",
        lambda s, x, y: mse(s, x, y) - s.w.abs().sum(),
        {"w": ("laplace", -1.0)},
        {"improper-prior", "half-missing"},
    ),
    (
        "minus l2",
        lambda s, x, y: half_mse(s, x, y) - 0.1 * s.w.square().sum(),
        {"w": ("gaussian", -0.2)},
        {"improper-prior"},
    ),
    (
        "a sum without abs",
        lambda s, x, y: half_mse(s, x, y) + 0.4 * s.w.sum(),
        {"w": ("tilt", 0.4)},
        {"improper-prior"},
    ),
    (
        "towards the initial value",
        lambda s, x, y: half_mse(s, x, y) + 0.8 * (s.w - s.w0).square().sum(),
        {"w": ("gaussian", 1.6)},
        set(),
    ),
    (
        "absolutely, towards the initial value",
        lambda s, x, y: half_mse(s, x, y) + 0.8 * (s.w - s.w0).abs().sum(),
        {"w": ("laplace", 0.8)},
        set(),
    ),
    (
        "some weights only",
        lambda s, x, y: half_mse(s, x, y) + 0.5 * (s.mask * s.w.square()).sum(),
        {"w": ("gaussian", 1.0)},
        set(),
    ),
    (
        "two penalties on one parameter",
        lambda s, x, y: half_mse(s, x, y) + 0.1 * s.w.square().sum() + 0.3 * s.w.norm() ** 2,
        {"w": ("gaussian", 0.8)},
        set(),
    ),
    (
        "added in place, by a loop",
        lambda s, x, y: sum((0.25 * p.square().sum() for p in (s.w, s.b)), half_mse(s, x, y)),
        {"w": ("gaussian", 0.5), "b": ("gaussian", 0.5)},
        {"bias-penalised"},
    ),
    (
        "its gradient is not that of its value",
        lambda s, x, y: half_mse(s, x, y) + 0.3 * SignedSquare.apply(s.w),
        {"w": ("laplace", 0.3)},
        set(),
    ),
    (
        "a penalty without gradient",
        lambda s, x, y: half_mse(s, x, y) + 0.3 * s.w.detach().square().sum(),
        {},
        {"penalty-without-gradient"},
    ),
    (
        "fourth powers: outside the dictionary",
        lambda s, x, y: half_mse(s, x, y) + s.w.pow(4).sum(),
        {"w": ("unknown", None)},
        {"family-unknown"},
    ),
    (
        "a logarithm: outside the dictionary",
        lambda s, x, y: half_mse(s, x, y) + 0.2 * torch.log1p(s.w.square()).sum(),
        {"w": ("unknown", None)},
        {"family-unknown"},
    ),
    (
        "targets broadcast",
        lambda s, x, y: ((x @ s.w + s.b - y[:, 0]) ** 2).mean() / 2,
        {},
        {"targets-broadcast"},
    ),
    ("the fit made worse", lambda s, x, y: -half_mse(s, x, y), {}, {"data-sign"}),
    (
        "rows weighted",
        lambda s, x, y: (x[:, :1].exp() * squares(s, x, y)).mean() / 2,
        {},
        {"weighted-rows"},
    ),
]


def tensors() -> SimpleNamespace:
    generator = torch.Generator().manual_seed(1)
    w = torch.randn(D, 1, generator=generator)
    mask = torch.tensor([[1.0], [0.0], [1.0], [1.0]])
    return SimpleNamespace(
        w=w.clone().requires_grad_(), b=torch.tensor([0.3], requires_grad=True), w0=w, mask=mask
    )


@pytest.fixture
def rows() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(N, D, generator=generator), torch.randn(N, 1, generator=generator)


@pytest.mark.parametrize(
    ("loss", "truth", "codes"), [r[1:] for r in SQUARED], ids=[r[0] for r in SQUARED]
)
def test_squared_errors(
    loss: Loss, truth: dict[str, tuple[str, float | None]], codes: set[str], rows: Any
) -> None:
    s = tensors()
    found = bw.audit.loss(lambda x, y: loss(s, x, y), {"w": s.w, "b": s.b}, *rows)
    for name in ("w", "b"):
        family, strength = truth.get(name, ("flat", 0.0))
        one = found[name]
        assert (one.prior.family, one.status) == (family, "measured")
        assert one.strength == (None if strength is None else pytest.approx(strength, rel=1e-6))
    assert found.codes == codes
    assert torch.equal(s.w.detach(), s.w0)
    assert s.w.grad is None
