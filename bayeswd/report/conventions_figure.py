"""One prior, many numbers: lambda against prior variance, framework by framework."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayeswd.analysis.comparison import Comparison, Comparisons
from bayeswd.errors import InputError
from bayeswd.problem import conventions
from bayeswd.problem.conventions import Reading
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Prior
from bayeswd.report import style
from bayeswd.report.prior_figure import both_families
from bayeswd.report.weights import is_penalised, weight_prior

TRAINING = (
    "d2l",
    "torch.SGD+MSELoss",
    "torch.SGD+CrossEntropyLoss",
    "torch.SGD+BCEWithLogitsLoss",
    "torch.SGD+PoissonNLLLoss",
)
SHOWN = {
    "gaussian": (
        *TRAINING,
        "keras.L2",
        "sklearn.Ridge",
        "sklearn.LogisticRegression",
        "sklearn.PoissonRegressor",
    ),
    "laplace": (*TRAINING, "keras.L1", "sklearn.Lasso", "sklearn.LogisticRegression"),
    "elastic-net": (*TRAINING, "keras.L1L2", "sklearn.ElasticNet", "sklearn.LogisticRegression"),
}
KINDS = {"gaussian": "l2", "laplace": "l1", "elastic-net": "elastic-net"}
FAMILY_NAMES = {
    "gaussian": "Gaussian prior (L2)",
    "laplace": "Laplace prior (L1)",
    "elastic-net": "elastic-net prior",
}
Stated = Sequence[tuple[Reading, dict[float, list[str]]]]  # priors, and where they are which number
LONGEST_HEADLINE = 110
DECADES = 1.6  # drawn on either side of this run's variance


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
    _finish(axes, stated, penalised)
    style.margins(figure, 1, left=0.8, top=0.65)
    style.headline(figure, _finding(penalised[0], stated), _reading(penalised[0], stated))
    return figure


def _readings(penalised: Sequence[Comparison]) -> list[Reading]:
    """The priors of a result, and beside a Gaussian the Laplace of its variance, or vice versa."""
    priors = both_families([weight_prior(one.problem) for one in penalised])
    mixed = any(prior.family == "elastic-net" for prior, _ in priors)
    return [as_reading(prior) for prior, own in priors if own or not mixed]


def same_prior(problem: Problem, reading: Reading, *first: str) -> dict[float, list[str]]:
    """Strength -> the conventions in which that number states this prior, ascending.

    `first` are asked before the usual ones.
    """
    places: dict[float, list[str]] = {}
    for name in dict.fromkeys([*first, *SHOWN[reading.family]]):
        found = conventions.elsewhere(name, reading, **known_to(problem)).strength
        if found is None or not 0 < found < math.inf:
            continue
        same = next((s for s in places if math.isclose(s, found, rel_tol=1e-9)), found)
        places.setdefault(same, []).append(name)
    return dict(sorted(places.items()))


def as_reading(prior: Prior) -> Reading:
    """The plain numbers of a proper prior."""
    l1_scale = 1 / prior.l1_rate if prior.l1_rate else None
    l2_scale = prior.l2_rate**-0.5 if prior.l2_rate else None
    if l1_scale is not None and l2_scale is not None:
        return conventions.elastic_net(l1_scale, l2_scale)
    if l1_scale is not None:
        return conventions.laplace(l1_scale)
    assert l2_scale is not None
    return conventions.gaussian(l2_scale)


def variances(problem: Problem, reading: Reading, name: str, strengths: np.ndarray) -> np.ndarray:
    """Prior variance at each strength in the convention `name`, in the family of `reading`."""
    known = known_to(problem)
    share = conventions.strength_and_ratio(name, reading, **known)[1]
    if reading.family == "elastic-net":
        known["l1_ratio"] = share
    kind = KINDS[reading.family]
    return np.array(
        [conventions.reading(name, s, penalty=kind, **known).variance for s in strengths.tolist()]
    )


def known_to(problem: Problem) -> dict[str, Any]:
    """The numbers of a problem that a convention may ask for."""
    likelihood = problem.likelihood
    known: dict[str, Any] = {"n": problem.n, "likelihood": likelihood.family}
    if isinstance(likelihood, GaussianNoise):
        known["noise_scale"] = likelihood.scale
    if likelihood.family != "categorical" and problem.targets.ndim > 1:
        known["outputs"] = problem.targets.shape[1]
    return known


def _draw_family(
    axes: Axes, problem: Problem, reading: Reading, places: dict[float, list[str]]
) -> None:
    """A line for each number, and a dot where it states this prior."""
    up = reading.family != "laplace"
    for strength, names in places.items():
        strengths = strength * np.logspace(-4, 4, 33)
        drawn = variances(problem, reading, names[0], strengths)
        line = style.FAMILY_LINES[reading.family]
        axes.plot(strengths, drawn, color=style.PRIOR, linestyle=line, linewidth=1.1)
        marker = style.KIND_MARKERS[KINDS[reading.family]]
        axes.plot(strength, reading.variance, marker, color=style.PRIOR, markersize=5)
        axes.annotate(
            f"{_joined(names)}: {style.brief(strength)}",
            (strength, reading.variance),
            xytext=(5, 7 if up else -7),
            textcoords="offset points",
            rotation=38 if up else -38,
            rotation_mode="anchor",
            va="bottom" if up else "top",
            fontsize=8.5,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5},
            zorder=4,
        )


def _joined(names: Sequence[str]) -> str:
    """Names on up to two lines of two."""
    first, second = " = ".join(names[:2]), " = ".join(names[2:4])
    return f"{first}\n= {second}" if second else first


def _mark(axes: Axes, one: Comparison) -> None:
    """This run: its number, its prior's variance."""
    axes.plot(
        one.penalty.strength,
        one.reading.variance,
        marker=style.KIND_MARKERS[one.penalty.kind],
        markersize=11,
        markerfacecolor="none",
        markeredgecolor=style.INK,
        markeredgewidth=2.2,
        linestyle="none",
        zorder=5,
        label=f"this run: {style.strength(one)}",
    )


def _finish(
    axes: Axes,
    stated: Stated,
    penalised: Sequence[Comparison],
) -> None:
    strengths = [s for _, places in stated for s in places]
    strengths += [one.penalty.strength for one in penalised]
    sizes = [reading.variance for reading, _ in stated]
    for variance in dict.fromkeys(sizes):
        axes.axhline(variance, color=style.PRIOR, linewidth=0.8, linestyle=":", zorder=0)
    for family in dict.fromkeys(reading.family for reading, _ in stated):
        name = FAMILY_NAMES[family]
        axes.plot([], [], color=style.PRIOR, linestyle=style.FAMILY_LINES[family], label=name)
    axes.set(xscale="log", yscale="log", xlabel="strength, the number a person writes")
    axes.set_ylabel("prior variance of a weight")
    axes.set_xlim(min(strengths) / 6, max(strengths) * 60)
    axes.set_ylim(min(sizes) / 10**DECADES, max(sizes) * 10**DECADES)
    style.decade_ticks(axes.xaxis)
    style.decade_ticks(axes.yaxis)
    axes.legend(loc="lower left", labelspacing=0.8)


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
