"""Which scale predicts each part of the rows best when the other parts train.

The prior scale is held while rows are left out, not lambda: where a loss is a mean over rows, the
same prior on n (1 - 1/K) rows is a larger lambda.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from bayeswd.analysis import held_out
from bayeswd.analysis.choice import Choice
from bayeswd.analysis.path import Solve, checked, estimates
from bayeswd.errors import InputError
from bayeswd.estimate import exact
from bayeswd.problem.likelihoods import Bernoulli, Categorical
from bayeswd.problem.objective import Problem
from bayeswd.problem.splits import generator
from bayeswd.results import Estimate


def by_cross_validation(
    problem: Problem,
    scales: Sequence[float],
    *,
    folds: int = 10,
    repeats: int = 1,
    seed: int = 0,
    solve: Solve = exact.solve,
) -> Choice:
    """The scale of least loss over `folds` folds, averaged over `repeats` divisions of the rows.

    The curve is the mean over rows of their held-out loss. Its standard error takes the rows as
    independent; they share training rows, which makes the true one somewhat larger, and no
    unbiased estimate of it exists (Bengio & Grandvalet 2004).
    """
    grid = checked(scales, "by_cross_validation")
    parts = [part for turn in range(repeats) for part in deal(problem, folds, seed + turn)]
    losses, fits = held_out_losses(problem, grid, parts, solve)
    unit, note = held_out.unit_of(problem), held_out.unsettled(fits)
    return held_out.choice("cross-validation", problem, grid, losses, unit, note)


def deal(problem: Problem, folds: int, seed: int = 0) -> list[Tensor]:
    """The rows in `folds` parts of equal size but for one row, each a sorted index tensor.

    Classes are shared out evenly.
    """
    if not 2 <= folds <= problem.n:
        raise InputError(f"folds={folds}: give a number from 2 to the number of rows, {problem.n}.")
    order = generator(seed).permutation(problem.n)
    if isinstance(problem.likelihood, (Bernoulli, Categorical)):
        classes = problem.targets.reshape(problem.n, -1)[:, 0].cpu().numpy()
        order = order[np.argsort(classes[order], kind="stable")]
    return [torch.from_numpy(np.sort(order[part::folds])) for part in range(folds)]


def held_out_losses(
    problem: Problem, scales: Sequence[float], parts: Sequence[Tensor], solve: Solve = exact.solve
) -> tuple[Tensor, list[Estimate]]:
    """Loss of each row when its part does not train [S, n], and all fits, part by part.

    A row that is in several parts has its mean loss.
    """
    device = problem.inputs.device
    total = torch.zeros(len(scales), problem.n, dtype=torch.float64, device=device)
    times, fits = torch.zeros(problem.n, device=device), []
    for part in parts:
        part = part.to(device)
        training = without(problem, part)
        found = estimates(training, scales, solve)
        rows = problem.inputs[part], problem.targets[part]
        total[:, part] += torch.stack(
            [held_out.row_losses(training, each.params, *rows) for each in found]
        )
        times[part] += 1
        fits += found
    if (times == 0).any():
        raise InputError(f"{int((times == 0).sum())} rows are in no part: give parts of all rows.")
    return total / times, fits


def without(problem: Problem, rows: Tensor) -> Problem:
    """The problem on all other rows."""
    kept = torch.ones(problem.n, dtype=torch.bool, device=problem.inputs.device)
    kept[rows] = False
    if not kept.any():
        raise InputError("all rows are held out: leave some to train.")
    return Problem(
        problem.model,
        problem.likelihood,
        problem.priors,
        problem.inputs[kept],
        problem.targets[kept],
    )
