"""How every figure looks: one colour for one thing on all of them, safe for the colour-blind.

The colours are those of Okabe & Ito (2008). Line style tells the prior's family, marker shape the
penalty: circles for L2, diamonds for L1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, ParamSpec

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from numpy import finfo

from bayeswd.report import words
from bayeswd.tables import number

if TYPE_CHECKING:
    from bayeswd.analysis.comparison import Comparison
    from bayeswd.analysis.posterior_summary import PosteriorSummary

INK = "#222222"
PRIOR = "#767676"  # grey: before any data
LIKELIHOOD = "#CC79A7"
POSTERIOR = "#0072B2"
METHOD_COLOURS = {
    "exact": "#000000",
    "penalized-sgd": "#D55E00",
    "pyro-map": "#009E73",
    "posterior-mean": POSTERIOR,
}
OTHER_COLOURS = ("#E69F00", "#56B4E9", "#8C564B")  # for fits that a user brings

METHOD_NAMES = {
    "exact": "exact optimum",
    "penalized-sgd": "penalised SGD",
    "pyro-map": "Pyro MAP",
    "posterior-mean": "posterior mean",
}
METHOD_MARKERS = {"penalized-sgd": "o", "pyro-map": "x", "posterior-mean": "+"}

FAMILY_LINES = {"gaussian": "-", "laplace": "--", "elastic-net": "-."}
KIND_MARKERS = {"l2": "o", "l1": "D", "elastic-net": "s"}
KIND_NAMES = {"l2": "L2", "l1": "L1", "elastic-net": "Elastic net"}

DPI = 150
HEADLINE, TITLE, LABEL, SMALL = 11.0, 10.0, 9.5, 8.5  # points
RIGHT = 0.22  # inches free at the right edge
LONGEST_METHOD = 1.9  # inches
SETTINGS = {
    "font.family": [words.FONT],
    "font.size": LABEL,
    "axes.titlesize": TITLE,
    "axes.titlelocation": "left",
    "axes.labelsize": LABEL,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": SMALL,
    "text.usetex": False,
    "text.parse_math": False,  # a $ in the name of a column is a dollar, no formula
    "figure.facecolor": "white",
    "savefig.facecolor": "auto",
    "savefig.bbox": None,
}

Look = dict[str, Any]  # keyword arguments of an artist
Arguments = ParamSpec("Arguments")


def styled(draw: Callable[Arguments, Figure]) -> Callable[Arguments, Figure]:
    """Draw under these settings and leave matplotlib's own as they were."""

    @wraps(draw)
    def drawn(*values: Arguments.args, **named: Arguments.kwargs) -> Figure:
        with matplotlib.rc_context(SETTINGS):
            return draw(*values, **named)

    return drawn


def new_figure(width: float, height: float) -> Figure:
    """An empty figure in inches, unknown to pyplot."""
    return Figure(figsize=(width, height))


def margins(
    figure: Figure,
    columns: int,
    left: float,
    top: float,
    bottom: float = 0.85,
    gap: float = 0.0,
    right: float = RIGHT,
) -> None:
    """Inches around the panels and between columns; a layout solver would take half a second.

    Titles that were given to the panels before are broken to their width.
    """
    width, height = figure.get_size_inches()
    panel = (width - left - right - gap * (columns - 1)) / columns
    figure.subplots_adjust(
        left=left / width,
        right=1 - right / width,
        top=1 - top / height,
        bottom=bottom / height,
        wspace=gap / panel,
    )
    for axes in figure.axes:
        axes.set_title(words.wrapped(axes.get_title("left"), panel, TITLE), loc="left")


def headline(figure: Figure, finding: str, reading: str) -> None:
    """What the figure found, at the top; how to read it, in small letters at the bottom."""
    width, height = figure.get_size_inches()
    figure.suptitle(
        words.wrapped(finding, 0.98 * width, HEADLINE, bold=True),
        x=0.01,
        y=1 - 0.1 / height,
        ha="left",
        va="top",
        fontsize=HEADLINE,
        fontweight="bold",
    )
    small = words.wrapped(reading, 0.98 * width, SMALL)
    figure.supxlabel(small, x=0.01, y=0.08 / height, ha="left", va="bottom", fontsize=SMALL)


def colour_of(method: str, others: list[str]) -> str:
    """The colour of a method; `others` are the names without one of their own, in order."""
    if method in METHOD_COLOURS:
        return METHOD_COLOURS[method]
    return OTHER_COLOURS[others.index(method) % len(OTHER_COLOURS)]


def kind_name(one: Comparison | PosteriorSummary) -> str:
    """`L2`, `L1` or `Elastic net`."""
    return KIND_NAMES[one.penalty.kind]


def strength(one: Comparison | PosteriorSummary) -> str:
    """The penalty as it was written: `L2, λ = 3 (d2l)`."""
    return f"{kind_name(one)}, λ = {brief(one.penalty.strength)} ({one.penalty.convention})"


def fit_mark(one: PosteriorSummary) -> Look:
    """How the weights of the penalised fit are marked: white, in the shape of their penalty."""
    return {
        "linestyle": "none",
        "marker": KIND_MARKERS[one.penalty.kind],
        "markerfacecolor": "white",
        "markeredgecolor": METHOD_COLOURS["exact"],
        "markeredgewidth": 1.0,
    }


def method_name(method: str) -> str:
    """A method's name for people; a fit that a user brought keeps its own."""
    if method in METHOD_NAMES:
        return METHOD_NAMES[method]
    name = words.shortened(words.drawable(method), LONGEST_METHOD, SMALL)
    # matplotlib leaves labels that begin with _ out of legends
    return f"{words.HAIR_SPACE}{name}" if name.startswith("_") else name


def short_ticks(axes: Axes, most: int, vertical: bool = True) -> None:
    """At most `most` intervals on linear axes, each number in the digits that tell it apart."""
    for axis in (axes.xaxis, axes.yaxis) if vertical else (axes.xaxis,):
        axis.set_major_locator(MaxNLocator(most))
        axis.set_major_formatter(FuncFormatter(partial(_tick, axis)))


def _tick(axis: Axis, value: float, place: int | None) -> str:
    low, high = axis.get_view_interval()
    if abs(value) < 1e-9 * abs(high - low):
        return "0"
    digits = 3 + max(1, math.ceil(math.log10(max(abs(low), abs(high)) / abs(high - low))))
    return number(float(value), digits).replace("-", "−", int(value < 0))


def decade_ticks(axis: Axis) -> None:
    """Powers of ten only, in plain letters, on a logarithmic axis."""
    axis.set_major_locator(LogLocator(numticks=8))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value, 6)))


def note(axes: Axes, height: float, text: str, colour: str) -> None:
    """Words above a horizontal line, at its right end."""
    axes.annotate(
        text,
        (0.99, height),
        xycoords=("axes fraction", "data"),
        xytext=(0, 2),
        textcoords="offset points",
        ha="right",
        va="bottom",
        fontsize=8,
        color=colour,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.5},
    )


def brief(value: float, digits: int = 3) -> str:
    """A number in a few digits for a title or a label: 0.00129, 400, 1.67e-6."""
    return number(float(f"{value:.{digits}g}"), 6)


def rounding(one: Comparison) -> float:
    """The relative rounding error of the dtype that a problem is solved in."""
    return float(finfo(str(one.problem.inputs.dtype).removeprefix("torch.")).eps)
