"""The same Problem as a Pyro model: its log joint density is -problem.objective."""

from collections.abc import Callable

import pyro
import torch
from pyro import distributions as dist
from torch import Tensor

from bayeswd.errors import InputError
from bayeswd.problem.likelihoods import (
    Bernoulli,
    Categorical,
    GaussianNoise,
    Likelihood,
    Poisson,
)
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Gaussian, Laplace, Prior

Distribution = dist.TorchDistribution


def model_of(problem: Problem) -> Callable[[], None]:
    """A Pyro model: one sample site for each parameter, and the observed site "targets".

    Sites carry the names of `named_parameters()`, dots included. The module is called with the
    sampled values and never changed. The rows are a plate, so `log_prob` of "targets" is one
    number for each row. An ElasticNet prior is a flat site and the factor "<name>.penalty".
    """
    priors = {
        name: (prior, site_distribution(prior, problem.initial[name]))
        for name, prior in problem.priors.items()
    }

    def model() -> None:
        params = {name: _sample(name, *pair) for name, pair in priors.items()}
        outputs = problem.outputs(params)
        with pyro.plate("rows", problem.n):
            targets = observation_distribution(problem.likelihood, outputs)
            pyro.sample("targets", targets, obs=problem.targets)

    return model


def site_distribution(prior: Prior, like: Tensor) -> Distribution:
    """The prior of one parameter in the shape, dtype and device of `like`; flat if improper."""
    zeros, every_axis = torch.zeros_like(like), like.ndim
    if isinstance(prior, Gaussian):
        return dist.Normal(zeros, zeros + prior.scale).to_event(every_axis)
    if isinstance(prior, Laplace):
        return dist.Laplace(zeros, zeros + prior.scale).to_event(every_axis)
    return dist.ImproperUniform(dist.constraints.real, (), tuple(like.shape))


def observation_distribution(likelihood: Likelihood, outputs: Tensor) -> Distribution:
    """The distribution of each row's targets, batch shape [n], given the outputs [n, K]."""
    if isinstance(likelihood, GaussianNoise):
        scale = torch.full_like(outputs, likelihood.scale)
        return dist.Normal(outputs, scale).to_event(1)
    if isinstance(likelihood, Bernoulli):
        return dist.Bernoulli(logits=outputs).to_event(1)
    if isinstance(likelihood, Categorical):
        return dist.Categorical(logits=outputs)
    if isinstance(likelihood, Poisson):
        return dist.Poisson(outputs.exp()).to_event(1)
    raise InputError(
        f"{likelihood!r} has no Pyro distribution here; add its row to observation_distribution."
    )


def _sample(name: str, prior: Prior, distribution: Distribution) -> Tensor:
    value = pyro.sample(name, distribution)
    if not isinstance(prior, (Flat, Gaussian, Laplace)):
        pyro.factor(f"{name}.penalty", -prior.penalty(value))
    return value
