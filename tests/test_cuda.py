"""The same answers on a GPU; skipped, with the reason, where there is none."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from bayeswd.analysis import statement
from bayeswd.analysis.belief import Belief
from bayeswd.cli.main import main
from bayeswd.estimate import descent, exact
from bayeswd.posterior import (
    choose,
    conjugate,
    gibbs,
    hmc,
    laplace_approximation,
    normal_inverse_gamma,
)
from bayeswd.problem import datasets
from bayeswd.problem.likelihoods import Bernoulli, GaussianNoise
from bayeswd.problem.moments import Moments
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import ElasticNet, Flat, Gaussian, Laplace

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device"),
]


def stated(device, *kinds):
    split = datasets.split(datasets.load("d2l"))
    return statement.state(split, kinds, Belief(), device=device).problems


@pytest.mark.parametrize("kind", ["l2", "l1"])
def test_the_exact_optimum_and_training_are_those_of_the_cpu(kind):
    (here,), (there,) = stated("cpu", kind), stated("cuda", kind)
    best = exact.solve(here)
    found = exact.solve(there)
    assert found.params["weight"].device.type == "cuda"
    scale = float(best.params["weight"].abs().max())
    torch.testing.assert_close(
        found.params["weight"].cpu(), best.params["weight"], rtol=0, atol=1e-9 * scale
    )
    trained = descent.train(there)
    assert trained.certificate.gap <= 1e-6
    assert math.isclose(trained.objective, best.objective, rel_tol=1e-9)


def test_the_exact_posterior_is_that_of_the_cpu():
    (here,), (there,) = stated("cpu", "l2"), stated("cuda", "l2")
    one, other = conjugate.posterior(here), conjugate.posterior(there)
    torch.testing.assert_close(other.sd["weight"].cpu(), one.sd["weight"], rtol=1e-9, atol=0)
    assert math.isclose(one.log_evidence, other.log_evidence, rel_tol=1e-10)


def test_the_command_runs_on_the_device(tmp_path):
    assert main(["compare", "--device", "cuda", "--strict", "--out", str(tmp_path)]) == 0


def linear(prior, device, n=12, d=3, likelihood=None):
    random = np.random.default_rng(n + d)
    inputs = random.normal(size=(n, d)) + 0.5
    targets = inputs.sum(1) + random.normal(size=n)
    targets = targets if likelihood is None else (targets > 1).astype(float)
    priors = {"weight": prior, "bias": Gaussian(2.0) if likelihood else Flat()}
    problem = Problem(nn.Linear(d, 1), likelihood or GaussianNoise(0.8), priors, inputs, targets)
    return problem.to(device)


RUN = {"chains": 256, "draws": 200, "warmup": 50}
# an engine, and a problem that it accepts on a device
ENGINES = {
    "conjugate": (conjugate.sample, partial(linear, Gaussian(0.6))),
    "conjugate, d > n": (conjugate.sample, partial(linear, Gaussian(0.6), n=3, d=6)),
    "unknown noise": (normal_inverse_gamma.sample, partial(linear, Gaussian(0.6))),
    "laplace approximation": (laplace_approximation.sample, partial(linear, Gaussian(0.6))),
    "gibbs": (partial(gibbs.sample, **RUN), partial(linear, Laplace(0.4))),
    "gibbs, d > n": (partial(gibbs.sample, **RUN), partial(linear, Laplace(0.4), n=3, d=6)),
    "gibbs, 40 weights": (partial(gibbs.sample, **RUN), partial(linear, Laplace(0.4), n=60, d=40)),
    "gibbs, elastic net": (partial(gibbs.sample, **RUN), partial(linear, ElasticNet(0.4, 0.7))),
    "gibbs, tied": (
        partial(gibbs.sample, **RUN, noise=gibbs.penalty_tied()),
        partial(linear, Laplace(0.4)),
    ),
    "gibbs, park-casella": (
        partial(
            gibbs.sample,
            **RUN,
            noise=gibbs.park_casella(strength_prior=gibbs.StrengthPrior(1.0, 1.0)),
        ),
        partial(linear, Laplace(0.4)),
    ),
    "hmc": (partial(hmc.sample, **RUN), partial(linear, Laplace(0.4))),
    "hmc, logistic": (
        partial(hmc.sample, **RUN),
        partial(linear, Gaussian(1.0), likelihood=Bernoulli()),
    ),
    "chosen": (partial(choose.sample, **RUN), partial(linear, Laplace(0.4))),
}


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_draws_the_posterior_of_the_cpu(name):
    """Means and squares; an effective draw in four is what the slowest of them gives."""
    sample, stated = ENGINES[name]
    here, there = sample(stated("cpu"), seed=1), sample(stated("cuda"), seed=2)
    for parameter, expected in here.params.items():
        found = there.params[parameter]
        assert found.device.type == "cuda"
        centre = expected.mean((0, 1))
        for moved in (lambda values: values, lambda values: (values - centre) ** 2):  # noqa: B023
            one, other = moved(expected), moved(found.cpu())
            error = one.std((0, 1)) * (2 * 4 / one[..., 0].numel()) ** 0.5
            assert (abs(one.mean((0, 1)) - other.mean((0, 1))) < 4 * error).all()


@pytest.mark.parametrize("engine", [gibbs.sample, hmc.sample])
def test_a_problem_from_moments_on_the_device(engine):
    problem = linear(Laplace(0.4), "cuda")
    moments = Moments.of(problem.inputs, problem.targets)
    summed = Problem.from_moments(problem.model, problem.likelihood, problem.priors, moments)
    draws = engine(summed, chains=8, draws=5, warmup=5)
    assert all(value.device.type == "cuda" for value in draws.params.values())
