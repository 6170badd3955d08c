"""Simulation-based calibration (Talts et al. 2018): the rank of the truth is uniform.

Parameters from the prior, targets given those, draws given the targets: whatever is wrong with
the sweep, in the mixture, the noise or the strength, bends the histogram of ranks. Each draw is
the end of a chain of its own.
"""

import numpy as np
import pytest
from scipy import stats
from torch import nn

from bayeswd.posterior import gibbs
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Gaussian, Laplace

SIGMA, SCALE, BIAS = 0.7, 0.5, 0.9
DATA_SETS, DRAWS, BINS = 640, 63, 16
SHAPE, RATE = 4.0, 1.5
STRENGTH = gibbs.StrengthPrior(3.0, 2.0)
BELIEFS = {
    "known": gibbs.KNOWN,
    "park_casella": gibbs.park_casella(SHAPE, RATE),
    "penalty_tied": gibbs.penalty_tied(SHAPE, RATE),
    "fixed_scale": gibbs.fixed_scale(SHAPE, RATE),
    "strength": gibbs.park_casella(SHAPE, RATE, STRENGTH),
}


def truth(noise, random, d):
    """sigma, the weights and the bias from their joint prior."""
    if noise.addition is None:
        return SIGMA, random.laplace(scale=SCALE, size=d), BIAS * random.normal()
    sigma = (RATE / random.gamma(SHAPE)) ** 0.5
    scale = SCALE * (sigma / SIGMA) ** noise.power
    if noise.strength_prior is not None:
        scale = sigma / (random.gamma(STRENGTH.shape) / STRENGTH.rate) ** 0.5
    bias = BIAS * (sigma / SIGMA) ** min(noise.power, 1)
    return sigma, random.laplace(scale=scale, size=d), bias * random.normal()


def ranks(noise, n, d, factor=1.0, again=0):
    """Ranks among the draws of weights, bias, |w|_1 and sigma, [data set, quantity]."""
    random, found = np.random.default_rng(n + 101 * again), []
    inputs = random.normal(size=(n, d)) + 0.6 * random.normal(size=(n, 1))
    priors = {"weight": Laplace(SCALE * factor), "bias": Gaussian(BIAS)}
    for index in range(DATA_SETS):
        sigma, weights, bias = truth(noise, random, d)
        targets = inputs @ weights + bias + sigma * random.normal(size=n)
        problem = Problem(nn.Linear(d, 1), GaussianNoise(SIGMA), priors, inputs, targets)
        seed = index + 101_000 * again
        draws = gibbs.sample(problem, chains=DRAWS, draws=1, warmup=40, seed=seed, noise=noise)
        drawn = draws.params["weight"][:, 0, 0].numpy()
        values = [*drawn.T, draws.params["bias"][:, 0, 0].numpy(), abs(drawn).sum(1)]
        wanted = [*weights, bias, abs(weights).sum()]
        if draws.noise_scale is not None:
            values, wanted = [*values, draws.noise_scale[:, 0].numpy()], [*wanted, sigma]
        found.append([(value < known).sum() for value, known in zip(values, wanted, strict=True)])
    return np.array(found)


def least_p_value(found):
    """Of chi-square tests of uniformity, times their number."""
    counts = [np.histogram(column, bins=BINS, range=(0, DRAWS + 1))[0] for column in found.T]
    return len(counts) * min(stats.chisquare(count).pvalue for count in counts)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "d"), [(8, 3), (3, 6)])
@pytest.mark.parametrize("belief", BELIEFS)
def test_ranks_are_uniform(belief, n, d):
    """One test in a hundred fails by chance: fresh data then decide; a fault fails on both."""
    noise = BELIEFS[belief]
    assert any(least_p_value(ranks(noise, n, d, again=again)) > 0.01 for again in range(2))


@pytest.mark.slow
def test_a_prior_half_as_wide_again_is_seen():
    for again in range(2):
        assert least_p_value(ranks(gibbs.KNOWN, 8, 3, factor=1.5, again=again)) < 1e-4
