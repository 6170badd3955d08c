"""Pyro's SVI against the exact posterior, and against the best that a diagonal guide can do."""

import math
from functools import partial

import numpy as np
import pyro
import pytest
import torch
from pyro.infer.autoguide import (
    AutoDelta,
    AutoDiagonalNormal,
    AutoLowRankMultivariateNormal,
    AutoMultivariateNormal,
    AutoNormal,
)
from torch import nn
from torch.func import vmap

from bayeswd.errors import InputError
from bayeswd.posterior import conjugate, pyro_svi
from bayeswd.problem.likelihoods import Categorical, GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Gaussian, Laplace

fit = partial(pyro_svi.fit, steps=400, lr=0.08, seed=1)


def linear(prior=None, unit=1.0, dtype=torch.float64):
    """Leaning columns of any unit, so that a diagonal guide is far from the posterior."""
    random = np.random.default_rng(0)
    inputs = random.normal(size=(12, 2)) + 1.5 * random.normal(size=(12, 1))
    targets = inputs @ [0.5, -0.2] + 1 + 0.7 * random.normal(size=12)
    priors = {"weight": prior or Gaussian(0.6 * unit), "bias": Flat()}
    rows = torch.tensor(inputs / unit, dtype=dtype)
    return Problem(nn.Linear(2, 1), GaussianNoise(0.7), priors, rows, targets)


@pytest.mark.parametrize(
    ("guide", "unit", "close"),
    [
        (AutoMultivariateNormal, 1.0, 0.05),
        (AutoMultivariateNormal, 1e4, 0.05),
        (AutoLowRankMultivariateNormal, 1.0, 0.1),
    ],
)
def test_a_full_guide_finds_the_posterior_in_any_unit(guide, unit, close):
    problem = linear(unit=unit)
    found, exact = fit(problem, guide=guide), conjugate.posterior(problem)
    assert found.log_evidence == pytest.approx(exact.log_evidence, abs=close)
    for name, sd in exact.sd.items():
        assert ((found.mean[name] - exact.mean[name]).abs() < 0.15 * sd).all()
        torch.testing.assert_close(found.sd[name], sd, rtol=0.15, atol=0)
    torch.testing.assert_close(
        torch.cat([sd.flatten() for sd in found.sd.values()]), found.covariance.diagonal().sqrt()
    )
    assert found.noise_scale == 0.7
    assert found.method == f"pyro-svi-{guide.__name__}"


@pytest.mark.parametrize("guide", [AutoNormal, AutoDiagonalNormal])
def test_a_diagonal_guide_finds_the_best_diagonal_gaussian(guide):
    """Its precision is the diagonal of the posterior's; KL = (sum log P_jj - log det P) / 2."""
    problem = linear()
    found, exact = fit(problem, guide=guide), conjugate.posterior(problem)
    precision = exact.covariance.inverse()
    short = 0.5 * float(precision.diagonal().log().sum() - precision.logdet())
    assert short > 0.5
    assert exact.log_evidence - found.log_evidence == pytest.approx(short, abs=0.06)
    own = found.covariance.diagonal() * precision.diagonal()
    torch.testing.assert_close(own, torch.ones_like(own), rtol=0.25, atol=0)
    assert float((found.covariance - found.covariance.diagonal().diag()).abs().max()) == 0
    assert f"{short:.1f}" in found.note.split("nats short of the exact log evidence")[0]


def test_the_note_bounds_what_the_guide_misses_where_the_evidence_is_not_known():
    """Two weights, so that a sum over a grid knows the evidence."""
    like = linear()
    model, priors = nn.Linear(2, 1, bias=False), {"weight": Laplace(0.3)}
    problem = Problem(model, GaussianNoise(0.7), priors, like.inputs, like.targets)
    axis = torch.linspace(-4, 4, 801, dtype=torch.float64)
    grid = {"weight": torch.cartesian_prod(axis, axis)[:, None]}
    exact = float((-vmap(problem.objective)(grid)).logsumexp(0)) + 2 * math.log(0.01)
    found = fit(problem, guide=AutoNormal)
    words = found.note.split()
    gain = float(words[words.index("adds") + 1])
    assert found.note.startswith(f"ELBO {found.log_evidence:.2f} nats")
    assert 0.6 * (exact - found.log_evidence) < gain < exact - found.log_evidence + 0.02
    assert gain > 0.1


def test_a_seed_is_reproducible_and_the_global_state_is_left_as_it_was():
    problem = linear()
    pyro.clear_param_store()
    pyro.param("mine", torch.tensor(2.0))
    torch.manual_seed(3)
    before, counted = torch.get_rng_state(), []
    once = fit(problem, steps=5, progress=lambda *counts: counted.append(counts))
    assert torch.equal(before, torch.get_rng_state())
    assert dict(pyro.get_param_store()).keys() == {"mine"}
    pyro.clear_param_store()
    assert counted == [(step, 5) for step in range(1, 6)]
    torch.manual_seed(4)
    again, other = fit(problem, steps=5), fit(problem, steps=5, seed=2)
    assert torch.equal(once.covariance, again.covariance)
    assert not torch.equal(once.covariance, other.covariance)


def test_draws_are_those_of_the_gaussian_it_found():
    problem = linear()
    options = {"steps": 50, "seed": 4}
    draws = pyro_svi.sample(problem, chains=3, draws=2000, **options)
    gaussian = pyro_svi.fit(problem, **options)
    assert draws.params["weight"].shape == (3, 2000, 1, 2)
    assert draws.engine == "pyro-svi"
    assert gaussian.note in draws.why
    for name, sd in gaussian.sd.items():
        off = (draws.params[name].mean((0, 1)) - gaussian.mean[name]) / sd * math.sqrt(6000)
        assert off.abs().max() < 4
        torch.testing.assert_close(draws.params[name].std((0, 1)), sd, rtol=0.04, atol=0)


def test_a_network_starts_where_it_is_told_and_float32_stays_float32():
    inputs = torch.linspace(-1, 1, 6)[:, None]
    model = nn.Sequential(nn.Linear(1, 2), nn.Tanh(), nn.Linear(2, 1))
    problem = Problem(model, GaussianNoise(0.3), {"*": Gaussian(1.0)}, inputs, inputs.sin())
    start = {name: torch.full_like(value, 5.0) for name, value in problem.initial.items()}
    found = pyro_svi.fit(problem, steps=1, start=start)
    for name, mean in found.mean.items():
        assert mean.dtype == found.sd[name].dtype == torch.float32
        assert (mean - start[name]).abs().max() < 0.1
    assert found.covariance.dtype == torch.float64


def softmax():
    priors = {"weight": Gaussian(1.0), "bias": Flat()}
    return Problem(nn.Linear(2, 3), Categorical(), priors, torch.eye(3)[:, :2], [0, 1, 2])


@pytest.mark.parametrize(
    ("problem", "options", "message"),
    [
        (linear, {"guide": AutoDelta}, r"guide=AutoDelta\): its result is a Gaussian; give one of"),
        (linear, {"steps": 0}, r"steps=0, lr=0.02\): give steps >= 1"),
        (linear, {"start": {}}, "start names"),
        (softmax, {}, "pyro_svi.fit: the posterior is improper under Flat.* on 'bias'"),
    ],
)
def test_what_cannot_be_fitted_is_refused(problem, options, message):
    with pytest.raises(InputError, match=message):
        pyro_svi.fit(problem(), **options)
