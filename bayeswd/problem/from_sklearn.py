"""From a fitted scikit-learn linear model to the Problem it solved, at its own weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from bayeswd.errors import InputError
from bayeswd.problem import conventions
from bayeswd.problem.conventions import FLAT, Reading
from bayeswd.problem.likelihoods import (
    Bernoulli,
    Categorical,
    GaussianNoise,
    Likelihood,
    Poisson,
)
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, from_reading

GAUSSIAN = (
    "Ridge",
    "RidgeCV",
    "Lasso",
    "LassoCV",
    "LassoLars",
    "ElasticNet",
    "ElasticNetCV",
    "LinearRegression",
    "BayesianRidge",
)
KNOWN = (*GAUSSIAN, "LogisticRegression", "LogisticRegressionCV", "PoissonRegressor")


def from_estimator(
    estimator: Any, inputs: Any, targets: Any, noise_scale: float | None = None
) -> Problem:
    """The problem a fitted linear model of scikit-learn solved; its weights are `initial`.

    noise_scale: sigma, for the squared-error models; BayesianRidge brings its own.
    InputError: an estimator that is not fitted, not known, or whose penalty has no such prior.
    """
    kind = type(estimator).__name__
    if kind not in KNOWN:
        raise InputError(f"from_estimator knows {', '.join(KNOWN)}; found {kind}.")
    if not hasattr(estimator, "coef_"):
        raise InputError(f"this {kind} is not fitted: call fit(inputs, targets) first.")
    if kind == "BayesianRidge" and noise_scale is None:
        noise_scale = float(estimator.alpha_) ** -0.5
    targets = np.asarray(targets)
    likelihood = _likelihood(estimator, kind, noise_scale)
    if hasattr(estimator, "classes_"):
        targets = np.searchsorted(estimator.classes_, targets)
    reading = _reading(estimator, kind, likelihood, len(targets), noise_scale)
    weight_prior = from_reading(reading)
    model = _linear(estimator)
    priors = {"weight": weight_prior}
    if model.bias is not None:
        priors["bias"] = weight_prior if reading.bias_penalized else Flat()
    return Problem(model, likelihood, priors, np.asarray(inputs, dtype=float), targets)


def _likelihood(estimator: Any, kind: str, noise_scale: float | None) -> Likelihood:
    if kind in GAUSSIAN:
        if noise_scale is None:
            raise InputError(f"give noise_scale: {kind} fixes only sigma^2/tau^2, not sigma.")
        return GaussianNoise(noise_scale)
    if kind == "PoissonRegressor":
        return Poisson()
    return Bernoulli() if len(estimator.coef_) == 1 else Categorical()


def _reading(
    estimator: Any, kind: str, likelihood: Likelihood, rows: int, noise_scale: float | None
) -> Reading:
    """The estimator's strength through the row of the knobs that bears its name."""
    if kind == "LinearRegression":
        return FLAT
    known: dict[str, Any] = {"n": rows, "likelihood": likelihood.family}
    if kind in GAUSSIAN:
        known["noise_scale"] = noise_scale
    row = f"sklearn.{kind}"
    if kind.startswith("LogisticRegression"):
        known |= _logistic_share(estimator)
        if getattr(estimator, "solver", "") == "liblinear":
            row = "sklearn.LogisticRegression:liblinear"
    elif kind.startswith("ElasticNet"):
        share = float(getattr(estimator, "l1_ratio_", estimator.l1_ratio))
        known |= {"penalty": "elastic-net", "l1_ratio": share} if 0 < share < 1 else {}
        known |= {} if 0 < share < 1 else {"penalty": "l1" if share else "l2"}
    return conventions.reading(row, _strength(estimator, kind), **known)


def _strength(estimator: Any, kind: str) -> float:
    """The one number in front of the penalty, fitted where the estimator fits it."""
    for name in ("C_", "alpha_", "C", "alpha"):
        if kind == "BayesianRidge":
            name = "lambda_"
        value = getattr(estimator, name, None)
        if value is not None:
            values = np.unique(np.asarray(value, dtype=float))
            if len(values) > 1:
                raise InputError(f"{kind}.{name} differs between outputs: state each by itself.")
            return float(values[0])
    raise InputError(f"this {kind} holds no strength.")


def _logistic_share(estimator: Any) -> dict[str, Any]:
    """L1 share of a logistic regression, as old (`penalty`) and new (`l1_ratio`) versions say."""
    penalty = getattr(estimator, "penalty", None)
    share = {"l1": 1.0, "l2": 0.0}.get(str(penalty), getattr(estimator, "l1_ratio", None) or 0.0)
    if penalty is None and "l1_ratio" not in estimator.get_params():
        raise InputError("LogisticRegression(penalty=None) has no penalty: use C=np.inf.")
    if share in (0.0, 1.0):
        return {"penalty": "l1" if share else "l2"}
    return {"penalty": "elastic-net", "l1_ratio": float(share)}


def _linear(estimator: Any) -> nn.Linear:
    """The fitted coefficients as a float64 layer; without bias if the intercept was not fitted."""
    coefficients = torch.from_numpy(np.atleast_2d(np.asarray(estimator.coef_, dtype=float)))
    outputs, columns = coefficients.shape
    has_bias = bool(estimator.fit_intercept)
    model = nn.Linear(columns, outputs, bias=has_bias, dtype=torch.float64)
    with torch.no_grad():
        model.weight.copy_(coefficients)
        if has_bias:
            intercept = np.atleast_1d(np.asarray(estimator.intercept_, dtype=float))
            model.bias.copy_(torch.from_numpy(intercept))
    return model
