"""Deeper models: what each parameter is for, and where a decay is no prior on the function."""

import time
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn, optim
from torch.nn import functional as F

import bayeswd as bw

DECAY = 1e-3
Step = Callable[[Tensor, Tensor], None]


def stepping(model: nn.Module, optimizer: optim.Optimizer) -> Step:
    def step(x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()

    return step


def test_a_small_cnn_with_batch_norm() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(144, 3),
    ).double()
    inputs, targets = torch.randn(12, 1, 8, 8).double(), torch.randint(0, 3, (12,))
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=DECAY)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    found = bw.audit.step(stepping(model, optimizer), model, inputs, targets, optimizer)
    roles = {one.name: one.role for one in found.parameters}
    assert roles == {
        "0.weight": "weight",
        "1.weight": "normalisation",
        "1.bias": "normalisation",
        "4.weight": "weight",
        "4.bias": "bias",
    }
    for one in found.parameters:
        assert one.strength == pytest.approx(DECAY, rel=1e-6)
        assert one.precision == pytest.approx(12 * DECAY, rel=1e-6)
    assert found.has("scale-invariant", "0.weight")
    assert not found.has("scale-invariant", "4.weight")
    assert {f.parameter for f in found.findings if f.code == "normalisation-penalised"} == {
        "1.weight",
        "1.bias",
    }
    # float64 buffers are the model's own: computing again must not have moved them
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())


class Words(nn.Module):
    """Embedding, LSTM, attention, layer norm: one class for each word."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.memory = nn.Embedding(9, 8), nn.LSTM(8, 8, batch_first=True)
        self.attention = nn.TransformerEncoderLayer(8, 2, 8, batch_first=True)
        self.out = nn.Linear(8, 9)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.attention(self.memory(self.table(x))[0])).transpose(1, 2)


def test_words_are_outputs_of_a_sentence() -> None:
    """n lambda counts words: a mean over 12 x 7 of them beside lambda/2 |w|^2."""
    torch.manual_seed(0)
    model = Words()
    inputs, targets = torch.randint(0, 9, (12, 7)), torch.randint(0, 9, (12, 7))
    optimizer = optim.Adam(model.parameters(), lr=0.01, weight_decay=DECAY)
    found = bw.audit.step(stepping(model, optimizer), model, inputs, targets, optimizer)
    assert (found.likelihood, found.reduction) == ("categorical", "mean")
    assert {one.status for one in found.parameters} == {"measured"}
    for one in found.parameters:
        assert one.strength == pytest.approx(DECAY, rel=1e-6)
        assert one.precision == pytest.approx(12 * 7 * DECAY, rel=1e-6)
    assert found["table.weight"].role == "embedding"
    assert found["memory.bias_ih_l0"].role == "bias"
    assert found["attention.norm1.weight"].role == "normalisation"
    assert found.has("embedding-penalised", "table.weight")


def test_weight_norm_is_a_prior_on_the_length() -> None:
    torch.manual_seed(0)
    model = nn.utils.parametrizations.weight_norm(nn.Linear(4, 3))
    inputs, targets = torch.randn(12, 4), torch.randint(0, 3, (12,))

    def loss(x: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(model(x), y) + 0.1 * model.weight.square().sum()

    length, direction = "parametrizations.weight.original0", "parametrizations.weight.original1"
    found = bw.audit.loss(loss, model, inputs, targets)
    assert found[length].prior.family == "gaussian"
    assert found[length].strength == pytest.approx(0.2, rel=1e-6)
    assert found[direction].prior.family == "flat"


def test_gradients_scaled_for_half_precision() -> None:
    """The scaler multiplies loss and penalty alike, the decay acts on unscaled gradients."""
    torch.manual_seed(0)
    model = nn.Linear(4, 1)
    optimizer = optim.SGD(model.parameters(), lr=0.1, weight_decay=0.2)
    scaler = torch.amp.GradScaler("cpu")

    def step(x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = F.mse_loss(model(x), y) + 0.5 * model.weight.square().sum()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()

    found = bw.audit.step(step, model, torch.randn(12, 4), torch.randn(12, 1), optimizer)
    # precision = n/2 of what stands beside the mean of squared errors
    assert found["weight"].precision == pytest.approx(6 * 1.2, rel=1e-6)
    assert found["bias"].precision == pytest.approx(6 * 0.2, rel=1e-6)
    assert scaler.get_scale() == 2.0**16


def test_a_million_weights_in_seconds() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(784, 1000), nn.ReLU(), nn.Linear(1000, 250), nn.ReLU())
    model.append(nn.Linear(250, 10))
    inputs, targets = torch.randn(64, 784), torch.randint(0, 10, (64,))
    optimizer = optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.02)
    started = time.process_time()
    found = bw.audit.step(stepping(model, optimizer), model, inputs, targets, optimizer)
    assert time.process_time() - started < 30
    assert sum(one.count for one in found.parameters) > 1_000_000
    assert {one.prior.family for one in found.parameters} == {"box"}
    assert found["0.weight"].prior.scale == pytest.approx(50, rel=1e-6)
