"""The regularisation path with its posterior: estimates and bands of single weights over λ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayeswd.analysis.in_strengths import InStrengths
from bayeswd.analysis.path import Path
from bayeswd.report import path_draws, strength_axes, style, words
from bayeswd.report.weights import weight_names

WIDTH, LEFT, KEY, TOP = 9.6, 1.55, 2.05, 0.95  # inches
TICKS = 0.6  # inches of the left margin
ROW, COUNTS = 1.05, 1.3


@style.styled
def path(found: InStrengths) -> Figure:
    """One panel for each of five weights, and below how many weights there are to speak of.

    Without posteriors on the path, the estimates alone.
    """
    chosen = sorted(path_draws.chosen_weights(found))
    names = weight_names(found, found.selection.problem, chosen)
    heights = [ROW] * len(chosen) + [COUNTS]
    figure = style.new_figure(WIDTH, strength_axes.total(heights, TOP, gap=0.14))
    panels = strength_axes.stacked(figure, heights, left=LEFT, right=KEY, top=TOP, gap=0.14)
    reach = _reach(found, chosen)
    for axes, index, name in zip(panels, chosen, names, strict=False):
        draw_weight(axes, found, index)
        axes.set_ylim(-reach, reach)
        said = words.wrapped(name, LEFT - TICKS, style.LABEL)
        axes.set_ylabel(said, rotation=0, ha="right", va="center")
        style.short_ticks(axes, 4)
    draw_counts(panels[-1], found)
    strength_axes.label(panels, found, strength_axes.window(found))
    for axes in (panels[0], panels[-1]):
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.06), borderaxespad=0)
    style.headline(figure, finding(found), _reading(found, len(chosen)))
    return figure


def draw_weight(axes: Axes, found: InStrengths, index: int) -> None:
    """The estimate of one weight, its posterior band and median, and the prior's band."""
    along, x = found.selection.path, found.strengths
    axes.axhline(0, color="#cccccc", linewidth=1, zorder=0)
    if along.bands is not None:
        share = words.percent(along.bands.probability)
        lower, median, upper = (
            _column(values, index)
            for values in (along.bands.lower, along.bands.median, along.bands.upper)
        )
        look: style.Look = {"color": style.POSTERIOR, "linewidth": 0}
        name = f"posterior, {share}{_approximate(along)}"
        axes.fill_between(x, lower, upper, alpha=0.22, label=name, **look)
        axes.plot(x, median, color=style.POSTERIOR, linewidth=1, label="posterior median")
    axes.plot(x, _column(along.weights, index), color=style.INK, label="mode, the trained weight")
    sds = 2 * np.array(along.prior_sds)
    for sign in (-1, 1):
        label = "prior, ±2 sd" if sign > 0 else None
        axes.plot(x, sign * sds, color=style.PRIOR, linewidth=1, linestyle="--", label=label)


def draw_counts(axes: Axes, found: InStrengths) -> None:
    """How many weights are not 0, and how many the posterior tells from 0."""
    along, x = found.selection.path, found.strengths
    axes.step(x, along.nonzero, color=style.INK, where="mid", label="weight is not 0")
    if along.bands is not None:
        axes.step(
            x,
            along.bands.excludes_zero,
            color=style.POSTERIOR,
            where="mid",
            label=f"{words.percent(along.bands.probability)} interval\nis without 0",
        )
    total = along.weights[0].numel()
    axes.set_ylim(0, 1.08 * total)
    axes.set_ylabel(f"of {total}\nweights", rotation=0, ha="right", va="center")
    style.short_ticks(axes, 4)


def finding(found: InStrengths) -> str:
    """What the two counts say at the evidence's choice, or where the mode keeps most."""
    along = found.selection.path
    choice = found.selection.choice("evidence")
    index = len(along.scales) // 2 if choice is None else found.best_place(choice)
    where = f"At {found.name(along.scales[index])},"
    where += "" if choice is None else " the evidence's choice,"
    kept, total = along.nonzero[index], along.weights[0].numel()
    said = f"{where} {kept} of {total} weights are not 0"
    if along.bands is None:
        return said
    share = words.percent(along.bands.probability)
    return f"{said}; {along.bands.excludes_zero[index]} have a {share} interval without 0"


def _approximate(along: Path) -> str:
    """A second line for bands that are not those of the posterior itself."""
    methods = {getattr(posterior, "method", "exact") for posterior in along.posteriors or ()}
    return "" if methods <= {"exact"} else "\n(Gaussian at the mode)"


def _column(values, index: int) -> np.ndarray:
    return values.flatten(1)[:, index].detach().cpu().double().numpy()


def _reach(found: InStrengths, chosen: Sequence[int]) -> float:
    """Half of the shared axis: what bands and estimates take at a tenth of the chosen strength.

    Wider bands, at yet weaker penalties, are cut off.
    """
    along, (place,) = found.selection.path, path_draws.around(found, (0.1,))
    values = [along.weights] + ([along.bands.lower, along.bands.upper] if along.bands else [])
    columns = list(chosen)
    reach = max(float(each[place].flatten()[columns].abs().max()) for each in values)
    return 1.1 * reach or 1.0


def _reading(found: InStrengths, shown: int) -> str:
    total = found.selection.path.weights[0].numel()
    if shown == total:
        return "All weights, on one scale; wider bands are cut off."
    return (
        f"{shown} of {total} weights, on one scale: the three largest, a middling one and the "
        "smallest; wider bands are cut off."
    )
