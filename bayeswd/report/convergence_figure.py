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

UNEQUAL = 20  # step counts this far apart share a logarithmic axis
LINES = ((2.6, "-"), (1.4, "--"), (1.4, "-."))  # equal trajectories lie on each other: show both


@style.styled
def convergence(result: Comparisons) -> Figure:
    """Objective minus the optimum over steps, in nats on a log scale, one panel per comparison.

    Below the floor nothing can be known: it is the certified gap of the reference, or what
    rounding hides. Raises InputError where no method recorded its steps.
    """
    trained = [one for one in result.comparisons if trainings(one)]
    if not trained:
        raise InputError("no method recorded its steps: closed forms have none")
    figure = style.new_figure(9.6 if len(trained) > 1 else 7.0, 5.3)
    panels = figure.subplots(1, len(trained), squeeze=False, sharey=True)[0]
    for axes, one in zip(panels, trained, strict=True):
        _draw_panel(axes, one)
    panels[0].set_ylabel("objective above the lowest, nats")
    style.margins(figure, len(trained), left=0.9, top=0.9, bottom=1.75, gap=0.3)
    style.headline(figure, _finding(trained), _reading(trained))
    return figure


def trainings(one: Comparison) -> list[Method]:
    """The methods that recorded their steps; an exact solver's few sweeps are no training."""
    return [row for row in one.methods if row.history and row.method != "exact"]


def above_optimum(one: Comparison, row: Method) -> tuple[np.ndarray, np.ndarray]:
    """(steps, nats above the lowest objective of any method), never below the floor."""
    steps = np.array([step for step, _ in row.history], dtype=float)
    objective = np.array([value for _, value in row.history])
    return steps, np.maximum(objective - _optimum(one), floor_of(one))


def floor_of(one: Comparison) -> float:
    """Nats that cannot be told from 0: the reference's certified gap, or rounding.

    Rounding: eps times the misfit and penalty that cancel in the objective.
    """
    params = one.reference.params
    sizes = abs(float(one.problem.misfit(params))) + abs(float(one.problem.penalty(params)))
    return max(one.reference.gap or 0.0, style.rounding(one) * sizes)


def _optimum(one: Comparison) -> float:
    return min(row.objective for row in one.methods)


def steps_until(one: Comparison, row: Method, nats: float = NATS) -> int | None:
    """The recorded step from which on the objective stays within `nats` of the optimum."""
    steps, above = above_optimum(one, row)
    outside = np.flatnonzero(above > nats)
    first = 0 if not len(outside) else int(outside[-1]) + 1
    return int(steps[first]) if first < len(steps) else None


def _draw_panel(axes: Axes, one: Comparison) -> None:
    methods = trainings(one)
    others = [row.method for row in methods if row.method not in style.METHOD_COLOURS]
    floor = floor_of(one)
    for place, row in enumerate(methods):
        steps, above = above_optimum(one, row)
        width, line = LINES[min(place, len(LINES) - 1)]
        look: style.Look = {"linewidth": width, "linestyle": line, "label": _reached(one, row)}
        axes.plot(steps, above, color=style.colour_of(row.method, others), **look)
    words = f"{NATS:g} nats: the same fit below"
    axes.axhline(NATS, color=style.POSTERIOR, linewidth=1, linestyle=":", label=words)
    ink = style.METHOD_COLOURS["exact"]
    axes.axhline(floor, color=ink, linewidth=1.2, label=_floor_words(one, floor))
    longest = [row.history[-1][0] for row in methods]
    if max(longest) > UNEQUAL * max(1, min(longest)):
        axes.set_xscale("symlog", linthresh=max(1, min(longest) / 10))
        style.decade_ticks(axes.xaxis)
    else:
        style.short_ticks(axes, 6, vertical=False)
    axes.set(yscale="log", xlabel="step", title=style.strength(one))
    style.decade_ticks(axes.yaxis)
    axes.margins(x=0.02)
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.14), borderaxespad=0)


def _reached(one: Comparison, row: Method) -> str:
    """`Pyro MAP: the same fit from step 40`."""
    step = steps_until(one, row)
    when = "not the same fit yet" if step is None else f"the same fit from step {step}"
    return f"{style.method_name(row.method)}: {when}"


def _floor_words(one: Comparison, floor: float) -> str:
    gap = one.reference.gap
    if gap is None:
        return "lowest found: not convex, no certificate"
    if floor > gap:
        return f"rounding: {style.brief(floor, 1)} nats (certified gap: {style.brief(gap, 1)})"
    return f"certified: none is lower by {style.brief(floor, 1)} nats"


def _finding(trained: Sequence[Comparison]) -> str:
    steps = [steps_until(one, row) for one in trained for row in trainings(one)]
    there = [step for step in steps if step is not None]
    certified = any(one.reference.gap is not None for one in trained)
    goal = f"within {NATS:g} nats of the {'optimum' if certified else 'lowest objective found'}"
    if not there:
        return f"None of {len(steps)} trainings came {goal}"
    many = (
        "Every training" if len(there) == len(steps) else f"{len(there)} of {len(steps)} trainings"
    )
    return f"{many} came {goal}, the first at step {min(there)}"


def _reading(trained: Sequence[Comparison]) -> str:
    if all(one.reference.gap is None for one in trained):
        return "Above the lowest that any method found: only linear models have a certificate."
    return (
        "Above the certified optimum. A straight line falls by the same factor each step; "
        "values below the floor are drawn on it."
    )
