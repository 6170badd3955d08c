"""ArviZ's power scaling of the prior is a change of λ: the posterior moves, no refit is needed.

A Gaussian density to the power α is, up to a constant, the Gaussian of variance τ²/α, that is the
penalty times α; a Laplace density has b/α. So draws at one strength, reweighted by
p(w)^(α - 1), are draws at α times the strength, and ArviZ's prior sensitivity is the sensitivity
to weight decay.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayeswd.analysis import path as paths
from bayeswd.analysis.in_strengths import InStrengths
from bayeswd.analysis.leave_one_out import GOOD_K
from bayeswd.posterior import choose, with_arviz
from bayeswd.problem.objective import Problem
from bayeswd.report import path_draws, style
from bayeswd.report.weights import flat_weights, weight_names
from bayeswd.results import Draws

if TYPE_CHECKING:
    from xarray import DataTree

POWERS = tuple(np.geomspace(1 / 2, 2, 9).tolist())  # α
SENSITIVE = 0.05  # ArviZ's index from which a posterior is called sensitive
CHAINS, DRAWS = 4, 1000
NAMES = 1.3  # inches right of the first panel


@style.styled
def power_scaling(found: InStrengths) -> Figure:
    """Posterior means at α times the choice's strength: reweighted by ArviZ, and refitted.

    Beside them ArviZ's sensitivity of each weight to prior and likelihood. Drawn around the
    evidence's choice, else the first criterion's.
    """
    (place,) = path_draws.around(found, (1.0,))
    problem = found.selection.path.problems[place]
    chosen = path_draws.chosen_weights(found)
    names = weight_names(found, found.selection.problem, chosen)
    tree = sampled(problem, found.names or None)
    reweighted = reweighted_means(tree, problem, chosen)
    refitted = refitted_means(problem, found.selection.path.scales[place], chosen)
    figure = style.new_figure(9.6, 4.6)
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    draw_means(left, reweighted, refitted, names)
    draw_sensitivities(right, sensitivities(tree, problem, chosen), names)
    style.margins(figure, 2, left=0.85, top=0.95, bottom=1.0, gap=NAMES + 0.75)
    own = f"λ = {style.brief(found.strengths[place])}"
    style.headline(
        figure,
        f"p(w)^α is α times λ: {_agreement(reweighted, refitted)}",
        f"{CHAINS * DRAWS} draws at {own} ({found.convention}). Open circles: Pareto k above "
        f"{GOOD_K:g}, too few draws for so far a step. An index above {SENSITIVE:g} calls a "
        "posterior sensitive.",
    )
    return figure


def _agreement(reweighted: Reweighted, refitted: np.ndarray) -> str:
    """How near the reliable reweighted means are to refits, and from where to where they reach."""
    good = reweighted.k_hat <= GOOD_K
    reach = np.array(POWERS)[good]
    apart = float(np.abs((reweighted.means - refitted) / reweighted.sd)[good].max())
    return (
        f"reweighted draws meet refits within {apart:.2f} posterior sd "
        f"for α from {style.brief(reach.min(), 2)} to {style.brief(reach.max(), 2)}"
    )


def sampled(problem: Problem, names: Sequence[str] | None) -> DataTree:
    """Draws of the posterior with the densities that power scaling reweights by."""
    draws = choose.sample(problem, chains=CHAINS, draws=DRAWS, seed=0)
    return with_arviz.to_datatree(draws, problem, names=names, prior_draws=0)


class Reweighted(NamedTuple):
    """means: [power, weight]; k_hat: Pareto k of the importance weights, [power]; sd: [weight]."""

    means: np.ndarray
    k_hat: np.ndarray
    sd: np.ndarray


def reweighted_means(tree: DataTree, problem: Problem, chosen: Sequence[int]) -> Reweighted:
    """Posterior means at α times the strength by ArviZ's Pareto-smoothed weights p(w)^(α - 1)."""
    import arviz_stats  # noqa: F401  gives arrays their azstats

    sample = ["chain", "draw"]
    log_prior = sum(
        values.sum([dim for dim in values.dims if dim not in sample])
        for values in tree["log_prior"].to_dataset().data_vars.values()
    )
    assert problem.linear is not None
    values = tree["posterior"].to_dataset()[problem.linear.weight].values
    flat = values.reshape(values.shape[0] * values.shape[1], -1)[:, list(chosen)]
    means, k_hats = [], []
    for power in POWERS:
        weights, k_hat = np.ones(len(flat)), 0.0  # of the draws themselves
        if power != 1:
            # psislw takes minus the log weights, as leave-one-out has them
            logs, k_hat = ((1 - power) * log_prior).azstats.psislw(dim=sample)
            weights = np.exp(logs.values.ravel() - float(logs.max()))
        means.append(weights @ flat / weights.sum())
        k_hats.append(float(k_hat))
    return Reweighted(np.stack(means), np.array(k_hats), flat.std(0))


def refitted_means(problem: Problem, scale: float, chosen: Sequence[int]) -> np.ndarray:
    """Means [power, weight] of the posteriors at α times the strength, each found anew."""
    assert problem.linear is not None
    root = 0.5 if problem.priors[problem.linear.weight].family == "gaussian" else 1.0
    scales = [scale / power**root for power in POWERS]
    posteriors = paths.posteriors(problem, sorted(scales))
    means = [flat_weights(problem, _mean_of(posterior))[list(chosen)] for posterior in posteriors]
    return np.stack(means[::-1])


def _mean_of(posterior: paths.Posterior) -> dict[str, torch.Tensor]:
    if isinstance(posterior, Draws):
        return {name: value.mean((0, 1)) for name, value in posterior.params.items()}
    return dict(posterior.mean)


def sensitivities(tree: DataTree, problem: Problem, chosen: Sequence[int]) -> np.ndarray:
    """ArviZ's index of each weight, [2, weight]: to the prior, to the likelihood."""
    from arviz_stats import psense

    assert problem.linear is not None
    name = problem.linear.weight
    found = [psense(tree, var_names=[name], group=group) for group in ("prior", "likelihood")]
    return np.stack([each[name].values.ravel()[list(chosen)] for each in found])


def draw_means(
    axes: Axes,
    reweighted: Reweighted,
    refitted: np.ndarray,
    names: Sequence[str],
) -> None:
    """How far each mean moves from where it is at α = 1, in posterior sd."""
    middle, powers, good = POWERS.index(1.0), np.array(POWERS), reweighted.k_hat <= GOOD_K
    for column in range(len(names)):
        start = refitted[middle, column]
        line = (refitted[:, column] - start) / reweighted.sd[column]
        dots = (reweighted.means[:, column] - start) / reweighted.sd[column]
        axes.plot(POWERS, line, color=style.INK, label=None if column else "refitted")
        look: style.Look = {"color": style.POSTERIOR, "markersize": 4, "linestyle": "none"}
        label = None if column else "reweighted by ArviZ"
        axes.plot(powers[good], dots[good], marker="o", label=label, **look)
        axes.plot(powers[~good], dots[~good], marker="o", markerfacecolor="none", **look)
    axes.set(xscale="log", xlabel="α, on the strength", title="Posterior mean at α λ")
    axes.set_ylabel("change, posterior sd")
    axes.set_xticks([0.5, 0.7, 1, 1.4, 2], ["0.5", "0.7", "1", "1.4", "2"])
    axes.minorticks_off()
    axes.legend(loc="best")
    _name_ends(axes, (refitted[-1] - refitted[middle]) / reweighted.sd, names)


def _name_ends(axes: Axes, ends: np.ndarray, names: Sequence[str]) -> None:
    """Names right of the lines' ends, pushed apart where they would lie on one another."""
    low, high = axes.get_ylim()
    least = 0.055 * (high - low)
    height = -np.inf
    for place in np.argsort(ends):
        height = max(ends[place], height + least)
        axes.annotate(
            names[place],
            (POWERS[-1], ends[place]),
            xytext=(1.03, height),
            textcoords=("axes fraction", "data"),
            va="center",
            fontsize=style.SMALL,
        )


def draw_sensitivities(axes: Axes, index: np.ndarray, names: Sequence[str]) -> None:
    """Two dots for each weight: its sensitivity to prior and to likelihood."""
    rows = np.arange(len(names))[::-1]
    for values, colour, label in zip(
        index,
        (style.PRIOR, style.LIKELIHOOD),
        ("to the prior, λ", "to the likelihood"),
        strict=True,
    ):
        axes.plot(values, rows, "o", color=colour, label=label)
    axes.axvline(SENSITIVE, ymax=0.86, color=style.INK, linewidth=0.8, linestyle=":")
    axes.set_yticks(rows, names)
    axes.set(xlim=(0, None), xlabel="ArviZ's psense", title="Sensitivity of each weight")
    axes.set_ylim(-0.6, len(names) + 0.2)
    axes.legend(loc="upper right", ncols=2)
