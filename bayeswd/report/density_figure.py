"""Belief about single weights before and after the data, and the one point that a fit reports."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayeswd.analysis.posterior_summary import PosteriorSummaries, PosteriorSummary
from bayeswd.report import style
from bayeswd.report.posterior_rows import (
    Posteriors,
    each,
    fitted,
    telling,
    weight_draws,
    weight_rows,
    which,
)
from bayeswd.report.weights import is_penalised, weight_names, weight_prior

ABOVE = 1.6  # a prior higher than so many posterior peaks is cut


@style.styled
def posterior_densities(result: PosteriorSummary | PosteriorSummaries) -> Figure:
    """Prior and posterior density of up to four weights, a row for each posterior."""
    several = each(result)
    chosen = telling(several[-1])
    names = weight_names(several[0].data, several[0].problem, chosen)
    width = 2.6 * len(chosen) if len(chosen) > 2 else 7.0
    figure = style.new_figure(width, 1.75 + 2.3 * len(several))
    panels = figure.subplots(len(several), len(chosen), squeeze=False)
    for row, one in zip(panels, several, strict=True):
        draws = weight_draws(one)
        for axes, index, name in zip(row, chosen, names, strict=True):
            draw_density(axes, one, index, draws[:, :, index].ravel())
            axes.set_title(f"{style.kind_name(one)}: {name}" if len(several) > 1 else name)
            axes.set_yticks([])
            axes.spines["left"].set_visible(False)
    for axes in panels[-1]:
        axes.set_xlabel("weight")
    style.headline(figure, _finding(several, chosen[0], names[0]), _reading(several, len(chosen)))
    below = 0.2 + 0.17 * (figure.get_suptitle().count("\n") + 1)  # the headline, inches
    style.margins(figure, len(chosen), left=0.25, top=below + 0.75, bottom=1.0, gap=0.25)
    figure.subplots_adjust(hspace=0.45)
    figure.legend(
        *panels[0, 0].get_legend_handles_labels(),
        loc="upper left",
        bbox_to_anchor=(0.005, 1 - below / figure.get_figheight()),
        borderaxespad=0,
        ncols=3,
    )
    return figure


def draw_density(axes: Axes, one: PosteriorSummary, index: int, draws: np.ndarray) -> None:
    """The posterior of a weight by ArviZ's kernel estimate, its prior, the penalised fit."""
    from arviz_stats.base import array_stats

    grid, density, _ = array_stats.kde(draws)
    axes.plot(grid, density, color=style.POSTERIOR, linewidth=1.6, label="posterior")
    axes.fill_between(grid, density, color=style.POSTERIOR, alpha=0.18, linewidth=0)
    peak = top = float(density.max())
    at_mode = fitted(one)
    ends = [*np.quantile(draws, (0.0005, 0.9995)).tolist(), 0.0]
    if at_mode is not None:
        ends.append(float(at_mode[index]))
    low, high = min(ends), max(ends)
    low, high = low - 0.06 * (high - low), high + 0.06 * (high - low)
    if is_penalised(one.problem):
        prior = weight_prior(one.problem)
        weights = np.linspace(low, high, 801)
        weights = np.sort(np.append(weights, 0.0))  # where a Laplace density has its corner
        heights = prior.log_density(torch.from_numpy(weights)).exp().numpy()
        top = float(heights.max())
        line = style.FAMILY_LINES[prior.family]
        axes.plot(weights, heights, color=style.PRIOR, linestyle=line, label="prior")
    if at_mode is not None:
        axes.axvline(at_mode[index], color=style.INK, linewidth=0.9, linestyle=":")
        axes.plot(
            at_mode[index],
            0,
            **style.fit_mark(one),
            markersize=7,
            zorder=5,
            clip_on=False,
            label="penalised fit",
        )
    axes.set_xlim(low, high)
    axes.set_ylim(0, 1.2 * min(max(peak, top), ABOVE * peak))
    style.short_ticks(axes, 3, vertical=False)


def _finding(several: Posteriors, index: int, name: str) -> str:
    """What the data did to the belief about one weight."""
    parts = []
    for one in several:
        row = weight_rows(one)[index]
        after = f"{style.brief(row.mean, 2)} ± {style.brief(row.sd, 2)}"
        before = "flat"
        if is_penalised(one.problem):
            before = f"0 ± {style.brief(weight_prior(one.problem).variance ** 0.5, 2)}"
        under = f" ({style.kind_name(one)})" if len(several) > 1 else ""
        parts.append(f"{before} → {after}{under}")
    return f"What the data say of {name}, mean ± sd:  {';  '.join(parts)}"


def _reading(several: Posteriors, shown: int) -> str:
    total = len(weight_rows(several[0]))
    told = which(shown, total, "from the largest at the mode to the smallest")
    return f"{told}. Densities; a prior far higher than the posterior is cut."
