"""The forces that a training loop was found to put on its weights, and the priors they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayeswd.analysis.auditing.result import Audit, Measured, ParameterFinding
from bayeswd.errors import InputError
from bayeswd.report import style, words
from bayeswd.tables import number

MOST = 4  # parameters that are drawn
PANEL = (4.3, 3.1)  # inches
LINES = {
    "gaussian": "-",
    "laplace": "--",
    "elastic-net": "-.",
    "spherical-exponential": ":",
    "box": (0, (6, 1)),
}
COLOURS = {"loss": style.POSTERIOR, "update": "#D55E00", "hook": "#009E73"}
SOURCES = {"loss": "in the loss", "update": "in the update", "hook": "in a hook"}


Line = Callable[[np.ndarray], np.ndarray]


def forces(result: Audit) -> Figure:
    """Each penalised parameter: the measured force against |w|, the matched prior through it.

    The largest parameters are drawn. InputError where no force was measured.
    """
    shown = [one for one in result.parameters if any(_drawable(m) for m in one.measured)]
    if not shown:
        raise InputError("no force was measured beside that of the data: there is none to draw")
    shown = sorted(shown, key=lambda one: -one.count)[:MOST]
    with style.matplotlib.rc_context(style.SETTINGS):
        return _drawn(result, shown)


def _drawn(result: Audit, shown: list[ParameterFinding]) -> Figure:
    columns = min(2, len(shown))
    rows = -(-len(shown) // columns)
    width = max(7.4, columns * PANEL[0] + 0.6)
    figure = style.new_figure(width, rows * PANEL[1] + 1.55)
    for place, one in enumerate(shown):
        _panel(figure.add_subplot(rows, columns, place + 1), one)
    style.margins(figure, columns, left=0.95, top=1.0, bottom=1.0, gap=0.95)
    figure.subplots_adjust(hspace=0.45)
    first = result.sentence.partition(". ")[0].rstrip(".") + "."
    first = first.replace("sigma", "σ").replace("^2", "²")
    style.headline(figure, first, _reading(result, shown))
    return figure


def _panel(axes: Axes, one: ParameterFinding) -> None:
    drawn = [m for m in {m.source: m for m in reversed(one.measured)}.values() if _drawable(m)]
    positive = all(force > 0 for m in drawn for _, force in m.points)
    for measured in drawn:
        _draw(axes, one, measured, positive)
    axes.set_xscale("log")
    if positive:
        axes.set_yscale("log")
        style.decade_ticks(axes.yaxis)
        _room(axes, [force for m in drawn for _, force in m.points])
    else:
        axes.axhline(0, color=style.PRIOR, linewidth=0.8)
        style.short_ticks(axes, 5)
        axes.set_xscale("log")
        low, high = axes.get_ylim()
        axes.set_ylim(low, high + 0.25 * (high - low) * (1 + len(drawn)))  # for the legend
    style.decade_ticks(axes.xaxis)
    whole = all(m.whole for m in drawn)
    about = "" if one.prior.centre == "0" else " − centre"
    axes.set_xlabel(f"|w{about}|, the length of the tensor" if whole else f"|w{about}|, one weight")
    axes.set_ylabel("force towards " + ("0" if not about else "the centre"))
    name = words.shortened(words.drawable(one.name), 1.8, style.TITLE)
    axes.set_title(f"{name}: {_family(one)}")
    if "box" in one.strengths:
        half = one.strengths["box"]
        axes.axvline(
            half, color=style.INK, linestyle=LINES["box"], label=f"|w| = {number(half)}  (box)"
        )
    axes.legend(loc="best" if positive else "upper left")


def _draw(axes: Axes, one: ParameterFinding, measured: Measured, positive: bool) -> None:
    size, force = np.array(measured.points).T
    colour = COLOURS[measured.source]
    axes.plot(
        size,
        force,
        linestyle="none",
        marker="o",
        markersize=4,
        markerfacecolor="white",
        markeredgecolor=colour,
        label=f"measured {SOURCES[measured.source]}",
    )
    line = _barrier(measured) or _line(measured)
    if line is None:
        return
    at = np.geomspace(size[size > 0].min(), size.max(), 200)
    family = _matched(measured)
    axes.plot(
        at, line(at), color=style.INK, linestyle=LINES.get(family, "-"), label=_formula(measured)
    )


def _barrier(measured: Measured) -> Line | None:
    """AdamW at rest: e |w| / (h - |w|), with the e that the points have."""
    half = measured.strengths.get("box")
    if half is None:
        return None
    inside = [(size, force) for size, force in measured.points if 0 < size < half]
    e = float(np.median([force * (half - size) / size for size, force in inside]))
    return lambda at: np.where(at < half, e * at / np.maximum(half - at, 1e-12), np.nan)


def _line(measured: Measured) -> Line | None:
    """The force of the matched prior as a function of |w|, where it is one."""
    strengths = measured.strengths
    known = set(strengths) <= {"l2", "l1"} or (measured.whole and len(strengths) == 1)
    if not strengths or not measured.uniform or not known:
        return None
    slope = strengths.get("l2", 0.0)
    constant = sum(value for name, value in strengths.items() if name != "l2")
    return lambda at: slope * at + constant


def _matched(measured: Measured) -> str:
    names = set(measured.strengths)
    if "box" in names:
        return "box"
    if measured.whole:
        return "spherical-exponential"
    return {1: "gaussian" if "l2" in names else "laplace", 2: "elastic-net"}[len(names)]


def _formula(measured: Measured) -> str:
    parts = {
        "l2": "{} |w|",
        "l1": "{}",
        "norm": "{}",
        "norm-all": "{}",
    }
    if "box" in measured.strengths:
        return "ε |w| / (h − |w|), at rest"
    texts = [parts[name].format(number(value)) for name, value in measured.strengths.items()]
    return " + ".join(texts) + f"  ({_matched(measured)})"


def _drawable(measured: Measured) -> bool:
    return len(measured.points) > 1 and any(force != 0 for _, force in measured.points)


def _family(one: ParameterFinding) -> str:
    improper = "" if one.prior.proper else " (improper)"
    return f"{one.prior.family}{improper if one.prior.family not in ('flat', 'unknown') else ''}"


def _room(axes: Axes, forces: list[float]) -> None:
    """A constant force needs room above and below to be seen as constant."""
    low, high = min(forces), max(forces)
    if high < 10 * low:
        middle = (low * high) ** 0.5
        axes.set_ylim(middle / 10, middle * 10)


def _reading(result: Audit, shown: list[ParameterFinding]) -> str:
    said = (
        "Dots: the force on the weights when the data are silent, computed at weights of many "
        "sizes. Line: the slope of the penalty that was matched. In the unit of the loss that one "
        "update sees."
    )
    left = sum(bool(one.measured) for one in result.parameters) - len(shown)
    return said + (f" {words.counted(left, 'more parameter')} not drawn." if left > 0 else "")
