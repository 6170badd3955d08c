"""λ → τ² along a selection's path, in ArviZ's forest and ridges: prior and posterior draws."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from bayeswd.analysis.in_strengths import InStrengths
from bayeswd.report import path_draws, style
from bayeswd.report.forest_plot import draw_forest
from bayeswd.report.ridge_plot import draw_ridges
from bayeswd.report.weights import weight_names

FACTORS = (1 / 9, 1 / 3, 1.0, 3.0, 9.0)  # on the evidence's choice
DRAWS = 2000


@style.styled
def path_forest(found: InStrengths) -> Figure:
    """Prior and posterior intervals of five weights at five strengths around the choice.

    Raises InputError where the path has no posteriors.
    """
    places, chosen = _places(found), path_draws.chosen_weights(found)
    names = weight_names(found, found.selection.problem, chosen)
    pairs = [_draws(found, place, chosen) for place in places]
    draws = {
        "prior": np.stack([prior for prior, _ in pairs], axis=1),
        "posterior": np.stack([posterior for _, posterior in pairs], axis=1),
    }
    figure = draw_forest(
        draws, names, [path_draws.strength_label(found, place) for place in places]
    )
    style.headline(figure, _finding(found, places, chosen, names), reading(found, chosen))
    return figure


@style.styled
def path_ridge(found: InStrengths) -> Figure:
    """Posterior densities of five weights at five strengths around the choice, one over another.

    Raises InputError where the path has no posteriors.
    """
    places, chosen = _places(found), path_draws.chosen_weights(found)
    names = weight_names(found, found.selection.problem, chosen)
    draws = np.stack([_draws(found, place, chosen)[1] for place in places], axis=1)
    figure = draw_ridges(
        draws, names, [path_draws.strength_label(found, place) for place in places]
    )
    style.headline(figure, _finding(found, places, chosen, names), reading(found, chosen))
    return figure


def reading(found: InStrengths, chosen: Sequence[int]) -> str:
    """Which weights are drawn, and how."""
    total = found.selection.path.weights[0].numel()
    which = "All weights"
    if len(chosen) < total:
        which = f"{len(chosen)} of {total} weights: the three largest, a middling one, the smallest"
    return f"{which}. Each row: strength ({found.convention}) → prior variance. Draws."


def _places(found: InStrengths) -> list[int]:
    return path_draws.around(found, FACTORS)


def _labels(found: InStrengths, places: Sequence[int]) -> list[str]:
    return [path_draws.strength_label(found, place) for place in places]


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
    said = f"From λ = {ends[0]} to {ends[1]} the trained weight of {names[most]}"
    return f"{said} goes from {moved[0]} to {moved[1]}"
