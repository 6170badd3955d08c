"""Park & Casella 2008, table 1: the Bayesian lasso on the diabetes data, lambda = 0.237.

Columns of unit length, targets centred (here: a flat bias), sigma^2 with density 1 / sigma^2.
REFERENCE is a run of ours, 5 million draws from another seed; the published numbers come from a
short chain, and the ends of its intervals are held against that reference, whose own error is a
tenth of that of the run here.
"""

from functools import cache

import arviz_stats
import numpy as np
import pytest
import xarray
from sklearn.datasets import load_diabetes
from torch import nn

from bayeswd.posterior import gibbs, with_arviz
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Laplace

PROBABILITIES = (0.5, 0.025, 0.975)
# median, then the ends of the 95 % interval
PUBLISHED = {
    "age": (-3.73, -112.02, 103.62),
    "sex": (-214.55, -334.42, -94.24),
    "bmi": (522.62, 393.07, 653.82),
    "map": (307.56, 180.26, 436.70),
    "tc": (-173.16, -579.33, 128.54),
    "ldl": (-1.50, -274.62, 341.48),
    "hdl": (-152.12, -381.60, 69.75),
    "tch": (90.43, -129.48, 349.82),
    "ltg": (523.26, 332.11, 732.75),
    "glu": (62.47, -51.22, 188.75),
}
WIDE = ("tc", "ldl", "tch", "ltg")  # their intervals are up to twice as long, and correlated
REFERENCE = np.array(
    [
        (-3.466, -111.691, 103.301),
        (-214.125, -333.980, -94.147),
        (523.696, 393.648, 653.803),
        (307.660, 179.579, 435.597),
        (-171.534, -579.016, 129.138),
        (-2.934, -274.828, 335.561),
        (-152.450, -382.931, 70.467),
        (92.336, -127.649, 352.120),
        (521.367, 331.669, 727.800),
        (62.903, -51.876, 189.837),
    ]
)
REFERENCE_ERROR = np.array(
    [
        (0.0192, 0.0710, 0.0705),
        (0.0271, 0.0690, 0.0763),
        (0.0292, 0.0856, 0.0861),
        (0.0275, 0.0853, 0.0788),
        (0.1023, 0.2861, 0.1933),
        (0.0595, 0.1817, 0.2401),
        (0.0604, 0.1499, 0.1445),
        (0.0637, 0.1399, 0.1725),
        (0.0487, 0.1232, 0.1361),
        (0.0260, 0.0680, 0.0730),
    ]
)


def problem(strength=0.237, sigma=54.0):
    inputs, targets = load_diabetes(return_X_y=True, scaled=False)
    inputs = inputs - inputs.mean(0)
    inputs /= np.linalg.norm(inputs, axis=0)
    model = nn.Linear(10, 1)
    priors = {"weight": Laplace(sigma / strength), "bias": Flat()}
    return Problem(model, GaussianNoise(sigma), priors, inputs, targets)


@cache
def drawn():
    stated = problem()
    noise = gibbs.park_casella()
    return gibbs.sample(stated, chains=64, draws=1000, warmup=50, seed=1, noise=noise)


def quantiles(values):
    """Quantiles and their Monte Carlo errors, [..., 3]."""
    found = np.quantile(values, PROBABILITIES, axis=(0, 1))
    data = xarray.Dataset({"x": (("chain", "draw", "column")[: values.ndim], values)})
    errors = [arviz_stats.mcse(data, method="quantile", prob=p)["x"] for p in PROBABILITIES]
    return found.T, np.stack(errors, -1)


def test_the_table_of_park_and_casella():
    tree = with_arviz.to_datatree(drawn(), problem(), pointwise=False, prior_draws=0)
    convergence = with_arviz.convergence(tree)
    assert convergence.ess_bulk > 50_000
    assert convergence.r_hat < 1.001
    found, error = quantiles(drawn().params["weight"][:, :, 0].numpy())
    published = np.array(list(PUBLISHED.values()))
    assert (abs(found - published)[:, 0] < 3).all()
    allowed = np.array([8 if name in WIDE else 2 for name in PUBLISHED])
    assert (abs(REFERENCE - published)[:, 1:] < allowed[:, None]).all()
    assert (abs(found - REFERENCE) < 4 * (error**2 + REFERENCE_ERROR**2) ** 0.5).all()


def test_the_noise_of_park_and_casella():
    """Median sigma^2 2943; interval from the same reference run."""
    found, error = quantiles(drawn().noise_scale.numpy() ** 2)
    assert (abs(found - (2942.55, 2584.27, 3370.33)) < 4 * error + 0.2).all()


@pytest.mark.parametrize("sigma", [20.0, 150.0])
def test_only_the_ratio_of_the_stated_scales_counts(sigma):
    noise = gibbs.park_casella()
    run = {"chains": 16, "draws": 5, "warmup": 40, "seed": 1, "noise": noise}
    one, other = gibbs.sample(problem(), **run), gibbs.sample(problem(sigma=sigma), **run)
    for name, value in one.params.items():
        np.testing.assert_allclose(other.params[name], value, rtol=1e-7)
    np.testing.assert_allclose(other.noise_scale, one.noise_scale, rtol=1e-9)


@pytest.mark.parametrize("stated", [0.237, 2.0])
def test_the_strength_with_its_prior(stated):
    """lambda^2 ~ Gamma(1, 1.78): their median 0.279 (0.139, 0.486), ours 0.2766."""
    noise = gibbs.park_casella(strength_prior=gibbs.StrengthPrior(1.0, 1.78))
    run = {"chains": 128, "draws": 1000, "warmup": 200, "seed": 2, "noise": noise}
    draws = gibbs.sample(problem(strength=stated), **run)
    found, error = quantiles(draws.sample_stats["strength"].numpy())
    assert (abs(found - (0.279, 0.139, 0.486)) < 0.005).all()
    assert (abs(found - (0.27663, 0.14098, 0.48433)) < 4 * error + 0.0003).all()
