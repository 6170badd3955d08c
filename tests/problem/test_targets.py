"""The likelihood that a target suggests, its reason, and targets that do not suit the one asked."""

import numpy as np
import pytest

from bayeswd.errors import InputError
from bayeswd.problem.targets import encode


def place(row):
    return f"'file.csv' line {row + 2}, column 'y'"


def read(cells, likelihood=None):
    return encode(cells, "y", likelihood, place)


GUESSES = [
    (["no", "yes"] * 5, "bernoulli", "the target holds text, 2 labels"),
    (["a", "b", "c"] * 5, "categorical", "the target holds text, 3 labels"),
    (["0", "1"] * 5, "bernoulli", "the target has 2 distinct values"),
    (["-1", "1"] * 5, "bernoulli", "the target has 2 distinct values"),
    (["1.5", "7"] * 5, "bernoulli", "the target has 2 distinct values"),
    (["0", "1", "2"] * 10, "categorical", "the whole numbers 0 to 2, each in 10 rows or more"),
    (["0", "1", "2"] * 9, "gaussian", "3 distinct whole numbers in 27 rows (if they are counts"),
    (["1", "2", "3"] * 10, "gaussian", "3 distinct whole numbers in 30 rows (if they are counts"),
    (["0", "1", "3"] * 10, "gaussian", "3 distinct whole numbers in 30 rows (if they are counts"),
    (["3", "4", "5"] * 10, "gaussian", "the target holds 3 distinct whole numbers in 30 rows"),
    (["0", "1"] * 60 + ["2"] * 14, "gaussian", "whole numbers"),  # 14 is below a quarter of 60
    (["0", "1"] * 60 + ["2"] * 15, "categorical", "each in 15 rows or more"),
    ([str(k) for k in range(20)] * 10, "categorical", "0 to 19"),
    ([str(k) for k in range(21)] * 10, "gaussian", "21 distinct whole numbers in 210 rows"),
    (["0.5", "1", "2"], "gaussian", "the target holds 3 distinct numbers in 3 rows"),
]


@pytest.mark.parametrize(("cells", "likelihood", "why"), GUESSES)
def test_the_suggested_likelihood_and_its_reason(cells, likelihood, why):
    target = read(cells)
    assert (target.likelihood, target.why[:4]) == (likelihood, "the ")
    assert why in target.why
    numbers = read(np.array([float(cell) for cell in cells])) if cells[0][-1].isdigit() else target
    assert (numbers.likelihood, numbers.why) == (target.likelihood, target.why)
    assert numbers.classes == target.classes
    assert (numbers.values == target.values).all()


@pytest.mark.parametrize("mean", [0.5, 1.0, 2.0, 4.0])
def test_samples_of_counts_are_not_taken_for_classes(mean):
    """Few of 100 rows happen to look like even classes, and none of 300."""
    random = np.random.default_rng(0)
    for rows, allowed in [(100, 3), (300, 0)]:
        targets = [read(random.poisson(mean, size=rows)) for _ in range(100)]
        taken = [target for target in targets if target.likelihood == "categorical"]
        assert len(taken) <= allowed
        assert any("if they are counts ask for poisson" in target.why for target in targets)


def test_classes_are_in_the_order_of_numbers_then_of_text():
    assert read(["10", "9", "9.0", "10"] * 3).classes == ("9", "10")
    assert read(["10", "9", "x", "x", "x", "9"]).classes == ("10", "9", "x")
    assert read(np.array([0.25, -3.0] * 4)).classes == ("-3", "0.25")


@pytest.mark.parametrize("labels", [["no", "yes"], ["0.1", "1e+300"], ["b", "a", "c"], ["7", "-2"]])
def test_indices_point_to_the_labels(labels):
    cells = np.random.default_rng(1).choice(labels, size=40).tolist()
    target = read(cells)
    assert target.values.dtype == np.int64
    assert [target.classes[index] for index in target.values] == cells


def test_numbers_stay_as_they_are():
    cells = ["-0.0", "1e-320", "0.1", "3"]
    for likelihood in (None, "gaussian"):
        target = read(cells, likelihood)
        assert target.values.dtype == np.float64
        assert target.values.tobytes() == np.array([float(cell) for cell in cells]).tobytes()
        assert target.classes is None
    assert target.why == "asked for"


ASKED = [
    (["0", "1", "1"], "poisson"),
    (["0", "1", "1"], "gaussian"),
    (["0", "1", "2", "2", "1", "0"], "poisson"),
    (["3", "5", "3", "7", "5", "7"], "categorical"),
    (["no", "yes", "no", "yes"], "categorical"),
    (["1.5", "2.5", "2.5"], "bernoulli"),
]


@pytest.mark.parametrize(("cells", "likelihood"), ASKED)
def test_a_suitable_likelihood_is_taken_as_asked(cells, likelihood):
    target = read(cells, likelihood)
    assert (target.likelihood, target.why) == (likelihood, "asked for")
    assert (target.classes is None) == (likelihood in ("gaussian", "poisson"))


FAULTS = [
    (["2", "2", "2"], None, "the target 'y' is '2' in every row"),
    (["a", "a"], "categorical", "the target 'y' is 'a' in every row"),
    (["1", "2", "x", "3", "4"], None, "line 4, column 'y': 'x' is not a number as most of"),
    (["a", "b", "c", "d"], None, "4 distinct values in 4 rows, too many for classes"),
    (["1", "x", "x"], "gaussian", "line 3, column 'y': 'x' is not a number.*gaussian needs"),
    (["yes", "no"], "poisson", "line 2, column 'y': 'yes' is not a number.*poisson needs"),
    (["1", "2.5", "3"], "poisson", "line 3, column 'y': 2.5 is not a count"),
    (["1", "2", "-3"], "poisson", "line 4, column 'y': -3 is not a count"),
    (["1", "2", "3"], "bernoulli", "needs two distinct values, the target 'y' has 3"),
    (["0.1", "0.2", "0.3"], "categorical", "3 distinct values in 3 rows, too many"),
    (["1", "2", "3"], "guassian", r"no likelihood 'guassian' \(did you mean 'gaussian'\?\)"),
    (["1", "2", "3"], "normal", "there are gaussian, bernoulli, categorical, poisson"),
]


@pytest.mark.parametrize(("cells", "likelihood", "fault"), FAULTS)
def test_a_target_that_does_not_suit_is_refused(cells, likelihood, fault):
    with pytest.raises(InputError, match=fault):
        read(cells, likelihood)
