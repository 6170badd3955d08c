"""Which strength? Every criterion that applies, on one grid, and what they can tell apart.

select(problem, scales, validation=(inputs, targets))    -> Selection

by_validation(problem, scales, (inputs, targets), solve=exact.ridge)
by_cross_validation(problem, scales, folds=10, repeats=1, seed=0, solve=exact.ridge)
by_loo(problem, scales)
by_evidence(problem, scales)
by_hyperprior(problem, scales)                           -> Choice
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bayeswd.analysis.choice import Choice, Selection
from bayeswd.problem.objective import Problem

__all__ = ["Choice", "Selection", "select"]


def select(
    problem: Problem,
    scales: Sequence[float] | None = None,
    *,
    validation: tuple[Any, Any] | None = None,
    by: Sequence[str] | None = None,
    folds: int = 10,
    repeats: int = 1,
    posterior: bool = False,
    unknown_noise: bool = False,
    seed: int = 0,
    progress: Callable[[str], None] = lambda message: None,
) -> Selection:
    """The path and the choice of every criterion that applies.

    scales: of the weights' prior; default 60, from where only the prior speaks to where only the
        data do. validation: held-out (inputs, targets); without them there is no such criterion.
    by: criteria, a subset of "validation", "cross-validation", "leave-one-out", "evidence",
        "hyperprior"; default all. posterior: also the posteriors along the path and their bands.
    unknown_noise: evidence and hyperprior take sigma as unknown. progress: told each stage.
    """
    raise NotImplementedError
