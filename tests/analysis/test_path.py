"""Paths: estimates, zeros, degrees of freedom, posteriors, and the knots that LARS publishes."""

import time

import numpy as np
import pytest
import torch
from torch import nn

from bayeswd.analysis import bands, default_scales, effective_degrees, path
from bayeswd.errors import InputError
from bayeswd.estimate import exact
from bayeswd.posterior import conjugate, normal_inverse_gamma
from bayeswd.problem.likelihoods import Bernoulli, Categorical, Poisson
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import ElasticNet, Flat, Gaussian, Laplace
from bayeswd.results import Draws

NAMES = ("age", "sex", "bmi", "map", "tc", "ldl", "hdl", "tch", "ltg", "glu")
# Efron, Hastie, Johnstone & Tibshirani 2004: at each knot max|X'r| one weight enters, or leaves
KNOTS = [
    (949.435, "bmi", 1),
    (889.314, "ltg", 1),
    (452.896, "map", 1),
    (316.073, "hdl", 1),
    (130.130, "sex", 1),
    (88.784, "glu", 1),
    (68.965, "tc", 1),
    (19.981, "tch", 1),
    (5.478, "ldl", 1),
    (5.088, "age", 1),
    (2.182, "hdl", -1),
    (1.310, "hdl", 1),
]


@pytest.mark.parametrize(("knot", "name", "change"), KNOTS)
def test_weights_enter_and_leave_at_the_knots_of_lars(given, knot, name, change):
    """Sum of half squares + knot |w|_1, that is b = sigma^2 / knot; published to 3 decimals."""
    problem = given.diabetes(Laplace(1.0))
    around = [54.0**2 / (knot + 6e-4), 54.0**2 / (knot - 6e-4)]
    found = path.along(problem, around, solve=exact.lasso)
    before, after = (set(np.flatnonzero(row[0])) for row in found.weights.numpy())
    assert (after - before if change > 0 else before - after) == {NAMES.index(name)}
    assert len(before ^ after) == 1


@pytest.mark.parametrize("prior", [Gaussian(0.5), Laplace(0.5), ElasticNet(0.5, 1.0)])
def test_each_point_is_the_mode_under_its_own_prior(given, prior):
    problem = given.state(*given.draw(40, 6), prior, bias=Flat())
    scales = [3.0, 0.01, 0.2]
    found = path.along(problem, scales)
    assert found.scales == (0.01, 0.2, 3.0)
    for each, estimate in zip(found.problems, found.estimates, strict=True):
        alone = exact.solve(each)
        torch.testing.assert_close(
            estimate.params["weight"], alone.params["weight"], rtol=1e-9, atol=1e-12
        )
        assert estimate.certificate.gap < 1e-8
    zeros = [int((estimate.params["weight"] != 0).sum()) for estimate in found.estimates]
    assert found.nonzero == tuple(zeros)
    assert found.prior_sds[1] == pytest.approx(found.problems[1].priors["weight"].variance ** 0.5)
    assert found.train_losses == tuple(sorted(found.train_losses, reverse=True))


def test_the_degrees_of_ridge_are_the_trace_of_the_hat_matrix(given):
    inputs, targets = given.draw(30, 5)
    problem = given.state(inputs, targets, Gaussian(0.3), noise=0.7, bias=Flat())
    centred = inputs - inputs.mean(0)
    ratio = 0.7**2 / 0.3**2
    hat = centred @ np.linalg.solve(centred.T @ centred + ratio * np.eye(5), centred.T)
    assert effective_degrees.of(problem, exact.ridge(problem).params) == pytest.approx(
        np.trace(hat)
    )


def test_the_degrees_of_lasso_are_the_rank_of_its_columns(given):
    inputs, targets = given.draw(30, 5)
    problem = given.state(inputs, targets, Laplace(0.05), bias=Flat())
    found = path.along(problem, [0.01, 0.05, 10.0])
    assert found.effective_degrees == found.nonzero
    twice = given.state(np.hstack([inputs, 3 * inputs]), targets, Laplace(0.5), bias=Flat())
    weights = {"weight": torch.ones(1, 10, dtype=torch.float64), "bias": torch.zeros(1)}
    assert effective_degrees.of(twice, weights) == 5


@pytest.mark.parametrize("likelihood", [Bernoulli(), Poisson(), Categorical()])
def test_degrees_elsewhere_come_from_the_curvature_at_the_mode(given, likelihood):
    """tr (misfit curvature) (objective curvature)^-1; a proper bias is one more weight."""
    inputs, _ = given.draw(40, 3)
    classes = 3 if isinstance(likelihood, Categorical) else 1
    targets = np.random.default_rng(1).integers(0, max(classes, 2), 40)
    priors = {"weight": Gaussian(0.6), "bias": Gaussian(2.0)}
    problem = Problem(nn.Linear(3, classes), likelihood, priors, inputs, targets)
    mode = exact.glm(problem).params
    rows, names = [value.shape for value in mode.values()], list(mode)

    def misfit(flat):
        parts = flat.split([shape.numel() for shape in rows])
        return problem.misfit({n: p.view(s) for n, p, s in zip(names, parts, rows, strict=True)})

    flat = torch.cat([mode[name].flatten() for name in names])
    curvature = torch.autograd.functional.hessian(misfit, flat)
    rates = torch.cat(
        [torch.full(mode[n].shape, problem.priors[n].l2_rate).flatten() for n in names]
    )
    expected = torch.trace(torch.linalg.solve(curvature + torch.diag(rates), curvature))
    assert effective_degrees.of(problem, mode) == pytest.approx(float(expected))


def test_bands_in_closed_form_and_from_draws(given):
    problem = given.state(*given.draw(25, 4), Gaussian(0.5), noise=0.7, bias=Flat())
    scales = [0.05, 0.5, 5.0]
    exactly = bands.of(conjugate.path(problem, scales), "weight", 0.9)
    drawn = [
        conjugate.sample(each, draws=20_000, seed=1)
        for each in path.along(problem, scales).problems
    ]
    sampled = bands.of(drawn, "weight", 0.9)
    sd = torch.stack([each.sd["weight"] for each in conjugate.path(problem, scales)])
    # standard error of a 5 % quantile of 80,000 normal draws: 0.0075 sd
    for name in ("lower", "median", "upper"):
        difference = getattr(exactly, name) - getattr(sampled, name)
        assert float((difference / sd).abs().max()) < 4 * 0.0075
    outside = ((exactly.lower > 0) | (exactly.upper < 0)).flatten(1).sum(1)
    assert exactly.excludes_zero == tuple(outside.tolist())
    student = bands.of(normal_inverse_gamma.path(problem, scales), "weight", 0.9)
    assert student.lower.shape == (3, 1, 4)
    assert (student.upper > student.median).all()


def test_sixty_strengths_of_posterior_bands_take_seconds(given):
    problem = given.diabetes(Laplace(100.0), bias=Flat())
    started = time.process_time()
    found = path.along(problem, posterior=path.posteriors)
    assert time.process_time() - started < 5
    assert len(found.scales) == 60
    assert isinstance(found.posteriors[0], Draws)
    # a sparse mode is no certain posterior: at the wide end all weights are free, four are sure
    assert found.nonzero[-1] == 10
    assert found.bands.excludes_zero[-1] == 4
    assert found.nonzero[0] == found.bands.excludes_zero[0] == 0


@pytest.mark.parametrize("shape", [(40, 6), (15, 40)])
def test_the_default_grid_runs_from_prior_to_data(given, shape):
    ridge = given.state(*given.draw(*shape), Gaussian(1.0), bias=Flat())
    degrees = path.along(ridge, default_scales.of(ridge)).effective_degrees
    assert len(degrees) == 60
    assert degrees[0] < 0.1
    assert degrees[-1] > 0.99 * min(shape[0] - 1, shape[1])
    lasso = given.state(*given.draw(*shape), Laplace(1.0), bias=Flat())
    scales = default_scales.of(lasso)
    inside = path.along(lasso, [scales[0] * 1.999, scales[0] * 2.001, scales[-1]])
    assert inside.nonzero[:2] == (0, 1)


@pytest.mark.parametrize("scales", [[], [0.0, 1.0], [-1.0], [float("nan")], [float("inf")]])
def test_bad_scales_are_refused(given, scales):
    with pytest.raises(InputError, match="prior scales must be finite numbers > 0"):
        path.along(given.state(*given.draw(9, 2), Gaussian(1.0)), scales)


def test_what_has_no_scale_is_refused(given):
    problem = given.state(*given.draw(9, 2), Flat())
    for scales in ([1.0], None):
        with pytest.raises(InputError, match="has no scale to vary"):
            path.along(problem, scales)
    constant = given.state(np.ones((9, 2)), np.arange(9.0), Gaussian(1.0), bias=Flat())
    with pytest.raises(InputError, match="no prior scale is better"):
        default_scales.of(constant)
    with pytest.raises(InputError, match="bands of probability 1"):
        bands.of([], "weight", 1.0)
