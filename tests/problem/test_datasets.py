"""The data door: built-in names, CSV files, and the way from one to the other and back."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

from bayeswd.errors import InputError
from bayeswd.problem import datasets

NAMES = ["d2l", "clear", "diabetes", "breast-cancer", "digits"]


def write_text(tmp_path, text, name="data.csv"):
    path = tmp_path / name
    path.write_text(text)
    return str(path)


def test_the_names():
    assert list(datasets.BUILT_IN) == NAMES


@pytest.mark.parametrize(
    ("name", "n_train", "n", "d", "scale"),
    [("d2l", 20, 120, 200, 0.01), ("clear", 100, 500, 100, 1)],
)
def test_drawn_data_are_what_they_say(name, n_train, n, d, scale):
    data = datasets.load(name)
    assert data.inputs.shape == (n, d)
    assert (data.train[:n_train].all(), data.train.sum()) == (True, n_train)
    assert (data.likelihood, data.noise_scale, data.bias_true) == ("gaussian", scale, 0.05)
    assert data.standardize == (name != "d2l")
    noise = (data.targets - data.inputs @ data.weights_true - data.bias_true) / scale
    # four standard errors of a mean and of a variance of n standard normals
    assert abs(noise.mean()) < 4 / np.sqrt(n)
    assert abs((noise**2).mean() - 1) < 4 * np.sqrt(2 / n)
    assert abs((data.inputs**2).mean() - 1) < 4 * np.sqrt(2 / data.inputs.size)
    again, other = datasets.load(name, seed=0), datasets.load(name, seed=1)
    assert (again.targets == data.targets).all()
    assert (other.targets != data.targets).all()


def test_d2l_has_the_book_s_weights():
    data = datasets.load("d2l")
    assert (data.weights_true == 0.01).all()
    # Var(y) = 200 * 0.01^2 + 0.01^2, its standard error over 120 rows, four of them
    assert abs(data.targets.var() - 0.0201) < 4 * 0.0201 * np.sqrt(2 / 120)


@pytest.mark.parametrize("seed", range(4))
def test_clear_has_a_clear_minimum(seed):
    """Ridge in closed form: next to lambda = 1, hardly any and endless shrinkage both cost more."""
    parts = datasets.split(datasets.load("clear", seed=seed))
    X, y = parts.train_inputs, parts.train_targets
    losses = []
    for strength in (1e-4, 1.0, 1e4):
        curvature = X.T @ X + strength * len(y) * np.eye(X.shape[1])
        weights = np.linalg.solve(curvature, X.T @ (y - y.mean()))
        fitted = y.mean() + parts.validation_inputs @ weights
        losses.append((parts.validation_targets - fitted) ** 2)
    for end in (losses[0], losses[2]):
        excess = end - losses[1]
        assert excess.mean() > 3 * excess.std() / np.sqrt(len(excess))


def test_the_data_of_scikit_learn():
    diabetes, raw = datasets.load("diabetes"), load_diabetes(scaled=False)
    np.testing.assert_array_equal(diabetes.inputs, raw.data)
    np.testing.assert_array_equal(diabetes.targets, raw.target)
    assert diabetes.names == tuple(raw.feature_names)
    cancer, raw = datasets.load("breast-cancer"), load_breast_cancer()
    np.testing.assert_array_equal(cancer.inputs, raw.data)
    np.testing.assert_array_equal(cancer.targets, 1 - raw.target)
    assert cancer.classes == ("benign", "malignant")
    assert cancer.notes == ("'diagnosis' is 1 for 'malignant' and 0 for 'benign'",)
    digits, raw = datasets.load("digits"), load_digits()
    np.testing.assert_array_equal(digits.targets, raw.target)
    assert digits.classes == tuple("0123456789")
    guesses = [data.likelihood for data in (diabetes, cancer, digits)]
    assert guesses == ["gaussian", "bernoulli", "categorical"]
    assert all(data.standardize and data.train is None for data in (diabetes, cancer, digits))


def test_digits_lose_their_empty_margins():
    parts = datasets.split(datasets.load("digits"))
    dropped = set(datasets.load("digits").names) - set(parts.data.names)
    assert dropped >= {"pixel_0_0", "pixel_4_0", "pixel_4_7"}
    assert all(name.endswith(("_0", "_7")) for name in dropped)
    assert f"{len(dropped)} of 64 inputs" in parts.data.notes[-1]


@pytest.mark.parametrize("name", NAMES)
def test_written_splits_reproduce_the_run(tmp_path, name):
    """train.csv and validation.csv through the CSV door: every array to the bit."""
    parts = datasets.split(datasets.load(name), seed=4)
    train, validation = tmp_path / "train.csv", tmp_path / "validation.csv"
    datasets.write_csv(train, parts.data, parts.train_rows)
    datasets.write_csv(validation, parts.data, np.flatnonzero(~parts.train_rows))
    target = parts.data.target_name
    data = datasets.load(str(train), target=target, validation=str(validation))
    again = datasets.split(data, standardize=parts.standardized)
    for field in ("train", "validation"):
        for kind in ("inputs", "targets"):
            one, other = getattr(parts, f"{field}_{kind}"), getattr(again, f"{field}_{kind}")
            assert (one.dtype, one.tobytes()) == (other.dtype, other.tobytes())
    assert again.inputs_sd.tobytes() == parts.inputs_sd.tobytes()
    assert (data.names, data.classes) == (parts.data.names, parts.data.classes)
    assert (data.likelihood, data.name) == (parts.data.likelihood, "train.csv")


def test_a_csv_file_with_a_training_column(tmp_path):
    text = "role,b,y,a\ntrain,1,0.5,2\nval,3,1.5,4\ntrain,5,2.5,6\n"
    data = datasets.load(write_text(tmp_path, text), target="y", train_column="role")
    assert data.names == ("b", "a")
    assert data.inputs.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert data.targets.tolist() == [0.5, 1.5, 2.5]
    assert data.train.tolist() == [True, False, True]
    assert (data.likelihood, data.noise_scale, data.standardize) == ("gaussian", None, True)
    assert datasets.split(data).validation_targets.tolist() == [1.5]


def test_a_validation_file_may_order_its_columns_its_own_way(tmp_path):
    first = write_text(tmp_path, "a,b,y\n1,2,0.5\n3,5,1.5\n4,1,2\n")
    second = write_text(tmp_path, "y;b;a\n9;8;7\n", "other.csv")
    data = datasets.load(first, target="y", validation=second)
    assert data.inputs[-1].tolist() == [7, 8]
    assert data.train.tolist() == [True, True, True, False]
    assert data.notes == ("columns are separated by semicolons",)


SECOND_FILES = [
    ("a,y\n1,2\n", "'.*other.csv' has no column 'b'"),
    ("a,b,c,y\n1,2,3,4\n", "'.*other.csv' has columns that '.*data.csv' lacks: 'c'"),
    ("a,b\n1,2\n", "'.*other.csv' has no column 'y'"),
    ("a,b,y\n1,2,3\n1,x,3\n", "'.*other.csv' line 3, column 'b': 'x' is not a number"),
    ("a,b,y\n1,2,3\n\n1,2,q\n", "'.*other.csv' line 4, column 'y': 'q' is not a number as most"),
]


@pytest.mark.parametrize(("text", "fault"), SECOND_FILES)
def test_faults_of_the_validation_file(tmp_path, text, fault):
    first = write_text(tmp_path, "a,b,y\n1,2,0.5\n3,5,1.5\n4,1,2\n")
    with pytest.raises(InputError, match=fault):
        datasets.load(first, target="y", validation=write_text(tmp_path, text, "other.csv"))


FAULTS = [
    ("a,b,y\n1,2,3\n", {}, "needs the name of its target column, one of 'a', 'b', 'y'"),
    ("a,b,yield\n1,2,3\n", {"target": "yeild"}, r"no column 'yeild' \(did you mean 'yield'\?\)"),
    ("y\n1\n2\n", {"target": "y"}, "no input column besides 'y'"),
    ("r,y\n1,1\n0,2\n", {"target": "y", "train_column": "r"}, "no input column besides 'y', 'r'"),
    ("a,y\n1,2\n", {"target": "y"}, "has one row: at least 2 must train"),
    ("a,y\n1,2\n3,2\n", {"target": "y"}, "the target 'y' is '2' in every row"),
    ("a,y\n1,2\n3,4\n", {"target": "y", "train_column": "y"}, "cannot be both the target and"),
    ("a,y\n1,2\n3,4\n", {"target": "y", "train_column": "r"}, "has no column 'r'"),
    ("a,y\n1,2\n3,4\n", {"target": "y", "validation": "no.csv"}, "cannot read 'no.csv'"),
    ("a,y\n1,2\n", {"target": "y", "train_column": "a", "validation": "v"}, "choose one of them"),
    ("a,y\n1,p\n3,q\n", {"target": "y", "likelihood": "gaussian"}, "'p' is not a number"),
]


@pytest.mark.parametrize(("text", "options", "fault"), FAULTS)
def test_faults_of_the_question(tmp_path, text, options, fault):
    with pytest.raises(InputError, match=fault):
        datasets.load(write_text(tmp_path, text), **options)


def test_unknown_names_and_options_that_do_not_apply():
    with pytest.raises(InputError, match=r"'Diabetis' \(did you mean 'diabetes'\?\).*no such file"):
        datasets.load("Diabetis")
    with pytest.raises(InputError, match=f"no such file, and built in are {', '.join(NAMES)}"):
        datasets.load("houses.csv", target="price")
    with pytest.raises(InputError, match="'d2l' is built in"):
        datasets.load("d2l", target="y")
    with pytest.raises(InputError, match="seed -3"):
        datasets.load("d2l", seed=-3)
    with pytest.raises(InputError, match="'breast-cancer' row 1: 'malignant' is not a number"):
        datasets.load("breast-cancer", likelihood="poisson")
    assert datasets.load("digits", likelihood="poisson").targets.dtype == np.float64


def test_the_door_is_light():
    code = (
        "import sys, bayeswd.problem.datasets as door; door.load('d2l');"
        "print([m for m in ('torch', 'sklearn', 'scipy', 'pyro') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
