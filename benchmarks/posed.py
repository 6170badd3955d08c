"""The posteriors that are raced, as plain arrays: nothing here knows a sampler.

Columns and targets are centred, which is what a flat bias leaves once it is integrated out, so
that every sampler sees the same density of the weights alone:

    targets ~ N(inputs @ weights, noise_scale^2),   weights ~ Laplace(0, scale) or N(0, scale^2)
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bayeswd.problem import datasets


@dataclass(frozen=True, eq=False)
class Posed:
    """One posterior. inputs: [n, d], targets: [n], float64. prior: "laplace" or "gaussian"."""

    name: str
    inputs: np.ndarray
    targets: np.ndarray
    noise_scale: float
    prior: str
    scale: float

    @property
    def rate(self) -> float:
        """Slope of a Laplace prior."""
        return 1 / self.scale


def diabetes_laplace() -> Posed:
    """Park & Casella's lasso of the diabetes data, n = 442, d = 10.

    Columns and targets have mean 0 and sd 1; sigma = 0.7 and b = sigma / 5, their lambda = 0.237
    for columns of length 1.
    """
    inputs, targets = _standardised("diabetes")
    return Posed(
        "diabetes, Laplace", inputs / inputs.std(0), targets / targets.std(), 0.7, "laplace", 0.14
    )


def d2l_laplace() -> Posed:
    """20 rows for 200 weights, which all are 0.01: a Laplace prior of that sd."""
    return Posed("D2L, Laplace", *_standardised("d2l"), 0.01, "laplace", 0.01 / 2**0.5)


def d2l_gaussian() -> Posed:
    """The same rows under a Gaussian prior of that sd, lambda = 0.05 in the book's loss."""
    return Posed("D2L, Gaussian", *_standardised("d2l"), 0.01, "gaussian", 0.01)


def _standardised(name: str) -> tuple[np.ndarray, np.ndarray]:
    """The training rows, columns and targets less their means."""
    split = datasets.split(datasets.load(name))
    inputs, targets = split.train_inputs, split.train_targets
    return inputs - inputs.mean(0), targets - targets.mean()


PROBLEMS: dict[str, Callable[[], Posed]] = {
    "diabetes-laplace": diabetes_laplace,
    "d2l-laplace": d2l_laplace,
    "d2l-gaussian": d2l_gaussian,
}
