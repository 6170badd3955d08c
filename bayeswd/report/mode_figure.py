"""The mode is not the posterior: exact zeros at the mode, which the posterior gives no chance."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayeswd.analysis.posterior_summary import PosteriorSummaries, PosteriorSummary
from bayeswd.analysis.posterior_words import from_zero
from bayeswd.errors import InputError
from bayeswd.report import style
from bayeswd.report.density_figure import draw_density
from bayeswd.report.posterior_rows import each, fitted, weight_draws, weight_rows
from bayeswd.report.weights import weight_names, weight_prior
from bayeswd.report.words import counted, width

ROOM = 4.4  # inches for names under the axis
AT_ZERO = style.METHOD_COLOURS["penalized-sgd"]


@style.styled
def mode_and_posterior(result: PosteriorSummary | PosteriorSummaries) -> Figure:
    """All weights of the fit under an L1 penalty with their posteriors, and one of them close up.

    Raises InputError without such a fit.
    """
    found = [one for one in each(result) if one.fit and weight_prior(one.problem).l1_rate]
    if not found:
        raise InputError("no L1 penalty: only there has the penalised fit exact zeros")
    one = found[0]
    index = _close_up(one)
    figure = style.new_figure(9.6, 4.7)
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    _draw_all(left, one, index)
    _draw_one(right, one, index)
    style.margins(figure, 2, left=0.9, top=0.85, bottom=0.95, gap=0.45)
    style.headline(figure, _finding(one), _reading(one))
    return figure


def _close_up(one: PosteriorSummary) -> int:
    """Of the weights at exactly 0 (else of all) the one whose posterior is farthest off."""
    at_mode, rows = fitted(one), weight_rows(one)
    assert at_mode is not None
    zeros = np.flatnonzero(at_mode == 0).tolist()
    if zeros:
        return max(zeros, key=lambda index: from_zero(rows[index]))
    apart = [abs(row.mean - value) / row.sd for row, value in zip(rows, at_mode, strict=True)]
    return int(np.argmax(apart))


def _draw_all(axes: Axes, one: PosteriorSummary, index: int) -> None:
    """Intervals in the order of their means, with the mode on each."""
    at_mode, rows = fitted(one), weight_rows(one)
    assert at_mode is not None
    order = np.argsort([row.mean for row in rows], kind="stable")
    places = np.arange(1, len(order) + 1)
    ends = np.array([rows[place].interval for place in order])
    fine = len(order) > 60
    axes.vlines(places, *ends.T, color=style.POSTERIOR, linewidth=0.8 if fine else 2, alpha=0.55)
    means = [rows[place].mean for place in order]
    size = 2.2 if fine else 5
    axes.plot(places, means, "o", color=style.POSTERIOR, markersize=size, label="posterior mean")
    modes = at_mode[order]
    held = modes != 0
    look = style.fit_mark(one) | {"markersize": size + 1, "markeredgewidth": 0.7 if fine else 1}
    axes.plot(places[held], modes[held], **look, label="penalised fit, the mode")
    if not held.all():
        look |= {"markeredgecolor": AT_ZERO, "markersize": size + 0.6}
        axes.plot(places[~held], modes[~held], **look, label="mode at exactly 0")
    axes.axhline(0, color="#bbbbbb", linewidth=1, zorder=0)
    style.short_ticks(axes, 5)
    names = weight_names(one.data, one.problem, order.tolist()) if not fine else []
    if names and len(names) * max(width(name, style.LABEL) for name in names) < ROOM:
        axes.set_xticks(places, names)
    place = int(np.flatnonzero(order == index)[0])
    up = means[place] > 0  # away from the legend
    axes.margins(y=0.12)
    axes.annotate(
        weight_names(one.data, one.problem, [index])[0],
        (places[place], ends[place, int(up)]),
        xytext=(0, 14 if up else -14),
        textcoords="offset points",
        ha="right" if up else "left",
        va="bottom" if up else "top",
        fontsize=style.SMALL,
        arrowprops={"arrowstyle": "-", "linewidth": 0.7, "color": style.INK},
    )
    axes.set(xlabel="weights, in the order of their posterior means", ylabel="weight")
    axes.set_title(style.strength(one))
    axes.legend(loc="upper left")


def _draw_one(axes: Axes, one: PosteriorSummary, index: int) -> None:
    draws = weight_draws(one)[:, :, index].ravel()
    row = weight_rows(one)[index]
    draw_density(axes, one, index, draws)
    axes.axvline(row.mean, color=style.POSTERIOR, linewidth=0.9, linestyle="--")
    above = float((draws > 0).mean())
    side, share = (">", above) if above >= 0.5 else ("<", 1 - above)
    name = weight_names(one.data, one.problem, [index])[0]
    axes.set_title(f"P(w = 0) = 0, P(w {side} 0) = {share:.2f}")
    axes.set(xlabel=f"weight of {name}", ylabel="density", yticks=[])
    axes.legend(loc="upper right" if row.mean > 0 else "upper left", handlelength=1.4)


def _finding(one: PosteriorSummary) -> str:
    at_mode = fitted(one)
    assert at_mode is not None
    zeros = int((at_mode == 0).sum())
    if not zeros:
        apart = max(
            abs(row.mean - value) / row.sd
            for row, value in zip(weight_rows(one), at_mode.tolist(), strict=True)
        )
        return (
            f"The mode is not the posterior: it lies up to {style.brief(apart, 2)} posterior sd "
            "from the mean"
        )
    return (
        f"The mode is not the posterior: L1 puts {zeros} of {counted(len(at_mode), 'weight')} at "
        f"exactly 0, the posterior none"
    )


def _reading(one: PosteriorSummary) -> str:
    share = f"{100 * one.coefficients[0].interval_probability:g} %"
    return (
        f"Lines: {share} of the posterior of each weight. A Laplace prior has a density and no "
        "probability at 0; only the highest point of the posterior has exact zeros. Right: dashed, "
        "the posterior mean."
    )
