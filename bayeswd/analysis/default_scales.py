"""The prior scales worth looking at: from priors that rule to priors that hardly count."""

from __future__ import annotations

import torch
from torch import Tensor

from bayeswd.errors import InputError
from bayeswd.estimate import linear_design
from bayeswd.posterior import columns
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat

COUNT = 60
_LEAST_SAY, _MOST_SAY = 0.01, 0.9999  # of the data in one direction: v tau^2 / (v tau^2 + 1)
_WIDEST = 1e5  # ratio of the ends: ten decades of a strength


def of(problem: Problem, count: int = COUNT) -> tuple[float, ...]:
    """`count` scales, evenly in their logarithm.

    Without an L1 part: from where the data have 1 % of the say in the direction that they
    determine best, to where they have 99.99 % in the one that they determine worst, ten decades
    of strength at most. With one: from half the scale at which the first weight leaves 0, four
    decades on. InputError where all inputs are constant or no input moves with the targets.
    """
    prior = linear_design.weight_prior(problem)
    if isinstance(prior, Flat):
        name = linear_design.layout(problem).weight
        raise InputError(f"Flat() on {name!r} has no scale to vary; give it a proper prior.")
    table, deviations, curvature = _about_no_effect(problem)
    if prior.l1_rate > 0:
        force = float((table.T @ deviations).abs().max())
        _require_some(force)
        narrow, wide = 0.5 / force, 0.5e4 / force
    else:
        values = torch.linalg.svdvals(table) ** 2 * curvature
        _require_some(float(values.max()))
        seen = values[values > values.max() * 1e-12 * max(table.shape)]
        narrow = _where_the_say_is(_LEAST_SAY, float(seen.max()))
        wide = min(_where_the_say_is(_MOST_SAY, float(seen.min())), narrow * _WIDEST)
    step = (wide / narrow) ** (1 / max(count - 1, 1))
    return tuple(narrow * step**index for index in range(count))


def _where_the_say_is(share: float, curvature: float) -> float:
    """tau with v tau^2 / (v tau^2 + 1) = share."""
    return float((share / (1 - share) / curvature) ** 0.5)


def _about_no_effect(problem: Problem) -> tuple[Tensor, Tensor, float]:
    """Inputs [n, d]; targets less their mean over the noise variance [n, K]; curvature per row.

    Inputs and targets are centred where there is a bias, the curvature is the largest of the K.
    """
    table, biased = linear_design.inputs(problem), linear_design.bias_prior(problem) is not None
    if isinstance(problem.likelihood, GaussianNoise):
        observed, precision = problem.targets.double(), problem.likelihood.scale**-2
    else:
        _, glm = columns.generalised_linear(problem)
        observed, precision = glm.observed, 1.0
    if biased:
        table = table - table.mean(0)
    centred = observed - observed.mean(0)
    if isinstance(problem.likelihood, GaussianNoise):
        aim = centred if biased else observed
        return table, aim * precision, precision
    return table, centred, float(centred.square().mean(0).max())


def _require_some(effect: float) -> None:
    if not effect > 0:
        raise InputError(
            "no prior scale is better than another: the inputs do not vary, or the targets do not "
            "move with them; give the scales yourself."
        )
