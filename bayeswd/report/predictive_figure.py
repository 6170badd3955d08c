"""Do data that the posterior invents look like the data there are? Through ArviZ."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Generator

from bayeswd.analysis.posterior_summary import PosteriorSummaries, PosteriorSummary
from bayeswd.errors import InputError
from bayeswd.posterior.pointwise import densities_and_replications
from bayeswd.posterior.with_arviz import interval
from bayeswd.report import style
from bayeswd.report.arviz_axes import collection
from bayeswd.report.posterior_rows import Posteriors, each, some

REPLICATIONS, CURVES = 400, 40
SMOOTH = 100  # targets from which a density can be estimated
PROBABILITY = 0.95


@style.styled
def predictive_check(result: PosteriorSummary | PosteriorSummaries) -> Figure:
    """The distribution of the targets against replications of them, a column for each posterior.

    Raises InputError for targets that are classes.
    """
    several = each(result)
    family = several[0].problem.likelihood.family
    if family not in ("gaussian", "poisson"):
        raise InputError(f"{family} targets are classes: they have no distribution to draw over")
    targets = _numbers(several[0].problem.targets.detach().cpu().numpy()[None])[0]
    replicated = [_replicated(one) for one in several]
    smooth = family == "gaussian" and len(targets) >= SMOOTH
    figure = style.new_figure(9.6 if len(several) > 1 else 7.4, 4.4)
    panels = figure.subplots(1, len(several), squeeze=False, sharey=True, sharex=True)[0]
    for axes, one, values in zip(panels, several, replicated, strict=True):
        _draw(figure, axes, targets, values, "kde" if smooth else "ecdf")
        axes.set_title(style.strength(one))
        axes.set_xlabel("target")
        style.short_ticks(axes, 5)
    panels[0].set_ylabel("density" if smooth else "share of targets below")
    style.margins(figure, len(several), left=0.85, top=0.85, bottom=0.95, gap=0.3)
    style.headline(figure, _finding(several, targets, replicated), _reading(len(targets)))
    return figure


def _replicated(one: PosteriorSummary) -> np.ndarray:
    """[replication, target]."""
    drawn = some(one.draws, REPLICATIONS)
    _, found = densities_and_replications(drawn, one.problem, Generator().manual_seed(0))
    return _numbers(found[0].numpy())


def _numbers(values: np.ndarray) -> np.ndarray:
    """Targets of all outputs in one row, [replication, target]."""
    return values.reshape(len(values), -1).astype(float)


def _draw(
    figure: Figure, axes: Axes, targets: np.ndarray, replicated: np.ndarray, kind: str
) -> None:
    from arviz_plots import plot_ppc_dist
    from xarray import Dataset, DataTree

    shown = replicated[:: max(1, len(replicated) // CURVES)][:CURVES]
    coords = {"chain": [0], "draw": range(len(shown)), "obs": range(len(targets))}
    invented = Dataset({"y": (("chain", "draw", "obs"), shown[None])}, coords)
    observed = Dataset({"y": ("obs", targets)}, {"obs": coords["obs"]})
    plot_ppc_dist(
        DataTree.from_dict({"posterior_predictive": invented, "observed_data": observed}),
        kind=kind,
        sample_dims=["chain", "draw"],
        num_samples=len(shown),
        plot_collection=collection(
            invented.stack(sample=["chain", "draw"]),
            figure,
            [axes],
            aes={"overlay_ppc": ["sample"]},
        ),
        visuals={
            "predictive_dist": {"color": style.POSTERIOR, "alpha": 0.25, "width": 0.9},
            "observed_dist": {"color": style.INK, "width": 2},
            "title": False,
            "remove_axis": False,
        },
    )


def _finding(several: Posteriors, targets: np.ndarray, replicated: list[np.ndarray]) -> str:
    """How many targets lie where the posterior says that most do."""
    parts = []
    for one, values in zip(several, replicated, strict=True):
        low, high = interval(values[:, None], PROBABILITY).T
        inside = int(((targets >= low) & (targets <= high)).sum())
        name = f"{style.kind_name(one)}: " if len(several) > 1 else ""
        parts.append(f"{name}{inside} of {len(targets)}")
    share = f"{100 * PROBABILITY:g} %"
    return f"Targets inside their {share} predictive interval:  {';  '.join(parts)}"


def _reading(count: int) -> str:
    return (
        f"Black: the {count} training targets. Blue: {CURVES} sets of as many targets, each drawn "
        "from the model at one posterior draw, noise included."
    )
