"""λ → τ² along a selection's path, in ArviZ's forest and ridges: prior and posterior draws."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from bayeswd.analysis.comparison import DataSummary
from bayeswd.analysis.in_strengths import InStrengths
from bayeswd.report import path_draws, style
from bayeswd.report.forest_figure import choose_weights
from bayeswd.report.forest_plot import draw_forest
from bayeswd.report.ridge_plot import draw_ridges
from bayeswd.report.weights import weight_names

STRENGTHS, DRAWS = 6, 2000


@style.styled
def path_forest(found: InStrengths, data: DataSummary) -> Figure:
    """Prior and posterior intervals of five weights at six strengths of the path.

    Raises InputError where the path has no posteriors.
    """
    places, chosen = _places(found), chosen_weights(found)
    names = weight_names(data, found.selection.problem, chosen)
    pairs = [_draws(found, place, chosen) for place in places]
    draws = {
        "prior": np.stack([prior for prior, _ in pairs], axis=1),
        "posterior": np.stack([posterior for _, posterior in pairs], axis=1),
    }
    figure = draw_forest(draws, names, [strength_label(found, place) for place in places])
    style.headline(figure, _finding(found, places, chosen, names), reading(found, chosen))
    return figure


@style.styled
def path_ridge(found: InStrengths, data: DataSummary) -> Figure:
    """Posterior densities of five weights at six strengths, one ridge over the other.

    Raises InputError where the path has no posteriors.
    """
    places, chosen = _places(found), chosen_weights(found)
    names = weight_names(data, found.selection.problem, chosen)
    draws = np.stack([_draws(found, place, chosen)[1] for place in places], axis=1)
    figure = draw_ridges(draws, names, [strength_label(found, place) for place in places])
    style.headline(figure, _finding(found, places, chosen, names), reading(found, chosen))
    return figure


def chosen_weights(found: InStrengths) -> list[int]:
    """Five weights, by their estimates at the best of the first criterion."""
    choices, path = found.selection.choices, found.selection.path
    place = choices[0].best_index if choices else len(path.scales) // 2
    if not bool((path.weights[place] != 0).any()):
        place = len(path.scales) - 1  # the widest prior: there are weights to speak of
    return choose_weights(path.weights[place].flatten().cpu().double().numpy())


def strength_label(found: InStrengths, place: int) -> str:
    """`3 → 1.7e-6`: the strength, and the prior variance."""
    variance = found.selection.path.prior_sds[place] ** 2
    return f"{style.brief(found.strengths[place], 2)} → {style.brief(variance, 2)}"


def reading(found: InStrengths, chosen: Sequence[int]) -> str:
    """Which weights are drawn, and how."""
    total = found.selection.path.weights[0].numel()
    which = "All weights"
    if len(chosen) < total:
        which = f"{len(chosen)} of {total} weights: the three largest, a middling one, the smallest"
    return f"{which}. Each row: strength ({found.convention}) → prior variance. Draws."


def _places(found: InStrengths) -> list[int]:
    return path_draws.spread(found, STRENGTHS)


def _draws(found: InStrengths, place: int, chosen: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    problem = found.selection.path.problems[place]
    return path_draws.weights_of(problem, path_draws.posterior_at(found, place), chosen, DRAWS)


def _finding(
    found: InStrengths, places: Sequence[int], chosen: Sequence[int], names: Sequence[str]
) -> str:
    """How far the trained weight that moves most goes over the strengths that are drawn."""
    weights = found.selection.path.weights.flatten(1).cpu().double().numpy()
    first, last = weights[places[0], chosen], weights[places[-1], chosen]
    most = int(np.abs(last - first).argmax())
    ends = [style.brief(found.strengths[place], 2) for place in (places[0], places[-1])]
    moved = [style.brief(float(end[most]), 2) for end in (first, last)]
    return f"From λ = {ends[0]} to {ends[1]} {names[most]} goes from {moved[0]} to {moved[1]}"
