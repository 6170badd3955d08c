"""Draws through the door to ArviZ: its groups, their dimensions and their numbers."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from bayeswd.errors import InputError
from bayeswd.posterior import conjugate, pointwise, tree_groups, with_arviz
from bayeswd.problem.likelihoods import Bernoulli, Categorical, GaussianNoise, Poisson
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import ElasticNet, Flat, Gaussian, Laplace
from bayeswd.results import Draws

NOISE, SCALE = 0.7, 0.3


def linear(outputs=1, bias=True, dtype=torch.float64, scale=SCALE, n=30, d=6):
    random = np.random.default_rng(3)
    rows = random.normal(size=(n, d))
    targets = rows @ random.normal(size=(d, outputs)) * SCALE + 1
    targets += NOISE * random.normal(size=(n, outputs))
    priors = {"weight": Gaussian(scale)} | ({"bias": Flat()} if bias else {})
    model = nn.Linear(d, outputs, bias=bias, dtype=dtype)
    return Problem(model, GaussianNoise(NOISE), priors, torch.tensor(rows, dtype=dtype), targets)


def made_up(problem, chains=2, draws=3, **more):
    """Draws that owe nothing to a sampler, for any model."""
    generator = torch.Generator().manual_seed(0)
    params = {
        name: 0.3 * torch.randn(chains, draws, *value.shape, generator=generator).to(value)
        for name, value in problem.initial.items()
    }
    return Draws(params, engine="made-up", why="for a test", seconds=1.5, **more)


def one(draws, chain, draw):
    return {name: value[chain, draw] for name, value in draws.params.items()}


def classifier(likelihood, outputs, targets, prior=None):
    inputs = torch.tensor(np.random.default_rng(1).normal(size=(12, 4)))
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, outputs, dtype=torch.float64))
    priors = {"*weight": prior or Gaussian(1.0), "*bias": Flat()}
    return Problem(model, likelihood, priors, inputs, torch.tensor(targets))


def network():
    inputs = torch.tensor(np.random.default_rng(1).normal(size=(12, 4)))
    model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 1))
    priors = {"*.weight": Laplace(0.5), "*.bias": Flat()}
    return Problem(model, GaussianNoise(0.5), priors, inputs, inputs.sum(1))


PROBLEMS = {
    "one output": linear,
    "three outputs": lambda: linear(outputs=3),
    "no bias": lambda: linear(bias=False),
    "float32": lambda: linear(dtype=torch.float32),
    "yes or no": lambda: classifier(Bernoulli(), 1, [0.0, 1] * 6, ElasticNet(0.5, 1.0)),
    "classes": lambda: classifier(Categorical(), 3, [0, 1, 2] * 4, Laplace(0.2)),
    "counts": lambda: classifier(Poisson(), 1, [0.0, 1, 5] * 4),
    "network": network,
}


@pytest.mark.parametrize("kind", PROBLEMS)
def test_densities_are_those_of_the_problem(kind):
    problem = PROBLEMS[kind]()
    draws = made_up(problem)
    tree = with_arviz.to_datatree(draws, problem, prior_draws=5)
    close = 1e-5 if problem.inputs.dtype == torch.float32 else 1e-12
    for chain, draw in [(0, 0), (1, 2)]:
        params, here = one(draws, chain, draw), {"chain": chain, "draw": draw}
        found = tree["log_likelihood"]["y"].isel(here)
        expected = -problem.likelihood.pointwise(problem.outputs(params), problem.targets)
        assert found.dims == ("obs",)
        np.testing.assert_allclose(found, expected, rtol=close, atol=close)
        densities = tree["log_prior"].to_dataset().isel(here)
        assert list(densities.data_vars) == problem.penalized
        total = sum(float(values.sum()) for values in densities.data_vars.values())
        assert -total == pytest.approx(float(problem.penalty(params)), rel=close)


@pytest.mark.parametrize("kind", PROBLEMS)
def test_prior_and_data_have_the_names_and_shapes_of_the_posterior(kind):
    problem = PROBLEMS[kind]()
    tree = with_arviz.to_datatree(made_up(problem), problem, prior_draws=5)
    for name in problem.penalized:
        drawn, posterior = tree["prior"][name], tree["posterior"][name]
        assert drawn.dims == posterior.dims == tree["log_prior"][name].dims
        assert drawn.shape == (1, 5, *posterior.shape[2:])
        assert drawn.dtype == posterior.dtype == tree["log_prior"][name].dtype
    assert set(tree["prior"].data_vars) == set(problem.penalized)
    observed, replicated = tree["observed_data"]["y"], tree["posterior_predictive"]["y"]
    assert replicated.dims == ("chain", "draw", *observed.dims)
    assert replicated.shape[2:] == observed.shape
    np.testing.assert_array_equal(observed, problem.targets.numpy().reshape(observed.shape))


def test_dimensions_and_coordinates_of_one_output():
    problem = linear()
    names = [f"column {i}" for i in range(6)]
    tree = with_arviz.to_datatree(made_up(problem), problem, names=names, strength=3.0)
    assert tree["posterior"]["weight"].dims == ("chain", "draw", "feature")
    assert tree["posterior"]["bias"].dims == ("chain", "draw")
    assert tree["posterior"]["feature"].values.tolist() == names
    assert tree["observed_data"]["obs"].values.tolist() == [str(row) for row in range(30)]
    constants = tree["constant_data"]
    assert float(constants["strength"]) == 3.0
    assert constants["prior_variance"].sel(parameter="weight") == pytest.approx(SCALE**2)
    assert float(constants["noise_variance"]) == pytest.approx(NOISE**2)


def test_dimensions_of_several_outputs_and_of_a_wrapped_layer():
    problem = linear(outputs=3)
    tree = with_arviz.to_datatree(made_up(problem), problem)
    assert tree["posterior"]["weight"].dims == ("chain", "draw", "output", "feature")
    assert tree["posterior"]["bias"].dims == ("chain", "draw", "output")
    assert tree["posterior_predictive"]["y"].dims == ("chain", "draw", "obs", "output")
    assert tree["posterior"]["output"].values.tolist() == ["0", "1", "2"]
    problem = classifier(Bernoulli(), 1, [0.0, 1] * 6)
    tree = with_arviz.to_datatree(made_up(problem), problem)
    assert tree["posterior"]["1.weight"].dims == ("chain", "draw", "feature")
    assert tree["posterior"]["feature"].values.tolist() == ["x0", "x1", "x2", "x3"]


def test_where_it_came_from_is_said():
    problem = linear()
    tree = with_arviz.to_datatree(conjugate.sample(problem, draws=2), problem)
    for attrs in (tree.attrs, tree["posterior"].attrs):
        assert attrs["inference_library"] == attrs["modeling_interface"] == "bayeswd"
        assert attrs["engine"] == "conjugate"
        assert "Gaussian(scale=0.3)" in attrs["priors"]
    assert tree["sample_stats"]["lp"].dims == ("chain", "draw")


def test_a_sampled_noise_scale_is_used_draw_by_draw():
    problem = linear(outputs=2)
    noise = torch.tensor([[0.2, 0.9, 1.4], [0.5, 2.0, 0.1]], dtype=torch.float64)
    draws = made_up(problem, noise_scale=noise)
    tree = with_arviz.to_datatree(draws, problem)
    for chain, draw in [(0, 1), (1, 2)]:
        likelihood = GaussianNoise(float(noise[chain, draw]))
        expected = -likelihood.pointwise(problem.outputs(one(draws, chain, draw)), problem.targets)
        np.testing.assert_allclose(tree["log_likelihood"]["y"][chain, draw], expected, rtol=1e-12)
    assert tree["posterior"]["noise_scale"].dims == ("chain", "draw")
    assert "noise_variance" not in tree["constant_data"]


def test_replications_have_the_spread_of_the_predictive():
    problem = linear(n=8, d=20)
    draws = conjugate.sample(problem, draws=3000, seed=1)
    tree = with_arviz.to_datatree(draws, problem)
    replicated = tree["posterior_predictive"]["y"].values.reshape(-1, 8)
    mean, sd = conjugate.predictive(problem, conjugate.posterior(problem), problem.inputs)
    scores = (replicated - mean.numpy().T) / sd.numpy().T
    assert np.abs(scores.mean(0)).max() < 4 / math.sqrt(len(scores))
    assert np.abs((scores**2).mean(0) - 1).max() < 4 * math.sqrt(2 / len(scores))


@pytest.mark.parametrize("prior", [Gaussian(0.4), Laplace(0.4), ElasticNet(0.5, 0.6)])
def test_prior_draws_have_the_variance_of_the_prior(prior):
    problem = linear().with_priors(lambda name, old: prior if name == "weight" else old)
    tree = with_arviz.to_datatree(made_up(problem), problem, prior_draws=20_000)
    drawn = tree["prior"]["weight"].values.ravel()
    error = (drawn**2).std() / math.sqrt(drawn.size)
    assert abs((drawn**2).mean() - prior.variance) < 4 * error


def test_chunks_change_no_density(monkeypatch):
    problem = linear(outputs=2)
    draws = made_up(problem, draws=7)
    whole = with_arviz.to_datatree(draws, problem)["log_likelihood"]["y"]
    monkeypatch.setattr(pointwise, "_CHUNK", 3 * problem.n * 2)
    np.testing.assert_allclose(
        with_arviz.to_datatree(draws, problem)["log_likelihood"]["y"], whole, rtol=1e-14
    )


def test_groups_of_draws_by_rows_can_be_left_out_and_are_bounded(monkeypatch):
    problem = linear()
    tree = with_arviz.to_datatree(made_up(problem), problem, pointwise=False)
    assert "log_likelihood" not in tree.children
    assert "posterior_predictive" not in tree.children
    monkeypatch.setattr(pointwise, "MOST_NUMBERS", 6 * 30 - 1)
    with pytest.raises(InputError, match=r"6 draws x 30 rows .* give pointwise=False"):
        with_arviz.to_datatree(made_up(problem), problem)


def test_prior_draws_are_bounded_and_can_be_left_out(monkeypatch):
    problem = linear()
    tree = with_arviz.to_datatree(made_up(problem), problem, prior_draws=0)
    assert "prior" not in tree.children
    assert "log_prior" in tree.children
    monkeypatch.setattr(tree_groups, "MOST_NUMBERS", 600)
    with_arviz.to_datatree(made_up(problem), problem, prior_draws=100)
    with pytest.raises(InputError, match=r"prior_draws=101 of 6 parameters .* at most 100"):
        with_arviz.to_datatree(made_up(problem), problem, prior_draws=101)


def test_without_a_proper_prior_there_is_no_prior_group():
    problem = linear().with_priors(lambda name, old: Flat())
    tree = with_arviz.to_datatree(made_up(problem), problem)
    assert not {"prior", "log_prior"} & set(tree.children)
    assert "prior_variance" not in tree["constant_data"]


def test_names_must_be_one_for_each_column():
    problem = linear()
    with pytest.raises(InputError, match=r"2 names \(2 different\) for 6 columns"):
        with_arviz.to_datatree(made_up(problem), problem, names=["a", "b"])
