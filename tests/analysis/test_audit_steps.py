"""Training steps with a known prior: every torch optimizer, and updates written by hand."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn, optim
from torch.nn import functional as F

import bayeswd as bw

N, D = 12, 4
DECAY, RATE = 0.03, 0.01
Make = Callable[[nn.Module], optim.Optimizer]


def rows() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(N, D, generator=generator), torch.randn(N, 1, generator=generator)


def line(dtype: torch.dtype = torch.float32) -> nn.Linear:
    torch.manual_seed(5)
    return nn.Linear(D, 1, dtype=dtype)


def stepping(model: nn.Module, optimizer: optim.Optimizer) -> Callable[[Tensor, Tensor], None]:
    def step(x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()

    return step


def made(kind: str, **options: Any) -> Make:
    given = {"lr": RATE, "weight_decay": DECAY, **options}
    return lambda model: getattr(optim, kind)(model.parameters(), **given)


def two_groups(model: nn.Module) -> optim.Optimizer:
    groups = [{"params": [model.weight], "weight_decay": 3.0}, {"params": [model.bias]}]
    return optim.SGD(groups, lr=RATE)


# name, optimizer, family, strength (the half-width of a box), codes
OPTIMIZERS: list[tuple[str, Make, str, float | None, set[str]]] = [
    ("SGD", made("SGD"), "gaussian", DECAY, set()),
    ("momentum", made("SGD", momentum=0.9), "gaussian", DECAY, set()),
    ("Nesterov", made("SGD", momentum=0.9, nesterov=True), "gaussian", DECAY, set()),
    ("SGD without decay", made("SGD", weight_decay=0.0), "flat", 0.0, set()),
    ("ASGD decays in secret", made("ASGD"), "gaussian", DECAY + 1e-4, {"hidden-decay"}),
    ("ASGD, lambd only", made("ASGD", weight_decay=0), "gaussian", 1e-4, {"hidden-decay"}),
    ("Adam", made("Adam"), "gaussian", DECAY, set()),
    ("Adam, amsgrad", made("Adam", amsgrad=True), "gaussian", DECAY, set()),
    ("NAdam", made("NAdam"), "gaussian", DECAY, set()),
    ("RAdam", made("RAdam"), "gaussian", DECAY, set()),
    ("Adamax", made("Adamax"), "gaussian", DECAY, set()),
    ("RMSprop", made("RMSprop"), "gaussian", DECAY, set()),
    ("RMSprop, centered", made("RMSprop", centered=True), "gaussian", DECAY, set()),
    ("Adagrad", made("Adagrad"), "gaussian", DECAY, set()),
    ("Adadelta", made("Adadelta"), "gaussian", DECAY, set()),
    ("Adam without decay", made("Adam", weight_decay=0), "flat", 0.0, set()),
    ("Rprop", lambda m: optim.Rprop(m.parameters(), lr=RATE), "flat", 0.0, set()),
    ("AdamW, full batch", made("AdamW"), "box", 1 / DECAY, {"decoupled-decay"}),
    ("Adafactor", made("Adafactor"), "decoupled", None, {"decoupled-decay"}),
    (
        "ProximalSGD",
        lambda m: bw.ProximalSGD(m.parameters(), lr=RATE, l1_decay=0.3),
        "laplace",
        0.3,
        set(),
    ),
    (
        "ProximalSGD, both",
        lambda m: bw.ProximalSGD(m.parameters(), lr=RATE, l1_decay=0.3, weight_decay=0.2),
        "elastic-net",
        0.5,
        set(),
    ),
]


@pytest.mark.parametrize(
    ("make", "family", "number", "codes"),
    [r[1:] for r in OPTIMIZERS],
    ids=[r[0] for r in OPTIMIZERS],
)
def test_optimizers(make: Make, family: str, number: float | None, codes: set[str]) -> None:
    model = line()
    optimizer = make(model)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    state = str(optimizer.state)
    found = bw.audit.step(stepping(model, optimizer), model, *rows(), optimizer)
    weight = found["weight"]
    assert (weight.prior.family, weight.status) == (family, "measured")
    if family == "box":
        assert weight.prior.scale == pytest.approx(number, rel=1e-6)
    else:
        assert weight.strength == (None if number is None else pytest.approx(number, rel=1e-6))
    if family == "gaussian":  # mean squared errors: tau^2 = 2 sigma^2 / (n lambda)
        assert weight.precision == pytest.approx(N * number / 2, rel=1e-6)
    penalised = set() if family == "flat" else {"bias-penalised"}
    half = set() if family == "flat" else {"half-missing"}
    assert found.codes == codes | penalised | half
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert str(optimizer.state) == state
    assert model.weight.grad is None


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["NAdam", "RAdam"])
def test_decoupled_relatives_of_adamw(kind: str) -> None:
    """Their running averages settle slowly: the box is that of the limit."""
    model = line()
    optimizer = made(kind, decoupled_weight_decay=True)(model)
    weight = bw.audit.step(stepping(model, optimizer), model, *rows(), optimizer)["weight"]
    assert weight.prior.family == "box"
    assert weight.prior.scale == pytest.approx(1 / DECAY, rel=1e-3)
    assert weight.strengths["decoupled"] == pytest.approx(RATE * DECAY, rel=1e-6)


def test_groups_are_told_apart() -> None:
    model = line()
    optimizer = two_groups(model)
    found = bw.audit.step(stepping(model, optimizer), model, *rows(), optimizer)
    assert found["weight"].strength == pytest.approx(3, rel=1e-6)
    assert (found["bias"].prior.family, found["bias"].strength) == ("flat", 0.0)
    assert found.codes == {"half-missing"}


def test_lbfgs_with_the_penalty_in_its_closure() -> None:
    model = line()
    optimizer = optim.LBFGS(model.parameters(), max_iter=4)

    def step(x: Tensor, y: Tensor) -> None:
        def closure() -> Tensor:
            optimizer.zero_grad()
            value = F.mse_loss(model(x), y) + 3 * model.weight.abs().sum()
            value.backward()
            return value

        optimizer.step(closure)

    found = bw.audit.step(step, model, *rows(), optimizer)
    assert (found["weight"].prior.family, found["weight"].strength) == ("laplace", 3.0)
    assert found["bias"].prior.family == "flat"


def test_sparse_adam_on_an_embedding() -> None:
    table = nn.Embedding(6, 3, sparse=True)
    optimizer = optim.SparseAdam(table.parameters(), lr=RATE)
    inputs, targets = torch.arange(6).repeat(2), torch.randint(0, 3, (12,))

    def step(x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad()
        F.cross_entropy(table(x), y).backward()
        optimizer.step()

    found = bw.audit.step(step, table, inputs, targets, optimizer)
    assert (found["weight"].prior.family, found["weight"].role) == ("flat", "embedding")


def test_muon_decays_outside_of_its_step() -> None:
    model = nn.Linear(D, 3, bias=False)
    optimizer = optim.Muon(model.parameters(), lr=RATE, weight_decay=DECAY)
    inputs, targets = rows()[0], torch.randint(0, 3, (N,))

    def step(x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()

    found = bw.audit.step(step, model, inputs, targets, optimizer)["weight"]
    assert (found.prior.family, found.prior.proper) == ("decoupled", False)
    assert found.strengths["decoupled"] == pytest.approx(RATE * DECAY, rel=1e-5)


def test_accumulation_counts_the_penalty_of_the_loss_in_each_pass() -> None:
    """Four passes: tau^2 = 8 sigma^2 / (n wd) for mean squared errors of quarters of a batch."""
    model = line()
    optimizer = optim.SGD(model.parameters(), lr=RATE, weight_decay=DECAY)

    def step(x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad()
        for part, goal in zip(x.split(3), y.split(3), strict=True):
            (F.mse_loss(model(part), goal) + 0.1 * model.weight.square().sum()).backward()
        optimizer.step()

    found = bw.audit.step(step, model, *rows(), optimizer)
    assert found["weight"].strength == pytest.approx(DECAY + 4 * 0.2, rel=1e-6)
    assert found["bias"].precision == pytest.approx(DECAY * N / 8, rel=1e-6)
    assert found.has("accumulation")
    assert found.has("penalised-twice", "weight")


def test_autocast_on_the_cpu() -> None:
    model = line()
    optimizer = optim.SGD(model.parameters(), lr=RATE, weight_decay=DECAY)

    def step(x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = F.mse_loss(model(x), y) + 0.5 * model.weight.square().sum()
        loss.backward()
        optimizer.step()

    found = bw.audit.step(step, model, *rows(), optimizer)
    assert found["weight"].strength == pytest.approx(DECAY + 1, rel=1e-6)
    assert (found.reduction, found.half) == ("mean", False)


def test_adamw_in_minibatches_is_no_prior() -> None:
    model = line()
    optimizer = optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
    step = stepping(model, optimizer)
    inputs, targets = rows()
    for _ in range(50):
        step(inputs, targets)
    found = bw.audit.step(step, model, inputs, targets, optimizer, n=60)
    assert (found["weight"].prior.family, found["weight"].prior.proper) == ("decoupled", False)
    (said,) = [f for f in found.findings if f.code == "decoupled-decay" and f.parameter == "weight"]
    state = optimizer.state[model.weight]
    squares = state["exp_avg_sq"] / (1 - 0.999 ** float(state["step"]))
    wanted = DECAY * (squares.double().sqrt() + 1e-8) * 60 / 2  # lambda sqrt(v), in nats
    assert said.evidence["precision_median"] == pytest.approx(float(wanted.median()), rel=1e-4)
    assert said.evidence["precision_largest"] == pytest.approx(float(wanted.max()), rel=1e-4)
