"""From a fitted scikit-learn linear model to the Problem it solved, at its own weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from bayeswd.errors import InputError
from bayeswd.problem import conventions
from bayeswd.problem.at_rest import warn_unless_at_rest
from bayeswd.problem.conventions import FLAT, Reading
from bayeswd.problem.likelihoods import (
    Bernoulli,
    Categorical,
    GaussianNoise,
    Likelihood,
    Poisson,
)
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Gaussian, Laplace, Prior, from_reading

# Each with the attribute that holds its strength; LinearRegression has none.
STRENGTHS = {
    "Ridge": "alpha",
    "RidgeCV": "alpha_",
    "Lasso": "alpha",
    "LassoCV": "alpha_",
    "LassoLars": "alpha",
    "ElasticNet": "alpha",
    "ElasticNetCV": "alpha_",
    "LinearRegression": "",
    "BayesianRidge": "lambda_",  # its alpha_ is the precision of the noise
    "LogisticRegression": "C",
    "LogisticRegressionCV": "C_",
    "PoissonRegressor": "alpha",
}
LOGISTIC = ("LogisticRegression", "LogisticRegressionCV")
GAUSSIAN = tuple(kind for kind in STRENGTHS if kind not in (*LOGISTIC, "PoissonRegressor"))
REASONS = (
    "it was fitted with sample_weight, which an estimator does not keep",
    "to other data than these",
    "or its solver stopped early: lower tol and raise max_iter",
)


def from_estimator(
    estimator: Any, inputs: Any, targets: Any, noise_scale: float | None = None
) -> Problem:
    """The problem a fitted linear model of scikit-learn solved; its weights are `initial`.

    noise_scale: sigma, for the squared-error models; BayesianRidge brings its own. Warns, with
    the KKT residual, where the weights are no mode of that problem on these data.

    InputError: an estimator that is not fitted, not known, or whose penalty has no such prior.
    """
    kind = _kind(estimator)
    likelihood = _likelihood(estimator, kind, noise_scale)
    inputs = np.asarray(inputs.toarray() if hasattr(inputs, "toarray") else inputs, dtype=float)
    targets = _targets(estimator, kind, targets)
    prior, bias_prior = _priors(estimator, kind, _reading(estimator, kind, likelihood, targets))
    model = _linear(estimator)
    priors = {"weight": prior} if model.bias is None else {"weight": prior, "bias": bias_prior}
    problem = Problem(model, likelihood, priors, inputs, targets)
    warn_unless_at_rest(problem, REASONS, stacklevel=2)
    return problem


def _kind(estimator: Any) -> str:
    """The estimator's name, if it is one that minimises what its knob says."""
    kind = type(estimator).__name__
    if kind not in STRENGTHS or not type(estimator).__module__.startswith("sklearn."):
        raise InputError(
            f"from_estimator knows {', '.join(STRENGTHS)} of scikit-learn; found {kind}. Of a "
            "Pipeline or a search give the fitted linear model, with the inputs as it saw them."
        )
    if not hasattr(estimator, "coef_"):
        raise InputError(f"this {kind} is not fitted: call fit(inputs, targets) first.")
    if getattr(estimator, "positive", False):
        raise InputError(
            f"{kind}(positive=True) cuts the prior off at 0, which no prior of ours does: fit "
            "with positive=False."
        )
    if getattr(estimator, "class_weight", None) is not None:
        raise InputError(
            f"{kind}(class_weight={estimator.class_weight!r}) tempers the likelihood: fit with "
            "class_weight=None."
        )
    separate = getattr(estimator, "multi_class", None) == "ovr" or _solver(estimator) == "liblinear"
    if kind in LOGISTIC and separate and len(estimator.classes_) > 2:
        raise InputError(
            f"this {kind} fitted {len(estimator.classes_)} classes one against the rest, which is "
            "no single likelihood: use the solver lbfgs."
        )
    return kind


def _likelihood(estimator: Any, kind: str, noise_scale: float | None) -> Likelihood:
    if kind == "BayesianRidge" and noise_scale is None:
        return GaussianNoise(float(estimator.alpha_) ** -0.5)
    if kind in GAUSSIAN and kind != "BayesianRidge":
        if noise_scale is None:
            raise InputError(f"give noise_scale: {kind} fixes only sigma^2/tau^2, not sigma.")
        return GaussianNoise(noise_scale)
    if noise_scale is not None:
        own = "brings its own noise scale" if kind == "BayesianRidge" else "has no noise scale"
        raise InputError(f"noise_scale={noise_scale:g}: {kind} {own}; leave it out.")
    if kind == "PoissonRegressor":
        return Poisson()
    return Bernoulli() if len(estimator.coef_) == 1 else Categorical()


def _targets(estimator: Any, kind: str, targets: Any) -> np.ndarray:
    """Targets as numbers: labels by their index among the estimator's classes."""
    targets = np.asarray(targets)
    if kind not in LOGISTIC:
        return targets
    index_of = {label: index for index, label in enumerate(estimator.classes_.tolist())}
    unknown = [label for label in targets.ravel().tolist() if label not in index_of]
    if unknown:
        raise InputError(
            f"the target {unknown[0]!r} is none of the classes that this {kind} was fitted to: "
            f"{', '.join(map(repr, index_of))}."
        )
    return np.array([index_of[label] for label in targets.ravel().tolist()])


def _reading(estimator: Any, kind: str, likelihood: Likelihood, targets: np.ndarray) -> Reading:
    """The estimator's strength through the row of the knobs that bears its name."""
    if kind == "LinearRegression" or (kind in LOGISTIC and _penalty(estimator) is None):
        return FLAT
    known: dict[str, Any] = {"n": len(targets), "likelihood": likelihood.family}
    if isinstance(likelihood, GaussianNoise):
        known["noise_scale"] = likelihood.scale
    if kind in LOGISTIC:
        known |= _share(_logistic_share(estimator, kind))
    elif kind.startswith("ElasticNet"):
        known |= _share(float(estimator.l1_ratio_ if kind.endswith("CV") else estimator.l1_ratio))
    liblinear = _solver(estimator) == "liblinear"
    row = "LogisticRegression:liblinear" if liblinear else kind
    strength = _one_number(estimator, kind, STRENGTHS[kind])
    return conventions.reading(f"sklearn.{row}", strength, **known)


def _priors(estimator: Any, kind: str, reading: Reading) -> tuple[Prior, Prior]:
    """(of the weights, of the bias); liblinear's bias is a weight times intercept_scaling."""
    prior = from_reading(reading)
    if not reading.bias_penalized or isinstance(prior, Flat):
        return prior, Flat()
    assert isinstance(prior, (Gaussian, Laplace))  # liblinear has no elastic net
    return prior, type(prior)(prior.scale * float(estimator.intercept_scaling))


def _one_number(estimator: Any, kind: str, name: str) -> float:
    """The strength; refused where each output has its own."""
    values = np.unique(np.asarray(getattr(estimator, name), dtype=float))
    if len(values) > 1:
        raise InputError(f"{kind}.{name} differs between outputs: state each output by itself.")
    return float(values[0])


def _logistic_share(estimator: Any, kind: str) -> float:
    """The share of L1, as old (`penalty`) and new (`l1_ratio`) versions say it."""
    by_penalty = {"l1": 1.0, "l2": 0.0}
    if _penalty(estimator) in by_penalty:
        return by_penalty[_penalty(estimator)]
    name = "l1_ratio_" if kind.endswith("CV") else "l1_ratio"
    return 0.0 if getattr(estimator, name) is None else _one_number(estimator, kind, name)


def _penalty(estimator: Any) -> Any:
    return getattr(estimator, "penalty", "deprecated")


def _share(l1_ratio: float) -> dict[str, Any]:
    """A share of L1 as `conventions.reading` wants it; none and all are penalties of their own."""
    if l1_ratio in (0.0, 1.0):
        return {"penalty": "l1" if l1_ratio else "l2"}
    return {"penalty": "elastic-net", "l1_ratio": l1_ratio}


def _solver(estimator: Any) -> str:
    return str(getattr(estimator, "solver", ""))


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
