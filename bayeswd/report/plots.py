"""The figures of a comparison: `plots.compare(result, out)` draws and saves all that apply.

Each figure is also a function of its own, from the result of `bw.compare` to a matplotlib Figure;
where it does not apply it raises InputError with the reason.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from bayeswd.analysis.comparison import Comparisons
from bayeswd.errors import InputError
from bayeswd.report import style
from bayeswd.report.contour_figure import contours
from bayeswd.report.conventions_figure import strength_and_variance
from bayeswd.report.convergence_figure import convergence
from bayeswd.report.forest_figure import forest
from bayeswd.report.prior_figure import prior_and_penalty
from bayeswd.report.weights_figure import weights_by_method

__all__ = [
    "Figures",
    "compare",
    "contours",
    "convergence",
    "forest",
    "prior_and_penalty",
    "save",
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
    figures = Figures()
    for name, draw in FIGURES.items():
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


def posterior(result, out=None):
    return Figures()
