"""Simulation-based calibration (Talts et al. 2018): the rank of the truth is uniform.

Parameters from the prior, targets given those, draws given the targets: whatever is wrong with
an engine, in the weights, the noise or the strength, bends the histogram of ranks. Each draw of a
Markov chain is the end of a chain of its own. A prior wrong by a factor sqrt 2 has to be seen.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
from scipy import stats
from torch import nn

from bayeswd.posterior import conjugate, gibbs, hmc, normal_inverse_gamma
from bayeswd.problem.likelihoods import Bernoulli, GaussianNoise, Likelihood, Poisson
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Gaussian, Laplace
from bayeswd.results import Draws

SIGMA, SCALE, BIAS = 0.7, 0.5, 0.9
DATA_SETS, DRAWS, BINS = 640, 63, 16
SHAPE, RATE = 4.0, 1.5
STRENGTH = gibbs.StrengthPrior(3.0, 2.0)


@dataclass(frozen=True)
class Row:
    """An engine, and what it is told: the prior, the noise, and how they belong together.

    power: the scale of the weights is in proportion to sigma to this power; sigma is SIGMA where
        it is None, else sigma^2 ~ InverseGamma(SHAPE, RATE).
    strength: whether (sigma / scale)^2 has the prior STRENGTH.
    """

    sample: Callable[..., Draws]
    prior: type[Gaussian] | type[Laplace] = Laplace
    likelihood: Likelihood = GaussianNoise(SIGMA)  # noqa: RUF009  a frozen value
    power: int | None = None
    strength: bool = False


def by_gibbs(noise: gibbs.NoiseModel) -> Callable[..., Draws]:
    return partial(gibbs.sample, chains=DRAWS, draws=1, warmup=40, noise=noise)


by_hmc = partial(hmc.sample, chains=DRAWS, draws=1, warmup=40)
inverse_gamma = {"shape": SHAPE, "rate": RATE}
ROWS = {
    "exact": Row(partial(conjugate.sample, chains=1, draws=DRAWS), Gaussian),
    "exact, unknown noise": Row(
        partial(normal_inverse_gamma.sample, chains=1, draws=DRAWS, **inverse_gamma),
        Gaussian,
        power=1,
    ),
    "gibbs": Row(by_gibbs(gibbs.KNOWN)),
    "gibbs, park_casella": Row(by_gibbs(gibbs.park_casella(**inverse_gamma)), power=1),
    "gibbs, penalty_tied": Row(by_gibbs(gibbs.penalty_tied(**inverse_gamma)), power=2),
    "gibbs, fixed_scale": Row(by_gibbs(gibbs.fixed_scale(**inverse_gamma)), power=0),
    "gibbs, strength": Row(
        by_gibbs(gibbs.park_casella(**inverse_gamma, strength_prior=STRENGTH)),
        power=1,
        strength=True,
    ),
    "hmc": Row(by_hmc),
    "hmc, gaussian": Row(by_hmc, Gaussian),
    "hmc, logistic": Row(by_hmc, Gaussian, Bernoulli()),
    "hmc, logistic, laplace": Row(by_hmc, Laplace, Bernoulli()),
    "hmc, counts": Row(by_hmc, Gaussian, Poisson()),
}


def truth(row: Row, random: np.random.Generator, d: int) -> tuple[float, np.ndarray, float]:
    """sigma, the weights and the bias from their joint prior."""
    sigma = SIGMA if row.power is None else (RATE / random.gamma(SHAPE)) ** 0.5
    scale = SCALE * (sigma / SIGMA) ** (row.power or 0)
    if row.strength:
        scale = sigma / (random.gamma(STRENGTH.shape) / STRENGTH.rate) ** 0.5
    draw = random.laplace if row.prior is Laplace else random.normal
    bias = BIAS * (sigma / SIGMA) ** min(row.power or 0, 1)
    return sigma, draw(scale=scale, size=d), bias * random.normal()


def targets_of(
    row: Row, outputs: np.ndarray, sigma: float, random: np.random.Generator
) -> np.ndarray:
    if isinstance(row.likelihood, Bernoulli):
        return (random.random(len(outputs)) < 1 / (1 + np.exp(-outputs))).astype(float)
    if isinstance(row.likelihood, Poisson):
        return random.poisson(np.exp(outputs)).astype(float)
    return outputs + sigma * random.normal(size=len(outputs))


def ranks(name: str, n: int, d: int, factor: float = 1.0) -> np.ndarray:
    """Ranks among the draws of weights, bias, |w|_1 and sigma, [data set, quantity]."""
    row, found = ROWS[name], []
    random = np.random.default_rng((n, list(ROWS).index(name)))  # else rows share their luck
    inputs = random.normal(size=(n, d)) + 0.6 * random.normal(size=(n, 1))
    priors = {"weight": row.prior(SCALE * factor), "bias": Gaussian(BIAS)}
    for index in range(DATA_SETS):
        sigma, weights, bias = truth(row, random, d)
        targets = targets_of(row, inputs @ weights + bias, sigma, random)
        problem = Problem(nn.Linear(d, 1), row.likelihood, priors, inputs, targets)
        draws = row.sample(problem, seed=index)
        drawn = draws.params["weight"].reshape(DRAWS, d).numpy()
        values = [*drawn.T, draws.params["bias"].flatten().numpy(), abs(drawn).sum(1)]
        wanted = [*weights, bias, abs(weights).sum()]
        if draws.noise_scale is not None:
            values, wanted = [*values, draws.noise_scale.flatten().numpy()], [*wanted, sigma]
        found.append([(value < known).sum() for value, known in zip(values, wanted, strict=True)])
    return np.array(found)


def least_p_value(found: np.ndarray) -> float:
    """Of chi-square tests of uniformity, times their number."""
    counts = [np.histogram(column, bins=BINS, range=(0, DRAWS + 1))[0] for column in found.T]
    return len(counts) * min(stats.chisquare(count).pvalue for count in counts)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "d"), [(8, 3), (3, 6)])
@pytest.mark.parametrize("name", ROWS)
def test_ranks_are_uniform(name, n, d):
    """24 tests: one false alarm in 40 runs of them all, were their seeds not fixed."""
    assert least_p_value(ranks(name, n, d)) > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["exact", "exact, unknown noise", "gibbs", "hmc, counts"])
def test_a_prior_variance_wrong_by_a_factor_of_two_is_seen(name):
    assert least_p_value(ranks(name, 3, 6, factor=math.sqrt(2))) < 1e-4
