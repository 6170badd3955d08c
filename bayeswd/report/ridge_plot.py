"""Densities of single weights over one another through ArviZ's ridge plot; needs no torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from bayeswd.report import style
from bayeswd.report.arviz_axes import collection
from bayeswd.report.forest_plot import LEFT, STRENGTH, finish, heights, label_and_panel

ROW = 0.26  # inches
REACH = 1.8  # rows that the highest density of a weight goes up
SHADES = (0.45, 0.95)  # of the colour map Blues, from the weakest penalty to the strongest


def draw_ridges(draws: np.ndarray, weights: Sequence[str], strengths: Sequence[str]) -> Figure:
    """One block for each weight, in it one density for each strength.

    draws: [weight, strength, sample]. weights and strengths are distinct texts. The figure's
    axes are (labels, ridge).
    """
    import xarray as xr
    from arviz_plots import plot_ridge

    coords = {"weight": list(weights), STRENGTH: list(strengths)}
    data = xr.Dataset({"w": (("weight", STRENGTH, "sample"), draws)}, coords)
    figure, axes = label_and_panel(weights, strengths, ROW)
    rows = heights(len(weights), len(strengths), 1)[..., 0]
    shades = colormaps["Blues"](np.linspace(*SHADES, len(strengths)))
    where = ["weight", STRENGTH]
    plot_ridge(
        data,
        plot_collection=collection(
            data.expand_dims(column=2).assign_coords(column=["labels", "ridge"]),
            figure,
            axes,
            along="column",
            aes={"y": where, "overlay": where, "color": [STRENGTH]},
            y=rows.ravel().tolist(),
            color=[to_hex(shade) for shade in shades],
        ),
        sample_dims=["sample"],
        labels=where,
        ridge_height=REACH,
        visuals={"face": {"alpha": 0.55}, "edge": {"width": 1.0}, "labels": {"color": style.INK}},
    )
    style.margins(figure, 2, left=LEFT, top=0.9)
    finish(axes, float(rows.min()) - 0.5, float(rows.max()) + REACH + 0.1)
    axes[1].set_xlabel("weight, posterior density")
    return figure
