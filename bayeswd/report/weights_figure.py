"""Weights by method, one against the other, and what is left of the differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayeswd.analysis.comparison import Comparison, Comparisons
from bayeswd.analysis.verdicts import POSTERIOR_SD
from bayeswd.errors import InputError
from bayeswd.report import style
from bayeswd.report.weights import flat_weights

MARKS = ("o", "x", "+", "s", "^", "v")


@style.styled
def weights_by_method(result: Comparisons) -> Figure:
    """Each method's weights against the reference's, and below the differences, log scale.

    One column for each comparison. Raises InputError where there is only one method.
    """
    several = [one for one in result.comparisons if len(one.methods) > 1]
    if not several:
        raise InputError("one method fitted these weights: there is nothing to set against it")
    figure = style.new_figure(9.6 if len(several) > 1 else 7.0, 6.4)
    panels = figure.subplots(2, len(several), squeeze=False, sharex="col", height_ratios=[3, 2])
    for column, one in enumerate(several):
        _draw_column(panels[0, column], panels[1, column], one)
    style.margins(figure, len(several), left=0.9, top=0.9, gap=0.95)
    style.headline(
        figure,
        _finding(several),
        "One marker for each weight; differences of 0 are drawn at the line of rounding.",
    )
    return figure


def differences(one: Comparison) -> dict[str, np.ndarray]:
    """By method, its weights minus those of the reference row, flat."""
    reference = flat_weights(one.problem, one.reference.params)
    return {
        row.method: flat_weights(one.problem, row.params) - reference for row in one.methods[1:]
    }


def _draw_column(weights: Axes, apart: Axes, one: Comparison) -> None:
    reference = flat_weights(one.problem, one.reference.params)
    by_method = differences(one)
    name = style.method_name(one.reference.method)
    rounding = style.rounding(one) * float(np.abs(reference).max() or 1.0)
    ends = _range(reference, by_method)
    weights.plot(ends, ends, color="#cccccc", linewidth=1, zorder=0)
    for place, (method, difference) in enumerate(by_method.items()):
        look = _look(method, place, list(by_method))
        label = f"{style.method_name(method)}: {_within(difference)}"
        weights.plot(reference, reference + difference, **look, label=label)
        seen = np.maximum(np.abs(difference), rounding)
        apart.plot(reference, seen, **look, clip_on=False)
    _draw_tolerance(apart, one, rounding)
    weights.set(ylabel="weight by method", title=style.strength(one))
    weights.legend(loc="upper left")
    style.short_ticks(weights, 5)
    apart.set(yscale="log", xlabel=f"weight, {name}", ylabel="|difference|, log scale")
    style.decade_ticks(apart.yaxis)
    apart.set_ylim(bottom=rounding, top=max(apart.get_ylim()[1], 1e3 * rounding))


def _within(difference: np.ndarray) -> str:
    largest = _largest(difference)
    return f"within {style.brief(largest, 2)}" if largest else "identical"


def _largest(difference: np.ndarray) -> float:
    return float(np.abs(difference).max())


def _range(reference: np.ndarray, by_method: Mapping[str, np.ndarray]) -> tuple[float, float]:
    every = np.concatenate([reference, *(reference + value for value in by_method.values())])
    return float(every.min()), float(every.max())


def _look(method: str, place: int, methods: Sequence[str]) -> style.Look:
    """Open circle, cross, plus ...: marks that can be told apart on top of each other."""
    others = [name for name in methods if name not in style.METHOD_COLOURS]
    return {
        "linestyle": "none",
        "marker": style.METHOD_MARKERS.get(method, MARKS[place % len(MARKS)]),
        "color": style.colour_of(method, others),
        "markerfacecolor": "none",
        "markersize": 7 - 1.5 * (place % 3),
        "alpha": 0.8,
    }


def _draw_tolerance(axes: Axes, one: Comparison, rounding: float) -> None:
    """The distance that counts as the same fit, where a posterior gives weights a scale."""
    lines = [(rounding, "rounding", style.INK)]
    if one.posterior is not None:
        sd = float(np.median(flat_weights(one.problem, one.posterior.sd)))
        words = f"{POSTERIOR_SD:g} posterior sd: the same fit below"
        lines.append((POSTERIOR_SD * sd, words, style.POSTERIOR))
    for height, words, colour in lines:
        axes.axhline(height, color=colour, linewidth=1, linestyle=":")
        style.note(axes, height, words, colour)


def _finding(several: Sequence[Comparison]) -> str:
    """`L2: weights within 5e-7 of the exact optimum;  L1: ...`.

    A posterior mean counts only where it is the mode.
    """
    parts = []
    for one in several:
        apart = differences(one)
        for row in one.methods:
            if not row.is_mode and len(apart) > 1:
                apart.pop(row.method)
        largest = max(_largest(difference) for difference in apart.values())
        name = style.method_name(one.reference.method)
        name = f"the {name}" if one.reference.method == "exact" else name
        where = f"within {style.brief(largest, 2)} of" if largest else "identical to"
        parts.append(f"{style.kind_name(one)}: weights {where} {name}")
    return ";  ".join(parts)
