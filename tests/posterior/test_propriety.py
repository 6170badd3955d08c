"""A posterior is proper where its integral stops growing with the region: rules against sums."""

import math

import pytest
import torch
from torch import nn
from torch.func import vmap

from bayeswd.errors import InputError
from bayeswd.posterior import propriety
from bayeswd.problem.likelihoods import Bernoulli, Categorical, GaussianNoise, Poisson
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Gaussian, Laplace

INPUTS = torch.tensor([[-1.0], [-0.2], [0.4], [1.5]], dtype=torch.float64)


def state(likelihood, targets, weight=None, bias=None):
    priors = {"weight": weight or Gaussian(1.0), "bias": bias or Flat()}
    return Problem(nn.Linear(1, 1), likelihood, priors, INPUTS, torch.tensor(targets))


def log_mass(problem, reach):
    """log of the integral of the joint density over |weight|, |bias| <= reach."""
    axis = torch.linspace(-reach, reach, 1201, dtype=torch.float64)
    weight, bias = torch.cartesian_prod(axis, axis).split(1, 1)
    joint = -vmap(problem.objective, chunk_size=200_000)({"weight": weight[:, None], "bias": bias})
    return float(joint.logsumexp(0)) + 2 * math.log(axis[1] - axis[0])


PROPER = {
    "noise": lambda: state(GaussianNoise(0.5), [0.0, 1, 2, 1]),
    "noise, flat weight": lambda: state(GaussianNoise(0.5), [0.0, 1, 2, 1], Flat()),
    "noise, laplace": lambda: state(GaussianNoise(0.5), [0.0, 1, 2, 1], Laplace(0.3)),
    "two classes": lambda: state(Bernoulli(), [0.0, 1, 0, 0]),
    "two classes that overlap, flat weight": lambda: state(Bernoulli(), [0.0, 1, 0, 1], Flat()),
    "counts": lambda: state(Poisson(), [0.0, 0, 1, 0]),
    "one class, own bias": lambda: state(Bernoulli(), [1.0] * 4, bias=Gaussian(2.0)),
}
IMPROPER = {
    "one class": lambda: state(Bernoulli(), [1.0] * 4),
    "one class, laplace": lambda: state(Bernoulli(), [0.0] * 4, Laplace(1.0)),
    "classes apart, flat weight": lambda: state(Bernoulli(), [0.0, 0, 1, 1], Flat()),
    "no counts": lambda: state(Poisson(), [0.0] * 4),
}


@pytest.mark.parametrize("kind", PROPER)
def test_a_proper_posterior_passes(kind):
    problem = PROPER[kind]()
    propriety.require(problem, "x")
    assert log_mass(problem, 60) - log_mass(problem, 30) < 0.02


@pytest.mark.parametrize("kind", IMPROPER)
def test_an_improper_one_is_refused_by_name(kind):
    problem = IMPROPER[kind]()
    flat = ", ".join(map(repr, propriety.flat_names(problem)))
    message = rf"x: the posterior is improper under Flat\(\) on {flat}: the objective falls for"
    with pytest.raises(InputError, match=message):
        propriety.require(problem, "x")
    assert log_mass(problem, 60) - log_mass(problem, 30) > 0.3


def test_the_shift_of_a_softmax_has_no_bound():
    priors = {"weight": Laplace(1.0), "bias": Flat()}
    problem = Problem(nn.Linear(1, 2), Categorical(), priors, INPUTS, [0, 1, 0, 1])
    with pytest.raises(InputError, match="a shift common to all classes changes no probability"):
        propriety.require(problem, "x")
    shifted = {"weight": torch.ones(2, 1).double(), "bias": torch.tensor([0.3, 1.0]).double()}
    before = float(problem.objective(shifted))
    shifted["bias"] = shifted["bias"] + 1e3
    assert float(problem.objective(shifted)) == pytest.approx(before, rel=1e-10)


def test_of_a_network_under_flat_priors_it_is_only_said_that_nobody_knows():
    model = nn.Sequential(nn.Linear(1, 2), nn.Tanh(), nn.Linear(2, 1))
    priors = {"*.weight": Gaussian(1.0), "*.bias": Flat()}
    problem = Problem(model, GaussianNoise(0.5), priors, INPUTS, INPUTS)
    propriety.require(problem, "x")
    assert "proper under Flat() on 0.bias, 2.bias is not known" in propriety.doubt(problem)
    assert propriety.doubt(PROPER["noise"]()) == ""
    assert propriety.doubt(problem.with_priors(lambda *_: Gaussian(1.0))) == ""
