"""Do the chains agree? Ranks of their draws among all draws, through ArviZ."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayeswd.analysis.mixing import LARGEST_R_HAT
from bayeswd.analysis.posterior_summary import PosteriorSummaries, PosteriorSummary
from bayeswd.errors import InputError
from bayeswd.report import style
from bayeswd.report.arviz_axes import collection
from bayeswd.report.posterior_rows import Posteriors, each, weight_draws, weight_rows
from bayeswd.report.weights import weight_names

GROUPS = 8  # many chains are drawn as so many
PANELS = 4
MOST_DRAWS = 100  # of each group


@style.styled
def posterior_ranks(result: PosteriorSummary | PosteriorSummaries) -> Figure:
    """The weights with the largest R-hat, a row for each posterior, lines for its chains.

    Raises InputError for a single chain.
    """
    several = each(result)
    if any(one.size[0] == 1 for one in several):
        raise InputError("a single chain has no other to agree with; draw several")
    count = min(PANELS, *(len(weight_rows(one)) for one in several))
    figure = style.new_figure(2.6 * count if count > 2 else 7.0, 1.9 + 2.2 * len(several))
    panels = figure.subplots(len(several), count, squeeze=False, sharey="row")
    for row, one in zip(panels, several, strict=True):
        _draw_row(figure, list(row), one, labelled=one is several[-1], several=len(several) > 1)
    style.margins(figure, count, left=0.95, top=0.85, bottom=1.05, gap=0.2)
    figure.subplots_adjust(hspace=0.4)
    style.headline(figure, _finding(several), _reading(several))
    return figure


def grouped(values: np.ndarray) -> np.ndarray:
    """[chain, draw, k] as at most eight chains: neighbours, one after the other.

    Chains that are left over when all groups are of one size are not shown.
    """
    chains = len(values)
    groups = min(chains, GROUPS)
    return values[: chains // groups * groups].reshape(groups, -1, values.shape[-1])


def _draw_row(
    figure: Figure, panels: list[Axes], one: PosteriorSummary, labelled: bool, several: bool
) -> None:
    from arviz_plots import plot_rank
    from xarray import Dataset, DataTree

    rows = weight_rows(one)
    chosen = np.argsort([-np.nan_to_num(row.r_hat) for row in rows], kind="stable")[: len(panels)]
    names = weight_names(one.data, one.problem, chosen.tolist())
    ess = min(rows[index].ess_bulk for index in chosen)
    values = weight_draws(one)[:, :, chosen]
    # the band is simulated, for independent draws: keep no more than these draws are worth
    kept = min(ess, MOST_DRAWS * min(len(values), GROUPS))
    step = max(1, math.floor(values.shape[0] * values.shape[1] / kept)) if kept > 0 else 1
    values = grouped(values[:, ::step])
    coords = {"chain": range(len(values)), "weight": list(names)}
    data = Dataset({"w": (("chain", "draw", "weight"), values)}, coords)
    plot_rank(
        DataTree.from_dict({"posterior": data}),
        sample_dims=["chain", "draw"],
        plot_collection=collection(
            data,
            figure,
            panels,
            along="weight",
            aes={"overlay": ["chain"]},
        ),
        visuals={
            "title": False,
            "xlabel": False,
            "remove_axis": False,
            "ecdf_lines": {"color": style.POSTERIOR, "alpha": 0.6, "width": 0.9},
            "credible_interval": {"color": style.PRIOR, "alpha": 0.2},
        },
    )
    for axes, name, index in zip(panels, names, chosen.tolist(), strict=True):
        prefix = f"{style.kind_name(one)}: " if several else ""
        axes.set_title(f"{prefix}{name}, R-hat {rows[index].r_hat:.3f}")
        axes.tick_params(labelbottom=labelled)
        if labelled:
            axes.set_xlabel("rank among all draws")
        style.short_ticks(axes, 4)
        axes.set_xticks([0, 0.5, 1])
    panels[0].set_ylabel("share below − rank")


def _finding(several: Posteriors) -> str:
    parts = []
    for one in several:
        name = f"{style.kind_name(one)}: " if len(several) > 1 else ""
        agree = "agree" if one.r_hat <= LARGEST_R_HAT else "do not agree"
        parts.append(f"{name}{one.size[0]} chains {agree}, R-hat at most {one.r_hat:.3f}")
    return ";  ".join(parts)


def _reading(several: Posteriors) -> str:
    most = max(one.size[0] for one in several)
    groups = f"; more than {GROUPS} are drawn as {GROUPS} groups" if most > GROUPS else ""
    return (
        f"The weights with the largest R-hat. One line for each chain{groups}. Lines of chains "
        "that draw from one distribution stay in the grey band around 0."
    )
