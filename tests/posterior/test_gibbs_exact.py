"""The Gibbs sampler against quadrature of the posterior's definition, for every belief about sigma.

Means of w, w^2, 1(|w| < eps), sigma and sigma^2 within 4 Monte Carlo standard errors, which are
ArviZ's, once the effective sample size is large.
"""

import math

import arviz_stats
import numpy as np
import pytest
import torch
import xarray
from torch import nn

from bayeswd.posterior import gibbs
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import ElasticNet, Flat, Gaussian, Laplace

SIGMA, EPS = 0.8, 0.1
RUN = {"chains": 64, "draws": 400, "warmup": 50, "seed": 5}


def state(n, d, prior, bias=None, sigma=SIGMA):
    random = np.random.default_rng(100 * n + d)
    inputs = random.normal(size=(n, d)) + 0.6 * random.normal(size=(n, 1)) + 0.4
    targets = inputs @ np.linspace(0.5, -0.2, d) + 0.3 + SIGMA * random.normal(size=n)
    model = nn.Linear(d, 1, bias=bias is not None, dtype=torch.float64)
    priors = {"weight": prior} | ({"bias": bias} if bias else {})
    return Problem(model, GaussianNoise(sigma), priors, inputs, targets)


def assert_means(functionals, wanted, least_ess=4000):
    """Mean of each [chain, draw] array, in standard errors."""
    data = xarray.Dataset({name: (("chain", "draw"), v) for name, v in functionals.items()})
    ess, error = arviz_stats.ess(data, method="mean"), arviz_stats.mcse(data, method="mean")
    for name, value in wanted.items():
        assert float(ess[name]) > least_ess, name
        assert abs(float(data[name].mean()) - value) < 4 * float(error[name]), name


def weight_functionals(weights):
    weights = np.asarray(weights)
    found = {}
    for column in range(weights.shape[-1]):
        w = weights[..., column]
        found |= {f"w{column}": w, f"w{column}^2": w**2, f"near{column}": (abs(w) < EPS) * 1.0}
    return found


def weighted_means(functionals, log_density):
    density = np.exp(log_density - log_density.max())
    edges = [density.take(end, axis).max() for axis in range(density.ndim) for end in (0, -1)]
    assert max(edges) < 1e-7  # the grid holds the posterior
    return {name: float((v * density).sum() / density.sum()) for name, v in functionals.items()}


def centred(problem, flat):
    x, y = problem.inputs[:, 0].numpy(), problem.targets[:, 0].numpy()
    return (x - x.mean(), y - y.mean(), len(x) - 1) if flat else (x, y, len(x))


def residuals(x, y, w):
    return (y @ y) - 2 * w * (x @ y) + w**2 * (x @ x)


def midpoints(low, high, count):
    step = (high - low) / count
    return low + step * (np.arange(count) + 0.5)


@pytest.mark.parametrize("prior", [Laplace(0.05), Laplace(0.4), ElasticNet(0.3, 0.2)], ids=str)
@pytest.mark.parametrize("bias", [None, Flat()], ids=["no bias", "flat bias"])
@pytest.mark.parametrize("n", [2, 12])
def test_one_weight_with_known_noise(n, bias, prior):
    problem = state(n, 1, prior, bias)
    x, y, _ = centred(problem, bias is not None)
    w = midpoints(-4, 4, 2**16)
    log_density = -residuals(x, y, w) / (2 * SIGMA**2) - abs(w) * prior.l1_rate
    wanted = weighted_means(weight_functionals(w[:, None]), log_density - w**2 * prior.l2_rate / 2)
    draws = gibbs.sample(problem, **RUN)
    assert_means(weight_functionals(draws.params["weight"][:, :, 0]), wanted)


@pytest.mark.parametrize("bias", [Gaussian(0.5), Laplace(0.2), ElasticNet(0.3, 0.4)], ids=str)
@pytest.mark.parametrize("n", [1, 6])
def test_a_penalised_bias_is_one_more_column(n, bias):
    """One row and two columns: the form for d > n; six: the form from moments."""
    problem = state(n, 1, Laplace(0.4), bias)
    w, b = np.meshgrid(*[midpoints(-5, 5, 800)] * 2, indexing="ij")
    x, y = problem.inputs[:, 0].numpy(), problem.targets[:, 0].numpy()
    log_density = -abs(w) / 0.4 - abs(b) * bias.l1_rate - b**2 * bias.l2_rate / 2
    for row, target in zip(x, y, strict=True):
        log_density -= (target - w * row - b) ** 2 / (2 * SIGMA**2)
    wanted = weighted_means(weight_functionals(np.stack([w, b], -1)), log_density)
    draws = gibbs.sample(problem, **RUN)
    both = torch.cat([draws.params["weight"][:, :, 0], draws.params["bias"]], -1)
    assert_means(weight_functionals(both), wanted)


@pytest.mark.parametrize("d", [1, 2])
def test_a_flat_bias_is_normal_about_the_mean_residual(d):
    problem = state(7, d, Laplace(0.3), Flat())
    draws = gibbs.sample(problem, **RUN)
    weights, bias = draws.params["weight"][:, :, 0], draws.params["bias"][:, :, 0]
    mean = float(problem.targets.mean()) - weights @ problem.inputs.mean(0)
    standard = ((bias - mean) * 7**0.5 / SIGMA).numpy()
    wanted = {"z": 0.0, "z^2": 1.0, "z w": 0.0}
    assert_means(
        {"z": standard, "z^2": standard**2, "z w": standard * weights[..., 0].numpy()}, wanted
    )


def test_orthogonal_columns_fall_apart():
    """X'X = c I: each weight has the posterior of a problem of its own."""
    inputs = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]] * 3)
    targets = inputs @ np.array([0.7, 0.0]) + SIGMA * np.random.default_rng(0).normal(size=12)
    model = nn.Linear(2, 1, dtype=torch.float64)
    priors = {"weight": Laplace(0.3), "bias": Flat()}
    draws = gibbs.sample(Problem(model, GaussianNoise(SIGMA), priors, inputs, targets), **RUN)
    weights = draws.params["weight"][:, :, 0].numpy()
    w, y = midpoints(-4, 4, 2**16), targets - targets.mean()
    for column in range(2):
        log_density = -residuals(inputs[:, column], y, w) / (2 * SIGMA**2) - abs(w) / 0.3
        wanted = weighted_means(weight_functionals(w[:, None]), log_density)
        assert_means(weight_functionals(weights[..., column : column + 1]), wanted)
    product = {"product": weights[..., 0] * weights[..., 1]}
    assert_means(product, {"product": weights[..., 0].mean() * weights[..., 1].mean()})


BELIEFS = {
    "park_casella": (gibbs.park_casella(), 1),
    "park_casella, prior": (gibbs.park_casella(1.5, 0.4), 1),
    "penalty_tied": (gibbs.penalty_tied(), 2),
    "penalty_tied, prior": (gibbs.penalty_tied(1.5, 0.4), 2),
    "fixed_scale": (gibbs.fixed_scale(), 0),
    "fixed_scale, prior": (gibbs.fixed_scale(1.5, 0.4), 0),
}


def noise_grid(problem, belief, power, ridge=0.0):
    """log posterior on a grid of (w, log sigma); b = b0 (sigma / sigma0)^power."""
    flat = "bias" in problem.priors
    x, y, rows = centred(problem, flat)
    u = midpoints(math.log(0.05), math.log(60), 400)
    w, sigma = np.meshgrid(midpoints(-6, 6, 1200), np.exp(u), indexing="ij")
    l1 = problem.priors["weight"].l1_rate * (problem.likelihood.scale / sigma) ** power
    log_density = -rows * np.log(sigma) - residuals(x, y, w) / (2 * sigma**2)
    log_density += np.log(l1) - l1 * abs(w) - ridge * w**2 / 2
    log_density -= 2 * belief.shape * np.log(sigma) + belief.rate / sigma**2  # times d sigma^2 / du
    return w, sigma, log_density


@pytest.mark.parametrize("belief", BELIEFS)
@pytest.mark.parametrize(("bias", "stated_noise"), [(None, 2.0), (Flat(), SIGMA)])
def test_one_weight_with_unknown_noise(belief, bias, stated_noise):
    noise, power = BELIEFS[belief]
    problem = state(9, 1, Laplace(0.15 * stated_noise**power), bias, sigma=stated_noise)
    w, sigma, log_density = noise_grid(problem, noise, power)
    functionals = weight_functionals(w[..., None]) | {"sigma": sigma, "sigma^2": sigma**2}
    draws = gibbs.sample(problem, **RUN, noise=noise)
    found = draws.noise_scale.numpy()
    assert_means(
        weight_functionals(draws.params["weight"][:, :, 0]) | {"sigma": found, "sigma^2": found**2},
        weighted_means(functionals, log_density),
    )


def test_an_elastic_net_with_unknown_noise_keeps_both_ratios():
    problem = state(9, 1, ElasticNet(0.3, 0.2))
    noise = gibbs.park_casella()
    w, sigma, log_density = noise_grid(problem, noise, 1)
    log_density -= (w * SIGMA / (sigma * 0.2)) ** 2 / 2
    functionals = weight_functionals(w[..., None]) | {"sigma": sigma, "sigma^2": sigma**2}
    draws = gibbs.sample(problem, **RUN, noise=noise)
    found = draws.noise_scale.numpy()
    assert_means(
        weight_functionals(draws.params["weight"][:, :, 0]) | {"sigma": found, "sigma^2": found**2},
        weighted_means(functionals, log_density),
    )


@pytest.mark.parametrize("belief", ["park_casella", "penalty_tied"])
def test_a_gaussian_bias_stays_in_proportion_to_unknown_noise(belief):
    """Only the bias has a column: its posterior under tau / sigma fixed is Student t."""
    noise, _power = BELIEFS[belief]
    problem = state(6, 1, Laplace(1e-6), Gaussian(0.5))
    draws = gibbs.sample(problem, **RUN, noise=noise)
    y = problem.targets[:, 0].numpy()
    ratio = (SIGMA / 0.5) ** 2
    mean = y.sum() / (len(y) + ratio)
    squares = y @ y - mean * y.sum()
    bias, sigma = draws.params["bias"][:, :, 0].numpy(), draws.noise_scale.numpy()
    variance = squares / (len(y) - 2)
    wanted = {"b": mean, "b^2": mean**2 + variance / (len(y) + ratio), "sigma^2": variance}
    assert_means({"b": bias, "b^2": bias**2, "sigma^2": sigma**2}, wanted)
    assert float(draws.params["weight"].abs().max()) < 1e-3


@pytest.mark.parametrize("prior", [gibbs.StrengthPrior(1.0, 0.3), gibbs.StrengthPrior(3.0, 2.0)])
def test_a_strength_with_a_prior_of_its_own(prior):
    problem = state(9, 1, Laplace(0.4))
    x, y, _ = centred(problem, False)
    grid = midpoints(-4, 4, 1600), midpoints(0, 12, 800)
    w, strength = np.meshgrid(*grid, indexing="ij")
    log_density = -residuals(x, y, w) / (2 * SIGMA**2) - abs(w) * strength / SIGMA
    log_density += 2 * prior.shape * np.log(strength) - prior.rate * strength**2
    density = np.exp(log_density - log_density.max())
    assert max(density[0].max(), density[-1].max(), density[:, -1].max()) < 1e-7
    functionals = weight_functionals(w[..., None]) | {"s": strength, "s^2": strength**2}
    wanted = {name: float((v * density).sum() / density.sum()) for name, v in functionals.items()}
    draws = gibbs.sample(problem, **RUN, noise=gibbs.known(prior))
    found = draws.sample_stats["strength"].numpy()
    weights = weight_functionals(draws.params["weight"][:, :, 0])
    assert_means(weights | {"s": found, "s^2": found**2}, wanted)


def test_the_check_sees_a_wrong_scale():
    problem = state(12, 1, Laplace(0.4), Flat())
    draws = gibbs.sample(problem, **RUN)
    x, y, _ = centred(problem, True)
    w = midpoints(-4, 4, 2**16)
    log_density = -residuals(x, y, w) / (2 * SIGMA**2) - abs(w) / 0.45
    wanted = weighted_means(weight_functionals(w[:, None]), log_density)
    with pytest.raises(AssertionError):
        assert_means(weight_functionals(draws.params["weight"][:, :, 0]), wanted)
