"""One prior, many numbers: lambda against prior variance, framework by framework."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from string import ascii_lowercase

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayeswd.analysis.comparison import Comparison, Comparisons
from bayeswd.errors import InputError
from bayeswd.problem.conventions import Reading
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.report import style, words
from bayeswd.report.letters import free_spots
from bayeswd.report.prior_figure import both_families
from bayeswd.report.same_prior import KINDS, as_reading, same_prior, variances
from bayeswd.report.weights import is_penalised, weight_prior

FAMILY_NAMES = {
    "gaussian": "Gaussian prior (L2)",
    "laplace": "Laplace prior (L1)",
    "elastic-net": "elastic-net prior",
}
Stated = Sequence[tuple[Reading, dict[float, list[str]]]]  # priors, and where they are which number
LONGEST_HEADLINE = 110
DECADES = 1.6  # drawn on either side of this run's variance
KEY, HANDLE = 3.7, 0.6  # inches beside the panel, and of it for the lines and markers


@style.styled
def strength_and_variance(result: Comparisons) -> Figure:
    """Prior variance over strength, a line for each convention; where this prior lies on each.

    Raises InputError where nothing is penalised or no convention states this likelihood.
    """
    penalised = [one for one in result.comparisons if is_penalised(one.problem)]
    if not penalised:
        raise InputError("strength 0 is the improper flat prior: its variance is infinite")
    problem = penalised[0].problem
    asked = [one.penalty.convention for one in penalised]
    stated = [(r, same_prior(problem, r, *asked)) for r in _readings(penalised)]
    if not any(places for _, places in stated):
        raise InputError(f"no convention states a {problem.likelihood.family} likelihood's prior")
    figure = style.new_figure(9.6, 5.6)
    axes = figure.add_subplot()
    for reading, places in stated:
        _draw_family(axes, problem, reading, places)
    for one in penalised:
        _mark(axes, one)
    _frame(axes, stated, penalised)
    style.margins(figure, 1, left=0.8, top=0.75, right=KEY)
    _letter(figure, axes, stated)
    _explain(axes, stated, penalised)
    style.headline(figure, _finding(penalised[0], stated), _reading(penalised[0], stated))
    return figure


def _readings(penalised: Sequence[Comparison]) -> list[Reading]:
    """The priors of a result, and beside a Gaussian the Laplace of its variance, or vice versa."""
    priors = both_families([weight_prior(one.problem) for one in penalised])
    mixed = any(prior.family == "elastic-net" for prior, _ in priors)
    return [as_reading(prior) for prior, own in priors if own or not mixed]


def _draw_family(
    axes: Axes, problem: Problem, reading: Reading, places: dict[float, list[str]]
) -> None:
    """A line for each number, and a dot where it states this prior."""
    marker = style.KIND_MARKERS[KINDS[reading.family]]
    line = style.FAMILY_LINES[reading.family]
    for strength, names in places.items():
        strengths = strength * np.logspace(-4, 4, 33)
        drawn = variances(problem, reading, names[0], strengths)
        axes.plot(strengths, drawn, color=style.PRIOR, linestyle=line, linewidth=1.1)
        axes.plot(strength, reading.variance, marker, color=style.PRIOR, markersize=5)


def _mark(axes: Axes, one: Comparison) -> None:
    """This run: its number, its prior's variance."""
    look = _mark_look(one)
    axes.plot(one.penalty.strength, one.reading.variance, zorder=5, label=_this_run(one), **look)


def _mark_look(one: Comparison) -> style.Look:
    return {
        "marker": style.KIND_MARKERS[one.penalty.kind],
        "markersize": 11,
        "markerfacecolor": "none",
        "markeredgecolor": style.INK,
        "markeredgewidth": 2.2,
        "linestyle": "none",
    }


def _this_run(one: Comparison) -> str:
    return words.wrapped(f"this run: {style.strength(one)}", KEY - HANDLE, style.SMALL)


def _frame(axes: Axes, stated: Stated, penalised: Sequence[Comparison]) -> None:
    strengths = [s for _, places in stated for s in places]
    strengths += [one.penalty.strength for one in penalised]
    sizes = [reading.variance for reading, _ in stated]
    for variance in dict.fromkeys(sizes):
        axes.axhline(variance, color=style.PRIOR, linewidth=0.8, linestyle=":", zorder=0)
    axes.set(xscale="log", yscale="log", xlabel="strength, the number a person writes")
    axes.set_ylabel("prior variance of a weight")
    axes.set_xlim(min(strengths) / 8, max(strengths) * 8)
    axes.set_ylim(min(sizes) / 10**DECADES, max(sizes) * 10**DECADES)
    style.decade_ticks(axes.xaxis)
    style.decade_ticks(axes.yaxis)


def _lettered(stated: Stated) -> Iterator[tuple[str, Reading, float, list[str]]]:
    """(letter, prior, strength, the conventions in which it is that number)."""
    every = [(prior, s, names) for prior, places in stated for s, names in places.items()]
    for place, (prior, strength, names) in enumerate(every):
        yield ascii_lowercase[place], prior, strength, names


def _letter(figure: Figure, axes: Axes, stated: Stated) -> None:
    """A letter beside each dot; the names do not fit between lines that are close."""
    dots = [(strength, prior.variance) for _, prior, strength, _ in _lettered(stated)]
    for (letter, *_), dot, spot in zip(
        _lettered(stated), dots, free_spots(figure, axes, dots), strict=True
    ):
        axes.annotate(
            letter,
            dot,
            xytext=spot,
            textcoords="offset points",
            ha="center",
            va="center_baseline",
            fontweight="bold",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.9, "pad": 0.6},
            zorder=4,
        )


def _explain(axes: Axes, stated: Stated, penalised: Sequence[Comparison]) -> None:
    """Beside the panel: the marks of this run, the lines of each prior, the number at each dot."""
    handles = [Line2D([], [], label=_this_run(one), **_mark_look(one)) for one in penalised]
    for prior, _ in stated:
        line = style.FAMILY_LINES[prior.family]
        many = sum(other.family == prior.family for other, _ in stated) > 1
        name = FAMILY_NAMES[prior.family]
        name += f", variance {style.brief(prior.variance)}" if many else ""
        handles.append(Line2D([], [], color=style.PRIOR, linestyle=line, label=name))
        for letter, own, strength, names in _lettered(stated):
            if own is prior:
                said = f"{letter}  {style.brief(strength)}: {' = '.join(names)}"
                text = words.wrapped(said, KEY - HANDLE, style.SMALL, indent="     ")
                handles.append(Line2D([], [], linestyle="none", label=text))
    place: style.Look = {"loc": "upper left", "bbox_to_anchor": (1.02, 1.0)}
    axes.legend(handles=handles, labelspacing=0.7, borderaxespad=0, handlelength=1.8, **place)


def _finding(first: Comparison, stated: Stated) -> str:
    """`L2, λ = 3 (d2l) is prior variance 1.67e-6; elsewhere 6 in torch.SGD+MSELoss, 60 in ...`."""
    own = next(places for reading, places in stated if reading.family == first.reading.family)
    said = f"{style.strength(first)} is prior variance {style.brief(first.reading.variance)}"
    joint = "; elsewhere "
    for strength, names in own.items():
        more = f"{said}{joint}{style.brief(strength)} in {names[0]}"
        if first.penalty.convention not in names and len(more) <= LONGEST_HEADLINE:
            said, joint = more, ", "
    return said


def _reading(first: Comparison, stated: Stated) -> str:
    said = f"n = {first.problem.n}"
    if isinstance(first.problem.likelihood, GaussianNoise):
        said += f", σ = {style.brief(first.problem.likelihood.scale)}"
    said += ". Along the dotted line all numbers state one prior."
    names = [name for _, places in stated for listed in places.values() for name in listed]
    rising = " Rising lines: C multiplies the data term instead."
    return said + (rising if "sklearn.LogisticRegression" in names else "")
