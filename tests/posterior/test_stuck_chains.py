"""No chain stays where it began: few rows, walls of exp(), separable classes, narrow networks.

A chain is stuck whose mean acceptance is below 0.2. `stuck.count` looks for the same in use.
"""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from bayeswd.posterior import hmc, stuck
from bayeswd.problem.likelihoods import Bernoulli, Categorical, GaussianNoise, Poisson
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import ElasticNet, Flat, Gaussian, Laplace

CHAINS = 128


def linear(likelihood, n, d, prior, bias=None, outputs=1, spread=1.0):
    """Classes are separable, counts anything from 0 to thousands."""
    random = np.random.default_rng(n + d)
    inputs = spread * (random.normal(size=(n, d)) + 0.3)
    outcome = inputs @ np.linspace(1, -1, d)
    targets = {
        Poisson: lambda: random.poisson(np.exp(outcome.clip(-5, 6))).astype(float),
        Bernoulli: lambda: (outcome > 0).astype(float),
        Categorical: lambda: np.digitize(outcome, [-0.5, 0.5]),
        GaussianNoise: lambda: outcome + 0.3 * random.normal(size=n),
    }[type(likelihood)]()
    priors = {"weight": prior} | ({"bias": bias} if bias else {})
    model = nn.Linear(d, outputs, bias=bias is not None)
    return Problem(model, likelihood, priors, inputs, targets)


def steep():
    """On these six rows chains were stuck while they started wherever a Gaussian put them."""
    inputs = np.array([[-1.1], [-0.4], [0.1], [0.3], [0.9], [1.6]])
    priors = {"weight": Gaussian(1.0), "bias": Flat()}
    return Problem(nn.Linear(1, 1), Poisson(), priors, inputs, np.array([0.0, 1, 0, 2, 1, 6]))


def none_counted():
    problem = linear(Poisson(), 6, 2, Gaussian(5.0), Gaussian(5.0))
    return Problem(problem.model, Poisson(), problem.priors, problem.inputs, np.zeros(6))


def network(likelihood, targets, prior, activation=nn.Tanh, outputs=1):
    inputs = np.linspace(-2, 2, 12)[:, None]
    model = nn.Sequential(nn.Linear(1, 2), activation(), nn.Linear(2, outputs))
    with torch.no_grad():
        for value in model.parameters():  # not from the global random numbers
            value.copy_(torch.linspace(0.4, -0.6, value.numel()).view(value.shape))
    return Problem(model, likelihood, {"*": prior}, inputs, targets(inputs))


def counts(inputs):
    return np.random.default_rng(1).poisson(np.exp(1 + inputs)).astype(float)


LINEAR = {
    "counts, steep": steep,
    "counts, three rows": partial(linear, Poisson(), 3, 2, Gaussian(3.0), Gaussian(3.0)),
    "counts, all 0": none_counted,
    "counts, large": partial(linear, Poisson(), 6, 1, Gaussian(2.0), Flat(), spread=3.0),
    "counts, large inputs": partial(
        linear, Poisson(), 8, 2, Gaussian(10.0), Gaussian(10.0), spread=5.0
    ),
    "counts, d > n": partial(linear, Poisson(), 4, 10, Gaussian(1.0), Gaussian(2.0)),
    "counts, laplace": partial(linear, Poisson(), 6, 3, Laplace(1.0), Flat()),
    "counts, elastic net": partial(linear, Poisson(), 6, 8, ElasticNet(0.5, 1.0), Gaussian(2.0)),
    "separable": partial(linear, Bernoulli(), 10, 3, Gaussian(100.0), Gaussian(100.0)),
    "separable, laplace": partial(linear, Bernoulli(), 10, 3, Laplace(30.0), Gaussian(30.0)),
    "separable, d > n": partial(linear, Bernoulli(), 6, 15, Gaussian(20.0)),
    "logistic, elastic net": partial(
        linear, Bernoulli(), 8, 4, ElasticNet(3.0, 3.0), Gaussian(3.0)
    ),
    "softmax": partial(linear, Categorical(), 10, 2, Gaussian(30.0), Gaussian(30.0), 3),
    "softmax, laplace": partial(linear, Categorical(), 8, 2, Laplace(10.0), Gaussian(10.0), 3),
    "lasso, d > n": partial(linear, GaussianNoise(0.3), 5, 12, Laplace(0.4), Flat()),
    "elastic net": partial(linear, GaussianNoise(0.3), 6, 4, ElasticNet(0.5, 0.7), Flat()),
    "laplace bias": partial(linear, GaussianNoise(0.3), 6, 4, Laplace(0.5), Laplace(0.5)),
}
NETWORKS = {
    "regression": partial(network, GaussianNoise(0.3), np.sin, Gaussian(1.0)),
    "regression, relu": partial(network, GaussianNoise(0.3), abs, Gaussian(1.0), nn.ReLU),
    "regression, laplace": partial(network, GaussianNoise(0.3), np.sin, Laplace(1.0)),
    "classes": partial(network, Bernoulli(), lambda x: (x > 0) * 1.0, Gaussian(3.0)),
    "three classes": partial(
        network,
        Categorical(),
        lambda x: np.digitize(x[:, 0], [-1, 1]),
        Gaussian(2.0),
        outputs=3,
    ),
    "counts": partial(network, Poisson(), counts, Gaussian(2.0)),
}
QUICK = ("counts, steep", "counts, all 0", "counts, elastic net", "separable", "softmax")


def least_acceptance(problem, seeds, **run):
    rates = []
    for seed in seeds:
        draws = hmc.sample(problem, draws=100, seed=seed, **run)
        assert stuck.count(draws.sample_stats) == 0, draws.why
        rates.append(draws.sample_stats["acceptance_rate"].mean(1))
    return float(torch.cat(rates).min())


@pytest.mark.parametrize("name", QUICK)
def test_no_chain_is_stuck(name):
    assert least_acceptance(LINEAR[name](), range(3), chains=CHAINS) > stuck.ACCEPTANCE


def test_no_chain_of_a_network_is_stuck():
    problem = NETWORKS["regression"]()
    run = {"chains": 16, "warmup": 60}
    assert least_acceptance(problem, range(1), **run) > stuck.ACCEPTANCE


@pytest.mark.slow
@pytest.mark.parametrize("name", LINEAR)
def test_none_of_many_chains_is_stuck(name):
    """17 problems x 12 seeds x 128 chains = 26,112 chains."""
    assert least_acceptance(LINEAR[name](), range(12), chains=CHAINS) > stuck.ACCEPTANCE


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_none_of_many_chains_of_a_network_is_stuck(name):
    assert least_acceptance(NETWORKS[name](), range(2)) > stuck.ACCEPTANCE
