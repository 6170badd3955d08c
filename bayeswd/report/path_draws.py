"""Draws along a path, as ArviZ takes them: one tree for each strength, and a file of all of them.

trees(found)             {"λ=0.01": DataTree, ...}, for compare, plot_forest, plot_ridge
save(found, "path.nc")   xarray.open_datatree, then with_arviz.path_of, gives them back
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path as File
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from bayeswd.analysis.bands import Posterior
from bayeswd.analysis.in_strengths import InStrengths
from bayeswd.errors import InputError
from bayeswd.posterior import conjugate, gaussian_draws, with_arviz
from bayeswd.problem.objective import Problem
from bayeswd.report import strength_axes, style
from bayeswd.report.forest_figure import choose_weights
from bayeswd.results import Draws, GaussianPosterior

if TYPE_CHECKING:
    from xarray import DataTree

CHAINS = 4
STRENGTHS, NUMBERS = 15, 1_000_000  # in one file


def trees(
    found: InStrengths,
    places: Sequence[int] | None = None,
    *,
    draws: int = 250,
    pointwise: bool = True,
    seed: int = 0,
) -> dict[str, DataTree]:
    """The posteriors at these places of the grid (default all), by strength, four chains each.

    pointwise: also the densities of rows, which `arviz_stats.compare` and `psense` need. Raises
    InputError where the path has no posteriors.
    """
    path = found.selection.path
    chosen = range(len(path.scales)) if places is None else places
    labels = labels_of([found.strengths[place] for place in chosen])
    return {
        label: with_arviz.to_datatree(
            draws_of(path.problems[place], posterior_at(found, place), draws, seed),
            path.problems[place],
            names=found.names or None,
            strength=found.strengths[place],
            pointwise=pointwise,
            prior_draws=draws if pointwise else 0,
            seed=seed,
        )
        for label, place in zip(labels, chosen, strict=True)
    }


def save(found: InStrengths, file: str | os.PathLike[str]) -> File:
    """Posteriors along the path and at every choice in one netCDF, written whole or not at all."""
    chosen = {found.best_place(choice) for choice in found.selection.choices}
    places = sorted({*spread(found, STRENGTHS), *chosen}, key=lambda i: found.strengths[i])
    size = sum(value.numel() for value in found.selection.problem.initial.values())
    draws = min(250, max(25, NUMBERS // (CHAINS * size * len(places))))
    kept = trees(found, places, draws=draws, pointwise=False)
    return with_arviz.save(with_arviz.path_datatree(kept), file)


def posterior_at(found: InStrengths, place: int) -> Posterior:
    """The posterior at one place of the grid; InputError where the path has none."""
    posteriors = found.selection.path.posteriors
    if posteriors is None:
        raise InputError("the path has no posteriors: select with posterior=True.")
    return posteriors[place]


def draws_of(problem: Problem, posterior: Posterior, draws: int, seed: int) -> Draws:
    """Four chains of so many draws: exact ones, or those that there are, evenly thinned."""
    if isinstance(posterior, GaussianPosterior) and posterior.method != "exact":
        params, joint = gaussian_draws.draw(problem, posterior, CHAINS, draws, seed)
        return Draws(params, posterior.method, posterior.note, 0.0, sample_stats={"lp": joint})
    if not isinstance(posterior, Draws):
        return conjugate.sample(problem, chains=CHAINS, draws=draws, seed=seed)

    def fewer(values: Tensor) -> Tensor:
        """[chain, draw, ...] -> [4, draws, ...]; many short chains are put end to end."""
        chains = values.shape[0] // CHAINS * CHAINS or values.shape[0]
        joined = values[:chains].reshape(min(CHAINS, chains), -1, *values.shape[2:])
        step = max(1, joined.shape[1] // draws)
        return joined[:, ::step][:, :draws]

    return replace(
        posterior,
        params={name: fewer(value) for name, value in posterior.params.items()},
        noise_scale=None if posterior.noise_scale is None else fewer(posterior.noise_scale),
        sample_stats={name: fewer(value) for name, value in posterior.sample_stats.items()},
    )


def labels_of(strengths: Sequence[float]) -> list[str]:
    """`λ=0.05`, in as many digits as tell all of them apart."""
    for digits in range(2, 17):
        labels = [f"λ={style.brief(strength, digits)}" for strength in strengths]
        if len(set(labels)) == len(labels):
            return labels
    raise InputError("two strengths of the path are the same.")


def spread(found: InStrengths, count: int) -> list[int]:
    """So many places of the grid, evenly over what is worth drawing, by ascending strength."""
    low, high = strength_axes.window(found)
    return _nearest(found, np.geomspace(low, high, count))


def around(found: InStrengths, factors: Sequence[float]) -> list[int]:
    """The places of the grid nearest to these multiples of the evidence's choice.

    Without one, of the first criterion's, else of the middle of the grid.
    """
    first = [found.selection.choice("evidence"), *found.selection.choices]
    choice = next((each for each in first if each is not None), None)
    middle = sorted(found.strengths)[len(found.strengths) // 2]
    own = middle if choice is None else found.strength(choice.scale)
    return _nearest(found, np.multiply(own, factors))


def _nearest(found: InStrengths, wanted: np.ndarray) -> list[int]:
    logs = np.log(found.strengths)
    places = {int(np.abs(logs - log).argmin()) for log in np.log(wanted)}
    return sorted(places, key=lambda place: found.strengths[place])


def chosen_weights(found: InStrengths) -> list[int]:
    """Five weights, by their estimates at the evidence's choice, where they are not all 0."""
    path, (place,) = found.selection.path, around(found, (1.0,))
    if not bool((path.weights[place] != 0).any()):
        place = len(path.scales) - 1  # the widest prior: there are weights to speak of
    return choose_weights(path.weights[place].flatten().cpu().double().numpy())


def strength_label(found: InStrengths, place: int) -> str:
    """`3 → 1.7e-6`: the strength, and the prior variance."""
    variance = found.selection.path.prior_sds[place] ** 2
    return f"{style.brief(found.strengths[place], 2)} → {style.brief(variance, 2)}"


def weights_of(
    problem: Problem, posterior: Posterior, chosen: Sequence[int], draws: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draws of the chosen weights from prior and posterior, each [weight, sample]."""
    assert problem.linear is not None
    name = problem.linear.weight
    drawn = draws_of(problem, posterior, draws // CHAINS, 0).params[name]
    flat = drawn.flatten(0, 1).flatten(1)[:, list(chosen)]
    generator = torch.Generator().manual_seed(0)
    like = torch.zeros(0, dtype=torch.float64)
    prior = problem.priors[name].draw((len(chosen), len(flat)), generator, like)
    return prior.numpy(), flat.T.detach().cpu().double().numpy()
