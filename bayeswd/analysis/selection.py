"""Which strength? Every criterion that applies, on one grid, and what they can tell apart.

select(problem, scales, validation=(inputs, targets))    -> Selection

by_validation(problem, scales, (inputs, targets), solve=exact.ridge)
by_cross_validation(problem, scales, folds=10, repeats=1, seed=0, solve=exact.ridge)
by_loo(problem, scales, posterior=gibbs.path)
by_evidence(problem, scales, evidence=unknown_noise)
by_hyperprior(problem, scales, hyperprior=flat)          -> Choice
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any

from bayeswd.analysis import by_evidence as evidences
from bayeswd.analysis import by_hyperprior as hyperpriors
from bayeswd.analysis import by_validation as validations
from bayeswd.analysis import default_scales, path
from bayeswd.analysis.by_evidence import by_evidence, known_noise, unknown_noise
from bayeswd.analysis.by_hyperprior import by_hyperprior, by_strength_draws
from bayeswd.analysis.by_validation import by_validation
from bayeswd.analysis.choice import Choice, Selection
from bayeswd.analysis.criteria import CRITERIA
from bayeswd.analysis.cross_validation import by_cross_validation
from bayeswd.analysis.evidence_curves import EvidenceCurve
from bayeswd.analysis.leave_one_out import by_loo
from bayeswd.errors import InputError
from bayeswd.posterior import choose, conjugate, gibbs
from bayeswd.problem.objective import Problem

__all__ = [
    "CRITERIA",
    "Choice",
    "Selection",
    "by_cross_validation",
    "by_evidence",
    "by_hyperprior",
    "by_loo",
    "by_strength_draws",
    "by_validation",
    "known_noise",
    "select",
    "unknown_noise",
]

# left-out rows at all scales together that are smoothed from draws: some 1.6 ms each
_SMOOTHED = 4000

Say = Callable[[str], object]


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
    progress: Say = lambda message: None,
) -> Selection:
    """The path and the choice of every criterion that applies.

    scales: of the weights' prior; default 60, from where only the prior speaks to where only the
        data do. validation: held-out (inputs, targets); without them there is no such criterion.
    by: criteria, a subset of CRITERIA; default all. posterior: also the posteriors along the
        path and their bands. progress: told each stage.
    unknown_noise: evidence and hyperprior take sigma as unknown, the ratio of scales as stated.

    Where leave-one-out needs draws it has fewer scales than the path; where they must come from
    HMC it is done only if `by` names it. Raises InputError for input that no criterion can work
    with; what one criterion lacks is said in `skipped`.
    """
    grid = path.checked(default_scales.of(problem) if scales is None else scales, "select")
    asked = CRITERIA if by is None else tuple(by)
    _require_criteria(asked)
    rows = None if validation is None else validations.rows_of(problem, validation)
    progress(f"the path: {len(grid)} prior scales")
    posteriors = partial(path.posteriors, seed=seed) if posterior else None
    along = path.along(problem, grid, posterior=posteriors)
    noise = evidences.unknown_noise if unknown_noise else evidences.known_noise
    curves = _Shared(problem, grid, noise)
    smoothing = partial(path.posteriors, seed=seed)
    ways: dict[str, Callable[[], Choice]] = {
        "validation": lambda: validations.from_estimates(
            problem, grid, along.estimates, _given(rows)
        ),
        "cross-validation": lambda: by_cross_validation(
            problem, grid, folds=min(folds, problem.n), repeats=repeats, seed=seed
        ),
        "leave-one-out": lambda: by_loo(
            problem, _loo_scales(problem, grid, by is not None), posterior=smoothing
        ),
        "evidence": lambda: evidences.from_curve(problem, grid, curves.curve),
        "hyperprior": lambda: hyperpriors.from_curve(problem, grid, curves.curve),
    }
    choices, skipped = [], {}
    for name in CRITERIA:
        if name not in asked:
            continue
        progress(name)
        try:
            choices.append(ways[name]())
        except InputError as reason:
            skipped[name] = str(reason)
    return Selection(problem, along, tuple(choices), skipped)


class _Shared:
    """The evidence curve that two criteria read, made when the first one asks."""

    def __init__(
        self, problem: Problem, grid: tuple[float, ...], noise: evidences.Evidence
    ) -> None:
        self._make = partial(noise, problem, grid)

    @cached_property
    def curve(self) -> EvidenceCurve:
        return self._make()


def _given(rows: Any) -> Any:
    if rows is None:
        raise InputError("there are no validation rows: give validation=(inputs, targets).")
    return rows


def _loo_scales(problem: Problem, grid: tuple[float, ...], asked: bool = True) -> tuple[float, ...]:
    """The grid, or evenly some of it, 8 to 16, where rows are left out by reweighting draws."""
    if conjugate.applies_to(problem):
        return grid
    if not asked and choose.pick(problem)[0] is not gibbs.sample:
        raise InputError(
            "it takes HMC draws at each scale, which is minutes: ask for it with "
            'by=["leave-one-out"].'
        )
    count = min(16, max(8, _SMOOTHED // problem.n))
    if count >= len(grid):
        return grid
    chosen = {round(index * (len(grid) - 1) / (count - 1)) for index in range(count)}
    return tuple(grid[index] for index in sorted(chosen))


def _require_criteria(asked: Sequence[str]) -> None:
    unknown = [repr(name) for name in asked if name not in CRITERIA]
    if unknown or not asked:
        found = ", ".join(unknown) or "none"
        raise InputError(f"select by {found}: give some of {', '.join(CRITERIA)}.")
