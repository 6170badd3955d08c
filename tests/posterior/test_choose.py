"""Which engine bw.sample picks for which problem, what it says of it, and what it passes on."""

import json
import math
import subprocess
import sys
from functools import partial
from pathlib import Path
from unittest.mock import create_autospec

import numpy as np
import pytest
import torch
from torch import nn

import bayeswd as bw
from bayeswd.errors import InputError
from bayeswd.posterior import choose, conjugate, gibbs, hmc, laplace_approximation, pyro_nuts
from bayeswd.problem.likelihoods import Bernoulli, Categorical, GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import ElasticNet, Flat, Gaussian, Laplace
from bayeswd.results import Draws

INPUTS = np.random.default_rng(0).normal(size=(8, 2))
CLASSES = [0.0, 1, 0, 1, 1, 0, 0, 1]


def state(weight, bias=None, likelihood=None, targets=None, outputs=1):
    model = nn.Linear(2, outputs, bias=bias is not None)
    priors = {"weight": weight} | ({"bias": bias} if bias else {})
    targets = INPUTS[:, 0] if targets is None else targets
    return Problem(model, likelihood or GaussianNoise(0.5), priors, INPUTS, targets)


def network(bias):
    model = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1))
    priors = {"*.weight": Gaussian(1.0), "*.bias": bias}
    return Problem(model, GaussianNoise(0.5), priors, INPUTS, INPUTS[:, 0])


CHOICES = {
    "gaussian": (lambda: state(Gaussian(0.5)), conjugate, "Gaussian noise without an L1 prior"),
    "gaussian, flat bias": (
        lambda: state(Gaussian(0.5), Flat()),
        conjugate,
        "Gaussian noise without an L1 prior",
    ),
    "flat": (lambda: state(Flat(), Gaussian(1.0)), conjugate, "Gaussian noise without an L1 prior"),
    "laplace": (lambda: state(Laplace(0.5)), gibbs, "Gaussian noise with an L1 prior"),
    "laplace, flat bias": (lambda: state(Laplace(0.5), Flat()), gibbs, "with an L1 prior"),
    "laplace, own bias": (lambda: state(Laplace(0.5), Gaussian(2.0)), gibbs, "with an L1 prior"),
    "laplace bias": (
        lambda: state(Gaussian(0.5), Laplace(0.5)),
        hmc,
        "priors Gaussian and Laplace leave no closed form",
    ),
    "elastic net": (lambda: state(ElasticNet(0.5, 1.0), Laplace(0.5)), gibbs, "with an L1 prior"),
    "laplace, two outputs": (
        lambda: state(Laplace(0.5), Flat(), targets=INPUTS, outputs=2),
        hmc,
        "priors Flat and Laplace on several outputs leave no closed form",
    ),
    "gaussian, two outputs": (
        lambda: state(Gaussian(0.5), Flat(), targets=INPUTS, outputs=2),
        conjugate,
        "Gaussian noise without",
    ),
    "logistic": (
        lambda: state(Gaussian(0.5), Flat(), Bernoulli(), CLASSES),
        hmc,
        "the likelihood is Bernoulli",
    ),
    "network": (lambda: network(Gaussian(1.0)), hmc, "the model is not linear"),
}


@pytest.mark.parametrize("kind", CHOICES)
def test_the_engine_suits_the_problem_and_the_reason_is_given(kind):
    make, engine, reason = CHOICES[kind]
    chosen, why = choose.pick(make())
    assert chosen is engine.sample
    assert reason in why


def thorough(problem, *, chains=4, draws=10, warmup=5, seed=0, progress=None, extra=""):
    """An engine that knows every option."""


def bare(problem, *, chains=4, seed=0):
    """One that needs no warm-up and draws a number of its own."""


def test_what_was_given_is_passed_on_and_the_rest_left_to_the_engine():
    problem, nothing = state(Gaussian(0.5)), Draws({}, "recorded", "for a test", 0.0)
    options = {"chains": 3, "draws": 7, "warmup": 5, "seed": 9, "extra": "x"}
    engine = create_autospec(thorough, return_value=nothing)
    assert choose.sample(problem, engine=engine, **options) is nothing
    engine.assert_called_once_with(problem, **options)
    engine = create_autospec(bare, return_value=nothing)
    choose.sample(problem, engine=engine, draws=7, warmup=5)
    engine.assert_called_once_with(problem, seed=0)


def test_the_chosen_engine_draws_and_says_so():
    problem = state(Gaussian(0.5), Flat())
    drawn = bw.sample(problem, chains=2, draws=5, warmup=100, seed=3, progress=print)
    alone = conjugate.sample(problem, chains=2, draws=5, seed=3)
    assert torch.equal(drawn.params["weight"], alone.params["weight"])
    assert drawn.engine == "conjugate"
    assert drawn.why == (f"chosen for Gaussian noise without an L1 prior; {alone.why}")


@pytest.mark.parametrize("kind", ["laplace, flat bias", "logistic"])
def test_a_sampler_that_is_chosen_runs(kind):
    make, _, reason = CHOICES[kind]
    problem = make()
    drawn = bw.sample(problem, chains=4, draws=10, warmup=20, seed=1)
    for name, value in problem.initial.items():
        assert drawn.params[name].shape == (4, 10, *value.shape)
        assert torch.isfinite(drawn.params[name]).all()
    assert reason in drawn.why


@pytest.mark.parametrize(
    ("engine", "name"),
    [
        (laplace_approximation, "laplace-full"),
        (laplace_approximation.sample, "laplace-full"),
        (
            partial(laplace_approximation.sample, structure=laplace_approximation.diagonal),
            "laplace-diagonal",
        ),
        (partial(pyro_nuts.sample, max_tree_depth=2), "pyro-nuts"),
    ],
)
def test_an_engine_can_be_named_as_module_or_function(engine, name):
    drawn = bw.sample(state(Gaussian(0.5)), engine=engine, draws=3, warmup=3)
    assert drawn.engine == name
    assert "chosen" not in drawn.why


def softmax():
    return state(Gaussian(1.0), Flat(), Categorical(), [0, 1, 2, 0, 1, 2, 0, 1], 3)


@pytest.mark.parametrize(
    ("problem", "options", "message"),
    [
        (softmax, {}, "sample: the posterior is improper under Flat.* on 'bias': a shift"),
        (
            partial(state, Gaussian(0.5)),
            {"chain": 3},
            "conjugate.sample takes no option 'chain'; its options are chains, draws, seed",
        ),
        (
            partial(state, Gaussian(0.5)),
            {"engine": "hmc"},
            r"sample\(engine='hmc'\): give a module with a function sample, such as gibbs",
        ),
        (partial(state, Gaussian(0.5)), {"engine": math}, r"engine=math\): give a module with"),
    ],
)
def test_what_cannot_be_sampled_is_refused(problem, options, message):
    with pytest.raises(InputError, match=message):
        choose.sample(problem(), **options)


def test_engines_are_loaded_when_they_are_chosen():
    code = (
        "import json, sys, bayeswd; bayeswd.sample\n"
        "print(json.dumps([n for n in sys.modules if 'pyro' in n or n.endswith(('hmc', 'gibbs'))]))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True
    )
    assert json.loads(done.stdout) == []
