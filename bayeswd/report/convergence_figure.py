"""How far above the optimum each road is, step by step, down to the certified floor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayeswd.analysis.comparison import Comparison, Comparisons, Method
from bayeswd.analysis.verdicts import NATS
from bayeswd.errors import InputError
from bayeswd.report import style
from bayeswd.tables import number

ROUNDING = 2.0**-52
UNEQUAL = 20  # step counts this far apart share a logarithmic axis


@style.styled
def convergence(result: Comparisons) -> Figure:
    """Objective minus the optimum over steps, in nats on a log scale, one panel per comparison.

    Below the floor nothing can be known: it is the certified gap of the reference, or what
    rounding hides. Raises InputError where no method recorded its steps.
    """
    trained = [one for one in result.comparisons if any(row.history for row in one.methods)]
    if not trained:
        raise InputError("no method recorded its steps: closed forms have none")
    figure = style.new_figure(4.9 * max(len(trained), 1.4), 4.4)
    panels = figure.subplots(1, len(trained), squeeze=False, sharey=True)[0]
    for axes, one in zip(panels, trained, strict=True):
        _draw_panel(axes, one)
    panels[0].set_ylabel("objective above the optimum, nats")
    style.headline(figure, _finding(trained), _reading(trained))
    return figure


def above_optimum(one: Comparison, row: Method) -> tuple[np.ndarray, np.ndarray]:
    """(steps, nats above the lowest objective of any method), never below the floor."""
    steps = np.array([step for step, _ in row.history], dtype=float)
    objective = np.array([value for _, value in row.history])
    return steps, np.maximum(objective - _optimum(one), floor_of(one))


def floor_of(one: Comparison) -> float:
    """Nats that cannot be told from 0: the reference's certified gap, or float64's rounding.

    Rounding: eps times the misfit and penalty that cancel in the objective.
    """
    params = one.reference.params
    sizes = abs(float(one.problem.misfit(params))) + abs(float(one.problem.penalty(params)))
    return max(one.reference.gap or 0.0, ROUNDING * sizes)


def _optimum(one: Comparison) -> float:
    return min(row.objective for row in one.methods)


def steps_until(one: Comparison, row: Method, nats: float = NATS) -> int | None:
    """The recorded step from which on the objective stays within `nats` of the optimum."""
    steps, above = above_optimum(one, row)
    outside = np.flatnonzero(above > nats)
    first = 0 if not len(outside) else int(outside[-1]) + 1
    return int(steps[first]) if first < len(steps) else None


def _draw_panel(axes: Axes, one: Comparison) -> None:
    methods = [row for row in one.methods if row.history]
    others = [row.method for row in methods if row.method not in style.METHOD_COLOURS]
    floor = floor_of(one)
    for row in methods:
        steps, above = above_optimum(one, row)
        axes.plot(
            steps,
            above,
            color=style.colour_of(row.method, others),
            linewidth=1.6,
            label=_reached(one, row),
        )
    axes.axhline(NATS, color=style.POSTERIOR, linewidth=1, linestyle=":")
    axes.axhline(floor, color=style.METHOD_COLOURS["exact"], linewidth=1.2)
    style.note(axes, NATS, f"{NATS:g} nats: the same fit below", style.POSTERIOR)
    style.note(axes, floor, _floor_words(one, floor), style.INK, right=False)
    longest = [row.history[-1][0] for row in methods]
    if max(longest) > UNEQUAL * max(1, min(longest)):
        axes.set_xscale("symlog", linthresh=max(1, min(longest) / 10))
    axes.set(yscale="log", xlabel="step", title=style.strength(one))
    style.decade_ticks(axes.yaxis)
    axes.margins(x=0.02)
    axes.legend(loc="best")


def _reached(one: Comparison, row: Method) -> str:
    """`Pyro MAP: the same fit from step 40`."""
    step = steps_until(one, row)
    when = "not the same fit yet" if step is None else f"the same fit from step {step}"
    return f"{style.method_name(row.method)}: {when}"


def _floor_words(one: Comparison, floor: float) -> str:
    if one.reference.gap is None:
        return "lowest found: not convex, no certificate"
    if floor > one.reference.gap:
        return f"what float64 can tell: {number(floor, 1)} nats"
    return f"certified: no weights are better by {number(floor, 1)} nats"


def _finding(trained: Sequence[Comparison]) -> str:
    pairs = [(one, row) for one in trained for row in one.methods if row.history]
    there = [step for step in (steps_until(*pair) for pair in pairs) if step is not None]
    goal = f"within {NATS:g} nats of the optimum"
    if not there:
        return f"None of {len(pairs)} trainings came {goal}"
    return f"{len(there)} of {len(pairs)} trainings came {goal}, the first after {min(there)} steps"


def _reading(trained: Sequence[Comparison]) -> str:
    if all(one.reference.gap is None for one in trained):
        return "Above the lowest objective that any method found: a network has no certificate."
    return (
        "Above the certified optimum: a straight line falls by the same factor each step; "
        "values below the floor are drawn on it."
    )
