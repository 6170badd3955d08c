"""Data terms of every kind beside a penalty; models deeper than a line; what cannot be told."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import bayeswd as bw
from bayeswd.errors import InputError

N, D, K = 12, 4, 3
LAMBDA = 0.3


def drawn(kind: str) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(2)
    inputs = torch.randn(N, D, generator=generator)
    labels = torch.randint(0, K, (N,), generator=generator)
    targets = {
        "classes": labels,
        "shares": F.one_hot(labels, K).float(),
        "counts": torch.randint(0, 5, (N, K), generator=generator).float(),
        "numbers": torch.randn(N, K, generator=generator),
    }
    return inputs, targets[kind]


def layered() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Linear(D, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.2), nn.Linear(6, K)
    )


# name, loss, targets, (likelihood, reduction, half), what turns a strength into nats
TERMS: list[tuple[str, Callable[..., Tensor], str, tuple[str, str, bool | None], float | None]] = [
    ("cross-entropy", F.cross_entropy, "classes", ("categorical", "mean", None), N),
    (
        "summed cross-entropy",
        lambda f, y: F.cross_entropy(f, y, reduction="sum"),
        "classes",
        ("categorical", "sum", None),
        1,
    ),
    (
        "log softmax by hand",
        lambda f, y: -f.log_softmax(1)[torch.arange(len(y)), y].mean(),
        "classes",
        ("categorical", "mean", None),
        N,
    ),
    ("logits", F.binary_cross_entropy_with_logits, "shares", ("bernoulli", "mean", None), N * K),
    (
        "sigmoid and log",
        lambda f, y: F.binary_cross_entropy(f.sigmoid(), y),
        "shares",
        ("bernoulli", "mean", None),
        N * K,
    ),
    ("counts", F.poisson_nll_loss, "counts", ("poisson", "mean", None), N * K),
    ("several outputs", F.mse_loss, "numbers", ("gaussian", "mean", False), N * K / 2),
    ("absolute errors", F.l1_loss, "numbers", ("laplace", "mean", None), N * K),
    ("huber", F.huber_loss, "numbers", ("huber", "mean", None), N * K),
    (
        "smooth l1 is huber over beta",
        lambda f, y: F.smooth_l1_loss(f, y, beta=0.3),
        "numbers",
        ("huber", "scaled", None),
        N * K * 0.3,
    ),
    (
        "labels smoothed",
        lambda f, y: F.cross_entropy(f, y, label_smoothing=0.1),
        "classes",
        ("categorical", "mean", None),
        N,
    ),
]


@pytest.mark.parametrize("model", [lambda: nn.Linear(D, K), layered], ids=["linear", "layers"])
@pytest.mark.parametrize(
    ("loss", "kind", "term", "unit"), [r[1:] for r in TERMS], ids=[r[0] for r in TERMS]
)
def test_data_terms(
    loss: Callable[..., Tensor],
    kind: str,
    term: tuple[str, str, bool | None],
    unit: float,
    model: Callable[[], nn.Module],
) -> None:
    net = model()
    inputs, targets = drawn(kind)
    weights = [p for p in net.parameters() if p.ndim == 2]

    def penalised(x: Tensor, y: Tensor) -> Tensor:
        return loss(net(x), y) + LAMBDA * sum(w.square().sum() for w in weights) / 2

    found = bw.audit.loss(penalised, net, inputs, targets)
    assert (found.likelihood, found.reduction, found.half) == term
    for one in found.parameters:
        if len(one.shape) == 2:
            assert one.prior.family == "gaussian"
            assert one.strength == pytest.approx(LAMBDA, rel=1e-9)
            assert one.precision == pytest.approx(LAMBDA * unit, rel=1e-6)
        else:
            assert (one.prior.family, one.strength) == ("flat", 0.0)
    assert found.has("label-smoothing") == (loss is TERMS[-1][1])
    assert not any(one.severity == "error" for one in found.findings)


def test_scale_with_and_without_the_noise() -> None:
    """tau^2 = sigma^2 / (n lambda) for the mean of half squared errors."""
    net = nn.Linear(D, 1)
    inputs, targets = torch.randn(20, D), torch.randn(20, 1)

    def loss(x: Tensor, y: Tensor) -> Tensor:
        return (net(x) - y).square().mean() / 2 + 3 * net.weight.square().sum() / 2

    known = bw.audit.loss(loss, net, inputs, targets, noise_scale=0.01)["weight"].prior
    assert known.variance == pytest.approx(0.01**2 / (20 * 3), rel=1e-6)
    unknown = bw.audit.loss(loss, net, inputs, targets)["weight"].prior
    assert unknown.scale is None
    assert unknown.relative == pytest.approx(60**-0.5, rel=1e-6)
    part = bw.audit.loss(loss, net, inputs, targets, n=100, noise_scale=0.01)["weight"].prior
    assert part.variance == pytest.approx(0.01**2 / (100 * 3), rel=1e-6)


def test_group_lasso_by_rows() -> None:
    net = nn.Linear(D, K)
    inputs, targets = drawn("classes")
    found = bw.audit.loss(
        lambda x, y: F.cross_entropy(net(x), y) + 0.2 * net.weight.norm(dim=1).sum(),
        net,
        inputs,
        targets,
    )
    assert found["weight"].prior.family == "group-lasso"
    assert found["weight"].strength == pytest.approx(0.2, rel=1e-9)
    # |w_g| of 4 weights is Gamma(4, k): 5/k^2 for each, k = n * 0.2
    assert found["weight"].prior.variance == pytest.approx(5 / (N * 0.2) ** 2, rel=1e-6)


# -- what cannot be told --------------------------------------------------------------------

UNTOLD: list[tuple[str, Callable[[nn.Linear, Tensor, Tensor], Tensor], str]] = [
    (
        "a penalty times the loss",
        lambda m, x, y: F.mse_loss(m(x), y) * (1 + m.weight.square().sum()),
        "not-separable",
    ),
    (
        "the root of the sum",
        lambda m, x, y: (F.mse_loss(m(x), y) + m.weight.square().sum()).sqrt(),
        "not-separable",
    ),
    ("no data", lambda m, x, y: m.weight.square().sum(), "cannot-tell"),
]


@pytest.mark.parametrize(("loss", "code"), [r[1:] for r in UNTOLD], ids=[r[0] for r in UNTOLD])
def test_says_that_it_cannot_tell(loss: Callable[..., Tensor], code: str) -> None:
    torch.manual_seed(0)
    net = nn.Linear(D, 1)
    inputs, targets = torch.randn(N, D), torch.randn(N, 1)
    found = bw.audit.loss(lambda x, y: loss(net, x, y), net, inputs, targets)
    assert found["weight"].status == "cannot tell"
    assert found["weight"].strength is None
    assert found.has(code)


def test_log_of_the_loss_is_no_likelihood() -> None:
    net = nn.Linear(D, 1)
    inputs, targets = torch.randn(N, D), torch.randn(N, 1)
    found = bw.audit.loss(lambda x, y: F.mse_loss(net(x), y).log(), net, inputs, targets)
    assert found.has("data-term-unknown")
    assert found["weight"].prior.scale == float("inf")  # flat whatever the unit


def test_leaves_everything_as_it_was() -> None:
    """Buffers of a BatchNorm, gradients, the mode, and three random states."""
    net = layered()
    inputs, targets = drawn("classes")
    F.cross_entropy(net(inputs), targets).backward()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    gradients = [p.grad.clone() for p in net.parameters() if p.grad is not None]
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    bw.audit.loss(lambda x, y: F.cross_entropy(net(x), y), net, inputs, targets)
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())
    assert all(torch.equal(a, b.grad) for a, b in zip(gradients, net.parameters(), strict=True))
    assert torch.equal(states[0], torch.get_rng_state())
    assert states[1:] == (random.getstate(), np.random.get_state()[1].tolist())


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"parameters": []}, "found no tensor that requires a gradient"),
        ({"inputs": torch.randn(3, D)}, "3 rows of inputs, but 12 of targets"),
        ({"inputs": [1.0]}, "give a tensor with one row"),
        ({"n": 0}, "an integer > 0"),
        ({"noise_scale": -1.0}, "finite number > 0"),
        ({"loss": lambda x, y: 3.0}, "returned float"),
    ],
)
def test_bad_input(change: dict[str, Any], text: str) -> None:
    net = nn.Linear(D, K)
    inputs, targets = drawn("classes")
    given: dict[str, Any] = {
        "loss": lambda x, y: F.cross_entropy(net(x), y),
        "parameters": net,
        "inputs": inputs,
        "targets": targets,
    }
    with pytest.raises(InputError, match=text):
        bw.audit.loss(**{**given, **change})
