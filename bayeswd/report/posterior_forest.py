"""Every weight's posterior interval on the prior's, and where the penalised fit lies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayeswd.analysis.posterior_summary import PosteriorSummaries, PosteriorSummary
from bayeswd.posterior.with_arviz import interval
from bayeswd.report import style
from bayeswd.report.arviz_axes import collection
from bayeswd.report.posterior_rows import (
    Posteriors,
    each,
    farthest,
    fitted,
    weight_draws,
    weight_rows,
    which,
)
from bayeswd.report.weights import is_penalised, weight_names, weight_prior
from bayeswd.report.words import width

INNER = 0.5
PRIOR_DRAWS = 200_000


@style.styled
def posterior_forest(result: PosteriorSummary | PosteriorSummaries) -> Figure:
    """One row for each weight, one column for each posterior; drawn by ArviZ."""
    several = each(result)
    chosen = farthest(several)
    names = weight_names(several[0].data, several[0].problem, chosen)
    left = 0.4 + max(width(name, style.LABEL) for name in names)
    figure = style.new_figure(9.6 if len(several) > 1 else 7.4, 1.65 + 0.23 * len(names))
    panels = figure.subplots(1, len(several), squeeze=False, sharey=True)[0]
    for axes, one in zip(panels, several, strict=True):
        _draw(figure, axes, one, chosen, names)
        axes.set_title(style.strength(one))
    panels[0].set_yticks(range(len(names)), names[::-1])
    panels[0].set_ylim(-0.7, len(names) - 0.3)
    style.margins(figure, len(several), left=left, top=0.8, bottom=0.95, gap=0.3)
    style.headline(figure, _finding(several), _reading(several, len(chosen)))
    return figure


def _draw(
    figure: Figure, axes: Axes, one: PosteriorSummary, chosen: list[int], names: Sequence[str]
) -> None:
    from arviz_plots import plot_forest
    from xarray import Dataset

    values = weight_draws(one)[:, :, chosen]
    values = values.reshape(1, -1, len(chosen))
    data = Dataset({"w": (("chain", "draw", "weight"), values)}, {"weight": list(names)})
    heights = list(range(len(names)))[::-1]
    plot_forest(
        data,
        plot_collection=collection(
            data.expand_dims(column=2).assign_coords(column=["labels", "forest"]),
            figure,
            [axes, axes],  # the names of rows are those of the y axis
            along="column",
            aes={"y": ["weight"], "overlay": ["weight"]},
            y=heights,
        ),
        sample_dims=["chain", "draw"],
        combined=True,
        labels=[],
        point_estimate="mean",
        ci_kind="eti",
        ci_probs=(INNER, one.coefficients[0].interval_probability),
        visuals={
            "ticklabels": False,
            "remove_axis": False,
            "twig": {"width": 1.2, "color": style.POSTERIOR},
            "trunk": {"width": 3.2, "color": style.POSTERIOR},
            "point_estimate": {"color": style.POSTERIOR},
        },
    )
    at_mode = fitted(one)
    if at_mode is not None:
        axes.plot(at_mode[chosen], heights, **style.fit_mark(one), markersize=5.5, zorder=5)
    _draw_prior(axes, one)
    axes.axvline(0, color="#bbbbbb", linewidth=1, zorder=0)
    axes.set_xlabel("weight")
    axes.tick_params(axis="y", length=0)
    style.short_ticks(axes, 5, vertical=False)


def _draw_prior(axes: Axes, one: PosteriorSummary) -> None:
    """The prior's two intervals as bands: it is the same for every weight."""
    if not is_penalised(one.problem):
        return
    low, high = axes.get_xlim()
    generator = torch.Generator().manual_seed(0)
    like = torch.zeros(0, dtype=torch.float64)
    drawn = weight_prior(one.problem).draw((PRIOR_DRAWS, 1, 1), generator, like).numpy()
    for probability in (INNER, one.coefficients[0].interval_probability):
        ends = interval(drawn, probability)[0]
        half = float(np.abs(ends).mean())  # priors are symmetric
        axes.axvspan(-half, half, color=style.PRIOR, alpha=0.13, linewidth=0, zorder=-1)
        low, high = min(low, -1.05 * half), max(high, 1.05 * half)
    axes.set_xlim(low, high)


def _finding(several: Posteriors) -> str:
    """How many weights the data tell from 0."""
    parts = []
    for one in several:
        rows = weight_rows(one)
        away = sum(row.interval[0] > 0 or row.interval[1] < 0 for row in rows)
        name = f"{style.kind_name(one)}: " if len(several) > 1 else ""
        parts.append(f"{name}{away} of {len(rows)}")
    share = f"{100 * several[0].coefficients[0].interval_probability:g} %"
    return f"Weights whose {share} interval leaves out 0:  {';  '.join(parts)}"


def _reading(several: Posteriors, shown: int) -> str:
    total = weight_draws(several[0]).shape[-1]
    share = f"{100 * several[0].coefficients[0].interval_probability:g}"
    told = which(shown, total, "those farthest from 0 in posterior sd")
    marks = "white marks: the penalised fit" if fitted(several[0]) is not None else "no fit given"
    return (
        f"{told}. Grey bands: 50 % and {share} % of the prior. Blue lines: 50 % and {share} % of "
        f"the posterior, dots its mean; {marks}."
    )
