"""optax rows: where the decay stands in the chain decides what it is."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bayeswd.errors import InputError
from bayeswd.problem import conventions

pytestmark = [pytest.mark.rosetta, pytest.mark.filterwarnings("default")]

N, STRENGTH = 60, 0.3


@pytest.fixture(scope="module")
def jax() -> Any:
    jax = pytest.importorskip("jax")
    with jax.enable_x64():
        yield jax


def chains(optax: Any) -> dict[str, Any]:
    decay = optax.add_decayed_weights
    shrinking = optax.exponential_decay(0.1, 1, 0.98)
    return {
        "optax.sgd+squared_error": optax.chain(decay(STRENGTH), optax.sgd(0.08, 0.9)),
        "optax.sgd+l2_loss": optax.chain(decay(STRENGTH), optax.sgd(0.16, 0.9)),
        "optax.sgd+softmax_cross_entropy": optax.chain(decay(STRENGTH), optax.sgd(0.5, 0.9)),
        "optax.adam+squared_error": optax.chain(
            decay(STRENGTH), optax.adam(shrinking, b1=0.9, b2=0.95)
        ),
        "optax.trace+squared_error": optax.chain(
            optax.trace(0.9), decay(STRENGTH), optax.scale_by_learning_rate(0.02)
        ),
    }


def loss_of(row: str, optax: Any, jnp: Any) -> Any:
    if row.endswith("softmax_cross_entropy"):
        return lambda f, y: optax.softmax_cross_entropy_with_integer_labels(f, y).mean()
    loss = optax.l2_loss if row.endswith("l2_loss") else optax.squared_error
    return lambda f, y: loss(f[:, 0], y).mean()


def train(jax: Any, optax: Any, chain: Any, loss: Any, inputs: Any, targets: Any, outputs: int):
    """(weights, bias) after 1000 full-batch steps from 0."""
    jnp = jax.numpy
    params = (jnp.zeros((4, outputs)), jnp.zeros(outputs))
    x, y = jnp.asarray(inputs), jnp.asarray(targets)

    def step(carry: Any, _: Any) -> tuple[Any, None]:
        params, state = carry
        gradient = jax.grad(lambda p: loss(x @ p[0] + p[1], y))(params)
        updates, state = chain.update(gradient, state, params)
        return (optax.apply_updates(params, updates), state), None

    (params, _), _ = jax.lax.scan(step, (params, chain.init(params)), length=1000)
    weights, bias = (np.asarray(each) for each in params)
    return (weights, bias) if outputs > 1 else (weights[:, 0], bias[0])


WRONG = {
    "optax.sgd+squared_error": {"name": "optax.sgd+l2_loss"},
    "optax.sgd+l2_loss": {"name": "optax.sgd+squared_error"},
    "optax.sgd+softmax_cross_entropy": {"name": "torch.SGD+CrossEntropyLoss:sum"},
    "optax.adam+squared_error": {"name": "optax.sgd+l2_loss"},
    "optax.trace+squared_error": {"name": "optax.sgd+squared_error"},
}


@pytest.mark.parametrize("row", WRONG)
def test_trained_weights_are_the_mode(row: str, jax: Any, proof: SimpleNamespace) -> None:
    optax = pytest.importorskip("optax")
    likelihood = "categorical" if row.endswith("entropy") else "gaussian"
    inputs, targets = proof.data(likelihood)
    loss = loss_of(row, optax, jax.numpy)
    outputs = 3 if likelihood == "categorical" else 1
    point = train(jax, optax, chains(optax)[row], loss, inputs, targets, outputs)
    asked = {"name": row, "strength": STRENGTH, "n": N, "noise_scale": proof.noise}
    asked |= {"momentum": 0.9}
    distances = [
        proof.residual(
            conventions.reading(**question), inputs, targets, *point, likelihood=likelihood
        )
        for question in (asked, asked | WRONG[row])
    ]
    print(f"{row:42} {distances[0]:.1e} {distances[1]:.1e}")
    assert distances[0] <= 1e-6
    assert distances[1] >= max(100 * distances[0], 1e-3)


def test_adamw_is_a_box_and_no_gaussian(jax: Any, proof: SimpleNamespace) -> None:
    optax = pytest.importorskip("optax")
    inputs, targets = proof.data("gaussian")
    chain = optax.adamw(0.03, b1=0.9, b2=0.95, eps=0.5, weight_decay=2.0)
    loss = loss_of("optax.sgd+squared_error", optax, jax.numpy)
    weights, bias = train(jax, optax, chain, loss, inputs, targets, 1)
    slopes = 2 * (inputs @ weights + bias - targets) / N
    gradient = np.append(inputs.T @ slopes, slopes.sum())
    fixed_point = gradient / (np.abs(gradient) + 0.5) + 2.0 * np.append(weights, bias)
    as_l2 = conventions.reading("optax.adam+squared_error", 2.0, n=N, noise_scale=proof.noise)
    distance = proof.residual(as_l2, inputs, targets, weights, bias)
    title = "optax.adamw (fixed point; L2 reading)"
    print(f"{title:42} {np.abs(fixed_point).max():.1e} {distance:.1e}")
    assert np.abs(fixed_point).max() < 1e-6
    assert distance > 0.1
    with pytest.raises(InputError, match="Put add_decayed_weights before adam"):
        conventions.reading("optax.adamw", 2.0)
