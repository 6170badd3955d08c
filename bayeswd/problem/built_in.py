"""The data that come with the package: two drawn from a generator, three from scikit-learn.

Each function gives (target column, the other fields of `Data`). None needs a network.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

Parts = tuple[np.ndarray | list[str], dict[str, Any]]


def d2l(random: np.random.Generator) -> Parts:
    """The weight-decay data of Dive into Deep Learning, 3.7: 20 rows for 200 small weights."""
    train = np.arange(20 + 100) < 20
    fields = {
        "name": "d2l",
        "train": train,
        "noise_scale": 0.01,
        "standardize": False,
        "strength": 3.0,
    }
    return _drawn(random, np.full(200, 0.01), fields)


def clear(random: np.random.Generator) -> Parts:
    """As many weights as training rows, signal as strong as noise: one strength is plainly best.

    Under w ~ N(0, 0.1^2) and noise 1 it is lambda = 1 in the mean of half squared errors.
    """
    weights = 0.1 * random.standard_normal(100)
    train = np.arange(100 + 400) < 100
    return _drawn(random, weights, {"name": "clear", "train": train, "noise_scale": 1.0})


def diabetes(random: np.random.Generator) -> Parts:
    """Disease progression in 442 patients by ten measurements in their own units."""
    from sklearn.datasets import load_diabetes

    bunch = load_diabetes(scaled=False)
    return bunch.target, _fields("diabetes", "progression", bunch)


def breast_cancer(random: np.random.Generator) -> Parts:
    """Benign or malignant, for 569 tumours by thirty measurements of their cells."""
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    labels = [str(bunch.target_names[index]) for index in bunch.target]
    return labels, _fields("breast-cancer", "diagnosis", bunch)


def digits(random: np.random.Generator) -> Parts:
    """Which digit, for 1797 handwritten ones by the 64 pixels of their image."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return bunch.target, _fields("digits", "digit", bunch)


BUILT_IN: dict[str, Callable[[np.random.Generator], Parts]] = {
    "d2l": d2l,
    "clear": clear,
    "diabetes": diabetes,
    "breast-cancer": breast_cancer,
    "digits": digits,
}


def _drawn(random: np.random.Generator, weights: np.ndarray, fields: dict[str, Any]) -> Parts:
    """Rows x ~ N(0, 1) and the target 0.05 + x . weights + noise_scale * N(0, 1)."""
    count = len(fields["train"])
    inputs = random.standard_normal((count, len(weights)))
    noise = fields["noise_scale"] * random.standard_normal(count)
    names = tuple(f"x{column + 1}" for column in range(len(weights)))
    known = {"weights_true": weights, "bias_true": 0.05}
    parts = {"inputs": inputs, "names": names, "target_name": "y"}
    return 0.05 + inputs @ weights + noise, {**fields, **known, **parts}


def _fields(name: str, target_name: str, bunch: Any) -> dict[str, Any]:
    """What scikit-learn's bunch says, its inputs as float64."""
    return {
        "name": name,
        "inputs": np.asarray(bunch.data, dtype=np.float64),
        "names": tuple(str(column) for column in bunch.feature_names),
        "target_name": target_name,
        "drop_constant": True,
    }
