"""Moments of small posteriors by sums over a grid: a truth that shares no code with any sampler."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor
from torch.func import vmap

from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.results import Draws


@dataclass(frozen=True)
class Moments:
    """Mean and variance of each parameter, by name, in its shape."""

    mean: dict[str, Tensor]
    variance: dict[str, Tensor]

    @staticmethod
    def by_draws(draws: Draws) -> Moments:
        """Of so many draws that their own error may be left out."""
        flat = {name: value.flatten(0, 1) for name, value in draws.params.items()}
        mean = {name: value.mean(0) for name, value in flat.items()}
        return Moments(mean, {name: value.var(0) for name, value in flat.items()})

    @staticmethod
    def by_quadrature(problem: Problem, reach: float = 20.0, points: int = 801) -> Moments:
        """Of a posterior of two parameters, on a grid about 0."""
        shapes = {name: value.shape for name, value in problem.initial.items()}
        axis = torch.linspace(-reach, reach, points, dtype=torch.float64)
        grid = torch.cartesian_prod(axis, axis)
        parts = grid.split([shape.numel() for shape in shapes.values()], 1)
        params = {
            name: part.unflatten(1, shape)
            for (name, shape), part in zip(shapes.items(), parts, strict=True)
        }
        at_edge = (grid.abs() == reach).any(1)
        return weighted(params, -vmap(problem.objective, chunk_size=100_000)(params), at_edge)

    @staticmethod
    def by_quadrature_with_noise(problem: Problem, power: int) -> Moments:
        """Of one weight and sigma, whose square has density 1 / sigma^2.

        The prior's scale is its stated one times sigma, over the stated sigma, to this power.
        """
        assert isinstance(problem.likelihood, GaussianNoise)
        weight = torch.linspace(-8, 8, 2001, dtype=torch.float64)
        log_ratio = torch.linspace(-3, 7, 801, dtype=torch.float64)
        w, ratio = torch.meshgrid(weight, log_ratio.exp(), indexing="ij")
        prior, widening = problem.priors["weight"], ratio**power
        sigma = ratio * problem.likelihood.scale
        log_density = prior.log_density(w / widening) - widening.log()
        for row, target in zip(problem.inputs[:, 0], problem.targets[:, 0], strict=True):
            log_density -= 0.5 * ((target - row * w) / sigma) ** 2 + sigma.log()
        at_edge = (w.abs() == 8) | (ratio == ratio.max()) | (ratio == ratio.min())
        params = {"weight": w.reshape(-1, 1, 1), "noise_scale": sigma.flatten()}
        return weighted(params, log_density.flatten(), at_edge.flatten())


def weighted(params: dict[str, Tensor], log_density: Tensor, at_edge: Tensor) -> Moments:
    """Moments over the points of a grid, which has to hold the posterior."""
    density = log_density.softmax(0)
    assert float(density[at_edge].sum()) < 1e-6
    weights = {name: density.view(-1, *[1] * (value.ndim - 1)) for name, value in params.items()}
    mean = {name: (weights[name] * value).sum(0) for name, value in params.items()}
    variance = {
        name: (weights[name] * (value - mean[name]) ** 2).sum(0) for name, value in params.items()
    }
    return Moments(mean, variance)


@pytest.fixture(scope="session")
def moments() -> type[Moments]:
    return Moments
