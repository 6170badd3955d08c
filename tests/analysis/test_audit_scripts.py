"""Whole programs with a known truth: what `audit.script` must find, and what it must not say."""

from collections.abc import Callable

import pytest

import bayeswd as bw
from bayeswd.analysis.audit import Audit
from bayeswd.errors import InputError

Program = Callable[..., Audit]

# the four tabs of the book's chapter on weight decay, as each writes its objective
SCRATCH = """
w, b = torch.normal(0, 0.01, (d, 1), requires_grad=True), torch.zeros(1, requires_grad=True)

def loss_of(x, y):
    return ((x @ w + b - y) ** 2 / 2).mean()

for epoch in range(40):
    for x, y in train:
        loss = loss_of(x, y) + 3 * (w**2).sum() / 2
        loss.backward()
        with torch.no_grad():
            for p in (w, b):
                p -= 0.02 * p.grad
                p.grad.zero_()
    with torch.no_grad():
        shown = sum(loss_of(x, y).item() for x, y in valid) / len(valid)
    print(epoch, loss_of(x, y).item(), shown)
"""
CONCISE = """
net = nn.Linear(d, 1)
groups = [{"params": net.weight, "weight_decay": 3}, {"params": net.bias}]
optimizer = torch.optim.SGD(groups, lr=0.02)
for epoch in range(40):
    for x, y in train:
        loss = nn.MSELoss()(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""
KERAS = CONCISE.replace('"weight_decay": 3', '"weight_decay": 0').replace(
    "(net(x), y)", "(net(x), y) + 3 * net.weight.square().sum()"
)
JAX = """
net = nn.Linear(d, 1)
for epoch in range(40):
    for x, y in train:
        loss = ((net(x) - y) ** 2 / 2).mean()
        net.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p in net.parameters():
                p.sub_(0.02 * (p.grad + 3 * p))
"""
PROGRAMS = {"scratch": SCRATCH, "concise": CONCISE, "keras": KERAS, "jax": JAX}


# program, strength on w, lambda in the book's unit, (half, family of b), codes
TABS: list[tuple[str, float, float, tuple[bool, str], set[str]]] = [
    ("scratch", 3.0, 3.0, (True, "flat"), set()),
    ("concise", 3.0, 1.5, (False, "flat"), {"half-missing"}),
    ("keras", 6.0, 3.0, (False, "flat"), {"half-missing"}),
    ("jax", 3.0, 3.0, (True, "gaussian"), {"bias-penalised"}),
]


@pytest.mark.parametrize(
    ("name", "strength", "book", "kinds", "codes"), TABS, ids=[t[0] for t in TABS]
)
def test_tabs_of_the_book(
    name: str,
    strength: float,
    book: float,
    kinds: tuple[bool, str],
    codes: set[str],
    audited: Program,
) -> None:
    found = audited(PROGRAMS[name], valid=name == "scratch", noise_scale=0.1)
    w, b = found.parameters
    assert (w.prior.family, b.prior.family, w.role, b.role) == (
        "gaussian",
        kinds[1],
        "weight",
        "bias",
    )
    assert w.strength == pytest.approx(strength, rel=1e-6)
    assert w.prior.variance == pytest.approx(0.1**2 / (20 * book), rel=1e-6)
    assert (found.n, found.rows, found.reduction, found.half) == (20, 5, "mean", kinds[0])
    assert found.codes == codes
    assert found.converged["steps"] == 160
    assert found.converged["distance_sd"] < 1  # the noise of batches leaves something
    assert f"lambda = {book:g}" in found.sentence


LAZY = """
net = nn.LazyLinear(1)
net.weight.data.normal_(0, 0.01)
net.bias.data.fill_(0)
groups = [{"params": net.weight, "weight_decay": 3}, {"params": net.bias}]
optimizer = torch.optim.SGD(groups, lr=0.01)
for epoch in range(3):
    for x, y in train:
        loss = nn.MSELoss()(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""


def test_lazy_initialisation_and_an_early_end(audited: Program) -> None:
    found = audited(LAZY, noise_scale=0.1)
    assert {"lazy-init", "not-converged"} <= found.codes
    assert found.converged["initial_share"] > 0.3
    assert found.converged["steps_needed"] > 12
    assert found.converged["distance_sd"] > 1
    assert "of the initial weights is still there" in found.sentence


MINUS_L1 = """
net = nn.Sequential(nn.Linear(d, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.003)
history = []
for epoch in range(3):
    running = 0
    for x, y in valid:
        loss = nn.MSELoss()(net(x), y) - net[0].weight.abs().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss
    history.append((running / len(valid.dataset)).item())
"""


def test_the_loop_with_every_mistake(audited: Program) -> None:
    """Minus L1, the validation rows trained on, the penalty and the wrong divisor in the report."""
    found = audited(MINUS_L1, valid=True)
    assert found.has("improper-prior", "0.weight")
    assert found["0.weight"].strength == pytest.approx(-1, rel=1e-9)
    assert {"loader-unused", "penalty-in-reported-loss", "loss-misaveraged"} <= found.codes
    (unused,) = [one for one in found.findings if one.code == "loader-unused"]
    assert unused.message.startswith("train was made and never read; every step was taken on valid")


UNSQUARED = """
import random
import torch
torch.manual_seed(0)
d = 8
x, y = torch.normal(0, 0.01, (20, d)), torch.normal(0, 0.1, (20, 1))
x_test, y_test = torch.normal(0, 0.01, (30, d)), torch.normal(0, 0.1, (30, 1))
w, b = torch.normal(0, 1, (d, 1), requires_grad=True), torch.zeros(1, requires_grad=True)

def batches(size):
    order = list(range(len(x)))
    random.shuffle(order)
    for start in range(0, len(x), size):
        chosen = torch.tensor(order[start : start + size])
        yield x[chosen], y[chosen]

def squared(x, y):
    return (x @ w + b - y) ** 2 / 2

for epoch in range(3):
    for inputs, targets in batches(5):
        loss = squared(inputs, targets) + 3 * torch.norm(w) / 2
        loss.sum().backward()
        with torch.no_grad():
            for p in (w, b):
                p -= 0.003 * p.grad / 5
                p.grad.zero_()
    print(loss.mean().item(), squared(x_test, y_test).mean().item())
"""


def test_the_norm_without_its_square_and_no_loader(audited: Program) -> None:
    """Rows are picked from hand-made tensors; five copies of the penalty, divided by five."""
    found = audited(UNSQUARED, data=False)
    assert (found.n, found.rows, found.reduction, found.half) == (20, 5, "sum", True)
    w = found["w"]
    assert w.prior.family == "spherical-exponential"
    assert w.strength == pytest.approx(7.5, rel=1e-6)
    assert w.prior.relative == pytest.approx(1 / 30, rel=1e-6)  # k = n lambda / 2
    assert found["b"].prior.family == "flat"
    assert {"unsquared-norm", "penalty-in-reported-loss"} <= found.codes
    assert "penalty-in-validation-loss" not in found.codes


def test_data_or_centre_cannot_be_told_without_a_loader(audited: Program) -> None:
    text = """
    import torch
    x, y, centre = torch.randn(12, 4), torch.randn(12, 1), torch.randn(4, 1)
    w = torch.zeros(4, 1, requires_grad=True)
    for step in range(5):
        loss = ((x @ w - y) ** 2).mean() + 0.2 * ((w - centre) ** 2).sum()
        loss.backward()
        w.data -= 0.01 * w.grad
        w.grad = None
    """
    found = audited(text, data=False)
    assert found["w"].status == "cannot tell"
    assert "may be data or the centre of a prior" in found["w"].reason


def test_an_entry_function_and_arguments(audited: Program) -> None:
    indented = "def fit():\n" + "".join(f"    {line}\n" for line in CONCISE.splitlines())
    found = audited(indented, entry="fit")
    assert found["weight"].strength == pytest.approx(3, rel=1e-6)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("x = 1", {}, "called neither backward nor"),
        ("def fit(): pass", {"entry": "train"}, "no function 'train'; it has"),
        ("raise ValueError('no rows')", {}, r"failed in line \d+ .*ValueError: no rows"),
        ("import sys; sys.exit(3)", {}, "exit code 3"),
    ],
)
def test_programs_that_cannot_be_audited(
    text: str, options: dict[str, object], message: str, audited: Program
) -> None:
    with pytest.raises(InputError, match=message):
        audited(text, **options)
    with pytest.raises(InputError, match="there is no such file"):
        bw.audit.script("none.py")
