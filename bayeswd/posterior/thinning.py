"""Fewer draws of the same chains, for files of a reasonable size."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from bayeswd.problem.objective import Problem
from bayeswd.results import Draws


def thinned(draws: Draws, problem: Problem, most: int) -> tuple[Draws, int]:
    """Every k-th draw of each chain, and k, so that no group of a tree is larger than `most`.

    Groups have as many numbers to a draw as there are parameters, or targets. k = 1 leaves the
    draws as they are; of very many chains one draw each is kept.
    """
    parameters = sum(value.numel() for value in problem.initial.values())
    chains, length = next(iter(draws.params.values())).shape[:2]
    room = max(1, most // (chains * max(parameters, problem.targets.numel())))
    step = -(-length // room)
    if step == 1:
        return draws, 1

    def kept(values: Tensor) -> Tensor:
        return values[:, step - 1 :: step]

    return replace(
        draws,
        params={name: kept(value) for name, value in draws.params.items()},
        noise_scale=None if draws.noise_scale is None else kept(draws.noise_scale),
        sample_stats={name: kept(value) for name, value in draws.sample_stats.items()},
    ), step
