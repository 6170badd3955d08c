"""A problem stated from moments alone: the same answers as from its rows, or a plain refusal."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from bayeswd.errors import InputError
from bayeswd.estimate import descent, exact
from bayeswd.posterior import choose, conjugate, gibbs, hmc, normal_inverse_gamma, with_arviz
from bayeswd.problem.likelihoods import GaussianNoise, Poisson
from bayeswd.problem.moments import Moments
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Gaussian, Laplace

BIASES = [None, Flat(), Gaussian(2.0)]


def rows(n=40, d=3, outputs=1):
    generator = torch.Generator().manual_seed(n + d)
    inputs = torch.randn(n, d, generator=generator, dtype=torch.float64) + 1.5
    noise = torch.randn(n, outputs, generator=generator, dtype=torch.float64)
    return inputs, inputs.sum(1, keepdim=True) + noise - 2


def both(prior, bias=None, n=40, d=3, outputs=1):
    """The problem from its rows, and from their moments in chunks of 7."""
    inputs, targets = rows(n, d, outputs)
    model = nn.Linear(d, outputs, bias=bias is not None, dtype=torch.float64)
    priors = {"weight": prior} | ({"bias": bias} if bias else {})
    noise = GaussianNoise(0.8)
    moments = Moments.of_chunks(zip(inputs.split(7), targets.split(7), strict=True))
    return (
        Problem(model, noise, priors, inputs, targets),
        Problem.from_moments(model, noise, priors, moments),
    )


@pytest.mark.parametrize("bias", BIASES, ids=str)
@pytest.mark.parametrize("outputs", [1, 2])
def test_the_objective_and_its_gradient_are_those_of_the_rows(bias, outputs):
    one, other = both(Gaussian(0.6), bias, outputs=outputs)
    assert other.n == one.n
    params = {name: torch.randn_like(value) for name, value in one.initial.items()}
    torch.testing.assert_close(other.objective(params), one.objective(params))
    expected = one.misfit_gradient(params)
    for name, found in other.misfit_gradient(params).items():
        torch.testing.assert_close(found, expected[name])


@pytest.mark.parametrize("bias", BIASES, ids=str)
def test_the_exact_posterior_is_that_of_the_rows(bias):
    one, other = both(Gaussian(0.6), bias)
    expected, found = conjugate.posterior(one), conjugate.posterior(other)
    assert found.log_evidence == pytest.approx(expected.log_evidence, rel=1e-12)
    torch.testing.assert_close(found.covariance, expected.covariance)
    for name, value in expected.mean.items():
        torch.testing.assert_close(found.mean[name], value)


def test_more_weights_than_rows_are_no_obstacle():
    one, other = both(Gaussian(0.6), Flat(), n=4, d=6)
    expected, found = conjugate.posterior(one), conjugate.posterior(other)
    torch.testing.assert_close(found.covariance, expected.covariance)
    assert found.log_evidence == pytest.approx(expected.log_evidence, rel=1e-9)


@pytest.mark.parametrize("bias", BIASES, ids=str)
@pytest.mark.parametrize("engine", [gibbs, hmc])
def test_draws_are_those_of_the_rows(engine, bias):
    one, other = both(Laplace(0.4), bias)
    run = {"chains": 4, "draws": 5, "warmup": 3, "seed": 1}
    expected, found = engine.sample(one, **run), engine.sample(other, **run)
    for name, value in expected.params.items():
        torch.testing.assert_close(found.params[name], value, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(found.sample_stats["lp"], expected.sample_stats["lp"])


def test_unknown_noise_is_sampled_from_moments():
    one, other = both(Gaussian(0.6), Flat())
    expected, found = (normal_inverse_gamma.sample(each, draws=5, seed=2) for each in (one, other))
    torch.testing.assert_close(found.noise_scale, expected.noise_scale)


def test_the_engine_is_chosen_as_ever_and_arviz_gets_what_there_is():
    _, problem = both(Laplace(0.4), Flat())
    draws = choose.sample(problem, chains=4, draws=6, warmup=2)
    assert draws.engine == "gibbs"
    tree = with_arviz.to_datatree(draws, problem)
    assert tree["posterior"]["weight"].shape == (4, 6, 3)
    assert "log_likelihood" not in tree
    assert "observed_data" not in tree
    assert with_arviz.convergence(tree).r_hat > 0.5


def test_scales_and_noise_change_as_ever():
    one, other = both(Laplace(0.4))
    one, other = one.with_noise(2.0), other.with_noise(2.0)
    params = one.initial
    torch.testing.assert_close(other.objective(params), one.objective(params))
    assert not other.has_rows
    assert one.has_rows


NO_ROWS = "stated from moments and has none: use conjugate, gibbs or hmc"


@pytest.mark.parametrize(
    "ask",
    [
        lambda problem: problem.outputs(problem.initial),
        lambda problem: problem.inputs.mean(),
        lambda problem: problem.targets[0],
        lambda problem: problem.to("cpu", torch.float32),
        exact.solve,
        descent.train,
    ],
)
def test_what_needs_rows_is_refused(ask):
    with pytest.raises(InputError, match=NO_ROWS):
        ask(both(Gaussian(0.4), Flat())[1])


def test_what_moments_cannot_say_is_refused():
    moments = Moments.of(*rows())
    with pytest.raises(InputError, match="only one linear layer with GaussianNoise has moments"):
        Problem.from_moments(
            nn.Linear(3, 1),
            Poisson(),
            {"*": Gaussian(1.0)},
            replace(moments, targets_mean=torch.ones(1).double()),
        )
    deep = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))
    with pytest.raises(InputError, match="state the problem from its rows"):
        Problem.from_moments(deep, GaussianNoise(1.0), {"*": Gaussian(1.0)}, moments)
    with pytest.raises(InputError, match=r"does not accept inputs of shape \(1, 3\)"):
        Problem.from_moments(nn.Linear(4, 1), GaussianNoise(1.0), {"*": Gaussian(1.0)}, moments)


def test_weights_without_a_prior_need_columns_of_full_rank():
    good = both(Flat(), Flat())[1]
    assert torch.isfinite(conjugate.posterior(good).sd["weight"]).all()
    assert torch.isfinite(choose.sample(good, chains=2, draws=3).params["weight"]).all()
    inputs, targets = rows()
    inputs[:, 2] = inputs[:, 0]
    poor = Problem.from_moments(
        nn.Linear(3, 1), GaussianNoise(0.8), {"*": Flat()}, Moments.of(inputs, targets)
    )
    with pytest.raises(InputError, match="columns of rank 2 out of 3"):
        choose.sample(poor)
