"""Data, and the distance of fitted weights from the mode of the posterior that a Reading implies.

Nothing here knows a framework: numpy, the negative log likelihoods, and the numbers of a Reading.
The columns have unequal scales and non-zero means, and sigma^2 = 1234.5, so that a hidden
centring, scaling or sigma would show.
"""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from bayeswd.problem.conventions import Reading

NOISE = 1234.5**0.5


def _data(likelihood: str, n: int = 60, outputs: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Inputs [n, 4] and targets [n] or [n, outputs] of this likelihood."""
    generator = np.random.default_rng(11)
    scales, means = np.array([0.7, 1.0, 1.6, 1.2]), np.array([0.3, -0.4, 0.9, 0.2])
    inputs = means + scales * generator.standard_normal((n, 4))
    truth = np.array([[1.2, -0.9, 0.5, 0.0]]).T * np.arange(1, outputs + 1)
    means_of_targets = inputs @ truth + 0.7
    targets: np.ndarray
    if likelihood == "gaussian":
        targets = means_of_targets + generator.standard_normal(means_of_targets.shape)
    elif likelihood == "bernoulli":
        targets = (generator.random(means_of_targets.shape) < _logistic(means_of_targets)) * 1.0
    elif likelihood == "categorical":
        logits = inputs @ generator.standard_normal((4, 3))
        targets = (logits + generator.gumbel(size=logits.shape)).argmax(1)
    elif likelihood == "poisson":
        targets = generator.poisson(np.exp(0.3 * means_of_targets)) * 1.0
    else:
        targets = np.exp(0.3 * means_of_targets) * generator.gamma(
            4.0, 0.25, means_of_targets.shape
        )
    return inputs, targets[:, 0] if targets.ndim == 2 and outputs == 1 else targets


def _logistic(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values))


def _softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values - values.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def _slope(likelihood: str, noise: float, dispersion: float, delta: float) -> Callable:
    """d(-log p(y | f)) / df for one target."""
    return {
        "gaussian": lambda f, y: (f - y) / noise**2,
        "huber": lambda f, y: np.clip(f - y, -delta, delta) / noise**2,
        "bernoulli": lambda f, y: _logistic(f) - y,
        "categorical": lambda f, y: _softmax(f) - np.eye(f.shape[1])[y.astype(int)],
        "poisson": lambda f, y: np.exp(f) - y,
        "gamma": lambda f, y: (1 - y * np.exp(-f)) / dispersion,
    }[likelihood]


def _pull(reading: Reading, weights: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Distance of `gradient + d penalty/dw` from 0, coordinate by coordinate."""
    smooth = gradient + (weights / reading.l2_scale**2 if reading.l2_scale else 0.0)
    if reading.l1_scale is None:
        return np.abs(smooth)
    corner = np.maximum(np.abs(smooth) - 1 / reading.l1_scale, 0)
    return np.where(weights == 0, corner, np.abs(smooth + np.sign(weights) / reading.l1_scale))


def _residual(
    reading: Reading,
    inputs: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    bias: np.ndarray | float | None,
    *,
    likelihood: str = "gaussian",
    noise: float = NOISE,
    dispersion: float = 1.0,
    delta: float = 1.0,
    column_sd: np.ndarray | float = 1.0,
    bias_scale: float = 1.0,
) -> float:
    """Relative KKT distance of the implied negative log posterior at (weights, bias).

    `weights` [4] or [4, outputs]. A bias of None is a model without one. The sup-norm is divided
    by that of the gradient at 0. `column_sd` puts the prior on weight * column_sd.
    """
    slope = _slope(likelihood, noise, dispersion, delta)

    def gradients(w: np.ndarray, b: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
        slopes = slope(inputs @ w + b, targets)
        return inputs.T @ slopes, slopes.sum(0)

    sd = np.reshape(column_sd, (-1, 1)) if weights.ndim == 2 else column_sd
    to_weights, to_bias = gradients(weights, 0.0 if bias is None else bias)
    distances = [_pull(reading, weights * sd, to_weights / sd).max()]
    if bias is not None and reading.bias_penalized:
        moved = np.atleast_1d(bias) / bias_scale
        distances.append(_pull(reading, moved, np.atleast_1d(to_bias) * bias_scale).max())
    elif bias is not None:
        distances.append(np.abs(to_bias).max())
    at_zero = gradients(np.zeros_like(weights), np.zeros_like(to_bias))
    return float(max(distances) / max(np.abs(part).max() for part in at_zero))


@pytest.fixture(scope="session")
def proof() -> SimpleNamespace:
    """data(likelihood), residual(reading, ...), and NOISE."""
    return SimpleNamespace(data=_data, residual=_residual, noise=NOISE)
