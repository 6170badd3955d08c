"""What a path can be given in seconds."""

import numpy as np
import pytest
import torch
from torch import nn

from bayeswd.analysis import selection, swift
from bayeswd.errors import InputError
from bayeswd.posterior import conjugate, laplace_approximation
from bayeswd.problem.likelihoods import Bernoulli, GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Gaussian, Laplace
from bayeswd.results import Draws

SCALES = (0.3, 1.0)


def problem(prior, likelihood):
    random = np.random.default_rng(1)
    x = random.standard_normal((30, 3))
    y = (x.sum(1) + random.standard_normal(30) > 0).astype(float)
    model = nn.Linear(3, 1, dtype=torch.float64)
    return Problem(model, likelihood, {"weight": prior, "bias": Flat()}, x, y)


RIDGE = problem(Gaussian(1.0), GaussianNoise(1.0))
LASSO = problem(Laplace(1.0), GaussianNoise(1.0))
LOGISTIC = problem(Gaussian(1.0), Bernoulli())
LOGISTIC_L1 = problem(Laplace(1.0), Bernoulli())


def test_each_problem_has_the_best_posterior_that_takes_seconds():
    exact = swift.posteriors(RIDGE, SCALES)
    assert [each.log_evidence for each in exact] == pytest.approx(
        [each.log_evidence for each in conjugate.path(RIDGE, SCALES)]
    )
    assert all(isinstance(each, Draws) for each in swift.posteriors(LASSO, SCALES))
    at_mode = swift.posteriors(LOGISTIC, SCALES)
    own = laplace_approximation.posterior(LOGISTIC.with_priors(lambda name, prior: prior))
    assert torch.allclose(at_mode[1].mean["weight"], own.mean["weight"])
    assert at_mode[0].method.startswith("laplace")
    with pytest.raises(InputError, match="under an L1 penalty and this likelihood"):
        swift.posteriors(LOGISTIC_L1, SCALES)


def test_bands_are_those_of_the_posteriors():
    found = swift.with_posteriors(selection.select(LOGISTIC, SCALES, by=("evidence",)))
    bands, gaussians = found.path.bands, found.path.posteriors
    half = 1.959964 * torch.stack([each.sd["weight"] for each in gaussians])
    middle = torch.stack([each.mean["weight"] for each in gaussians])
    torch.testing.assert_close(bands.upper, middle + half, rtol=1e-6, atol=0)
    torch.testing.assert_close(bands.lower, middle - half, rtol=1e-6, atol=0)


def test_which_problems_take_hmc():
    assert not swift.needs_hmc(RIDGE)
    assert not swift.needs_hmc(LASSO)
    assert swift.needs_hmc(LOGISTIC)
    assert swift.needs_hmc(LOGISTIC_L1)
