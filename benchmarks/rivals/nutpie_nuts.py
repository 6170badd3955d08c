"""nutpie's NUTS (Rust) on a PyMC model, compiled by numba."""

from functools import cache

import numpy as np
import nutpie
import pymc

from benchmarks.posed import Posed

NAME = "nutpie NUTS on a PyMC model"
PACKAGES = ("nutpie", "pymc")
HOW = "4 chains on 2 cores, diagonal metric, 200 of warm-up"
THREADS = 2
DRAWS = {"diabetes-laplace": 7500, "d2l-laplace": 7000, "d2l-gaussian": 6000}
CHAINS, WARMUP = 4, 200


def sample(posed: Posed, draws: int, seed: int) -> np.ndarray:
    """Weights, [chain, draw, d]."""
    trace = nutpie.sample(
        _compiled(posed),
        chains=CHAINS,
        cores=THREADS,
        tune=WARMUP,
        draws=draws,
        seed=seed,
        progress_bar=False,
    )
    return trace.posterior["weights"].to_numpy()


@cache
def _compiled(posed: Posed) -> nutpie.compile_pymc.CompiledPyMCModel:
    with pymc.Model() as model:
        if posed.prior == "laplace":
            weights = pymc.Laplace("weights", 0.0, posed.scale, shape=posed.inputs.shape[1])
        else:
            weights = pymc.Normal("weights", 0.0, posed.scale, shape=posed.inputs.shape[1])
        mean = pymc.math.dot(posed.inputs, weights)
        pymc.Normal("y", mean, posed.noise_scale, observed=posed.targets)
    return nutpie.compile_pymc_model(model)
