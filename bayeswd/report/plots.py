"""Figures: `plots.compare(result, out)` and `plots.posterior(summary, out)` draw all that apply.

Each figure is also a function of its own, from the result of `bw.compare` or of `bw.summarize` to
a matplotlib Figure; where it does not apply it raises InputError with the reason. Those of a path
(`select`, `path` and those named after it, `power_scaling`) take `bw.InStrengths(bw.select(...))`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from bayeswd.analysis.comparison import Comparisons
from bayeswd.analysis.posterior_summary import PosteriorSummaries, PosteriorSummary
from bayeswd.errors import InputError
from bayeswd.report import style
from bayeswd.report.contour_figure import contours
from bayeswd.report.conventions_figure import strength_and_variance
from bayeswd.report.convergence_figure import convergence
from bayeswd.report.density_figure import posterior_densities
from bayeswd.report.forest_figure import forest
from bayeswd.report.mode_figure import mode_and_posterior
from bayeswd.report.path_comparison import path_comparison
from bayeswd.report.path_figure import path
from bayeswd.report.path_forest import path_forest, path_ridge
from bayeswd.report.posterior_forest import posterior_forest
from bayeswd.report.power_scaling import power_scaling
from bayeswd.report.predictive_figure import predictive_check
from bayeswd.report.prior_figure import prior_and_penalty
from bayeswd.report.rank_figure import posterior_ranks
from bayeswd.report.select_figure import select
from bayeswd.report.weights_figure import weights_by_method

__all__ = [
    "Figures",
    "compare",
    "contours",
    "convergence",
    "forest",
    "mode_and_posterior",
    "path",
    "path_comparison",
    "path_forest",
    "path_ridge",
    "posterior",
    "posterior_densities",
    "posterior_forest",
    "posterior_ranks",
    "power_scaling",
    "predictive_check",
    "prior_and_penalty",
    "save",
    "select",
    "strength_and_variance",
    "weights_by_method",
]

# file name -> figure, in the order of the argument
FIGURES: dict[str, Callable[[Comparisons], Figure]] = {
    "prior-and-penalty": prior_and_penalty,
    "contours": contours,
    "weights": weights_by_method,
    "convergence": convergence,
    "strength-and-variance": strength_and_variance,
    "forest": forest,
}
POSTERIOR_FIGURES: dict[str, Callable[[PosteriorSummary | PosteriorSummaries], Figure]] = {
    "posterior-forest": posterior_forest,
    "mode-and-posterior": mode_and_posterior,
    "posterior-densities": posterior_densities,
    "posterior-ranks": posterior_ranks,
    "predictive-check": predictive_check,
}


class Figures(list[tuple[str, Figure]]):
    """(name, figure) pairs, and in `skipped` why each of the others was not drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped: dict[str, str] = {}


def compare(result: Comparisons, out: str | Path | None = None) -> Figures:
    """Every figure that applies to `result`, saved as `out/NAME.png` where `out` is given.

    The reasons for leaving one out are in `.skipped`, by name. Raises InputError where `out`
    cannot be written to.
    """
    return _all(FIGURES, result, out)


def posterior(
    result: PosteriorSummary | PosteriorSummaries, out: str | Path | None = None
) -> Figures:
    """Every figure that applies to the result of `bw.summarize`, as `compare` does."""
    return _all(POSTERIOR_FIGURES, result, out)


def _all(
    draws: Mapping[str, Callable[[Any], Figure]], result: Any, out: str | Path | None
) -> Figures:
    figures = Figures()
    for name, draw in draws.items():
        try:
            figures.append((name, draw(result)))
        except InputError as reason:
            figures.skipped[name] = str(reason)
    if out is not None:
        for name, figure in figures:
            save(figure, Path(out) / f"{name}.png")
    return figures


def save(figure: Figure, path: Path) -> None:
    """Write a PNG so that `path` holds either the whole new picture or what it held before."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with matplotlib.rc_context(style.SETTINGS):
                figure.savefig(unfinished, format="png", dpi=style.DPI)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"the figure {str(path)!r} cannot be written ({error.strerror}); name a folder that "
            "can be written to."
        ) from error
