"""ArviZ's bulk ESS and rank R-hat, the same for every sampler."""

import numpy as np
from arviz_stats.base import array_stats


def summary(weights: np.ndarray) -> dict:
    """Of draws [chain, draw, d]: the least bulk ESS, the largest rank R-hat, means and errors."""
    weights = np.asarray(weights, dtype=np.float64)
    ess = array_stats.ess(weights, chain_axis=0, draw_axis=1, method="bulk")
    r_hat = array_stats.rhat(weights, chain_axis=0, draw_axis=1)
    of_mean = array_stats.ess(weights, chain_axis=0, draw_axis=1, method="mean")
    flat = weights.reshape(-1, weights.shape[-1])
    return {
        "ess": float(ess.min()),
        "r_hat": float(r_hat.max()),
        "mean": flat.mean(0).tolist(),
        "error": (flat.std(0) / np.sqrt(of_mean)).tolist(),
    }
