"""Which scale has the least loss on rows that were set aside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from bayeswd.analysis import held_out
from bayeswd.analysis.choice import Choice
from bayeswd.analysis.path import Solve, checked, estimates
from bayeswd.errors import InputError
from bayeswd.estimate import exact
from bayeswd.problem import checks
from bayeswd.problem.objective import Problem
from bayeswd.results import Estimate


def by_validation(
    problem: Problem,
    scales: Sequence[float],
    validation: tuple[Any, Any],
    *,
    solve: Solve = exact.solve,
) -> Choice:
    """The scale whose mode predicts the held-out (inputs, targets) best.

    The curve is the mean loss of a row without the penalty: half the squared error or -log p.
    Its standard error, over rows, is that of the loss as an estimate for rows to come.
    """
    grid = checked(scales, "by_validation")
    rows = rows_of(problem, validation)
    return from_estimates(problem, grid, estimates(problem, grid, solve), rows)


def from_estimates(
    problem: Problem,
    grid: tuple[float, ...],
    found: Sequence[Estimate],
    rows: tuple[Tensor, Tensor],
) -> Choice:
    """The same from estimates that are there already."""
    losses = torch.stack([held_out.row_losses(problem, each.params, *rows) for each in found])
    unit, note = held_out.unit_of(problem), held_out.unsettled(found)
    return held_out.choice("validation", problem, grid, losses, unit, note)


def rows_of(problem: Problem, validation: tuple[Any, Any]) -> tuple[Tensor, Tensor]:
    """Held-out inputs and targets as the problem's own; InputError where they do not fit it."""
    inputs = checks.as_inputs(validation[0]).to(problem.inputs)
    targets = problem.likelihood.as_targets(checks.as_targets(validation[1], inputs))
    if inputs.shape[1:] != problem.inputs.shape[1:]:
        raise InputError(
            f"validation inputs have shape {tuple(inputs.shape)}, the problem's "
            f"{tuple(problem.inputs.shape)}: give rows of the same columns."
        )
    if targets.shape[1:] != problem.targets.shape[1:]:
        raise InputError(
            f"validation targets have shape {tuple(targets.shape)}, the problem's "
            f"{tuple(problem.targets.shape)}: give as many targets a row."
        )
    if len(inputs) < 2:
        raise InputError("validation needs at least 2 rows: one has no standard error.")
    return inputs, targets
