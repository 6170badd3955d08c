"""xgboost and lightgbm rows: linear boosters, and the value of a single leaf."""

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bayeswd.problem import conventions
from bayeswd.problem.conventions import Reading

pytestmark = [pytest.mark.rosetta, pytest.mark.filterwarnings("default")]

N = 60
LINEAR: dict[str, tuple[dict[str, Any], str, float, str]] = {
    "xgboost.gblinear:reg_lambda": (
        {"reg_lambda": 0.2}, "gaussian", 0.2, "xgboost.gbtree:reg_lambda",
    ),
    "xgboost.gblinear:reg_alpha": ({"reg_alpha": 0.2}, "gaussian", 0.2, "xgboost.gbtree:reg_alpha"),
    "xgboost.gblinear:logistic": (
        {"reg_lambda": 0.05, "objective": "binary:logistic", "base_score": 0.5},
        "bernoulli", 0.05, "xgboost.gbtree:logistic",
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", LINEAR)
def test_linear_boosters_are_means(row: str, proof: SimpleNamespace) -> None:
    xgboost = pytest.importorskip("xgboost")
    options, likelihood, strength, wrong = LINEAR[row]
    inputs, targets = (each.astype(np.float32).astype(float) for each in proof.data(likelihood))
    settings = {
        "booster": "gblinear",
        "updater": "coord_descent",
        "eta": 0.5,
        "objective": "reg:squarederror",
        "base_score": 0.0,
        "tolerance": 0.0,
    }
    data = xgboost.DMatrix(inputs, targets)
    booster = xgboost.train(settings | options, data, num_boost_round=2000)
    found = json.loads(booster.save_raw("json"))["learner"]["gradient_booster"]["model"]["weights"]
    weights, bias = np.array(found[:4]), found[4]
    weights[np.abs(weights) < 1e-3] = 0.0  # zeros come out as denormal numbers
    asked = {"n": N, "noise_scale": proof.noise, "likelihood": likelihood}
    readings = [conventions.reading(name, strength, **asked) for name in (row, wrong)]
    point = (inputs, targets, weights, bias)
    distances = [proof.residual(r, *point, likelihood=likelihood) for r in readings]
    print(f"{row:42} {distances[0]:.1e} {distances[1]:.1e}")
    assert distances[0] <= 1e-6
    assert distances[1] >= 100 * distances[0]


def leaf(reading: Reading, targets: np.ndarray) -> float:
    """The mode of one constant under the prior, sigma^2 = 1234.5 (soft threshold, then shrink)."""
    noise = 1234.5
    pull = targets.sum() / noise
    if reading.l1_scale is not None:
        pull = np.sign(pull) * max(abs(pull) - 1 / reading.l1_scale, 0.0)
    precision = len(targets) / noise
    return pull / (precision + (1 / reading.variance if reading.l2_scale else 0.0))


@pytest.mark.parametrize(
    ("row", "option"), [("reg_lambda", "reg_lambda"), ("reg_alpha", "reg_alpha")]
)
def test_a_leaf_of_xgboost_is_a_sum(row: str, option: str, proof: SimpleNamespace) -> None:
    xgboost = pytest.importorskip("xgboost")
    targets = proof.data("gaussian")[1]
    settings = {"max_depth": 1, "eta": 1.0, "base_score": 0.0, "reg_lambda": 0.0, "gamma": 1e9}
    data = xgboost.DMatrix(np.zeros((N, 1)), targets)
    found = xgboost.train(settings | {option: 7.0}, data, num_boost_round=1).predict(data)[0]
    known = {"n": N, "noise_scale": proof.noise}
    right = conventions.reading(f"xgboost.gbtree:{row}", 7.0, **known)
    wrong = conventions.reading(f"xgboost.gblinear:{row}", 7.0, **known)
    report(f"xgboost.gbtree:{row}", found, leaf(right, targets), leaf(wrong, targets))


def test_a_logistic_leaf_of_xgboost_is_one_newton_step(proof: SimpleNamespace) -> None:
    xgboost = pytest.importorskip("xgboost")
    labels = proof.data("bernoulli")[1]
    settings = {"max_depth": 1, "eta": 1.0, "base_score": 0.5, "reg_lambda": 7.0, "gamma": 1e9}
    data = xgboost.DMatrix(np.zeros((N, 1)), labels)
    booster = xgboost.train(settings | {"objective": "binary:logistic"}, data, num_boost_round=1)
    found = booster.predict(data, output_margin=True)[0]
    right = conventions.reading("xgboost.gbtree:logistic", 7.0)
    assert right.status == "approximate"
    newton = (labels - 0.5).sum() / (N / 4 + 1 / right.variance)
    report("xgboost.gbtree:logistic", found, newton, (labels - 0.5).sum() / (N / 4 + N * 7.0))


@pytest.mark.parametrize("row", ["lambda_l2", "lambda_l1"])
def test_a_leaf_of_lightgbm_is_a_sum(row: str, proof: SimpleNamespace) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    inputs, targets = proof.data("gaussian")
    settings = {
        "objective": "regression",
        "boost_from_average": False,
        "learning_rate": 1.0,
        "num_leaves": 2,
        "min_data_in_leaf": 1,
        "min_sum_hessian_in_leaf": 0.0,
        "verbosity": -1,
        row: 7.0,
    }
    booster = lightgbm.train(settings, lightgbm.Dataset(inputs, targets), num_boost_round=1)
    predicted = booster.predict(inputs)
    found, members = predicted[0], predicted == predicted[0]
    known = {"n": N, "noise_scale": proof.noise}
    right = conventions.reading(f"lightgbm.{row}", 7.0, **known)
    as_mean = "xgboost.gblinear:reg_lambda" if row == "lambda_l2" else "xgboost.gblinear:reg_alpha"
    wrong = conventions.reading(as_mean, 7.0, **known)
    report(f"lightgbm.{row}", found, leaf(right, targets[members]), leaf(wrong, targets[members]))


def report(row: str, found: float, right: float, wrong: float) -> None:
    """float32 leaves: relative distance within 1e-6 of the mode, 100 times further otherwise."""
    distances = [abs(found - each) / abs(right) for each in (right, wrong)]
    print(f"{row:42} {distances[0]:.1e} {distances[1]:.1e}")
    assert distances[0] <= 1e-6
    assert distances[1] >= 100 * distances[0]
