"""bayeswd, the engine that `bw.sample` chooses: Gibbs under a Laplace prior, else exact draws."""

import numpy as np

from benchmarks.ours.problems import problem_of
from benchmarks.posed import Posed
from bayeswd.posterior import choose, conjugate, gibbs

NAME = "bayeswd, chosen engine"
PACKAGES = ("bayeswd", "torch")
HOW = "Laplace: gibbs, 128 chains after 20 sweeps; Gaussian: independent exact draws, 4 chains"
THREADS = 1  # and one that fills random numbers
DRAWS = {"diabetes-laplace": 80, "d2l-laplace": 90, "d2l-gaussian": 2600}


def sample(posed: Posed, draws: int, seed: int) -> np.ndarray:
    """Weights, [chain, draw, d]."""
    problem = problem_of(posed)
    chains = {"laplace": 128, "gaussian": 4}[posed.prior]
    drawn = choose.sample(problem, chains=chains, draws=draws, warmup=20, seed=seed)
    return drawn.params["weight"][:, :, 0].numpy()
