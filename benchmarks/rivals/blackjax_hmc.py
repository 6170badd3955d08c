"""BlackJAX's dynamic HMC, hundreds of chains at once, compiled whole.

The metric is the covariance of all chains. They start in the prior; three rounds of warm-up run
with the metric of the round before, step sizes by BlackJAX's dual averaging on the mean
acceptance of all chains. The misfit comes from at most d rows (a QR factor of the data), as a
careful user would write it.
"""

from functools import cache, partial

import blackjax
import jax
import jax.numpy as jnp
import numpy as np
from blackjax.adaptation.step_size import dual_averaging_adaptation

from benchmarks.posed import Posed

NAME = "BlackJAX dynamic HMC"
PACKAGES = ("blackjax", "jax")
HOW = "256 chains, dense metric from all chains, 1 to 2L-1 steps at random, float32"
THREADS = 2
DRAWS = {"diabetes-laplace": 60, "d2l-laplace": 100, "d2l-gaussian": 100}
CHAINS = 256
ROUNDS = {"diabetes-laplace": (10, 10, 10), "d2l-laplace": (20, 30, 30)}
STEPS = 4  # L: the mean number of leapfrog steps


def sample(posed: Posed, draws: int, seed: int) -> np.ndarray:
    """Weights, [chain, draw, d]."""
    rows, aim = _reduced(posed)
    return np.asarray(_run(posed, draws)(jax.random.PRNGKey(seed), rows, aim))
