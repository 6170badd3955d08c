"""NumPyro's NUTS, a chain on each core, compiled.

Vectorised chains (chain_method="vectorized", 4 to 128 of them, NUTS or HMC) took 1.4 to 4 times
as long for the same effective sample size: each waits for the longest tree.
"""

import os
from functools import cache

os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=2")

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.infer import MCMC, NUTS

from benchmarks.posed import Posed

NAME = "NumPyro NUTS"
PACKAGES = ("numpyro", "jax")
HOW = "2 chains on 2 cores, dense metric for 10 weights and diagonal for 200, 200 of warm-up"
THREADS = 2
DRAWS = {"diabetes-laplace": 6000, "d2l-laplace": 500, "d2l-gaussian": 5500}
FIXED = ("d2l-laplace",)  # these draws and no more: minutes to the target
CHAINS, WARMUP = 2, 200


def sample(posed: Posed, draws: int, seed: int) -> np.ndarray:
    """Weights, [chain, draw, d]."""
    mcmc = _compiled(posed, draws)
    mcmc.run(jax.random.PRNGKey(seed), jnp.asarray(posed.inputs), jnp.asarray(posed.targets))
    return np.asarray(mcmc.get_samples(group_by_chain=True)["weights"])


@cache
def _compiled(posed: Posed, draws: int) -> MCMC:
    """One MCMC object for all runs: its program is compiled on the first."""
    prior = {"laplace": dist.Laplace, "gaussian": dist.Normal}[posed.prior](0.0, posed.scale)
    size = posed.inputs.shape[1]

    def model(inputs, targets):
        weights = numpyro.sample("weights", prior.expand([size]).to_event(1))
        numpyro.sample("y", dist.Normal(inputs @ weights, posed.noise_scale), obs=targets)

    return MCMC(
        NUTS(model, dense_mass=size <= 10),
        num_warmup=WARMUP,
        num_samples=draws,
        num_chains=CHAINS,
        chain_method="parallel",
        progress_bar=False,
        jit_model_args=True,
    )
