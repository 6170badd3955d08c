"""The evidence and the posterior of the scale: published numbers, scikit-learn, reductions."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import integrate
from sklearn.linear_model import BayesianRidge
from torch import nn

from bayeswd.analysis import evidence_curves, identified, selection
from bayeswd.analysis.by_hyperprior import flat
from bayeswd.errors import InputError
from bayeswd.posterior import evidence, gibbs
from bayeswd.problem.likelihoods import Bernoulli
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Gaussian, Laplace

GRID = np.geomspace(30.0, 3000.0, 40)


def test_diabetes_by_evidence_is_what_scikit_learn_finds(given):
    """alpha = sigma^2 / tau^2 = 0.0336; log Z to 1e-9 of the score without hyperpriors."""
    problem = given.diabetes(Gaussian(300.0))
    choice = selection.by_evidence(problem, GRID, evidence=selection.unknown_noise)
    zero = dict.fromkeys(("alpha_1", "alpha_2", "lambda_1", "lambda_2"), 0.0)
    model = BayesianRidge(fit_intercept=False, compute_score=True, tol=1e-14, max_iter=3000, **zero)
    model.fit(problem.inputs.numpy(), problem.targets[:, 0].numpy())
    alpha = (54.0 / choice.scale) ** 2
    assert alpha == pytest.approx(0.0336118, rel=2e-6)
    assert alpha == pytest.approx(model.lambda_ / model.alpha_, rel=1e-5)
    assert choice.noise_scale == pytest.approx(model.alpha_**-0.5, rel=1e-6)
    assert choice.prior_sd == pytest.approx(model.lambda_**-0.5, rel=1e-5)
    at_best = selection.by_evidence(problem, [choice.scale], evidence=selection.unknown_noise)
    assert at_best.curve[0] == pytest.approx(model.scores_[-1], rel=1e-9)
    assert at_best.curve[0] == pytest.approx(-2405.7713077, rel=1e-9)
    assert choice.identified


def test_a_flat_bias_marginalised(given):
    problem = given.diabetes(Gaussian(300.0), bias=Flat())
    choice = selection.by_evidence(problem, GRID, evidence=selection.unknown_noise)
    assert (54.0 / choice.scale) ** 2 == pytest.approx(0.0337, abs=5e-5)


def test_the_interval_ends_where_the_evidence_has_fallen_by_1_92_nats(given):
    problem = given.state(*given.draw(40, 6), Gaussian(1.0), 0.7, Flat())
    choice = selection.by_evidence(problem, np.geomspace(0.01, 100, 30))
    curve = evidence.log_evidence_path(problem, [choice.scale, *choice.interval])
    np.testing.assert_allclose(curve[0] - curve[1:], 1.96**2 / 2, rtol=1e-8)
    assert choice.scale == pytest.approx(evidence.best_scale(problem), rel=1e-6)
    assert choice.identified
    assert choice.prior_sd == choice.scale
    assert np.trapezoid(choice.density, np.log(choice.scales)) == pytest.approx(1)
    cut = selection.by_evidence(problem, [choice.scale * 0.9, choice.scale * 1.1])
    assert cut.open_ends == (True, True)
    assert not cut.identified
    outside = selection.by_evidence(problem, [choice.scale * 5, choice.scale * 9])
    assert outside.scale == outside.scales[0]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_d2l_evidence_finds_the_prior_that_drew_the_weights(given, seed):
    """lambda = sigma^2 / (n tau^2) about 0.05 with sigma known; none with sigma unknown."""
    problem, _ = given.d2l(Gaussian(0.01), seed)
    grid = np.geomspace(5e-4, 0.5, 60)
    choice = selection.by_evidence(problem, grid)
    assert choice.identified
    assert 0.02 < 0.01**2 / (20 * choice.scale**2) < 0.12
    unknown = selection.by_evidence(problem, grid, evidence=selection.unknown_noise)
    assert not unknown.identified


@pytest.mark.slow
def test_d2l_over_300_seeds(given):
    """Median and quartiles of the chosen lambda; the validation minimum is not identified."""
    grid = np.geomspace(5e-4, 0.5, 60)
    strengths, validated, unknown = [], 0, 0
    for seed in range(300):
        problem, rows = given.d2l(Gaussian(0.01), seed)
        strengths.append(0.01**2 / (20 * selection.by_evidence(problem, grid).scale ** 2))
        validated += selection.by_validation(problem, grid, rows).identified
        found = selection.by_evidence(problem, grid, evidence=selection.unknown_noise)
        unknown += found.identified
    lower, median, upper = np.quantile(strengths, [0.25, 0.5, 0.75])
    print(f"lambda {lower:.4f} {median:.4f} {upper:.4f}; identified: {validated}, {unknown}")
    assert 0.048 < median < 0.057
    assert 0.038 < lower < 0.047
    assert 0.058 < upper < 0.072
    assert validated <= 3
    assert unknown <= 3


def test_other_likelihoods_go_by_the_gaussian_at_the_mode(given):
    """One weight: against the integral."""
    inputs = np.linspace(-2, 2, 30)[:, None]
    targets = (inputs[:, 0] + 0.8 * np.sin(9 * inputs[:, 0]) > 0).astype(float)
    model, priors = nn.Linear(1, 1, bias=False), {"weight": Gaussian(1.0)}
    problem = Problem(model, Bernoulli(), priors, inputs, targets)
    choice = selection.by_evidence(problem, [0.5, 1.0, 2.0])
    assert "approximation" in choice.note
    assert choice.noise_scale is None
    for scale, found in zip(choice.scales, choice.curve, strict=True):

        def joint(weight, scale=scale):
            each = problem.with_priors(lambda _, prior: Gaussian(scale))
            return math.exp(-float(each.objective({"weight": torch.tensor([[weight]]).double()})))

        exact = math.log(integrate.quad(joint, -10, 20)[0])
        assert found == pytest.approx(exact, abs=0.05)
    laplace = problem.with_priors(lambda _, prior: Laplace(1.0))
    with pytest.raises(InputError, match="give a Gaussian prior"):
        selection.by_evidence(laplace, [1.0, 2.0])
    with pytest.raises(InputError, match="no evidence for"):
        selection.by_evidence(problem, [1.0, 2.0], evidence=selection.unknown_noise)


def test_the_posterior_of_the_scale_is_evidence_times_hyperprior(given):
    problem = given.state(*given.draw(40, 6), Gaussian(1.0), 0.7, Flat())

    def hyperprior(log_scale):
        return -0.5 * (log_scale + 2) ** 2

    choice = selection.by_hyperprior(problem, np.geomspace(1e-3, 1e3, 30), hyperprior=hyperprior)
    curve = evidence_curves.known_noise(problem, choice.scales).log_evidence
    top = float(curve(torch.tensor(math.log(choice.scale)).double()))

    def density(log):
        place = torch.tensor(log, dtype=torch.float64)
        return math.exp(float(curve(place) - top + hyperprior(place)))

    ends = np.log([1e-3, *choice.interval, 1e3])
    below, inside, above = (integrate.quad(density, *pair, limit=200)[0] for pair in pairwise(ends))
    total = below + inside + above
    assert below / total == pytest.approx(0.025, abs=1e-4)
    assert above / total == pytest.approx(0.025, abs=1e-4)
    half = integrate.quad(density, ends[0], math.log(choice.scale), limit=200)[0]
    assert half / total == pytest.approx(0.5, abs=1e-4)
    assert choice.identified


def test_a_posterior_that_the_grid_cuts_off_is_open(given):
    problem = given.state(*given.draw(40, 6), Gaussian(1.0), 0.7, Flat())
    best = evidence.best_scale(problem)
    choice = selection.by_hyperprior(problem, np.geomspace(best, 100 * best, 20), hyperprior=flat)
    assert choice.open_ends == (True, False)
    assert not choice.identified
    with pytest.raises(InputError, match="at least 2 scales"):
        selection.by_hyperprior(problem, [1.0])


def test_a_narrow_peak_between_the_points_of_the_look():
    def curve(places):
        return -1e9 * (places - 0.3217) ** 2

    best = identified.highest(curve, -5.0, 5.0)
    assert best == pytest.approx(0.3217, abs=1e-9)
    low, high = identified.within_nats(curve, best, -5.0, 5.0)
    reach = (identified.NATS / 1e9) ** 0.5
    assert (best - low, high - best) == pytest.approx((reach, reach), rel=1e-3)


def test_strength_draws_need_a_prior_of_the_strength(given):
    problem = given.state(*given.draw(9, 2), Laplace(1.0))
    with pytest.raises(InputError, match="needs a noise model with a strength_prior"):
        selection.by_strength_draws(problem, [1.0], gibbs.KNOWN)
