"""Which rows train, and inputs on the scale of those rows alone."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from bayeswd.errors import InputError
from bayeswd.problem.splits import Data, split


def some_data(n=40, d=3, seed=0, **changes):
    random = np.random.default_rng(seed)
    inputs = random.normal(loc=[5.0, -1e6, 0.0], scale=[2.0, 30.0, 1e-4], size=(n, d))
    return replace(
        Data("some.csv", inputs, random.normal(size=n), tuple("abc"), "y", "gaussian", ""),
        **changes,
    )


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.75, 1.0])
def test_rows_fall_on_one_side_in_their_order(fraction):
    data = some_data()
    parts = split(data, fraction=fraction, standardize=False)
    assert parts.train_rows.sum() == len(parts.train_targets) == round(fraction * 40)
    np.testing.assert_array_equal(parts.train_inputs, data.inputs[parts.train_rows])
    np.testing.assert_array_equal(parts.validation_targets, data.targets[~parts.train_rows])
    assert parts.validation_inputs.shape == (40 - round(fraction * 40), 3)
    assert (parts.inputs_mean.tolist(), parts.inputs_sd.tolist()) == ([0.0] * 3, [1.0] * 3)


def test_the_seed_decides_which_rows():
    masks = [split(some_data(), seed=seed).train_rows for seed in (0, 0, 1)]
    assert (masks[0] == masks[1]).all()
    assert (masks[0] != masks[2]).any()


def test_every_row_trains_about_as_often_as_asked():
    times = sum(split(some_data(), seed=seed).train_rows.astype(int) for seed in range(400))
    # binomial(400, 0.75): sd 8.7, five of them
    assert (abs(times - 300) < 44).all()


def test_a_fraction_below_one_keeps_a_validation_row():
    assert len(split(some_data(), fraction=0.999).validation_targets) == 1


def test_standardised_as_scikit_learn_does():
    data = some_data(seed=3)
    parts = split(data)
    scaler = StandardScaler().fit(data.inputs[parts.train_rows])
    assert parts.standardized
    np.testing.assert_allclose(parts.inputs_mean, scaler.mean_, rtol=1e-13, atol=1e-18)
    np.testing.assert_allclose(parts.inputs_sd, scaler.scale_, rtol=1e-9)
    expected = scaler.transform(data.inputs[~parts.train_rows])
    np.testing.assert_allclose(parts.validation_inputs, expected, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(parts.train_inputs.std(axis=0), 1, rtol=1e-10)


@pytest.mark.parametrize("exponent", [-990, -300, 300, 1000])
def test_the_unit_of_an_input_does_not_matter(exponent):
    """No square overflows or underflows: 2^1000 times the column gives the very same numbers."""
    data = some_data()
    scaled = replace(data, inputs=np.ldexp(data.inputs, exponent))
    one, other = split(data), split(scaled)
    np.testing.assert_array_equal(one.train_inputs, other.train_inputs)
    np.testing.assert_array_equal(np.ldexp(one.inputs_sd, exponent), other.inputs_sd)


def test_the_data_say_what_is_standardised():
    data = some_data(standardize=False)
    assert not split(data).standardized
    assert split(data, standardize=True).standardized


def test_marked_rows_train():
    mask = np.arange(40) % 3 == 0
    parts = split(some_data(train=mask), seed=9)
    np.testing.assert_array_equal(parts.train_rows, mask)
    with pytest.raises(InputError, match="itself says which 14 of its 40 rows train"):
        split(some_data(train=mask), fraction=0.5)


def test_constant_inputs_are_refused_by_name():
    data = some_data()
    data.inputs[:, 0] = 0.1
    with pytest.raises(InputError, match="drop the column 'a', constant in the 30 training rows"):
        split(data)
    with pytest.raises(InputError, match="drop the column 'a'"):
        split(data, standardize=False)
    # varies by less than its own rounding
    data.inputs[:, 2] = 1e16 + 2.0 * (np.arange(40) % 2)
    with pytest.raises(InputError, match="drop the columns 'a', 'c', constant"):
        split(data)


def test_a_small_spread_on_a_large_offset_is_no_constant():
    data = some_data()
    data.inputs[:, 0] = 1e9 + 1e-3 * np.random.default_rng(0).normal(size=40)
    assert split(data).inputs_sd[0] == pytest.approx(1e-3, rel=0.5)


def test_an_input_may_be_constant_in_the_training_rows_alone():
    mask = np.arange(40) < 20
    data = some_data(train=mask)
    data.inputs[mask, 1] = 7.0
    with pytest.raises(InputError, match="drop the column 'b', constant in the 20 training rows"):
        split(data)


def test_built_in_data_lose_inputs_that_say_nothing():
    mask = np.arange(400) < 300
    data = some_data(n=400, train=mask, drop_constant=True, weights_true=np.array([1.0, 2.0, 3.0]))
    data.inputs[:, 0] = 0.0
    data.inputs[:2, 0] = 1.0  # 2 of 300 rows differ, less than one in a hundred
    data.inputs[:, 1] = 0.0
    data.inputs[:3, 1] = 1.0  # 3 of 300: one in a hundred stays
    parts = split(data)
    assert parts.data.names == ("b", "c")
    assert parts.data.weights_true.tolist() == [2.0, 3.0]
    np.testing.assert_array_equal(parts.data.inputs, data.inputs[:, 1:])
    assert parts.train_inputs.shape == (300, 2)
    assert "1 of 3 inputs hold one value in more than 99 %" in parts.data.notes[-1]
    assert abs(parts.train_inputs[:, 0]).max() < 10


def test_targets_must_vary_among_the_training_rows():
    mask = np.arange(40) < 20
    with pytest.raises(InputError, match=r"the target 'y' is 2\.5 in all 20 training rows"):
        split(some_data(train=mask, targets=np.where(mask, 2.5, 1.0)))


def test_every_class_must_train():
    mask = np.arange(40) < 20
    classes = {"likelihood": "categorical", "classes": ("p", "q", "r")}
    targets = np.where(mask, np.arange(40) % 2, 2)
    with pytest.raises(InputError, match=r"no training row of 'some.csv' has the class 'r' of 'y'"):
        split(some_data(train=mask, targets=targets, **classes))


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("training fraction 0: it must be above 0", {"fraction": 0.0}),
        ("training fraction -0.5: it must be above 0", {"fraction": -0.5}),
        ("training fraction 1.01: .* at most 1", {"fraction": 1.01}),
        ("training fraction nan", {"fraction": float("nan")}),
        ("1 of its 40 rows would train, at least 2 must", {"fraction": 0.03}),
        ("seed -1: it must be a whole number", {"seed": -1}),
        ("seed 1.5: it must be a whole number", {"seed": 1.5}),
        ("seed None: it must be a whole number", {"seed": None}),
    ],
)
def test_splits_that_cannot_be(fault, options):
    with pytest.raises(InputError, match=fault):
        split(some_data(), **options)


def test_validation_rows_beyond_all_scale_are_refused():
    mask = np.arange(40) < 20
    data = some_data(train=mask)
    data.inputs[mask, 2] *= 1e-200
    data.inputs[30, 2] = 1e200
    with pytest.raises(InputError, match="column 'c' has validation rows too far"):
        split(data)
