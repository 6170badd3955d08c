"""The command `bayeswd explain`, from files of weights to a verdict."""

import json
import re

import numpy as np
import pytest
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, Ridge

from bayeswd.cli.main import main

NAMES = ["age", "sex", "bmi", "bp"]


@pytest.fixture
def rows(tmp_path):
    """(inputs [60, 4], targets [60]) and their file, columns of unequal scales."""
    generator = np.random.default_rng(2)
    inputs = generator.normal(size=(60, 4)) * [3.0, 0.5, 1.0, 12.0] + [40, 0, 25, 90]
    targets = inputs @ [0.5, -2.0, 1.0, 0.05] + generator.normal(size=60)
    return inputs, targets, write_rows(tmp_path / "rows.csv", inputs, targets)


def write_rows(path, inputs, targets):
    lines = [",".join([*NAMES, "y"])]
    lines += [
        ",".join(map(repr, [*map(float, row), y.item()]))
        for row, y in zip(inputs, targets, strict=True)
    ]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.fixture
def weights(tmp_path):
    """Writes an estimator's weights, or an array of them, to a file; gives its path."""

    def to_file(fitted, name, form="{!r}", intercept="intercept"):
        values = np.ravel(getattr(fitted, "coef_", fitted)).tolist()
        names = list(NAMES)
        if intercept and hasattr(fitted, "coef_"):
            names, values = [*names, intercept], [*values, np.ravel(fitted.intercept_)[0].item()]
        cells = [f"{key},{form.format(value)}" for key, value in zip(names, values, strict=True)]
        path = tmp_path / name
        path.write_text("\n".join(["name,value", *cells]) + "\n")
        return str(path)

    return to_file


def run(capsys, *words):
    """(exit code, standard output, standard error) of one command."""
    code = main(["explain", *map(str, words)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def standardised(inputs):
    return (inputs - inputs.mean(0)) / inputs.std(0)


def test_one_file_tells_its_strength_and_how_its_inputs_were_taken(capsys, rows, weights):
    inputs, targets, path = rows
    for scaled, words in ((inputs, "as they are"), (standardised(inputs), "standardised")):
        file = weights(Ridge(4.0).fit(scaled, targets), "a.csv")
        code, out, _ = run(
            capsys, file, "--data", path, "--target", "y", "--convention", "sklearn.Ridge"
        )
        assert code == 0
        assert f"rows.csv: 60 rows, 4 inputs, {words};" in out
        assert "Gaussian (L2), strength 4 (sklearn.Ridge) on weight; no penalty on bias" in out


def test_two_files_tell_what_is_different_in_text_and_json(capsys, rows, weights):
    inputs, targets, path = rows
    a = weights(Ridge(2.0).fit(inputs, targets), "ridge.csv", intercept="(Intercept)")
    net = ElasticNet(2.0, l1_ratio=0.0, tol=1e-13, max_iter=10**6)
    net.fit(inputs, targets)
    b = weights(net, "net.csv", intercept="bias")
    code, out, _ = run(capsys, a, b, "--data", path, "--target", "y")
    assert code == 0
    assert "A = " in out
    assert "Verdict: B has n = 60 times A's penalty, relative to the data" in out
    code, out, err = run(capsys, a, b, "--data", path, "--target", "y", "--json", "-", "--strict")
    record = json.loads(out)
    assert code == 1  # not the same
    assert "Verdict: B has n = 60 times" in err
    assert record["schema"] == "bayeswd.explain/1"
    assert set(record) == {"schema", "data", "files", "findings", "explanation"}
    assert set(record["data"]) == {"name", "n", "d", "standardized", "noise_scale", "noise_from"}
    assert record["files"] == [a, b]
    first, second = record["findings"]
    assert second["strength"] == pytest.approx(60 * first["strength"], rel=1e-4)
    assert record["explanation"]["cause"] == "penalty x n"
    assert record["explanation"]["a"] == a
    assert record["explanation"]["cause_a"] == "same objective"
    hypothesis = record["explanation"]["hypotheses"][0]
    assert set(hypothesis) == {"name", "words", "residual", "factor", "fitted"}


@pytest.mark.parametrize("form", ["{:.5g}", "{:.3g}", "{:.2f}"])
def test_a_fit_written_with_few_digits_is_the_same(capsys, rows, weights, form):
    inputs, targets, path = rows
    fitted = Lasso(0.1, tol=1e-12).fit(standardised(inputs), targets)
    a, b = weights(fitted, "a.csv"), weights(fitted, "b.csv", form=form)
    words = ["--data", path, "--target", "y", "--json", "-", "--strict"]
    code, out, _ = run(capsys, a, b, *words)
    found = json.loads(out)["explanation"]
    assert code == 0
    assert found["cause"] == "same objective"
    if form != "{:.5g}":  # beyond what float64 weights would be forgiven
        assert found["tolerance"] > 1e-4


def test_a_stated_strength_is_held_against_a(capsys, rows, weights):
    inputs, targets, path = rows
    a = weights(Lasso(0.1, tol=1e-13, max_iter=10**5).fit(inputs, targets), "a.csv")
    b = weights(Lasso(0.2, tol=1e-13, max_iter=10**5).fit(inputs, targets), "b.csv")
    options = ["--data", path, "--target", "y", "--convention", "sklearn.Lasso", "--strength"]
    _, out, _ = run(capsys, a, b, *options, "0.1", "--no-standardize")
    assert "Verdict: B has 2 times A's penalty" in out
    _, out, _ = run(capsys, a, b, *options, "0.2", "--no-standardize")
    assert "Verdict: A itself is not the optimum of the objective stated for it" in out
    assert "A fits 'penalty x 1/2' instead. B minimises the stated objective" in out


def test_a_file_without_an_intercept_gives_way_to_the_one_that_has_it(capsys, rows, weights):
    inputs, targets, path = rows
    full = weights(Ridge(2.0).fit(inputs, targets), "full.csv")
    bare = weights(Ridge(2.0, fit_intercept=False).fit(inputs, targets), "bare.csv", intercept="")
    _, out, _ = run(capsys, bare, full, "--data", path, "--target", "y")
    assert "The second file is A" in out
    assert f"A = {full}" in out
    assert "Verdict: B was fitted without an intercept" in out
    _, out, _ = run(capsys, bare, "--data", path, "--target", "y", "--convention", "sklearn.Ridge")
    assert "strength 2 (sklearn.Ridge) (residual" in out  # a model without a bias at all


def test_labels_and_their_logistic_regression(capsys, rows, weights, tmp_path):
    inputs, targets, _ = rows
    labels = targets > np.median(targets)
    path = write_rows(tmp_path / "labels.csv", inputs, labels.astype(int))
    fitted = LogisticRegression(C=0.5, tol=1e-12, max_iter=10**4, solver="newton-cholesky")
    a = weights(fitted.fit(standardised(inputs), labels), "a.csv")
    name = "sklearn.LogisticRegression"
    code, out, _ = run(capsys, a, "--data", path, "--target", "y", "--convention", name)
    assert code == 0
    assert f"Gaussian (L2), strength 0.5 ({name})" in out


def test_weights_of_nothing_are_told_to_be(capsys, rows, weights):
    _, _, path = rows
    a, b = weights(np.array([1.0, 5, -2, 3]), "a.csv"), weights(np.array([4.0, -1, 2, 2]), "b.csv")
    code, out, _ = run(capsys, a, "--data", path, "--target", "y", "--strict")
    assert code == 1
    assert "none: these weights are not the optimum of any" in out
    code, out, _ = run(capsys, a, b, "--data", path, "--target", "y", "--json", "-")
    assert code == 0
    assert json.loads(out)["explanation"] is None
    _, out, _ = run(capsys, a, b, "--data", path, "--target", "y")
    assert "neither file is the optimum of any penalty" in out


def test_no_penalty_is_an_answer(capsys, rows, weights):
    inputs, targets, path = rows
    a = weights(LinearRegression().fit(inputs, targets), "ols.csv")
    code, out, _ = run(capsys, a, "--data", path, "--target", "y", "--strict")
    assert code == 0
    assert "no penalty, or one too weak to be seen" in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["a.csv"], "give --data, the rows"),
        (["a.csv", "a.csv", "a.csv", "--data", "rows.csv"], "3 files of weights: give one or two"),
        (["none.csv", "--data", "rows.csv", "--target", "y"], "cannot read 'none.csv'"),
        (["a.csv", "--data", "rows.csv"], "needs the name of its target column"),
        (["a.csv", "--data", "diabetes"], "no weight for 's1'"),
        (["a.csv", "--data", "digits"], "10 classes, a weight for each.*in Python"),
        (
            ["a.csv", "--data", "rows.csv", "--target", "y", "--convention", "sklearn.Rige"],
            "no convention is called 'sklearn.Rige'; the nearest is sklearn.Ridge",
        ),
        (
            ["a.csv", "--data", "rows.csv", "--target", "y", "--penalty", "both"],
            "a fit has one penalty",
        ),
        (["a.csv", "--data", "rows.csv", "--target", "bmi"], "names 'bmi'.* which is no column"),
    ],
)
def test_bad_input_is_one_line(capsys, rows, weights, tmp_path, monkeypatch, words, says):
    monkeypatch.chdir(tmp_path)
    weights(np.array([1.0, 5, -2, 3]), "a.csv")
    code, out, err = run(capsys, *words)
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert re.search(says, err)
