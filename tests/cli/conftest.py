"""What the tests of the commands share: data, and `bayeswd sample` run on them."""

import numpy as np
import pytest

from bayeswd.cli.main import main
from bayeswd.report import plots


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


@pytest.fixture
def small_csv(tmp_path):
    """A small regression, 40 rows of 3 columns; the weights after standardising about 1, 2, 0."""
    rng = np.random.default_rng(5)
    inputs = rng.normal(size=(40, 3)) * [1, 10, 0.1]
    targets = inputs @ [1.0, 0.2, 0.0] + rng.normal(size=40)
    path = tmp_path / "small.csv"
    rows = [",".join(map(repr, [*x, y])) for x, y in zip(inputs.tolist(), targets, strict=True)]
    rows = [row.replace("np.float64(", "").replace(")", "") for row in rows]
    path.write_text("\n".join(["a,b,c,price", *rows]) + "\n")
    return path


@pytest.fixture
def no_figures(monkeypatch):
    """For tests that do not look at figures: they take longer than all the rest."""
    monkeypatch.setattr(plots, "POSTERIOR_FIGURES", {})


@pytest.fixture
def sampled(capsys, small_csv, tmp_path):
    """Words -> (exit code, standard output, standard error) on the small regression."""

    def ran(*words, data=None):
        out = ("--out", str(tmp_path / "out"))
        first = [str(small_csv), "--target", "price"] if data is None else data
        code = main(["sample", *first, *out, *words])
        return code, *capsys.readouterr()

    return ran
