"""The evidence under an L1 prior, by integration along the path, against independent answers.

Exact integrals in one dimension and for orthogonal columns; importance sampling in ten.
"""

import math

import numpy as np
import pytest
import torch
from scipy import integrate, special, stats
from torch import nn

from bayeswd.analysis import evidence_curves, laplace_evidence, selection
from bayeswd.analysis.by_hyperprior import on_strength
from bayeswd.errors import InputError
from bayeswd.estimate import prior_scales
from bayeswd.posterior import gibbs
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import ElasticNet, Flat, Gaussian, Laplace

NOISE = 0.7


FEW = {"chains": 64, "draws": 100}  # enough for errors below 0.05 nats


def heights(curve, scales):
    return curve.log_evidence(torch.tensor(scales, dtype=torch.float64).log()).numpy()


def agree(curve, scales, exact, at_most=0.05):
    """Within 4 of its own standard errors, none of which is large; 0.004 for the quadrature."""
    error = np.array(curve.error)
    assert (error < at_most).all()
    away = heights(curve, scales) - exact
    assert (abs(away) < 4 * error + 0.004).all(), (away, error)


def single(square, force, scale, l2=0.0):
    """log of the integral of Laplace(w; scale) exp(force w - square w^2 / 2), by the normal cdf.

    Each half line is a Gaussian integral (Hans 2009, section 2); with `l2` an unnormalised
    factor exp(-l2 w^2 / 2) more.
    """
    square = square + l2
    halves = [
        special.log_ndtr(shift / square**0.5) + shift**2 / (2 * square)
        for shift in (force - 1 / scale, -force - 1 / scale)
    ]
    return np.logaddexp(*halves) + 0.5 * np.log(2 * np.pi / square) - math.log(2 * scale)


def at_zero(targets, flat_bias):
    """log p(targets | w = 0), a flat bias integrated out."""
    n = len(targets)
    centred = targets - targets.mean() * flat_bias
    found = stats.norm(0, NOISE).logpdf(centred).sum()
    return found + flat_bias * 0.5 * math.log(2 * math.pi * NOISE**2 / n)


def orthogonal(n, d, seed=0):
    random = np.random.default_rng(seed)
    inputs = np.linalg.qr(np.column_stack([np.ones(n), random.normal(size=(n, d))]))[0][:, 1:]
    inputs = inputs * np.linspace(1, 5, d)
    return inputs, inputs @ random.laplace(size=d) + 2 + NOISE * random.normal(size=n)


@pytest.mark.parametrize("bias", [None, Flat()], ids=str)
def test_one_weight(given, bias):
    inputs, targets = given.draw(8, 1)
    targets = targets - 1.5 * (bias is None)
    scales = (0.003, 0.1, 1.0, 30.0)
    problem = given.state(inputs, targets, Laplace(0.5), NOISE, bias)
    x = inputs[:, 0] - inputs.mean() * (bias is not None)
    y = targets - targets.mean() * (bias is not None)
    exact = [
        at_zero(targets, bias is not None) + single(x @ x / NOISE**2, x @ y / NOISE**2, scale)
        for scale in scales
    ]
    agree(laplace_evidence.known_noise(problem, scales, **FEW), scales, exact, at_most=0.01)


@pytest.mark.parametrize("ratio", [None, 0.7])
def test_orthogonal_columns(given, ratio):
    """Ten independent integrals; under an elastic net its normaliser comes off each."""
    inputs, targets = orthogonal(25, 10)
    scales = (0.02, 0.2, 1.0, 20.0)
    prior = Laplace(1.0) if ratio is None else ElasticNet(1.0, ratio)
    problem = given.state(inputs, targets, prior, NOISE, Flat())
    squares, forces = (inputs**2).sum(0) / NOISE**2, inputs.T @ targets / NOISE**2
    exact = []
    for scale in scales:
        l2 = 0.0 if ratio is None else (ratio * scale) ** -2
        each = [single(*pair, scale, l2) for pair in zip(squares, forces, strict=True)]
        normaliser = 0.0 if ratio is None else single(0.0, 0.0, scale, l2)
        exact.append(at_zero(targets, True) + sum(each) - 10 * normaliser)
    agree(laplace_evidence.known_noise(problem, scales, **FEW), scales, exact)


def test_more_weights_than_rows(given):
    """Five orthogonal columns of six rows, and nine that are 0: those integrate to 1."""
    inputs, targets = orthogonal(6, 5)
    scales = (0.05, 0.5, 5.0)
    wide = np.hstack([inputs, np.zeros((6, 9))])
    problem = given.state(wide, targets, Laplace(1.0), NOISE, Flat())
    squares, forces = (inputs**2).sum(0) / NOISE**2, inputs.T @ targets / NOISE**2
    exact = [at_zero(targets, True) + single(squares, forces, scale).sum() for scale in scales]
    agree(laplace_evidence.known_noise(problem, scales, chains=64, draws=200), scales, exact)


@pytest.mark.parametrize("bias", [Gaussian(2.0), Laplace(2.0)], ids=str)
def test_a_penalised_bias_keeps_its_proportion(given, bias):
    """The plane of weight and bias by Gauss-Legendre quadrature on its four quarters."""
    inputs, targets = given.draw(10, 1)
    scales = (0.05, 1.0, 8.0)
    problem = given.state(inputs, targets, Laplace(1.0), NOISE, bias)
    places, areas = np.polynomial.legendre.leggauss(200)
    places = np.concatenate([-4.5 * (1 + places[::-1]), 4.5 * (1 + places)])
    areas = 4.5 * np.concatenate([areas[::-1], areas])
    outputs = places[:, None, None] * inputs[:, 0] + places[:, None]
    fit = stats.norm(outputs, NOISE).logpdf(targets).sum(-1)
    law = stats.norm if isinstance(bias, Gaussian) else stats.laplace
    exact = []
    for scale in scales:
        prior = stats.laplace(0, scale).logpdf(places)[:, None] + law(0, 2 * scale).logpdf(places)
        exact.append(special.logsumexp(fit + prior, b=np.outer(areas, areas)))
    agree(laplace_evidence.known_noise(problem, scales, **FEW), scales, exact)


def sampled(problem, count=200_000):
    """(log Z, its standard error) of ten correlated weights by importance sampling.

    Proposals: a multivariate t, 7 degrees, about the mean of Gibbs draws with their covariance.
    """
    inputs, targets = problem.inputs.numpy(), problem.targets[:, 0].numpy()
    draws = gibbs.sample(problem, chains=64, draws=200, seed=7)
    drawn = draws.params["weight"].flatten(0, 2).numpy()
    law = stats.multivariate_t(drawn.mean(0), 1.2 * np.cov(drawn.T), df=7, seed=3)
    weights = law.rvs(count)
    centred = inputs - inputs.mean(0)
    misfit = ((targets - targets.mean() - weights @ centred.T) ** 2).sum(1) / (2 * NOISE**2)
    scale = problem.priors["weight"].scale
    prior = stats.laplace(0, scale).logpdf(weights).sum(1)
    ratios = prior - misfit - law.logpdf(weights)
    top = ratios.max()
    shares = np.exp(ratios - top)
    assert shares.sum() ** 2 / (shares**2).sum() > 0.1 * count  # effective draws
    n = len(targets)
    constant = -0.5 * ((n - 1) * math.log(2 * math.pi * NOISE**2) + math.log(n))
    return constant + top + math.log(shares.mean()), shares.std() / shares.mean() / count**0.5


def correlated():
    random = np.random.default_rng(4)
    common = random.normal(size=(30, 3)) @ random.normal(size=(3, 10))
    inputs = common + 0.5 * random.normal(size=(30, 10))
    return inputs, inputs @ (0.5 * random.laplace(size=10)) + NOISE * random.normal(size=30)


def test_ten_correlated_weights(given):
    problem = given.state(*correlated(), Laplace(1.0), NOISE, Flat())
    scales = (0.05, 0.5, 3.0)
    curve = laplace_evidence.known_noise(problem, scales, **FEW)
    each = prior_scales.along(problem, scales, "test")
    exact, error = np.array([sampled(one) for one in each]).T
    assert (error < 0.01).all()
    own = np.array(curve.error)
    assert (own < 0.05).all()
    away = heights(curve, scales) - exact
    assert (abs(away) < 4 * (own**2 + error**2) ** 0.5).all(), (away, own, error)


def test_the_marginal_likelihood_of_the_bayesian_lasso(given):
    """Park & Casella 2008, section 3.1: lambda = 0.237 by Monte Carlo EM, 0.2365 +- 0.0004 ours."""
    problem = given.diabetes(Laplace(54.0 / 0.237), bias=Flat())
    grid = 54.0 / np.geomspace(4.0, 0.05, 30)
    curve = laplace_evidence.park_casella(problem, tuple(grid.tolist()), **FEW)
    assert max(curve.error) < 0.05
    choice = selection.by_evidence(problem, grid, evidence=lambda *_: curve)
    assert 54.0 / choice.scale == pytest.approx(0.237, abs=0.003)
    assert choice.identified
    assert choice.noise_scale == pytest.approx(54.34, abs=0.3)
    expected = math.sqrt(2) * choice.scale * choice.noise_scale / 54
    assert choice.prior_sd == pytest.approx(expected)
    # their hyperprior lambda^2 ~ Gamma(1, 1.78): median 0.279 (0.139, 0.486), by both roads
    strength = gibbs.StrengthPrior(1.0, 1.78)
    gridded = selection.by_hyperprior(
        problem, grid, hyperprior=on_strength(strength, problem), evidence=lambda *_: curve
    )
    noise = gibbs.park_casella(strength_prior=strength)
    drawn = selection.by_strength_draws(problem, grid, noise)
    published = (0.279, 0.139, 0.486)
    for found in (gridded, drawn):
        high, low = (54.0 / end for end in found.interval)
        assert (54.0 / found.scale, low, high) == pytest.approx(published, abs=0.006)
        assert found.identified
    inside = np.array(gridded.density) > 0.25 * max(gridded.density)  # many draws
    difference = np.array(gridded.curve) - np.array(drawn.curve)
    assert np.ptp(difference[inside]) < 0.1


def test_sigma_integrated_out_in_one_dimension(given):
    """The double integral over the weight and sigma^2, b in proportion to sigma."""
    inputs, targets = given.draw(12, 1)
    problem = given.state(inputs, targets, Laplace(1.0), NOISE, Flat())
    x, y = inputs[:, 0] - inputs.mean(), targets - targets.mean()
    scales = (0.05, 1.0, 8.0)
    exact = []
    for scale in scales:

        def joint(log_sigma, scale=scale):
            sigma = math.exp(log_sigma)
            weight = single(x @ x / sigma**2, x @ y / sigma**2, scale * sigma / NOISE)
            misfit = 11 * math.log(2 * math.pi * sigma**2) + math.log(12) + y @ y / sigma**2
            return math.exp(weight - misfit / 2 + math.log(2) + 15)

        exact.append(math.log(integrate.quad(joint, -4, 4, limit=400)[0]) - 15)
    agree(laplace_evidence.park_casella(problem, scales, **FEW), scales, exact, at_most=0.02)


def test_one_scale_narrower_than_the_anchor(given):
    inputs, targets = orthogonal(25, 2)
    problem = given.state(inputs, targets, Laplace(1.0), NOISE, Flat())
    curve = laplace_evidence.known_noise(problem, (1e-7,), **FEW)
    assert heights(curve, (1e-7,))[0] == pytest.approx(at_zero(targets, True), abs=1e-6)


def test_a_spline_keeps_values_and_slopes():
    nodes = torch.tensor([0.0, 0.5, 2.0], dtype=torch.float64)
    curve = evidence_curves.spline(nodes, nodes**3, 3 * nodes**2)
    places = torch.linspace(0, 2, 33, dtype=torch.float64)
    torch.testing.assert_close(curve(places), places**3)


def test_what_cannot_be_done_is_refused(given):
    inputs, targets = given.draw(9, 2)
    alone = given.state(inputs, targets, Laplace(1.0))
    with pytest.raises(InputError, match="1 chain has no error: give at least 2"):
        laplace_evidence.known_noise(alone, (1.0,), chains=1)
    model, priors = nn.Linear(2, 2, bias=False), {"weight": Laplace(1.0)}
    targets = np.stack([targets, targets], 1)
    problem = Problem(model, GaussianNoise(NOISE), priors, inputs, targets)
    with pytest.raises(InputError, match="is for one output"):
        laplace_evidence.known_noise(problem, (1.0,))
