"""NumPyro's NUTS, many chains vectorised in one compiled program."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.infer import MCMC, NUTS

from benchmarks.posed import Posed

NAME = "NumPyro NUTS, vectorised chains"
PACKAGES = ("numpyro", "jax")
HOW = "32 chains, dense metric, 200 of warm-up, trees of depth 6 at most, float32"
THREADS = 2
DRAWS = {"diabetes-laplace": 400, "d2l-laplace": 400, "d2l-gaussian": 400}
CHAINS, WARMUP = 32, 200


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

    kernel = NUTS(model, dense_mass=True, max_tree_depth=6)
    return MCMC(
        kernel,
        num_warmup=WARMUP,
        num_samples=draws,
        num_chains=CHAINS,
        chain_method="vectorized",
        progress_bar=False,
        jit_model_args=True,
    )
