"""What a training reached: the same fit only where it converged and the optimum is certified."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bayeswd.analysis.comparison import Comparison, Method
from bayeswd.analysis.verdicts import NATS
from bayeswd.report import style
from bayeswd.report.words import counted


def trainings(one: Comparison) -> list[Method]:
    """The methods that recorded their steps; an exact solver's few sweeps are no training."""
    return [row for row in one.methods if row.history and row.method != "exact"]


def is_certified(one: Comparison) -> bool:
    """Whether the lowest objective is known to be the optimum, up to the reference's gap."""
    return one.reference.gap is not None


def lowest(one: Comparison) -> float:
    """The lowest objective of any method, nats."""
    return min(row.objective for row in one.methods)


def above_optimum(one: Comparison, row: Method) -> tuple[np.ndarray, np.ndarray]:
    """(steps, nats above the lowest objective of any method), never below the floor."""
    steps = np.array([step for step, _ in row.history], dtype=float)
    objective = np.array([value for _, value in row.history])
    return steps, np.maximum(objective - lowest(one), floor_of(one))


def floor_of(one: Comparison) -> float:
    """Nats that cannot be told from 0: the reference's certified gap, or rounding.

    Rounding: eps times the misfit and penalty that cancel in the objective.
    """
    params = one.reference.params
    sizes = abs(float(one.problem.misfit(params))) + abs(float(one.problem.penalty(params)))
    return max(one.reference.gap or 0.0, style.rounding(one) * sizes)


def steps_until(one: Comparison, row: Method, nats: float = NATS) -> int | None:
    """The recorded step from which on the objective stays within `nats` of the lowest."""
    steps, above = above_optimum(one, row)
    outside = np.flatnonzero(above > nats)
    first = 0 if not len(outside) else int(outside[-1]) + 1
    return int(steps[first]) if first < len(steps) else None


def taken(row: Method) -> int:
    return int(row.history[-1][0]) if row.steps is None else row.steps


def reached(one: Comparison, row: Method) -> str:
    """`Pyro MAP: the same fit from step 40`, or where it stopped."""
    name = style.method_name(row.method)
    left = max(row.objective - lowest(one), floor_of(one))
    if not row.converged:
        stopped = f"{name}: stopped after {counted(taken(row), 'step')}, not converged"
        return f"{stopped}, {style.brief(left, 2)} nats above" if is_certified(one) else stopped
    step = steps_until(one, row)
    if step is None:
        return f"{name}: converged {style.brief(left, 2)} nats above the lowest"
    goal = "the same fit" if is_certified(one) else f"within {NATS:g} nats of the lowest"
    return f"{name}: {goal} from step {step}"


def tolerance(one: Comparison) -> str:
    below = "the same fit below" if is_certified(one) else "above the lowest found"
    return f"{NATS:g} nats{':' if is_certified(one) else ''} {below}"


def floor_words(one: Comparison, floor: float) -> str:
    gap = one.reference.gap
    if gap is None:
        return "lowest found: not convex, no certificate"
    if floor > gap:
        return f"rounding: {style.brief(floor, 1)} nats (certified gap: {style.brief(gap, 1)})"
    return f"certified: none is lower by {style.brief(floor, 1)} nats"


def finding(trained: Sequence[Comparison]) -> str:
    """How many trainings got to the optimum, or that nobody can know."""
    rows = [(one, row) for one in trained for row in trainings(one)]
    late = [row for _, row in rows if not row.converged]
    if not all(is_certified(one) for one in trained):
        found = ", ".join(
            f"{style.brief(lowest(one), 5)} nats ({style.kind_name(one)})" for one in trained
        )
        said = _share(len(late), len(rows), _stopped(late)) if late else "every training converged"
        return f"No certificate: lowest objective found {found}; {said}"
    steps = [steps_until(one, row) for one, row in rows if row.converged]
    there = [step for step in steps if step is not None]
    goal = f"within {NATS:g} nats of the optimum"
    if not there and not late:
        return f"No training came {goal}"
    if not there:
        return _capital(_share(len(late), len(rows), _stopped(late)))
    first = f"{'the first ' if len(rows) > 1 else ''}at step {min(there)}"
    said = _capital(_share(len(there), len(rows), f"came {goal}, {first}"))
    rest = f"; {_share(len(late), len(rows), _stopped(late))}" if late else ""
    return said + rest


def _share(count: int, total: int, what: str) -> str:
    """`every training stopped`, `1 of 4 trainings stopped`."""
    if count < total:
        return f"{count} of {counted(total, 'training')} {what}"
    return f"{'every' if total > 1 else 'the'} training {what}"


def _stopped(late: Sequence[Method]) -> str:
    counts = sorted({taken(row) for row in late})
    many = counted(counts[-1], "step")
    spread = f"{counts[0]} to {many}" if len(counts) > 1 else many
    return f"stopped after {spread}, not converged"


def _capital(said: str) -> str:
    return said[0].upper() + said[1:]


def reading(trained: Sequence[Comparison]) -> str:
    if not all(is_certified(one) for one in trained):
        return (
            "Above the lowest that any method found, converged or not: only linear models have a "
            "certificate."
        )
    return (
        "Above the certified optimum. A straight line falls by the same factor each step; "
        "values below the floor are drawn on it."
    )
