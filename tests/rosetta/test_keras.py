"""Keras rows: the regularisers have no half, and the optimisers' decay is decoupled."""

import os
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bayeswd.errors import InputError
from bayeswd.problem import conventions

pytestmark = [pytest.mark.rosetta, pytest.mark.filterwarnings("default")]

N = 60


@pytest.fixture(scope="module")
def keras() -> Any:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    return pytest.importorskip("keras")


def train(
    keras: Any, loss: Any, optimizer: Any, regularizer: Any, data: Any, outputs: int, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """(weights, bias) after full-batch steps from 0 in float64."""
    layer = keras.layers.Dense(
        outputs, kernel_initializer="zeros", kernel_regularizer=regularizer, dtype="float64"
    )
    model = keras.Sequential([keras.Input((4,), dtype="float64"), layer])
    model.compile(optimizer, loss)
    inputs, targets = data
    for _ in range(steps):
        model.train_on_batch(inputs, targets if outputs > 1 else targets[:, None])
    weights, bias = (keras.ops.convert_to_numpy(each) for each in layer.get_weights())
    return (weights, bias) if outputs > 1 else (weights[:, 0], bias[0])


# row: (strength, likelihood, outputs, asked besides, wrong map)
REGULARIZED: dict[str, tuple[float, str, int, dict[str, Any], dict[str, Any]]] = {
    "keras.L2": (0.15, "gaussian", 1, {}, {"name": "torch.SGD+MSELoss"}),
    "keras.L2 outputs": (0.15, "gaussian", 3, {"outputs": 3}, {"outputs": 1}),
    "keras.L1": (0.05, "gaussian", 1, {}, {"name": "sklearn.Lasso"}),
    "keras.L1L2": (0.1, "gaussian", 1, {"l1_ratio": 0.4}, {"name": "sklearn.ElasticNet"}),
    "keras.L2:sum": (9.0, "gaussian", 1, {}, {"name": "keras.L2"}),
    "keras.L2:cross-entropy": (
        0.02, "bernoulli", 1, {}, {"name": "torch.SGD+BCEWithLogitsLoss"},
    ),
    "keras.L2:cross-entropy categorical": (
        0.02, "categorical", 3, {"outputs": 3}, {"name": "torch.SGD+CrossEntropyLoss"},
    ),
}  # fmt: skip


def loss_and_rate(keras: Any, row: str, likelihood: str) -> tuple[Any, float]:
    if likelihood == "bernoulli":
        return keras.losses.BinaryCrossentropy(from_logits=True), 0.5
    if likelihood == "categorical":
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True), 0.5
    if row == "keras.L2:sum":
        return keras.losses.MeanSquaredError(reduction="sum"), 0.08 / N
    return "mse", 0.08


@pytest.mark.parametrize("case", REGULARIZED)
def test_regularised_weights_are_the_mode(case: str, keras: Any, proof: SimpleNamespace) -> None:
    strength, likelihood, outputs, asked, wrong = REGULARIZED[case]
    row = case.split(" ")[0]
    regularizers = {
        "keras.L1": keras.regularizers.L1(strength),
        "keras.L1L2": keras.regularizers.L1L2(l1=0.4 * strength, l2=0.6 * strength),
    }
    regularizer = regularizers.get(row, keras.regularizers.L2(strength))
    loss, rate = loss_and_rate(keras, row, likelihood)
    data = proof.data(likelihood, outputs=outputs)
    optimizer = keras.optimizers.SGD(rate, momentum=0.9)
    point = train(keras, loss, optimizer, regularizer, data, outputs, steps=500)
    question = {"name": row, "strength": strength, "n": N, "noise_scale": proof.noise}
    question |= {"likelihood": likelihood} | asked
    check(case, proof, question, wrong | {"bias_penalized": False}, data, point, likelihood)


def check(
    case: str,
    proof: SimpleNamespace,
    question: dict[str, Any],
    wrong: dict[str, Any],
    data: Any,
    point: Any,
    likelihood: str = "gaussian",
) -> None:
    distances = [
        proof.residual(conventions.reading(**each), *data, *point, likelihood=likelihood)
        for each in (question, question | wrong)
    ]
    print(f"{case:42} {distances[0]:.1e} {distances[1]:.1e}")
    assert distances[0] <= 1e-6
    assert distances[1] >= max(100 * distances[0], 1e-3)


@pytest.mark.parametrize("row", ["keras.SGD", "keras.SGD:momentum"])
def test_decoupled_decay_of_sgd(row: str, keras: Any, proof: SimpleNamespace) -> None:
    """Momentum amplifies the gradient by 1/(1 - m) and leaves the decay alone."""
    momentum = 0.9 if row.endswith("momentum") else 0.0
    rate = 0.02 if momentum else 0.12
    optimizer = keras.optimizers.SGD(rate, momentum=momentum, weight_decay=0.3)
    data = proof.data("gaussian")
    point = train(keras, "mse", optimizer, None, data, 1, steps=1200)
    question = {"name": row, "strength": 0.3, "n": N, "noise_scale": proof.noise}
    wrong = {"name": "torch.SGD+MSELoss" if momentum else "d2l.jax"}
    check(row, proof, question | {"momentum": momentum}, wrong, data, point)


@pytest.mark.parametrize("name", ["Adam", "AdamW"])
def test_adam_and_adamw_are_boxes(name: str, keras: Any, proof: SimpleNamespace) -> None:
    """Keras' Adam(weight_decay) is decoupled, torch's is not."""
    optimizer = getattr(keras.optimizers, name)(0.03, beta_2=0.95, epsilon=0.5, weight_decay=2.0)
    inputs, targets = proof.data("gaussian")
    weights, bias = train(keras, "mse", optimizer, None, (inputs, targets), 1, steps=1000)
    slopes = 2 * (inputs @ weights + bias - targets) / N
    gradient = np.append(inputs.T @ slopes, slopes.sum())
    fixed_point = gradient / (np.abs(gradient) + 0.5) + 2.0 * np.append(weights, bias)
    as_l2 = conventions.reading("torch.Adam+MSELoss", 2.0, n=N, noise_scale=proof.noise)
    distance = proof.residual(as_l2, inputs, targets, weights, bias)
    title = f"keras.{name} (fixed point; L2 reading)"
    print(f"{title:42} {np.abs(fixed_point).max():.1e} {distance:.1e}")
    assert np.abs(fixed_point).max() < 1e-6
    assert distance > 0.1
    with pytest.raises(InputError, match=r"the box \|w\| <= 1/weight_decay = 0.5"):
        conventions.reading(f"keras.{name}", 2.0)
