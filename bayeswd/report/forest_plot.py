"""A forest of prior and posterior intervals through ArviZ; needs arrays, no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayeswd.report import style
from bayeswd.report.arviz_axes import collection
from bayeswd.report.words import percent, width

STRENGTH = "λ → τ²"
MODELS = {"prior": style.PRIOR, "posterior": style.POSTERIOR}
INTERVALS = (0.5, 0.89)
WIDTH, LEFT, BETWEEN = 9.6, 0.2, 0.35  # inches
APART = 0.18  # of the prior above and the posterior below the middle of a row


def draw_forest(
    draws: Mapping[str, np.ndarray], weights: Sequence[str], strengths: Sequence[str]
) -> Figure:
    """One block for each weight, in it one row for each strength, prior above posterior.

    draws: "prior" and "posterior", each [weight, strength, sample]. weights and strengths are
    distinct texts. The figure's axes are (labels, forest).
    """
    from arviz_plots import plot_forest
    from xarray import Dataset

    coords = {"weight": list(weights), STRENGTH: list(strengths)}
    dims = ("weight", STRENGTH, "sample")
    models = {name: Dataset({"w": (dims, draws[name])}, coords) for name in MODELS}
    figure, axes = label_and_panel(weights, strengths, 0.21)
    plot_forest(
        models,
        plot_collection=_collection(models, figure, axes),
        sample_dims=["sample"],
        combined=True,
        labels=["weight", STRENGTH],
        point_estimate="mean",
        ci_kind="eti",
        ci_probs=INTERVALS,
        visuals={"twig": {"width": 1.2}, "trunk": {"width": 3.2}},
    )
    style.margins(figure, 2, left=LEFT, top=0.9)
    rows = heights(len(weights), len(strengths), len(MODELS))
    finish(axes, float(rows.min()) - 0.7, float(rows.max()) + 0.7)
    _explain(axes[1])
    return figure


def label_and_panel(
    weights: Sequence[str], strengths: Sequence[str], row: float
) -> tuple[Figure, Sequence[Axes]]:
    """A figure with room for the labels, as wide as they are, beside the panel; `row` in inches."""
    figure = style.new_figure(WIDTH, 1.5 + row * len(weights) * (len(strengths) + 1))
    room = _widest(weights) + BETWEEN + _widest(strengths)
    ratios = [room, WIDTH - LEFT - style.RIGHT - room]
    return figure, list(figure.subplots(1, 2, sharey=True, width_ratios=ratios))


def _collection(models: Mapping[str, Any], figure: Figure, axes: Sequence[Axes]) -> Any:
    """ArviZ's bookkeeping of our axes: which column is which, and the height of every row."""
    import xarray as xr

    data = xr.concat(models.values(), dim="model").assign_coords(model=list(models))
    shape = (data.sizes["weight"], data.sizes[STRENGTH], len(models))
    dims = ["weight", STRENGTH, "model"]
    return collection(
        data.expand_dims(column=2).assign_coords(column=["labels", "forest"]),
        figure,
        axes,
        along="column",
        aes={"y": dims, "overlay": dims, "color": ["model"]},
        y=heights(*shape).ravel().tolist(),
        color=list(MODELS.values()),
    )


def heights(weights: int, strengths: int, models: int) -> np.ndarray:
    """[weight, strength, model]: rows from the top down, a free row after each weight."""
    block = np.arange(weights)[:, None, None] * (strengths + 1)
    row = np.arange(strengths)[None, :, None]
    shift = np.linspace(-APART, APART, models)[None, None, :]
    return weights * (strengths + 1) - (block + row + shift)


def _widest(texts: Sequence[str]) -> float:
    return max(width(text, style.LABEL) for text in texts)


def finish(axes: Sequence[Axes], lowest: float, highest: float) -> None:
    """Heads and margins of the labels, 0 and few ticks in the panel."""
    labels, panel = axes
    panel.set_ylim(lowest, highest)
    labels.set_xlim(0, 1)
    for name in labels.texts:
        name.set_horizontalalignment("left" if name.get_position()[0] == 0 else "right")
    name_head, strength_head = labels.xaxis.get_major_ticks()
    name_head.label2.set_horizontalalignment("left")
    strength_head.label2.set_horizontalalignment("right")
    labels.spines[["bottom", "left"]].set_visible(False)
    labels.xaxis.tick_top()
    labels.tick_params(length=0)
    panel.axvline(0, color="#cccccc", linewidth=1, zorder=0)
    style.short_ticks(panel, 6, vertical=False)


def _explain(forest: Axes) -> None:
    forest.set_xlabel(f"weight (lines: {' and '.join(map(percent, INTERVALS))} intervals)")
    handles = [
        Line2D([], [], color=colour, linewidth=3, label=name) for name, colour in MODELS.items()
    ]
    forest.legend(handles=handles, loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
