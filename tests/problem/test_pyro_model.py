"""The Pyro model is the Problem: its log joint density is -objective, site by site."""

import math
from typing import Any

import pyro
import pytest
import torch
from pyro import poutine
from torch import Tensor, nn

from bayeswd import (
    Bernoulli,
    Categorical,
    ElasticNet,
    Flat,
    Gaussian,
    GaussianNoise,
    InputError,
    Laplace,
    Poisson,
    Problem,
)
from bayeswd.problem import likelihoods, pyro_model

N, D = 9, 4
PRIORS = [Gaussian(0.3), Laplace(0.2), ElasticNet(0.4, 0.7), Flat()]
LIKELIHOODS = [
    (GaussianNoise(0.6), 2, lambda outputs, generator: outputs + 0.5),
    (
        Bernoulli(),
        2,
        lambda outputs, generator: torch.bernoulli(outputs * 0 + 0.5, generator=generator),
    ),
    (Categorical(), 3, lambda outputs, generator: torch.randint(3, (N,), generator=generator)),
    (Poisson(), 1, lambda outputs, generator: torch.poisson(outputs * 0 + 3, generator=generator)),
]


def normal(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def linear(prior, likelihood, outputs, draw):
    generator = torch.Generator().manual_seed(0)
    inputs = normal(generator, N, D)
    targets = draw(normal(generator, N, outputs), generator)
    priors = {"weight": prior, "bias": Gaussian(2.0)}
    return Problem(nn.Linear(D, outputs), likelihood, priors, inputs, targets)


def random_params(problem, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return {name: normal(generator, *value.shape) for name, value in problem.initial.items()}


def trace_of(problem, params):
    conditioned = poutine.condition(pyro_model.model_of(problem), data=params)
    return poutine.trace(conditioned).get_trace()


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize(("likelihood", "outputs", "draw"), LIKELIHOODS)
def test_log_joint_density_is_minus_the_objective(prior, likelihood, outputs, draw):
    problem = linear(prior, likelihood, outputs, draw)
    params = random_params(problem)
    log_joint = float(trace_of(problem, params).log_prob_sum())
    assert log_joint == pytest.approx(-float(problem.objective(params)), rel=1e-12)
    assert abs(float(problem.penalty(params))) > 0.1
    assert abs(float(problem.misfit(params))) > 0.1


@pytest.mark.parametrize(("likelihood", "outputs", "draw"), LIKELIHOODS)
def test_targets_have_one_log_density_for_each_row(likelihood, outputs, draw):
    problem = linear(Laplace(0.2), likelihood, outputs, draw)
    params = random_params(problem)
    trace = trace_of(problem, params)
    trace.compute_log_prob()
    expected = -problem.likelihood.pointwise(problem.outputs(params), problem.targets)
    torch.testing.assert_close(trace.nodes["targets"]["log_prob"], expected, rtol=1e-12, atol=1e-14)
    assert expected.shape == (N,)


def network(priors):
    generator = torch.Generator().manual_seed(4)
    model = nn.Sequential(nn.Linear(D, 3), nn.Tanh(), nn.Linear(3, 1))
    model[0].bias.requires_grad_(False)
    model[2].weight.data = normal(generator, 1, 3)
    inputs = normal(generator, N, D)
    return model, Problem(model, GaussianNoise(0.4), priors, inputs, normal(generator, N))


def test_a_network_with_a_frozen_part_and_priors_by_pattern():
    model, problem = network({"*.weight": ElasticNet(0.5, 0.6), "2.bias": Flat()})
    params = random_params(problem)
    before = {name: value.clone() for name, value in problem.model.state_dict().items()}
    trace = trace_of(problem, params)
    assert float(trace.log_prob_sum()) == pytest.approx(
        -float(problem.objective(params)), rel=1e-12
    )
    sites = [name for name, node in trace.nodes.items() if node["type"] == "sample"]
    factors = ["0.weight.penalty", "2.weight.penalty"]
    assert sorted(sites) == sorted([*problem.priors, *factors, "rows", "targets"])
    assert list(problem.priors) == ["0.weight", "2.weight", "2.bias"]
    for name, value in problem.model.state_dict().items():
        assert torch.equal(value, before[name])
    assert [value.requires_grad for value in model.parameters()] == [True, False, True, True]
    assert type(problem.model) is nn.Sequential


def test_gradients_are_those_of_the_objective():
    _, problem = network({"*.weight": Laplace(0.5), "2.bias": Gaussian(0.3)})

    def gradient(density):
        leaves = {name: value.requires_grad_() for name, value in random_params(problem).items()}
        return torch.autograd.grad(density(leaves), list(leaves.values()))

    ours = gradient(problem.objective)
    pyros = gradient(lambda leaves: -trace_of(problem, leaves).log_prob_sum())
    torch.testing.assert_close(ours, pyros, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sites_keep_the_dtype_of_the_data(dtype):
    generator = torch.Generator().manual_seed(0)
    inputs, targets = normal(generator, N, D).to(dtype), normal(generator, N).to(dtype)
    priors = {"weight": Gaussian(0.1), "bias": Laplace(0.1)}
    problem = Problem(nn.Linear(D, 1), GaussianNoise(0.1), priors, inputs, targets)
    with torch.random.fork_rng():
        pyro.set_rng_seed(0)
        trace: Any = poutine.trace(pyro_model.model_of(problem)).get_trace()
    assert {trace.nodes[name]["value"].dtype for name in ("weight", "bias")} == {dtype}
    assert trace.nodes["weight"]["value"].shape == (1, D)
    assert trace.log_prob_sum().dtype == dtype


@pytest.mark.parametrize(
    ("prior", "sd"), [(Gaussian(0.3), 0.3), (Laplace(0.2), 0.2 * math.sqrt(2))]
)
def test_prior_draws_have_the_scale_of_the_prior(prior, sd):
    distribution = pyro_model.site_distribution(prior, torch.zeros(200, 200, dtype=torch.float64))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        drawn = distribution.sample()
    assert float(drawn.std()) == pytest.approx(sd, rel=0.02)  # 40,000 draws: over 3 standard errors


def test_a_likelihood_without_a_pyro_distribution_is_refused():
    class Cauchy(likelihoods.Likelihood):
        family = "cauchy"

        def pointwise(self, outputs, targets):
            return torch.log1p((outputs - targets) ** 2).sum(-1)

    generator = torch.Generator().manual_seed(0)
    inputs, targets = normal(generator, N, D), normal(generator, N)
    problem = Problem(nn.Linear(D, 1), Cauchy(), {"*": Gaussian(1.0)}, inputs, targets)
    with pytest.raises(InputError, match="has no Pyro distribution here"):
        trace_of(problem, random_params(problem))
