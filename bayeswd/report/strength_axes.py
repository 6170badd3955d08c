"""Panels over one another that share the strength below and the prior's sd above."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from bayeswd.analysis.in_strengths import InStrengths
from bayeswd.report import style

Convert = Callable[[Any], Any]  # of arrays
BEYOND = 100.0  # drawn on either side of all that cannot be told apart
FEW = 30.0  # ratio of the ends of an axis
MOST_TICKS = 8
GAP, FOOT = 0.22, 0.95  # inches between panels, and below the last


def stacked(
    figure: Figure,
    heights: Sequence[float],
    *,
    left: float,
    right: float,
    top: float,
    gap: float = GAP,
) -> list[Axes]:
    """Panels from the top down, their heights and the margins in inches, one axis below all."""
    width, height = figure.get_size_inches()
    panels: list[Axes] = []
    edge = height - top
    for each in heights:
        edge -= each
        share = panels[0] if panels else None
        box = (left / width, edge / height, (width - left - right) / width, each / height)
        panels.append(figure.add_axes(box, sharex=share))
        edge -= gap
    for axes in panels[:-1]:
        axes.tick_params(labelbottom=False)
    return panels


def total(heights: Sequence[float], top: float, gap: float = GAP) -> float:
    """The height of a figure with these panels, inches."""
    return top + sum(heights) + gap * (len(heights) - 1) + FOOT


def window(found: InStrengths) -> tuple[float, float]:
    """The strengths worth drawing: two decades around what a criterion cannot tell apart."""
    seen = [end for choice in found.selection.choices for end in found.interval(choice)]
    seen += [found.asked] if found.asked else []
    first, last = min(found.strengths), max(found.strengths)
    if not seen:
        return first, last
    return max(first, min(seen) / BEYOND), min(last, max(seen) * BEYOND)


def label(
    panels: Sequence[Axes], found: InStrengths, window: tuple[float, float] | None = None
) -> None:
    """The strength on the lowest axis and, on top of the first panel, the prior's sd."""
    panels[-1].set(xscale="log", xlabel=f"strength λ ({found.convention})")
    low, high = window or (min(found.strengths), max(found.strengths))
    panels[-1].set_xlim(low, high)
    _ticks(panels[-1].xaxis, low, high)
    to_sd, to_strength = _to_sd_and_back(found)
    above = panels[0].secondary_xaxis("top", functions=(to_sd, to_strength))
    above.set_xlabel("prior sd of a weight")
    _ticks(above.xaxis, *sorted(map(float, to_sd(np.array([low, high])))))


def _ticks(axis: Axis, low: float, high: float) -> None:
    """Powers of ten between the ends, and 2 and 5 times them where there are few."""
    first, last = np.log10(low), np.log10(high)
    powers = np.arange(np.floor(first), np.ceil(last) + 1)
    step = max(1, int(np.ceil((last - first) / MOST_TICKS)))
    ticks = 10.0 ** powers[powers % step == 0]
    if high < low * FEW:
        ticks = np.outer(ticks, (1, 2, 5)).ravel()
    ticks = ticks[(low <= ticks) & (ticks <= high)]
    axis.set_major_locator(FixedLocator(ticks.tolist()))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FixedFormatter([style.brief(tick) for tick in ticks.tolist()]))


def _to_sd_and_back(found: InStrengths) -> tuple[Convert, Convert]:
    """strength -> prior sd and its inverse: a power law, as every convention is."""
    logs = np.log(found.strengths)
    sds = np.log(found.selection.path.prior_sds)
    slope = (sds[-1] - sds[0]) / (logs[-1] - logs[0])

    def to_sd(strength: np.ndarray) -> np.ndarray:
        return np.exp(sds[0] + slope * (_log(strength) - logs[0]))

    def to_strength(sd: np.ndarray) -> np.ndarray:
        return np.exp(logs[0] + (_log(sd) - sds[0]) / slope)

    return to_sd, to_strength


def _log(values: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(values)
