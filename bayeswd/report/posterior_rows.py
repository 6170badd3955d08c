"""Which posteriors, weights and draws a figure shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from bayeswd.analysis import coefficients
from bayeswd.analysis.posterior_summary import PosteriorSummaries, PosteriorSummary
from bayeswd.analysis.posterior_words import MOST_ROWS, ROWS, from_zero
from bayeswd.report.weights import flat_weights, weight_parameters
from bayeswd.results import Draws

Posteriors = tuple[PosteriorSummary, ...]


def each(result: PosteriorSummary | PosteriorSummaries) -> Posteriors:
    """One posterior, or several on the same data, as several."""
    return result.posteriors if isinstance(result, PosteriorSummaries) else (result,)


def weight_draws(one: PosteriorSummary) -> np.ndarray:
    """Draws of the weights in the order of `flat_weights`, [chain, draw, weight]."""
    parts = [one.draws.params[name] for name in weight_parameters(one.problem)]
    return np.concatenate([part.detach().cpu().double().flatten(2).numpy() for part in parts], -1)


def weight_rows(one: PosteriorSummary) -> list[coefficients.Coefficient]:
    """The table's rows of these weights, in the same order."""
    ordered = coefficients.ordered(one.problem)
    sizes = [one.problem.initial[name].numel() for name in ordered]
    first = dict(zip(ordered, np.cumsum([0, *sizes[:-1]]).tolist(), strict=True))
    return [
        one.coefficients[first[name] + place]
        for name in weight_parameters(one.problem)
        for place in range(one.problem.initial[name].numel())
    ]


def fitted(one: PosteriorSummary) -> np.ndarray | None:
    """The penalised fit's weights in the same order, where there is one."""
    return None if one.fit is None else flat_weights(one.problem, one.fit.params)


def farthest(several: Posteriors) -> list[int]:
    """All of up to 30 weights, in their order; of more the 20 farthest from 0 in posterior sd."""
    apart = np.max([[from_zero(row) for row in weight_rows(one)] for one in several], axis=0)
    if len(apart) <= MOST_ROWS:
        return list(range(len(apart)))
    return np.argsort(-apart, kind="stable")[:ROWS].tolist()


def telling(one: PosteriorSummary) -> list[int]:
    """Up to four weights, from the largest at the mode to the smallest.

    Where the fit has exact zeros two of them: the one farthest from 0 in posterior sd, and the
    nearest. Without a fit the posterior mean stands for the mode.
    """
    rows, at_mode = weight_rows(one), fitted(one)
    size = np.abs([row.mean for row in rows] if at_mode is None else at_mode)
    order = np.lexsort((-np.array([from_zero(row) for row in rows]), -size)).tolist()
    held, last = int((size > 0).sum()), len(order) - 1
    places = (
        [0, held // 2, held, last] if held < len(order) else [0, last // 3, 2 * last // 3, last]
    )
    return [order[place] for place in sorted(set(places))]


def which(shown: int, total: int, told: str) -> str:
    """`All weights` or `20 of 200 weights, TOLD`."""
    return "All weights" if shown == total else f"{shown} of {total} weights, {told}"


def some(draws: Draws, count: int) -> Draws:
    """About `count` of the draws, evenly over chains and time, as one chain."""
    chains, length = next(iter(draws.params.values())).shape[:2]
    index = torch.linspace(0, chains * length - 1, min(count, chains * length)).round().long()

    def picked(values: Tensor) -> Tensor:
        return values.flatten(0, 1)[index.to(values.device)][None]

    return replace(
        draws,
        params={name: picked(values) for name, values in draws.params.items()},
        noise_scale=None if draws.noise_scale is None else picked(draws.noise_scale),
        sample_stats={},
    )
