"""Pyro's NUTS: a good guest, whose draws are as good as the table of engines says."""

import random
from functools import partial

import numpy as np
import pyro
import pytest
import torch
from pyro import poutine
from torch import nn

from bayeswd.errors import InputError
from bayeswd.estimate import exact
from bayeswd.posterior import pyro_nuts
from bayeswd.problem.likelihoods import Bernoulli, Categorical, GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import ElasticNet, Flat, Gaussian, Laplace

INPUTS = np.array([[-1.0, 0.2], [0.3, -0.8], [0.9, 1.1], [0.1, 0.4], [-0.6, -0.7]])
TARGETS = np.array([-0.4, 0.7, 1.9, 1.1, 0.2])

short = partial(pyro_nuts.sample, draws=6, warmup=8, max_tree_depth=3)


def linear(prior, dtype=torch.float64):
    model = nn.Linear(2, 1)
    inputs = torch.tensor(INPUTS, dtype=dtype)
    return Problem(model, GaussianNoise(0.5), {"weight": prior, "bias": Flat()}, inputs, TARGETS)


def network(bias):
    model = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1))
    priors = {"*.weight": Gaussian(1.0), "*.bias": bias}
    return Problem(model, GaussianNoise(0.5), priors, INPUTS, TARGETS)


PROBLEMS = {
    "gaussian": lambda: linear(Gaussian(0.7)),
    "laplace": lambda: linear(Laplace(0.5)),
    "elastic net": lambda: linear(ElasticNet(0.5, 0.7)),
    "float32": lambda: linear(Gaussian(0.7), torch.float32),
    "network": lambda: network(Gaussian(1.0)),
}


@pytest.mark.parametrize("kind", PROBLEMS)
def test_draws_are_shaped_by_chain_and_draw_and_lp_is_the_log_joint(kind):
    problem = PROBLEMS[kind]()
    draws = short(problem, chains=2)
    assert list(draws.params) == list(problem.priors)
    for name, value in problem.initial.items():
        assert draws.params[name].shape == (2, 6, *value.shape)
        assert draws.params[name].dtype == value.dtype
    assert set(draws.sample_stats) == {"lp", "acceptance_rate", "diverging"}
    for chain, draw in [(0, 0), (1, 5)]:
        params = {name: value[chain, draw] for name, value in draws.params.items()}
        lp = float(draws.sample_stats["lp"][chain, draw])
        assert lp == pytest.approx(-float(problem.objective(params)), rel=1e-6)
    rates = draws.sample_stats["acceptance_rate"]
    assert rates.shape == (2, 6)
    assert ((rates >= 0) & (rates <= 1)).all()
    assert len(rates.unique()) > 1
    assert draws.engine == "pyro-nuts"
    assert draws.seconds > 0


def test_acceptance_is_what_pyro_itself_says(monkeypatch):
    """Pyro keeps a running mean; the numbers of single draws must have that mean."""
    kernels = []

    def recorded(*args, **options):
        kernels.append(pyro.infer.NUTS(*args, **options))
        return kernels[-1]

    monkeypatch.setattr(pyro_nuts, "NUTS", recorded)
    draws = short(linear(Gaussian(0.7)))
    said = float(kernels[0].logging()["acc. prob"])
    assert float(draws.sample_stats["acceptance_rate"].mean()) == pytest.approx(said, abs=6e-4)


def test_a_step_that_is_too_long_is_seen_as_diverging(monkeypatch):
    fixed = partial(pyro.infer.NUTS, step_size=300.0, adapt_step_size=False)
    monkeypatch.setattr(pyro_nuts, "NUTS", fixed)
    stats = short(linear(Gaussian(0.7))).sample_stats
    assert stats["diverging"].all()
    assert stats["acceptance_rate"].max() < 1e-6
    monkeypatch.undo()
    assert not short(linear(Gaussian(0.7))).sample_stats["diverging"].any()


def test_a_seed_is_reproducible_and_chains_do_not_depend_on_their_number():
    problem = linear(Laplace(0.5))
    torch.manual_seed(1)
    once = short(problem, seed=3).params["weight"]
    torch.manual_seed(2)
    twice = short(problem, seed=3, chains=2).params["weight"]
    assert torch.equal(once[0], twice[0])
    assert not torch.equal(twice[0], twice[1])
    assert not torch.equal(once, short(problem, seed=4).params["weight"])


def test_the_global_state_is_left_as_it_was():
    problem = network(Gaussian(1.0))
    pyro.clear_param_store()
    positive = pyro.distributions.constraints.positive
    scale = pyro.param("mine", torch.tensor(2.0), constraint=positive)
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    with pyro.validation_enabled(True), poutine.trace() as trace:
        short(problem)
        assert torch.distributions.Distribution._validate_args
    assert torch.equal(states[0], torch.get_rng_state())
    assert (states[1] == np.random.get_state()[1]).all()
    assert states[2] == random.getstate()
    assert dict(pyro.get_param_store()).keys() == {"mine"}
    assert pyro.param("mine") == scale
    pyro.clear_param_store()
    assert not [name for name in trace.trace.nodes if "weight" in name]


def test_chains_begin_at_the_mode_or_where_they_are_told(monkeypatch):
    begun = []

    class Recorded(pyro.infer.NUTS):
        def setup(self, warmup_steps, *args, **kwargs):
            super().setup(warmup_steps, *args, **kwargs)
            begun.append({name: value.clone() for name, value in self.initial_params.items()})

    monkeypatch.setattr(pyro_nuts, "NUTS", Recorded)
    problem = linear(Gaussian(0.7))
    start = {name: torch.full_like(value, 0.25) for name, value in problem.initial.items()}
    short(problem, chains=2)
    short(problem, start=start)
    mode = exact.solve(problem).params
    for name in mode:
        torch.testing.assert_close(begun[0][name], mode[name])
        torch.testing.assert_close(begun[1][name], mode[name])
        torch.testing.assert_close(begun[2][name], start[name])


def test_progress_counts_every_transition():
    seen = []
    short(linear(Gaussian(0.7)), chains=2, progress=lambda *counts: seen.append(counts))
    assert seen == [(count, 28) for count in range(1, 29)]


def test_why_says_the_mass_matrix_and_what_nobody_knows():
    problem = linear(Gaussian(0.7))
    assert "dense mass" in short(problem).why
    assert "diagonal mass" in short(problem, full_mass=False).why
    why = short(network(Flat())).why
    assert "whether the posterior is proper under Flat() on 0.bias, 2.bias is not known" in why


def linear_of_two_rows():
    priors = {"weight": Flat(), "bias": Flat()}
    return Problem(nn.Linear(2, 1), GaussianNoise(0.5), priors, INPUTS[:2], TARGETS[:2])


def classes(likelihood, targets, outputs, prior):
    model = nn.Linear(2, outputs)
    return Problem(model, likelihood, {"weight": prior, "bias": Flat()}, INPUTS, targets)


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (lambda: classes(Categorical(), [0, 1, 2, 1, 0], 3, Gaussian(1.0)), "shift common to all"),
        (lambda: classes(Bernoulli(), [1.0] * 5, 1, Gaussian(1.0)), "one class only"),
        (lambda: classes(Bernoulli(), [0.0, 1, 1, 1, 0], 1, Flat()), "separable classes"),
        (linear_of_two_rows, "the mode is not unique"),
    ],
    ids=["softmax", "one class", "separable", "more weights than rows"],
)
def test_a_posterior_that_is_improper_is_refused(problem, message):
    with pytest.raises(InputError, match=message):
        pyro_nuts.sample(problem())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"chains": 0}, "0 chains of 500 draws after 300 of warm-up; give at least 1"),
        ({"target_acceptance": 1.0}, r"target_acceptance=1.0\): give a number in \(0, 1\)"),
        ({"start": {"weight": torch.zeros(1, 2)}}, "start names 'weight'; the problem's"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        pyro_nuts.sample(linear(Gaussian(0.7)), **options)
