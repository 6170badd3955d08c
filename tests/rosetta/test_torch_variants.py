"""torch rows whose loop differs: groups, mini-batches, class weights, L1 by hand, ASGD, AdamW."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn, optim

from bayeswd.errors import InputError
from bayeswd.problem import conventions
from bayeswd.problem.conventions import Reading

N, BATCH, STRENGTH = 60, 12, 0.3
PENALTY: dict[str, Any] = {"weight_decay": STRENGTH}
LossOf = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def linear(outputs: int = 1) -> nn.Linear:
    model = nn.Linear(4, outputs, dtype=torch.float64)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    return model


def descend(optimizer: optim.Optimizer, losses: list[Callable], steps: int, decay: float = 1.0):
    """One step per loss, round and round, the step size decaying."""
    schedule = optim.lr_scheduler.ExponentialLR(optimizer, decay)
    for step in range(steps):
        optimizer.zero_grad()
        losses[step % len(losses)]().backward()
        optimizer.step()
        schedule.step()


def fitted(model: nn.Linear) -> tuple[np.ndarray, np.ndarray]:
    weights, bias = model.weight.detach().numpy().T, model.bias.detach().numpy()
    return (weights, bias) if weights.shape[1] > 1 else (weights[:, 0], bias[0])


def sgd(
    model: nn.Module, lr: float, momentum: float = 0.9, weight_decay: float = STRENGTH
) -> optim.SGD:
    return optim.SGD(model.parameters(), lr=lr, momentum=momentum, weight_decay=weight_decay)


def read(name: str, strength: float = STRENGTH, **known: float | str | bool) -> Reading:
    return conventions.reading(name, strength, n=N, noise_scale=1234.5**0.5, **known)  # type: ignore[arg-type]


def check(title: str, distances: list[float], limit: float, wrong: float = 1e-3) -> None:
    """The right map within the limit; the wrong one 100 times further, and far."""
    print(f"{title:40} {distances[0]:.1e} {distances[1]:.1e}")
    assert distances[0] <= limit
    assert distances[1] >= max(100 * distances[0], wrong)


@pytest.fixture(scope="module")
def gaussian(proof: SimpleNamespace) -> tuple[torch.Tensor, torch.Tensor]:
    inputs, targets = proof.data("gaussian")
    return torch.tensor(inputs), torch.tensor(targets)


def batches(x: torch.Tensor, y: torch.Tensor, model: nn.Linear, loss: LossOf) -> list[Callable]:
    return [
        lambda part=part: loss(model(x[part]).squeeze(-1), y[part])
        for part in torch.arange(N).split(BATCH)
    ]


# row: (reduction, strength, what it needs, the row it is taken for)
MINIBATCH = {
    "torch.SGD+MSELoss:minibatch": ("mean", 0.3, {}, "torch.SGD+MSELoss:sum-minibatch"),
    "torch.SGD+MSELoss:sum-minibatch": ("sum", 4.0, {"batches": 5}, "torch.SGD+MSELoss:sum"),
}


@pytest.mark.parametrize("row", MINIBATCH)
def test_averaged_minibatches_have_the_prior_of_their_row(
    row: str, gaussian: tuple[torch.Tensor, torch.Tensor], proof: SimpleNamespace
) -> None:
    reduction, strength, known, wrong = MINIBATCH[row]
    model, lr = linear(), 0.1 if reduction == "mean" else 0.1 / BATCH
    losses = batches(*gaussian, model, nn.MSELoss(reduction=reduction))
    optimizer = sgd(model, lr=lr, momentum=0.0, weight_decay=strength)
    descend(optimizer, losses, steps=1500, decay=0.994)
    right, other = read(row, strength, **known), read(wrong, strength, batches=1)
    points = [proof.residual(r, *map(np.asarray, gaussian), *fitted(model)) for r in (right, other)]
    assert right.status == "approximate"
    check(row, points, limit=1e-3)


def test_undivided_accumulation_weakens_the_decay_by_the_micro_batches(
    gaussian: tuple[torch.Tensor, torch.Tensor], proof: SimpleNamespace
) -> None:
    model = linear()
    parts = batches(*gaussian, model, nn.MSELoss())
    descend(sgd(model, lr=0.016), [lambda: sum(part() for part in parts)], steps=400)
    right = read("torch.SGD+MSELoss:accumulated", accumulation=5)
    wrong = read("torch.SGD+MSELoss")
    points = [proof.residual(r, *map(np.asarray, gaussian), *fitted(model)) for r in (right, wrong)]
    check("torch.SGD+MSELoss:accumulated", points, limit=1e-6)


def test_a_bias_in_its_own_group_is_flat(
    gaussian: tuple[torch.Tensor, torch.Tensor], proof: SimpleNamespace
) -> None:
    x, y = gaussian
    model = linear()
    groups = [{"params": [model.weight], **PENALTY}, {"params": [model.bias], "weight_decay": 0.0}]
    optimizer = optim.SGD(groups, lr=0.08, momentum=0.9)
    descend(optimizer, [lambda: nn.functional.mse_loss(model(x)[:, 0], y)], steps=400)
    right, wrong = read("torch.SGD+MSELoss:bias-free"), read("torch.SGD+MSELoss")
    assert right == read("torch.SGD+MSELoss", bias_penalized=False)
    points = [proof.residual(r, *map(np.asarray, gaussian), *fitted(model)) for r in (right, wrong)]
    check("torch.SGD+MSELoss:bias-free", points, limit=1e-6)


def test_class_weights_divide_by_their_sum(proof: SimpleNamespace) -> None:
    inputs, targets = proof.data("categorical")
    weights = np.array([1.0, 2.5, 0.5])
    x, y, model = torch.tensor(inputs), torch.tensor(targets), linear(3)
    loss = nn.CrossEntropyLoss(weight=torch.tensor(weights))
    optimizer = optim.SGD(model.parameters(), lr=0.5, momentum=0.9, weight_decay=0.05)
    descend(optimizer, [lambda: loss(model(x), y)], steps=400)
    # A class weight tempers the likelihood of a row, as copies of the row would: 2, 5 or 1 of
    # them, twice the weights, which halves the prior variance in the same breath.
    rows = np.repeat(np.arange(N), (2 * weights[targets]).astype(int))
    doubled = {"class_weight_sum": 2 * weights[targets].sum()}
    right = read("torch.SGD+CrossEntropyLoss:weight", 0.05, **doubled)
    wrong = read("torch.SGD+CrossEntropyLoss", 0.05)
    points = [
        proof.residual(r, inputs[rows], targets[rows], *fitted(model), likelihood="categorical")
        for r in (right, wrong)
    ]
    check("torch.SGD+CrossEntropyLoss:weight", points, limit=1e-6)


def test_gaussian_nll_needs_no_sigma(
    gaussian: tuple[torch.Tensor, torch.Tensor], proof: SimpleNamespace
) -> None:
    x, y = gaussian
    model, variance = linear(), torch.full((N,), 1234.5, dtype=torch.float64)
    loss = nn.GaussianNLLLoss()
    strength = STRENGTH / (2 * 1234.5)
    optimizer = optim.SGD(model.parameters(), lr=0.16 * 1234.5, momentum=0.9, weight_decay=strength)
    descend(optimizer, [lambda: loss(model(x)[:, 0], y, variance)], steps=400)
    right = conventions.reading("torch.SGD+GaussianNLLLoss", strength, n=N)
    wrong = read("torch.SGD+MSELoss", strength)
    points = [proof.residual(r, *map(np.asarray, gaussian), *fitted(model)) for r in (right, wrong)]
    check("torch.SGD+GaussianNLLLoss", points, limit=1e-6)


@pytest.mark.parametrize(
    ("penalty", "ratio"), [("l1", None), ("elastic-net", 0.4)], ids=["l1", "elastic-net"]
)
def test_a_penalty_added_to_the_loss_by_hand(
    penalty: str,
    ratio: float | None,
    gaussian: tuple[torch.Tensor, torch.Tensor],
    proof: SimpleNamespace,
) -> None:
    x, y = gaussian
    model, strength, share = linear(), 0.05, 1.0 if ratio is None else ratio

    def loss() -> torch.Tensor:
        weights = model.weight
        added = share * weights.abs().sum() + (1 - share) / 2 * weights.square().sum()
        return nn.functional.mse_loss(model(x)[:, 0], y) + strength * added

    descend(optim.SGD(model.parameters(), lr=0.08, momentum=0.9), [loss], steps=500, decay=0.99)
    assert model.weight.abs().min() > 1e-3  # away from the corner the optimum is smooth
    known = {"penalty": penalty, "l1_ratio": ratio}
    right = read("torch.SGD+MSELoss", strength, **known)  # type: ignore[arg-type]
    wrong = read("d2l.scratch", strength, **known)  # type: ignore[arg-type]
    if penalty == "l1":
        assert right == read("torch.MSELoss+L1", strength)
    points = [proof.residual(r, *map(np.asarray, gaussian), *fitted(model)) for r in (right, wrong)]
    check(f"torch.MSELoss+L1 {penalty}", points, limit=1e-6)


def test_asgd_has_a_second_decay(
    gaussian: tuple[torch.Tensor, torch.Tensor], proof: SimpleNamespace
) -> None:
    x, y = gaussian
    model = linear()
    optimizer = optim.ASGD(model.parameters(), lr=0.1, lambd=0.02, alpha=0.0, **PENALTY)
    descend(optimizer, [lambda: nn.functional.mse_loss(model(x)[:, 0], y)], steps=500)
    right, wrong = read("torch.ASGD+MSELoss", lambd=0.02), read("torch.SGD+MSELoss")
    points = [proof.residual(r, *map(np.asarray, gaussian), *fitted(model)) for r in (right, wrong)]
    check("torch.ASGD+MSELoss", points, limit=1e-6)


def test_adamw_in_full_batch_is_a_box_and_no_gaussian(
    gaussian: tuple[torch.Tensor, torch.Tensor], proof: SimpleNamespace
) -> None:
    x, y = gaussian
    model, strength, eps = linear(), 2.0, 0.5
    optimizer = optim.AdamW(
        model.parameters(), lr=0.03, betas=(0.9, 0.95), weight_decay=strength, eps=eps
    )
    descend(optimizer, [lambda: nn.functional.mse_loss(model(x)[:, 0], y)], steps=1200)
    weights = torch.cat([model.weight.flatten(), model.bias]).detach()
    optimizer.zero_grad()
    nn.functional.mse_loss(model(x)[:, 0], y).backward()
    assert model.weight.grad is not None
    assert model.bias.grad is not None
    gradient = torch.cat([model.weight.grad.flatten(), model.bias.grad])
    fixed_point = gradient / (gradient.abs() + eps) + strength * weights
    assert fixed_point.abs().max() < 1e-6
    assert weights.abs().max() < 1 / strength
    as_l2 = read("torch.Adam+MSELoss", strength)
    assert proof.residual(as_l2, *map(np.asarray, gaussian), *fitted(model)) > 0.1
    with pytest.raises(InputError, match=r"\|w\| <= 1/weight_decay = 0.5"):
        read("torch.AdamW", strength)


def test_adamw_with_a_huge_eps_is_nearly_l2(
    gaussian: tuple[torch.Tensor, torch.Tensor], proof: SimpleNamespace
) -> None:
    x, y = gaussian
    model, eps = linear(), 1e4
    optimizer = optim.AdamW(
        model.parameters(), lr=0.2 * eps, betas=(0.9, 0.95), weight_decay=STRENGTH / eps, eps=eps
    )
    descend(optimizer, [lambda: nn.functional.mse_loss(model(x)[:, 0], y)], steps=500)
    right = read("torch.AdamW:large-eps", STRENGTH / eps, eps=eps)
    wrong = read("torch.SGD+MSELoss", STRENGTH / eps)
    points = [proof.residual(r, *map(np.asarray, gaussian), *fitted(model)) for r in (right, wrong)]
    assert right.status == "approximate"
    check("torch.AdamW:large-eps", points, limit=1e-3)
