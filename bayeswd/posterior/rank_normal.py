"""Draws by their rank among all draws, as normal scores: what rank R-hat and bulk ESS are made of.

Vehtari, Gelman, Simpson, Carpenter & Buerkner 2021, section 4.1: each chain is split in two, each
draw replaced by its rank among all of them, and the ranks by normal quantiles. Draws of continuous
posteriors rarely tie, and then the scores are the same numbers in another order for every
coefficient.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

Pair = tuple[np.ndarray, np.ndarray]


def split(values: np.ndarray) -> np.ndarray:
    """Both halves of every chain as chains, [k, 2 chain, draw // 2], from [k, chain, draw]."""
    half = values.shape[-1] // 2
    return np.concatenate([values[..., :half], values[..., -half:]], axis=-2)


def scores(values: np.ndarray) -> Pair:
    """Normal scores of [k, chain, draw], and those of the distances to each median.

    nan for a k whose values are not all finite.
    """
    flat = values.reshape(len(values), -1)
    distances = np.abs(flat - np.median(flat, axis=1, keepdims=True))
    bulk, folded = _scores(flat), _scores(distances)
    broken = ~np.isfinite(flat).all(axis=1)
    bulk[broken], folded[broken] = np.nan, np.nan
    return bulk.reshape(values.shape), folded.reshape(values.shape)


def _scores(flat: np.ndarray) -> np.ndarray:
    """Each row's values by their rank, averaged where values tie, as normal quantiles."""
    order = np.argsort(flat, axis=1)
    found = np.empty_like(flat, dtype=float)
    untied = _quantile(np.arange(1.0, flat.shape[1] + 1), flat.shape[1])
    for row, places, own in zip(flat, order, found, strict=True):
        begins = np.diff(row[places], prepend=-np.inf) != 0
        own[places] = untied if begins.all() else _tied(begins)
    return found


def _tied(begins: np.ndarray) -> np.ndarray:
    """Scores in ascending order; `begins` marks the first of each run of equal values."""
    first = np.flatnonzero(begins)
    count = np.diff(first, append=len(begins))
    return np.repeat(_quantile(first + (count + 1) / 2, len(begins)), count)


def _quantile(rank: np.ndarray, size: int) -> np.ndarray:
    """The normal quantile of a rank among `size` values (Blom 1958)."""
    return ndtri((rank - 0.375) / (size + 0.25))
