"""bayeswd, the engine that `bw.sample` chooses: Gibbs under a Laplace prior, else exact draws."""

import numpy as np

from bayeswd.posterior import choose, conjugate, gibbs  # noqa: F401  imports are not timed
from benchmarks.ours.problems import problem_of
from benchmarks.posed import Posed

NAME = "bayeswd, engine chosen"
PACKAGES = ("torch",)
HOW = "Laplace: gibbs, 128 chains, 10 of warm-up; Gaussian: exact draws, 4 chains"
THREADS = 1  # and one that fills random numbers
WARMUP = 10
CHAINS = {"diabetes, Laplace": 128, "D2L, Laplace": 128, "D2L, Gaussian": 4}
DRAWS = {"diabetes-laplace": 62, "d2l-laplace": 130, "d2l-gaussian": 3000}


def sample(posed: Posed, draws: int, seed: int) -> np.ndarray:
    """Weights, [chain, draw, d]."""
    problem, chains = problem_of(posed), CHAINS[posed.name]
    drawn = choose.sample(problem, chains=chains, draws=draws, warmup=WARMUP, seed=seed)
    return drawn.params["weight"][:, :, 0].numpy()
