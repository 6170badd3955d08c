"""Losses of rows that did not train, along the grid, and the choice that they make."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bayeswd.analysis import identified
from bayeswd.analysis.choice import Choice
from bayeswd.analysis.path import prior_sds
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Params, Problem
from bayeswd.results import Estimate

SQUARES = "half squared error"
NATS = "nats"


def unit_of(problem: Problem) -> str:
    """What one row's loss is measured in."""
    return SQUARES if isinstance(problem.likelihood, GaussianNoise) else NATS


def row_losses(problem: Problem, params: Params, inputs: Tensor, targets: Tensor) -> Tensor:
    """Half the squared error, or -log p, of each row, [n]; no penalty, float64."""
    outputs = problem.outputs(params, inputs)
    if isinstance(problem.likelihood, GaussianNoise):
        return 0.5 * ((outputs - targets).double() ** 2).sum(-1)
    return problem.likelihood.pointwise(outputs, targets).double()


def unsettled(estimates: Sequence[Estimate]) -> str:
    """A note where fits did not converge; else empty."""
    failed = sum(not estimate.converged for estimate in estimates)
    if not failed:
        return ""
    return f"{failed} of {len(estimates)} fits did not converge: their losses are not the prior's"


def choice(
    by: str, problem: Problem, scales: tuple[float, ...], losses: Tensor, unit: str, note: str = ""
) -> Choice:
    """The choice from losses [S, n] of the same rows at each scale."""
    found = identified.paired(losses)
    interval = identified.span(scales, found.untold)
    scale = scales[found.best]
    return Choice(
        by=by,
        scale=scale,
        interval=interval,
        identified=identified.is_bounded(interval, scales),
        prior_sd=prior_sds(problem, [scale])[0],
        scales=scales,
        curve=_numbers(found.mean),
        higher_is_better=False,
        unit=unit,
        error=_numbers(found.error),
        difference=_numbers(found.difference),
        difference_error=_numbers(found.difference_error),
        simplest=scales[found.simplest],
        noise_scale=noise_of(problem),
        note=note,
    )


def noise_of(problem: Problem) -> float | None:
    """sigma as the problem states it, where there is one."""
    return problem.likelihood.scale if isinstance(problem.likelihood, GaussianNoise) else None


def _numbers(values: Tensor) -> tuple[float, ...]:
    return tuple(torch.as_tensor(values).tolist())
