"""BlackJAX's dynamic HMC, many chains at once, compiled whole.

The metric is known before any draw: the covariance under a Gaussian prior of the same variance,
or, where d > n under a Laplace prior, the prior's own (its kinks then lie on the axes, and a
diagonal costs no product). Chains start from that Gaussian; 20 transitions of dual averaging on
the mean acceptance find the step size. The misfit has at most d rows, a QR factor of the data.
"""

from collections.abc import Callable
from functools import cache

import blackjax
import jax
import jax.numpy as jnp
import numpy as np
from blackjax.adaptation.step_size import dual_averaging_adaptation

from benchmarks.posed import Posed

NAME = "BlackJAX dynamic HMC"
PACKAGES = ("blackjax", "jax")
HOW = (
    "64 chains, 20 of warm-up, metric from the matching Gaussian, 1 to 2L - 1 steps at random, L = "
    "3 (diabetes), 60 (D2L, Laplace), 4 (D2L, Gaussian), float32"
)
THREADS = 2
WARMUP = 20
DRAWS = {"diabetes-laplace": 300, "d2l-laplace": 550, "d2l-gaussian": 220}
CHAINS = 64
STEPS = {("laplace", False): 3, ("laplace", True): 60, ("gaussian", True): 4}  # by d > n


def sample(posed: Posed, draws: int, seed: int) -> np.ndarray:
    """Weights, [chain, draw, d]."""
    rows, aim = posed.inputs, posed.targets
    if len(rows) > rows.shape[1]:
        basis, rows = np.linalg.qr(rows)
        aim = basis.T @ aim
    rows, aim = (jnp.asarray(each / posed.noise_scale, jnp.float32) for each in (rows, aim))
    return np.asarray(_compiled(posed, draws)(jax.random.PRNGKey(seed), rows, aim))


@cache
def _compiled(posed: Posed, draws: int) -> Callable:
    steps = STEPS[posed.prior, posed.inputs.shape[1] > len(posed.inputs)]
    kernel = blackjax.dynamic_hmc.build_kernel(
        integration_steps_fn=lambda key: jax.random.randint(key, (), 1, 2 * steps)
    )
    begin, adapt, finish = dual_averaging_adaptation(0.8)

    def run(key, rows, aim):
        density = _log_density(posed, rows, aim)
        key, start_key, state_key, warm_key = jax.random.split(key, 4)
        positions, metric = _start(posed, rows, aim, start_key)
        keys = jax.random.split(state_key, CHAINS)
        state = jax.vmap(lambda w, k: blackjax.dynamic_hmc.init(w, density, k))(positions, keys)

        def move(key, state, step_size):
            keys = jax.random.split(key, CHAINS)
            return jax.vmap(lambda k, s: kernel(k, s, density, step_size, metric))(keys, state)

        def warm(carry, key):
            state, tuning = carry
            state, info = move(key, state, jnp.exp(tuning.log_step_size))
            return (state, adapt(tuning, info.acceptance_rate.mean())), None

        def draw(state, key):
            state, _ = move(key, state, step_size)
            return state, state.position

        warm_keys = jax.random.split(warm_key, WARMUP)
        (state, tuning), _ = jax.lax.scan(warm, (state, begin(0.2)), warm_keys)
        step_size = finish(tuning)
        _, positions = jax.lax.scan(draw, state, jax.random.split(key, draws))
        return jnp.swapaxes(positions, 0, 1)

    return jax.jit(run)


def _log_density(posed: Posed, rows: jax.Array, aim: jax.Array) -> Callable:
    """Up to a constant, in units in which the noise is 1."""

    def density(weights):
        away = rows @ weights - aim
        scaled = weights / posed.scale
        penalty = jnp.abs(scaled).sum() if posed.prior == "laplace" else 0.5 * scaled @ scaled
        return -0.5 * away @ away - penalty

    return density


def _start(
    posed: Posed, rows: jax.Array, aim: jax.Array, key: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Draws of the matching Gaussian, [chain, d], and the metric, [d, d] or [d]."""
    size = rows.shape[1]
    variance = posed.scale**2 * (2 if posed.prior == "laplace" else 1)
    covariance = jnp.linalg.inv(rows.T @ rows + jnp.eye(size) / variance)
    root = jnp.linalg.cholesky(covariance)
    positions = covariance @ (rows.T @ aim) + jax.random.normal(key, (CHAINS, size)) @ root.T
    if posed.prior == "laplace" and size > len(rows):
        return positions, jnp.full(size, variance)
    return positions, covariance
