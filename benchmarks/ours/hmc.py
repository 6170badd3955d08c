"""bayeswd.hmc, many chains in one tensor; the L1 prior's flow is exact between kicks."""

import numpy as np

from bayeswd.posterior import hmc
from benchmarks.ours.problems import problem_of
from benchmarks.posed import Posed

NAME = "bayeswd hmc"
PACKAGES = ("torch",)
HOW = "128 chains, 20 transitions of warm-up"
THREADS = 1  # and one that fills random numbers
WARMUP = 20
DRAWS = {"diabetes-laplace": 100, "d2l-laplace": 150, "d2l-gaussian": 100}


def sample(posed: Posed, draws: int, seed: int) -> np.ndarray:
    """Weights, [chain, draw, d]."""
    drawn = hmc.sample(problem_of(posed), chains=128, draws=draws, warmup=20, seed=seed)
    return drawn.params["weight"][:, :, 0].numpy()
