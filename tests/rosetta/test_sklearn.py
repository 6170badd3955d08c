"""scikit-learn rows: fitted weights are the mode of the posterior that the row implies."""

import warnings
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import (
    ElasticNet,
    GammaRegressor,
    Lasso,
    LassoLars,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    SGDClassifier,
    SGDRegressor,
    TweedieRegressor,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor

from bayeswd.problem import conventions


@dataclass
class Case:
    """A row, the estimator that proves it, and the row it is commonly taken for."""

    row: str
    strength: float
    estimator: BaseEstimator
    wrong: dict[str, Any]
    likelihood: str = "gaussian"
    known: dict[str, Any] = field(default_factory=dict)
    limit: float = 1e-6
    dispersion: float = 1.0
    bias_scale: float = 1.0
    name: str = ""

    def __str__(self) -> str:
        return self.name or self.row


def logistic(strength: float, **options: Any) -> LogisticRegression:
    return LogisticRegression(C=strength, tol=1e-10, max_iter=20_000, **options)


LINEAR = {"hidden_layer_sizes": (), "activation": "identity", "random_state": 0}
LBFGS = LINEAR | {"solver": "lbfgs", "tol": 1e-15, "max_iter": 5000, "warm_start": True}
SGD = {"max_iter": 40_000, "tol": None, "average": 60_000, "random_state": 0}
INVERSE_C = {"name": "torch.SGD+BCEWithLogitsLoss:sum"}  # C taken for the precision
MEAN = {"name": "sklearn.ElasticNet"}  # alpha taken for that of a mean
HALF = {"name": "torch.SGD+MSELoss"}  # b = 2 sigma^2/(n lambda), of squares without a half
SUM = {"name": "torch.SGD+PoissonNLLLoss:sum", "likelihood": "poisson"}  # n dropped

CASES = [
    Case("sklearn.Ridge", 6.0, Ridge(6.0), MEAN | {"penalty": "l2"}),
    Case("sklearn.Lasso", 0.2, Lasso(0.2, tol=1e-13, max_iter=10**5), HALF | {"penalty": "l1"}),
    Case("sklearn.LassoLars", 0.2, LassoLars(0.2), HALF | {"penalty": "l1"}),
    Case(
        "sklearn.ElasticNet",
        0.3,
        ElasticNet(0.3, l1_ratio=0.4, tol=1e-13, max_iter=10**5),
        HALF | {"penalty": "elastic-net"},
        known={"l1_ratio": 0.4},
    ),
    Case(
        "sklearn.LogisticRegression",
        0.7,
        logistic(0.7, solver="newton-cholesky"),
        INVERSE_C,
        "bernoulli",
    ),
    Case(
        "sklearn.LogisticRegression",
        0.7,
        logistic(0.7, solver="lbfgs"),
        INVERSE_C,
        "bernoulli",
        name="sklearn.LogisticRegression lbfgs",
    ),
    Case(
        "sklearn.LogisticRegression:liblinear",
        0.7,
        logistic(0.7, solver="liblinear", intercept_scaling=1.0),
        {"name": "sklearn.LogisticRegression"},
        "bernoulli",
    ),
    Case(
        "sklearn.LogisticRegression:liblinear",
        0.7,
        logistic(0.7, solver="liblinear", intercept_scaling=3.0),
        {"name": "sklearn.LogisticRegression"},
        "bernoulli",
        bias_scale=3.0,
        name="sklearn.LogisticRegression:liblinear intercept_scaling",
    ),
    Case(
        "sklearn.LogisticRegression:l1",
        0.4,
        logistic(0.4, solver="saga", l1_ratio=1),
        INVERSE_C | {"penalty": "l1"},
        "bernoulli",
    ),
    Case(
        "sklearn.LogisticRegression:elastic-net",
        0.4,
        logistic(0.4, solver="saga", l1_ratio=0.3),
        INVERSE_C | {"penalty": "elastic-net"},
        "bernoulli",
        known={"l1_ratio": 0.3},
    ),
    Case(
        "sklearn.LogisticRegression:multinomial",
        0.7,
        logistic(0.7, solver="newton-cg"),
        {"name": "torch.SGD+CrossEntropyLoss:sum"},
        "categorical",
    ),
    Case(
        "sklearn.PoissonRegressor",
        0.2,
        PoissonRegressor(alpha=0.2, solver="newton-cholesky", tol=1e-12),
        SUM,
        "poisson",
    ),
    Case(
        "sklearn.GammaRegressor",
        0.2,
        GammaRegressor(alpha=0.2, solver="newton-cholesky", tol=1e-12),
        {"dispersion": 1.0},  # the dispersion forgotten
        "gamma",
        known={"dispersion": 0.25},
        dispersion=0.25,
    ),
    Case(
        "sklearn.TweedieRegressor",
        0.2,
        TweedieRegressor(power=0, alpha=0.2, solver="newton-cholesky", tol=1e-12),
        HALF,
    ),
    Case(
        "sklearn.SGDRegressor",
        0.4,
        SGDRegressor(alpha=0.4, learning_rate="constant", eta0=1e-3, **SGD),
        {"name": "sklearn.Ridge"},
        limit=1e-3,
    ),
    Case(
        "sklearn.SGDClassifier",
        0.05,
        SGDClassifier("log_loss", alpha=0.05, learning_rate="constant", eta0=2e-3, **SGD),
        {"name": "torch.SGD+BCEWithLogitsLoss:sum"},
        "bernoulli",
        limit=1e-3,
    ),
    Case(
        "sklearn.MLPRegressor",
        6.0,
        MLPRegressor(alpha=6.0, **LBFGS),
        MEAN | {"penalty": "l2"},
    ),
    Case(
        "sklearn.MLPClassifier",
        6.0,
        MLPClassifier(alpha=6.0, **LBFGS),
        {"name": "torch.SGD+BCEWithLogitsLoss"},
        "bernoulli",
    ),
]


def fit(case: Case, proof: SimpleNamespace) -> tuple[np.ndarray, np.ndarray, Any, Any]:
    """(inputs, targets, weights, bias) of the fitted estimator."""
    inputs, targets = proof.data(case.likelihood)
    fitted = case.estimator.fit(inputs, targets)
    if hasattr(fitted, "coefs_"):
        for _ in range(8):  # its L-BFGS stops early (ftol): start again where it stopped
            with warnings.catch_warnings(category=ConvergenceWarning, action="ignore"):
                fitted.fit(inputs, targets)
        return inputs, targets, fitted.coefs_[0][:, 0], fitted.intercepts_[0][0]
    weights, bias = np.asarray(fitted.coef_), np.asarray(fitted.intercept_)
    if case.likelihood == "categorical":
        return inputs, targets, weights.T, bias
    return inputs, targets, weights.reshape(-1), float(bias.reshape(-1)[0])


@pytest.mark.parametrize("case", CASES, ids=str)
def test_fitted_weights_are_the_mode(case: Case, proof: SimpleNamespace) -> None:
    inputs, targets, weights, bias = fit(case, proof)
    asked: dict[str, Any] = {
        "name": case.row,
        "strength": case.strength,
        "likelihood": case.likelihood,
    }
    asked |= {"n": 60, "noise_scale": proof.noise, **case.known}
    distances = [
        proof.residual(
            conventions.reading(**question),
            inputs,
            targets,
            weights,
            bias,
            likelihood=case.likelihood,
            dispersion=case.dispersion,
            bias_scale=case.bias_scale,
        )
        for question in (asked, asked | case.wrong)
    ]
    print(f"{case!s:55} {distances[0]:.1e} {distances[1]:.1e}")
    assert distances[0] <= case.limit
    assert distances[1] >= max(100 * distances[0], 1e-3)


@pytest.mark.parametrize("batch_size", [12, 30])
def test_the_batch_size_is_inside_the_prior_of_the_mlp(
    batch_size: int, proof: SimpleNamespace
) -> None:
    inputs, targets = proof.data("gaussian")
    options = {"solver": "sgd", "momentum": 0.0, "warm_start": True, "shuffle": False, "tol": 0.0}
    model = MLPRegressor(
        **LINEAR,
        alpha=5.0,
        batch_size=batch_size,
        n_iter_no_change=10**6,
        max_iter=250,
        **options,
    )
    for rate in (0.1, 0.03, 0.01, 0.003, 0.001):
        with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
            model.set_params(learning_rate_init=rate).fit(inputs, targets)
    known = {"n": 60, "noise_scale": proof.noise}
    right = conventions.reading(
        "sklearn.MLPRegressor:minibatch", 5.0, batch_size=batch_size, **known
    )
    wrong = conventions.reading("sklearn.MLPRegressor", 5.0, **known)
    weights, bias = model.coefs_[0][:, 0], model.intercepts_[0][0]
    distances = [proof.residual(r, inputs, targets, weights, bias) for r in (right, wrong)]
    print(f"sklearn.MLPRegressor:minibatch B={batch_size} {distances[0]:.1e} {distances[1]:.1e}")
    assert distances[0] <= 1e-3
    assert distances[1] >= 100 * distances[0]
