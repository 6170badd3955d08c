"""Posterior intervals of the weights along a path, from any kind of posterior."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from scipy import special
from torch import Tensor

from bayeswd.errors import InputError
from bayeswd.posterior.normal_inverse_gamma import StudentPosterior
from bayeswd.results import Draws, GaussianPosterior

Posterior = GaussianPosterior | StudentPosterior | Draws


@dataclass(frozen=True, eq=False)
class Bands:
    """Equal-tailed posterior intervals of the weights (not of the bias) at each of S scales.

    lower, median, upper: [S, *weight], [S, K, d] for a linear model; probability: 0.95, say.
    excludes_zero: how many intervals leave 0 out, [S].
    """

    probability: float
    lower: Tensor
    median: Tensor
    upper: Tensor
    excludes_zero: tuple[int, ...]


def of(posteriors: Sequence[Posterior], name: str, probability: float = 0.95) -> Bands:
    """Equal-tailed intervals of the parameter `name`, in closed form or by quantiles of draws."""
    if not 0 < probability < 1:
        raise InputError(f"bands of probability {probability}: give a number between 0 and 1.")
    intervals = [_interval(posterior, name, probability) for posterior in posteriors]
    lower, median, upper = (torch.stack(each) for each in zip(*intervals, strict=True))
    outside = (lower > 0) | (upper < 0)
    return Bands(probability, lower, median, upper, tuple(outside.flatten(1).sum(1).tolist()))


def _interval(posterior: Posterior, name: str, probability: float) -> tuple[Tensor, Tensor, Tensor]:
    tail = (1 - probability) / 2
    if isinstance(posterior, Draws):
        return _quantiles(posterior.params[name].flatten(0, 1), tail)
    if isinstance(posterior, StudentPosterior):
        reach = float(special.stdtrit(posterior.degrees, 1 - tail)) * posterior.scale[name]
    else:
        reach = float(special.ndtri(1 - tail)) * posterior.sd[name]
    mean = posterior.mean[name]
    return mean - reach, mean, mean + reach


def _quantiles(draws: Tensor, tail: float) -> tuple[Tensor, Tensor, Tensor]:
    """Of draws [count, *parameter]; sorted, because torch.quantile refuses large tensors."""
    ordered = draws.double().sort(0).values
    return tuple(_between(ordered, level) for level in (tail, 0.5, 1 - tail))  # type: ignore


def _between(ordered: Tensor, level: float) -> Tensor:
    """Linear between order statistics (Hyndman & Fan 1996, definition 7)."""
    place = level * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])
