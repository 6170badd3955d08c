"""torch rows: trained weights are the mode of the posterior that the row implies."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn, optim

from bayeswd.problem import conventions


@dataclass
class Case:
    """A row of the table, how torch is run for it, and the row it is commonly taken for."""

    row: str
    loss: nn.Module
    wrong: dict[str, Any]  # arguments of `reading` that make the commonest wrong map
    likelihood: str = "gaussian"
    strength: float = 0.3
    make: Any = optim.SGD
    options: dict[str, Any] = field(default_factory=lambda: {"lr": 0.08, "momentum": 0.9})
    decay: float = 1.0  # of the step, every step
    steps: int = 400
    outputs: int = 1
    known: dict[str, float] = field(default_factory=dict)
    noise: float = 1234.5**0.5
    delta: float = 1.0

    def __str__(self) -> str:
        return self.row


ADAPTIVE = {"lr": 0.1, "betas": (0.9, 0.95)}
FACTOR_2 = {"name": "d2l.scratch"}
NO_N = {"name": "torch.SGD+MSELoss:sum"}

LOSSES = [
    Case("torch.SGD+MSELoss", nn.MSELoss(), FACTOR_2),
    Case("torch.SGD+MSELoss:outputs", nn.MSELoss(), {"outputs": 1}, outputs=3),
    Case(
        "torch.SGD+MSELoss:sum",
        nn.MSELoss(reduction="sum"),
        {"name": "torch.SGD+MSELoss"},
        strength=20.0,
        options={"lr": 0.08 / 60, "momentum": 0.9},
    ),
    Case(
        "torch.SGD+CrossEntropyLoss",
        nn.CrossEntropyLoss(),
        {"name": "torch.SGD+CrossEntropyLoss:sum"},
        likelihood="categorical",
        strength=0.05,
        options={"lr": 0.5, "momentum": 0.9},
        outputs=3,
    ),
    Case(
        "torch.SGD+CrossEntropyLoss:sum",
        nn.CrossEntropyLoss(reduction="sum"),
        {"name": "torch.SGD+CrossEntropyLoss"},
        likelihood="categorical",
        strength=3.0,
        options={"lr": 0.5 / 60, "momentum": 0.9},
        outputs=3,
    ),
    Case(
        "torch.SGD+BCEWithLogitsLoss",
        nn.BCEWithLogitsLoss(),
        {"name": "torch.SGD+BCEWithLogitsLoss:sum"},
        likelihood="bernoulli",
        strength=0.05,
        options={"lr": 0.5, "momentum": 0.9},
    ),
    Case(
        "torch.SGD+BCEWithLogitsLoss:sum",
        nn.BCEWithLogitsLoss(reduction="sum"),
        {"name": "torch.SGD+BCEWithLogitsLoss"},
        likelihood="bernoulli",
        strength=3.0,
        options={"lr": 0.5 / 60, "momentum": 0.9},
    ),
    Case(
        "torch.SGD+PoissonNLLLoss",
        nn.PoissonNLLLoss(),
        {"name": "torch.SGD+PoissonNLLLoss:sum"},
        likelihood="poisson",
    ),
    Case(
        "torch.SGD+PoissonNLLLoss:sum",
        nn.PoissonNLLLoss(reduction="sum"),
        {"name": "torch.SGD+PoissonNLLLoss"},
        likelihood="poisson",
        strength=18.0,
        options={"lr": 0.08 / 60, "momentum": 0.9},
    ),
    Case(
        "torch.SGD+HuberLoss",
        nn.HuberLoss(delta=0.8),
        {"name": "torch.SGD+MSELoss", "likelihood": None},
        likelihood="huber",
        options={"lr": 0.16, "momentum": 0.9},
        delta=0.8,
    ),
    Case(
        "torch.SGD+SmoothL1Loss",
        nn.SmoothL1Loss(beta=0.8),
        {"name": "torch.SGD+HuberLoss"},
        likelihood="huber",
        options={"lr": 0.12, "momentum": 0.9},
        known={"beta": 0.8},
        delta=0.8,
    ),
]

OPTIMIZERS = [
    Case("torch.Adam+MSELoss", nn.MSELoss(), FACTOR_2, make=optim.Adam, options=ADAPTIVE),
    Case("torch.NAdam+MSELoss", nn.MSELoss(), FACTOR_2, make=optim.NAdam, options=ADAPTIVE),
    Case("torch.RAdam+MSELoss", nn.MSELoss(), FACTOR_2, make=optim.RAdam, options=ADAPTIVE),
    Case("torch.Adamax+MSELoss", nn.MSELoss(), FACTOR_2, make=optim.Adamax, options=ADAPTIVE),
    Case("torch.RMSprop+MSELoss", nn.MSELoss(), FACTOR_2, make=optim.RMSprop, options={"lr": 0.1}),
    Case(
        "torch.Adagrad+MSELoss",
        nn.MSELoss(),
        FACTOR_2,
        make=optim.Adagrad,
        options={"lr": 0.5},
    ),
    Case(
        "torch.Adadelta+MSELoss",
        nn.MSELoss(),
        FACTOR_2,
        make=optim.Adadelta,
        options={"lr": 1.0, "eps": 1e-2},
    ),
    Case(
        "torch.Adam+CrossEntropyLoss",
        nn.CrossEntropyLoss(),
        {"name": "torch.SGD+CrossEntropyLoss:sum"},
        likelihood="categorical",
        strength=0.05,
        make=optim.Adam,
        options=ADAPTIVE,
        outputs=3,
    ),
]
DECAYS = {"Adagrad": 1.0, "Adadelta": 0.99}
for each in OPTIMIZERS:
    each.steps, each.decay = 700, DECAYS.get(each.make.__name__, 0.98)


def train(case: Case, proof: SimpleNamespace) -> tuple[np.ndarray, np.ndarray, Any, Any]:
    """(weights [4] or [4, K], bias, inputs, targets) after full-batch training from 0."""
    inputs, targets = proof.data(case.likelihood.replace("huber", "gaussian"), outputs=case.outputs)
    model = nn.Linear(4, case.outputs, dtype=torch.float64)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    optimizer = case.make(model.parameters(), weight_decay=case.strength, **case.options)
    schedule = optim.lr_scheduler.ExponentialLR(optimizer, case.decay)
    x, y = torch.tensor(inputs), torch.tensor(targets)
    for _ in range(case.steps):
        optimizer.zero_grad()
        case.loss(model(x).squeeze(-1), y).backward()
        optimizer.step()
        schedule.step()
    weights, bias = model.weight.detach().numpy().T, model.bias.detach().numpy()
    if case.outputs == 1:
        weights, bias = weights[:, 0], bias[0]
    return weights, bias, inputs, targets


def readings(case: Case) -> tuple[conventions.Reading, conventions.Reading]:
    """(what the row says, what the commonest wrong map says)."""
    asked: dict[str, Any] = {
        "name": case.row,
        "strength": case.strength,
        "n": 60,
        "noise_scale": case.noise,
        "outputs": case.outputs,
        "likelihood": case.likelihood,
        **case.known,
    }
    return conventions.reading(**asked), conventions.reading(**(asked | case.wrong))


@pytest.mark.parametrize("case", LOSSES + OPTIMIZERS, ids=str)
def test_trained_weights_are_the_mode(case: Case, proof: SimpleNamespace) -> None:
    weights, bias, inputs, targets = train(case, proof)
    right, wrong = readings(case)
    distances = [
        proof.residual(
            reading,
            inputs,
            targets,
            weights,
            bias,
            likelihood=case.likelihood,
            noise=case.noise,
            delta=case.delta,
        )
        for reading in (right, wrong)
    ]
    print(f"{case.row:40} {distances[0]:.1e} {distances[1]:.1e}")
    assert right.bias_penalized
    assert distances[0] <= 1e-6
    assert distances[1] >= 100 * distances[0]
    assert distances[1] >= 1e-3
