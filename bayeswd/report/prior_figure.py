"""The two faces of one function: a prior density, and the penalty that is -log of it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayeswd.analysis.comparison import Comparison, Comparisons
from bayeswd.errors import InputError
from bayeswd.problem.priors import ElasticNet, Gaussian, Laplace, Prior
from bayeswd.report import style, words
from bayeswd.report.weights import flat_weights, is_penalised, weight_prior

POINTS = 1201  # odd: 0 is one of them, and there the Laplace density has its corner
FARTHEST = 8.0  # prior sd: fitted weights beyond are counted, not drawn


@style.styled
def prior_and_penalty(result: Comparisons) -> Figure:
    """Density and penalty of the priors at this strength, with the fitted weights on both.

    Both families are drawn, the one that was not asked for at the same variance. Raises
    InputError where nothing is penalised.
    """
    penalised = [one for one in result.comparisons if is_penalised(one.problem)]
    if not penalised:
        raise InputError("strength 0 is the improper flat prior: no density, no penalty to draw")
    priors = both_families([weight_prior(one.problem) for one in penalised])
    figure = style.new_figure(9.6, 4.3 + 0.45 * len(penalised))
    heights = [9] + [1] * len(penalised)
    grid = figure.add_gridspec(len(heights), 2, height_ratios=heights, hspace=0.1)
    density, penalty = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[:, 1])
    reach = _reach(penalised)
    weights = np.linspace(-reach, reach, POINTS)
    for prior, own in priors:
        _draw_faces(density, penalty, prior, own, weights)
    for row, one in enumerate(penalised):
        rug = figure.add_subplot(grid[row + 1, 0], sharex=density)
        _draw_rug(rug, one, reach, last=row == len(penalised) - 1)
        _draw_costs(penalty, one, reach)
    _shade(density, priors[0][0], penalised[0], weights)
    _label(density, penalty, reach)
    style.margins(figure, 2, left=1.75, top=0.9, gap=0.75)
    _say(figure, penalised)
    return figure


def both_families(own: Sequence[Prior]) -> list[tuple[Prior, bool]]:
    """The priors of a result, each once, and at their common variance the family not among them.

    The second of a pair says whether the prior is one of the result's own.
    """
    pairs = [(prior, True) for prior in dict.fromkeys(own)]
    variance = own[0].variance
    if any(not math.isclose(prior.variance, variance, rel_tol=1e-9) for prior in own):
        return pairs
    families = {prior.family for prior in own}
    if "gaussian" not in families:
        pairs.append((Gaussian(math.sqrt(variance)), False))
    if "laplace" not in families:
        pairs.append((Laplace(math.sqrt(variance / 2)), False))
    return pairs


def _reach(penalised: Sequence[Comparison]) -> float:
    """Half of the axis: four prior sd, or as far as the fitted weights go."""
    sd = max(math.sqrt(weight_prior(one.problem).variance) for one in penalised)
    fitted = [flat_weights(one.problem, one.reference.params) for one in penalised]
    largest = max(float(np.abs(weights).max()) for weights in fitted)
    return min(max(4 * sd, 1.08 * largest), FARTHEST * sd)


def _draw_faces(density: Axes, penalty: Axes, prior: Prior, own: bool, weights: np.ndarray) -> None:
    log_density = prior.log_density(torch.from_numpy(weights)).numpy()
    look: style.Look = {
        "color": style.PRIOR,
        "linestyle": style.FAMILY_LINES[prior.family],
        "linewidth": 2.2 if own else 1.2,
        "label": _described(prior) + ("" if own else " (not fitted)"),
    }
    density.plot(weights, np.exp(log_density), **look)
    penalty.plot(weights, -log_density, **look)


def _described(prior: Prior) -> str:
    if isinstance(prior, Gaussian):
        return f"Gaussian, τ = {style.brief(prior.scale, 3)}  ↔  L2: w²/2τ²"
    if isinstance(prior, Laplace):
        return f"Laplace, b = {style.brief(prior.scale, 3)}  ↔  L1: |w|/b"
    assert isinstance(prior, ElasticNet)
    scales = f"b = {style.brief(prior.l1_scale, 3)}, τ = {style.brief(prior.l2_scale, 3)}"
    return f"Elastic net, {scales}  ↔  |w|/b + w²/2τ²"


def _draw_rug(axes: Axes, one: Comparison, reach: float, last: bool) -> None:
    """One tick for each fitted weight; beside them how many are zero, or beyond the axis."""
    weights = flat_weights(one.problem, one.reference.params)
    axes.vlines(weights, 0, 1, color=style.INK, linewidth=0.8, alpha=0.55)
    axes.set(ylim=(-0.15, 1.15), yticks=[])
    said = f"{style.kind_name(one)} fit, {_counted(weights, reach)}"
    axes.set_ylabel(said, rotation=0, ha="right", va="center", fontsize=8)
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_visible(last)
    axes.tick_params(labelbottom=last, bottom=last)
    if last:
        axes.set_xlabel("weight w")


def _counted(weights: np.ndarray, reach: float) -> str:
    counts = {"zero": (weights == 0).sum(), "beyond": (np.abs(weights) > reach).sum()}
    notes = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return words.counted(len(weights), "weight") + (f"\n{notes}" if notes else "")


def _draw_costs(penalty: Axes, one: Comparison, reach: float) -> None:
    """Each fitted weight where it lies on the penalty: what it costs."""
    weights = flat_weights(one.problem, one.reference.params)
    weights = weights[np.abs(weights) <= reach]
    cost = -weight_prior(one.problem).log_density(torch.from_numpy(weights)).numpy()
    penalty.plot(
        weights,
        cost,
        linestyle="none",
        marker=style.KIND_MARKERS[one.penalty.kind],
        markersize=4.5,
        markerfacecolor="white",
        markeredgecolor=style.METHOD_COLOURS["exact"],
        markeredgewidth=0.8,
        alpha=0.7,
        label=f"weights of the {style.kind_name(one)} fit",
    )


def _shade(density: Axes, prior: Prior, one: Comparison, weights: np.ndarray) -> None:
    """The middle 95 % of the first prior."""
    half = one.reading.halfwidth()
    inside = weights[np.abs(weights) <= half]
    heights = prior.log_density(torch.from_numpy(inside)).exp().numpy()
    density.fill_between(inside, heights, color=style.PRIOR, alpha=0.2, linewidth=0)
    density.text(
        0,
        float(heights.max()) * 0.25,
        words.percent(0.95),
        ha="center",
        va="center",
        color=style.INK,
    )


def _label(density: Axes, penalty: Axes, reach: float) -> None:
    density.set(xlim=(-reach, reach), ylabel="prior density p(w)")
    density.set_ylim(bottom=0)
    density.tick_params(labelbottom=False)
    for axes in (density, penalty):
        style.short_ticks(axes, 6)
    density.set_title("what is believed: density")
    penalty.set(xlim=(-reach, reach), xlabel="weight w", ylabel="penalty  −log p(w),  nats")
    penalty.set_title("what is paid: minus its log")
    penalty.legend(loc="upper center")


def _say(figure: Figure, penalised: Sequence[Comparison]) -> None:
    first = penalised[0]
    sd = math.sqrt(first.reading.variance)
    largest = float(np.abs(flat_weights(first.problem, first.reference.params)).max())
    variances = dict.fromkeys(style.brief(one.reading.variance, 3) for one in penalised)
    style.headline(
        figure,
        f"{style.strength(first)} says: 95 % of weights within "
        f"±{style.brief(first.reading.halfwidth(), 2)}; "
        f"the largest fitted one is {style.brief(largest / sd, 2)} prior sd from 0",
        f"The right panel is −log of the left one; prior variance {', '.join(variances)}. "
        "Ticks and markers: the fitted weights.",
    )
