"""What each draw says of each row: its log density, and a replication of it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Generator, Tensor
from torch.func import vmap

from bayeswd.errors import InputError
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.results import Draws

_CHUNK = 2**22  # numbers in one chunk of outputs, 32 MiB in float64
MOST_NUMBERS = 2**27  # numbers in one group, 1 GiB in float64


def densities_and_replications(
    draws: Draws, problem: Problem, generator: Generator
) -> tuple[Tensor, Tensor]:
    """(log p of each row [chain, draw, n], replicated targets [chain, draw, *targets.shape]).

    Nats; on the CPU, as `generator` must be. Worked through in chunks of draws, so that memory
    is that of the answer; an answer beyond 2^27 numbers is an InputError.
    """
    chains, length = next(iter(draws.params.values())).shape[:2]
    if chains * length * problem.targets.numel() > MOST_NUMBERS:
        raise InputError(
            f"{chains * length} draws x {problem.n} rows are too many numbers for the groups "
            "log_likelihood and posterior_predictive; give pointwise=False, or fewer draws."
        )
    parts = [_evaluate(problem, *chunk, generator) for chunk in _chunks(draws, problem)]
    densities, replications = (torch.cat(column) for column in zip(*parts, strict=True))
    shape = (chains, length)
    return densities.unflatten(0, shape), replications.unflatten(0, shape)


def log_mean_exp(ratios: Tensor) -> Tensor:
    """The log of the mean of exp over the draws of [chain, draw, n], [n]."""
    flat = ratios.flatten(0, 1)
    return flat.logsumexp(0) - math.log(len(flat))


def have_tails(ratios: Tensor) -> Tensor:
    """Whether the largest fifth of the log ratios [chain, draw, n] of a row differ, bool [n]."""
    flat = ratios.flatten(0, 1)
    tail = flat.topk(max(1, len(flat) // 5), dim=0).values
    return tail[0] - tail[-1] > 1e-10


def _chunks(draws: Draws, problem: Problem) -> Iterator[tuple[dict[str, Tensor], Tensor | None]]:
    """Draws in one row, [count, *parameter], few enough that every layer's outputs stay small."""
    flat = {name: value.flatten(0, 1) for name, value in draws.params.items()}
    noise = None if draws.noise_scale is None else draws.noise_scale.flatten()
    widest = max(max(value.shape[1:2], default=1) for value in flat.values())
    size = max(1, _CHUNK // (problem.n * widest))
    for start in range(0, len(next(iter(flat.values()))), size):
        part = slice(start, start + size)
        yield {k: v[part] for k, v in flat.items()}, None if noise is None else noise[part]


def _evaluate(
    problem: Problem, params: dict[str, Tensor], noise_scale: Tensor | None, generator: Generator
) -> tuple[Tensor, Tensor]:
    """(log p of each row [count, n], replicated targets [count, *targets.shape])."""
    outputs, targets = vmap(problem.outputs)(params), problem.targets
    if noise_scale is None:
        densities = -problem.likelihood.pointwise(outputs, targets)
        return densities.cpu(), problem.likelihood.draw(outputs.cpu(), generator)
    # N(y; f, sigma^2) = N(y / sigma; f / sigma, 1) / sigma for each output
    unit, scale = GaussianNoise(1.0), noise_scale[:, None, None]
    log_volume = targets.shape[-1] * noise_scale.log()[:, None]
    densities = -unit.pointwise(outputs / scale, targets / scale) - log_volume
    return densities.cpu(), scale.cpu() * unit.draw((outputs / scale).cpu(), generator)
