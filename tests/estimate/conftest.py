"""Problems that the training roads are tried on."""

import math

import pytest
import torch
from sklearn import datasets
from torch import nn

from bayeswd import Bernoulli, Categorical, Flat, GaussianNoise, Problem

D2L_TAU = 0.01 / math.sqrt(20 * 3)  # sigma / sqrt(n lambda), lambda = 3


def standardised(inputs):
    inputs = torch.as_tensor(inputs, dtype=torch.float64)
    inputs = inputs[:, inputs.std(0) > 0]
    return (inputs - inputs.mean(0)) / inputs.std(0, correction=0)


def d2l():
    """20 rows of y = 0.05 + 0.01 (x_1 + ... + x_200) + noise."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(20, 200, generator=generator, dtype=torch.float64)
    noise = 0.01 * torch.randn(20, generator=generator, dtype=torch.float64)
    return inputs, 0.05 + 0.01 * inputs.sum(1) + noise, GaussianNoise(0.01), 1


def diabetes():
    inputs, targets = datasets.load_diabetes(return_X_y=True)
    return standardised(inputs), torch.tensor(targets), GaussianNoise(54.0), 1


def breast_cancer():
    inputs, targets = datasets.load_breast_cancer(return_X_y=True)
    return standardised(inputs), torch.tensor(targets), Bernoulli(), 1


def digits():
    inputs, targets = datasets.load_digits(return_X_y=True)
    return standardised(inputs[:300]), torch.tensor(targets[:300]), Categorical(), 10


DATA = {"d2l": d2l, "diabetes": diabetes, "breast-cancer": breast_cancer, "digits": digits}
SD = {"d2l": D2L_TAU, "diabetes": 25.0, "breast-cancer": 1.0, "digits": 1.0}


@pytest.fixture(scope="session")
def problem_of():
    """(name, family of priors with a scale) -> linear problem, flat bias, prior sd as usual."""

    def build(name, prior, bias=Flat()):  # noqa: B008
        inputs, targets, likelihood, outputs = DATA[name]()
        scale = SD[name] / math.sqrt(prior(1.0).variance)
        model = nn.Linear(inputs.shape[1], outputs, dtype=torch.float64)
        with torch.no_grad():
            for seed, value in enumerate(model.parameters()):
                draw = torch.randn(value.shape, generator=torch.Generator().manual_seed(seed))
                value.copy_(0.05 * draw)
        return Problem(model, likelihood, {"weight": prior(scale), "bias": bias}, inputs, targets)

    return build
