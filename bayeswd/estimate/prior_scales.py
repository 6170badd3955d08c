"""The same problem under its priors made wider or narrower."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from bayeswd.errors import InputError
from bayeswd.estimate import linear_design
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import ElasticNet, Gaussian, Laplace, Prior


def along(problem: Problem, scales: Sequence[float], asked: str) -> list[Problem]:
    """The problem with the prior of its weights at each scale, for the function `asked`.

    The scale is a Gaussian's tau, a Laplace prior's b, the l1_scale of an ElasticNet. All other
    scales, the l2_scale and those of the bias, stay in proportion; Flat stays Flat.
    """
    name = linear_design.layout(problem).weight
    unit = _leading_scale(problem.priors[name])
    if unit is None:
        raise InputError(
            f"{asked}: Flat() on {name!r} has no scale to vary; give it a proper prior."
        )
    return [problem.with_priors(partial(_times, scale / unit)) for scale in scales]


def _leading_scale(prior: Prior) -> float | None:
    if isinstance(prior, ElasticNet):
        return prior.l1_scale
    return prior.scale if isinstance(prior, (Gaussian, Laplace)) else None


def _times(factor: float, name: str, prior: Prior) -> Prior:
    """The prior of `factor` times the weight."""
    if isinstance(prior, ElasticNet):
        return ElasticNet(prior.l1_scale * factor, prior.l2_scale * factor)
    if isinstance(prior, (Gaussian, Laplace)):
        return replace(prior, scale=prior.scale * factor)
    return prior
