"""ArviZ's comparison of models along a path: leave-one-out at each strength, against the best."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import pyplot
from matplotlib.figure import Figure

from bayeswd.analysis import identified, leave_one_out
from bayeswd.analysis.in_strengths import InStrengths
from bayeswd.analysis.leave_one_out import GOOD_K
from bayeswd.posterior import conjugate
from bayeswd.report import path_draws, style
from bayeswd.report.forest_plot import STRENGTH

FACTORS = (1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0)  # on the evidence's choice
WIDTH, ROW = 9.6, 0.34  # inches


@style.styled
def path_comparison(found: InStrengths) -> Figure:
    """Expected log predictive density at strengths around the choice, in ArviZ's `plot_compare`.

    Each bar is one standard error of the difference to the best, which is paired by rows and far
    smaller than that of either value. Raises InputError where it takes draws and the path
    has none.
    """
    places = path_draws.around(found, FACTORS)
    table, how = compared(found, places)
    figure, axes = _drawn(table)
    width, height = WIDTH, 1.75 + ROW * len(table)
    figure.set_size_inches(width, height)
    axes.set(title="", xlabel="leave-one-out elpd, nats below the best", ylabel=STRENGTH)
    axes.tick_params(axis="both", labelsize=style.LABEL)
    axes.xaxis.label.set_size(style.LABEL)
    axes.yaxis.label.set_size(style.LABEL)
    figure.set_layout_engine("none")
    figure.subplots_adjust(left=0.2, right=0.97, top=1 - 0.55 / height, bottom=0.95 / height)
    best, variance = table.index[0].split(" → ")
    said = f"Best by leave-one-out: λ = {best}, prior variance {variance}"
    style.headline(
        figure,
        f"{said}; {_untold(table)} of {len(table) - 1} others cannot be told from it",
        f"Bars: one standard error of the difference to the best. {how}",
    )
    return figure


def compared(found: InStrengths, places: list[int]) -> tuple[Any, str]:
    """What `plot_compare` reads, best first; and how it was computed.

    A DataFrame by label: elpd, and se, the standard error of its difference to the best.
    """
    from pandas import DataFrame  # type: ignore[import-untyped]

    rows, words = _left_out(found, places)
    best = rows[rows.sum(1).argmax()]
    errors = (rows - best).std(1, ddof=1) * np.sqrt(rows.shape[1])
    labels = [path_draws.strength_label(found, place) for place in places]
    table = DataFrame({"elpd": rows.sum(1), "se": errors}, index=labels)
    return table.sort_values("elpd", ascending=False), words


def _left_out(found: InStrengths, places: list[int]) -> tuple[np.ndarray, str]:
    """log p(targets_i | other rows) [strength, row], exact where it can be; and how it was had."""
    path = found.selection.path
    if conjugate.applies_to(found.selection.problem):
        scales = [path.scales[place] for place in places]
        exact = leave_one_out.exact(found.selection.problem, scales)
        return np.stack([left.log_densities.cpu().numpy() for left in exact]), "In closed form."
    judged = []
    for place in places:
        posterior = path_draws.posterior_at(found, place)
        judged.append(leave_one_out.smoothed(path.problems[place], posterior))
    largest = max(k_hat for _, k_hat in judged)
    verdict = "reliable" if largest <= GOOD_K else f"not reliable, it is above {GOOD_K:g}"
    words = f"From draws by PSIS; the largest Pareto k is {largest:.2f}: {verdict}."
    return np.stack([densities.numpy() for densities, _ in judged]), words


def _untold(table: Any) -> int:
    """How many are within 1.96 standard errors of the best, it left out."""
    below = table["elpd"].iloc[0] - table["elpd"].iloc[1:]
    return int((below <= identified.STANDARD_ERRORS * table["se"].iloc[1:]).sum())


def _drawn(table: Any) -> tuple[Figure, Any]:
    """ArviZ's figure and its axes; pyplot, which makes it, is told to let go of it."""
    from arviz_plots import plot_compare

    drawn = plot_compare(
        table.assign(elpd=table["elpd"] - table["elpd"].max()),
        relative_scale=False,  # the two lines of ArviZ ask for other columns otherwise
        backend="matplotlib",
        visuals={
            "point_estimate": {"color": style.POSTERIOR},
            "error_bar": {"color": style.POSTERIOR},
            "ref_line": {"color": style.PRIOR},
            "title": False,
        },
    )
    figure = drawn.viz["figure"].item()
    pyplot.close(figure)
    return figure, drawn.viz["plot"].item()
