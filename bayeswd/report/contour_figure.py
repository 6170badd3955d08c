"""P(w | y) ∝ P(y | w) P(w) in two weights: three maps, and the fit where two lines touch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from bayeswd.analysis.comparison import Comparison, Comparisons
from bayeswd.errors import InputError
from bayeswd.report import slices, style
from bayeswd.report.slices import Slice
from bayeswd.report.weights import (
    flat_weights,
    is_penalised,
    weight_names,
    weight_parameters,
    weight_prior,
)
from bayeswd.report.windows import Window

MOST_LINES = 7
# inches
WIDTH, LEFT, PANEL, GAP = 9.6, 0.98, 2.36, 0.68
HEAD, TEXT, ROW, FOOT = 0.45, 0.92, 3.95, 0.6


@style.styled
def contours(result: Comparisons) -> Figure:
    """Likelihood, prior and posterior over two weights, one row for each penalty.

    The other weights are held at their fitted values. Raises InputError where nothing is
    penalised or the model has a single weight.
    """
    penalised = [one for one in result.comparisons if is_penalised(one.problem)]
    if not penalised:
        raise InputError("strength 0 is the improper flat prior: likelihood and posterior coincide")
    pair = slices.choose_pair(penalised)
    height = HEAD + FOOT + ROW * len(penalised)
    figure = style.new_figure(WIDTH, height)
    peaked = []
    for row, one in enumerate(penalised):
        here = pair if _same_weights(one, penalised[0]) else slices.choose_pair([one])
        names = weight_names(result.data, one.problem, here)
        peaked.append(_draw_comparison(figure, height - HEAD - row * ROW, one, here, names))
    others = len(flat_weights(penalised[0].problem, penalised[0].reference.params)) - 2
    style.headline(
        figure,
        "Posterior ∝ likelihood × prior: at the fit a likelihood line touches a prior line",
        f"A slice, no marginal: {_held(others)}. "
        "Lines: ½k² nats (k sd) below each peak, k = 1, 2, 3 … or 1, 2, 4 …",
    )
    _explain(figure, penalised[0], any(peaked))
    return figure


def _draw_comparison(
    figure: Figure, top: float, one: Comparison, pair: tuple[int, int], names: Sequence[str]
) -> bool:
    """One row of maps, its top at this height in inches; whether the likelihood has a peak."""
    wide, close = slices.wide_and_close(one.problem, one.reference.params, pair)
    panels = [_panel(figure, column, top) for column in range(3)]
    _draw_row(panels, wide, close, one, pair)
    panels[0].set_ylabel(names[1])
    for panel in panels:
        panel.set_xlabel(names[0])
    height = figure.get_size_inches()[1]
    figure.text(0.01, top / height, _finding(one, wide, names), va="top", fontsize=10)
    return bool(np.isfinite(wide.likelihood_mode).all())


def _panel(figure: Figure, column: int, top: float) -> Axes:
    """A square of fixed size below its row's text: the maps of all rows compare by eye."""
    width, height = figure.get_size_inches()
    left = LEFT + column * (PANEL + GAP)
    bottom = top - TEXT - PANEL
    return figure.add_axes((left / width, bottom / height, PANEL / width, PANEL / height))


def _held(others: int) -> str:
    if not others:
        return "what is not drawn stays where it was fitted"
    which = "the other weight stays" if others == 1 else f"the other {others} weights stay"
    return f"{which} where {'it was' if others == 1 else 'they were'} fitted"


def _same_weights(one: Comparison, other: Comparison) -> bool:
    names = weight_parameters(one.problem)
    if names != weight_parameters(other.problem):
        return False
    return all(one.problem.initial[n].shape == other.problem.initial[n].shape for n in names)


def _draw_row(
    axes: Sequence[Axes], wide: Slice, close: Slice | None, one: Comparison, pair: tuple[int, int]
) -> None:
    likelihood, prior, posterior = axes
    _draw_map(likelihood, wide, wide.misfit, style.LIKELIHOOD, "likelihood P(y | w)")
    _draw_map(prior, wide, wide.penalty, style.PRIOR, "prior P(w)")
    seen, title = wide, "posterior P(w | y)"
    if close is not None:
        seen = close
        factor = float((wide.window.half / close.window.half).max())
        title += f", magnified {style.brief(factor, 2)}×"
        _frame((likelihood, prior), close.window)
    _draw_map(posterior, seen, seen.misfit + seen.penalty, style.POSTERIOR, title)
    _draw_touching(posterior, seen)
    likelihood.plot(*wide.likelihood_mode, marker="+", color=style.INK, markersize=8)
    for each, cut in ((likelihood, wide), (prior, wide), (posterior, seen)):
        _draw_fits(each, one, pair)
        first, second = cut.window.sides(2)
        aspect = "equal" if cut.window.even else "auto"
        each.set(aspect=aspect, xlim=first, ylim=second)
        style.short_ticks(each, 4)


def _frame(panels: Sequence[Axes], window: Window) -> None:
    """Where the magnified panel lies."""
    corner, sides = window.middle - window.half, 2 * window.half
    look: style.Look = {"fill": False, "color": style.POSTERIOR, "linewidth": 0.9}
    for axes in panels:
        axes.add_patch(Rectangle((corner[0], corner[1]), sides[0], sides[1], **look))


def _draw_map(axes: Axes, cut: Slice, nats: np.ndarray, colour: str, title: str) -> None:
    """Relative density as shade, and lines 1, 2, 3 ... standard deviations below the peak."""
    below = nats - nats.min()
    first, second = cut.window.sides(len(nats))
    axes.imshow(
        np.exp(-below),
        extent=(first[0], first[-1], second[0], second[-1]),
        origin="lower",
        cmap=LinearSegmentedColormap.from_list("", ["white", colour]),
        vmin=0,
        vmax=1.5,
        aspect="auto",
        interpolation="bilinear",
    )
    lines = levels(float(below.max()))
    if lines:
        axes.contour(first, second, below, levels=lines, colors=[colour], linewidths=0.9)
    else:
        title += f": flat, {style.brief(float(below.max()), 1)} nats"
    axes.set_title(title)


def levels(highest: float) -> list[float]:
    """k^2/2 nats, k = 1, 2, 3, ... or, on a map of many, 1, 2, 4, 8, ...

    These are k standard deviations of a Gaussian.
    """
    most = int(math.sqrt(2 * highest))
    if most <= MOST_LINES:
        return [k**2 / 2 for k in range(1, most + 1)]
    return [4**power / 2 for power in range(int(math.log2(most)) + 1)]


def _draw_touching(axes: Axes, cut: Slice) -> None:
    """The likelihood's and the prior's line through the fit: at a mode they touch."""
    first, second = cut.window.sides(len(cut.misfit))
    parts = [
        (cut.misfit, cut.fit_misfit, style.LIKELIHOOD),
        (cut.penalty, cut.fit_penalty, style.PRIOR),
    ]
    for values, level, colour in parts:
        if values.min() < level < values.max():
            line = {"levels": [level], "colors": [colour], "linestyles": "solid"}
            axes.contour(first, second, values, linewidths=2, **line)


def _draw_fits(axes: Axes, one: Comparison, pair: tuple[int, int]) -> None:
    """The reference as an open marker and penalised training inside it."""
    marker = style.KIND_MARKERS[one.penalty.kind]
    for row in one.methods:
        if row is one.reference or row.method == "penalized-sgd":
            weights = flat_weights(one.problem, row.params)[list(pair)]
            look = _reference_look() if row is one.reference else _training_look()
            axes.plot(*weights, marker=marker, linestyle="none", zorder=5, **look)


def _reference_look() -> style.Look:
    return {"markersize": 10, "markerfacecolor": "none", "markeredgecolor": style.INK}


def _training_look() -> style.Look:
    colour = style.METHOD_COLOURS["penalized-sgd"]
    return {"markersize": 4.5, "markerfacecolor": colour, "markeredgecolor": "none"}


def _finding(one: Comparison, cut: Slice, names: Sequence[str]) -> str:
    """Where the fit lies, and what the likelihood alone would choose on the slice."""
    lines = [style.strength(one)]
    corner = ", a corner of the prior's line" if weight_prior(one.problem).l1_rate else ""
    for name, value, alone in zip(names, cut.fit, cut.likelihood_mode, strict=True):
        said = style.brief(float(value)) if value else f"exactly 0{corner}"
        wanted = "" if math.isnan(alone) else f"; the likelihood alone: {style.brief(float(alone))}"
        lines.append(f"{name} = {said}{wanted}")
    return "\n".join(lines)


def _explain(figure: Figure, first: Comparison, peaked: bool) -> None:
    """What the markers and lines that were drawn are, below the maps."""
    shape: style.Look = {"marker": style.KIND_MARKERS[first.penalty.kind], "linestyle": "none"}
    reference = style.method_name(first.reference.method)
    handles = [Line2D([], [], label=reference, **shape, **_reference_look())]
    if any(row.method == "penalized-sgd" for row in first.methods[1:]):
        handles.append(Line2D([], [], label="penalised SGD", **shape, **_training_look()))
    if peaked:
        peak: style.Look = {"marker": "+", "linestyle": "none", "color": style.INK}
        handles.append(Line2D([], [], label="likelihood's peak", **peak))
    for colour, name in ((style.LIKELIHOOD, "likelihood"), (style.PRIOR, "prior")):
        handles.append(Line2D([], [], color=colour, linewidth=2, label=f"{name} line at the fit"))
    bottom = 0.3 / figure.get_size_inches()[1]
    figure.legend(handles=handles, loc="lower left", ncols=5, bbox_to_anchor=(0, bottom))
