"""What tests of this floor share: problems for paths and choices, programs to audit."""

import io
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from torch import nn

import bayeswd as bw
from bayeswd.analysis.audit import Audit
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat


def state(inputs, targets, prior, noise=1.0, bias=None):
    """A linear-Gaussian problem; `bias` None is a model without one."""
    model = nn.Linear(inputs.shape[1], 1, bias=bias is not None)
    priors = {"weight": prior} | ({} if bias is None else {"bias": bias})
    return Problem(model, GaussianNoise(noise), priors, inputs, targets)


def diabetes(prior, noise=54.0, bias=None):
    """The diabetes data, columns of mean 0 and unit length; targets centred where no bias is."""
    inputs, targets = load_diabetes(return_X_y=True, scaled=False)
    inputs = inputs - inputs.mean(0)
    inputs = inputs / np.linalg.norm(inputs, axis=0)
    return state(inputs, targets if bias else targets - targets.mean(), prior, noise, bias)


def draw(n, d, seed=0, noise=0.7):
    """Inputs with uneven means, targets with a few strong weights among weak ones."""
    random = np.random.default_rng(seed)
    inputs = random.normal(size=(n, d)) + np.linspace(-1, 2, d)
    weights = 0.4 * random.laplace(size=d)
    return inputs, inputs @ weights + 1.5 + noise * random.normal(size=n)


def d2l(prior, seed, noise=0.01):
    """The weight-decay data of the book, and its 100 validation rows."""
    random = np.random.default_rng(seed)
    inputs = random.normal(size=(120, 200))
    targets = 0.05 + inputs @ np.full(200, 0.01) + 0.01 * random.normal(size=120)
    problem = state(inputs[:20], targets[:20], prior, noise, Flat())
    return problem, (inputs[20:], targets[20:])


@pytest.fixture
def given():
    """The functions above, by name."""
    return SimpleNamespace(state=state, diabetes=diabetes, draw=draw, d2l=d2l)


DATA = """
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
d, batch = 8, 5

def rows(n):
    x = torch.randn(n, d)
    return TensorDataset(x, x @ torch.full((d, 1), 0.3) + 0.05 + 0.1 * torch.randn(n, 1))

train = DataLoader(rows(20), batch_size=batch, shuffle=True)
"""
VALID = "valid = DataLoader(rows(30), batch_size=10)\n"


@pytest.fixture
def audited(tmp_path: Path) -> Callable[..., Audit]:
    """Write a program, by default after its data (and validation rows), and audit it."""

    def run(text: str, data: bool = True, valid: bool = False, **options: object) -> Audit:
        path = tmp_path / "train.py"
        path.write_text((DATA if data else "") + (VALID if valid else "") + dedent(text))
        return bw.audit.script(str(path), output=io.StringIO(), **options)  # type: ignore[arg-type]

    return run
