"""Problems that the tests of paths and of choices among strengths share."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from torch import nn

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
