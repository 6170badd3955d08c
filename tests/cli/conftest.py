"""Data that the tests of several commands read."""

import numpy as np
import pytest


@pytest.fixture
def csv(tmp_path):
    """A small regression with a header, 40 rows and 3 columns."""
    rng = np.random.default_rng(5)
    inputs = rng.normal(size=(40, 3)) * [1, 10, 0.1] + [0, 5, 0]
    targets = inputs @ [1.0, 0.2, 0.0] + rng.normal(size=40)
    path = tmp_path / "small.csv"
    lines = ["a,b,c,price"] + [
        ",".join(map(repr, map(float, [*row, target])))
        for row, target in zip(inputs, targets, strict=True)
    ]
    path.write_text("\n".join(lines) + "\n")
    return path
