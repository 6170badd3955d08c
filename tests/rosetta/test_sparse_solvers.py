"""celer, skglm and glum rows."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bayeswd.problem import conventions

pytestmark = [pytest.mark.rosetta, pytest.mark.filterwarnings("default")]

N = 60
HALF = {"name": "torch.SGD+MSELoss"}  # squares without a half
HALF_L1 = HALF | {"penalty": "l1"}
PRECISE = {"tol": 1e-13}
TIGHT = PRECISE | {"max_iter": 1000}

# row: (class, options, strength, likelihood, what is asked besides, the wrong map)
CASES: dict[str, tuple[str, dict[str, Any], float, str, dict[str, Any], dict[str, Any]]] = {
    "celer.Lasso": ("Lasso", {"alpha": 0.2, **TIGHT}, 0.2, "gaussian", {}, HALF_L1),
    "celer.ElasticNet": (
        "ElasticNet", {"alpha": 0.2, "l1_ratio": 0.4, **TIGHT}, 0.2, "gaussian",
        {"l1_ratio": 0.4}, HALF,
    ),
    "celer.LogisticRegression": (
        "LogisticRegression", {"C": 0.4, **PRECISE}, 0.4, "bernoulli",
        {}, {"name": "torch.SGD+BCEWithLogitsLoss:sum", "penalty": "l1"},
    ),
    "skglm.Lasso": ("Lasso", {"alpha": 0.2, **TIGHT}, 0.2, "gaussian", {}, HALF_L1),
    "skglm.ElasticNet": (
        "ElasticNet", {"alpha": 0.2, "l1_ratio": 0.4, **TIGHT}, 0.2, "gaussian",
        {"l1_ratio": 0.4}, HALF,
    ),
    "skglm.SparseLogisticRegression": (
        "SparseLogisticRegression", {"alpha": 0.03, **PRECISE}, 0.03, "bernoulli",
        {}, {"name": "torch.SGD+BCEWithLogitsLoss:sum", "penalty": "l1"},
    ),
    "glum.GeneralizedLinearRegressor": (
        "GeneralizedLinearRegressor", {"alpha": 0.2, "l1_ratio": 0.4, "gradient_tol": 1e-12},
        0.2, "gaussian", {"l1_ratio": 0.4}, HALF,
    ),
    "glum.GeneralizedLinearRegressor:poisson": (
        "GeneralizedLinearRegressor",
        {"alpha": 0.2, "l1_ratio": 0, "family": "poisson", "gradient_tol": 1e-12},
        0.2, "poisson", {}, {"name": "torch.SGD+PoissonNLLLoss:sum"},
    ),
    "glum.GeneralizedLinearRegressor:binomial": (
        "GeneralizedLinearRegressor",
        {"alpha": 0.05, "l1_ratio": 1, "family": "binomial", "gradient_tol": 1e-12},
        0.05, "bernoulli", {"penalty": "l1"}, {"name": "torch.SGD+BCEWithLogitsLoss:sum"},
    ),
    "glum.GeneralizedLinearRegressor:gamma": (
        "GeneralizedLinearRegressor",
        {"alpha": 0.2, "l1_ratio": 0, "family": "gamma", "link": "log", "gradient_tol": 1e-12},
        0.2, "gamma", {"dispersion": 0.25}, {"dispersion": 1.0},
    ),
}  # fmt: skip


def known(proof: SimpleNamespace) -> dict[str, Any]:
    return {"n": N, "noise_scale": proof.noise}


@pytest.mark.parametrize("row", CASES)
def test_fitted_weights_are_the_mode(row: str, proof: SimpleNamespace) -> None:
    make, options, strength, likelihood, asked, wrong = CASES[row]
    library = pytest.importorskip(row.split(".")[0])
    inputs, targets = proof.data(likelihood)
    if row == "celer.LogisticRegression":
        targets = 2 * targets - 1
    fitted = getattr(library, make)(**options).fit(inputs, targets)
    bias = None if row == "celer.LogisticRegression" else float(np.ravel(fitted.intercept_)[0])
    question: dict[str, Any] = {"name": row, "strength": strength, "likelihood": likelihood}
    question |= known(proof) | asked
    distances = [
        proof.residual(
            conventions.reading(**each),
            inputs,
            (targets > 0) * 1.0 if likelihood == "bernoulli" else targets,
            fitted.coef_.reshape(-1),
            bias,
            likelihood=likelihood,
            dispersion=0.25,
        )
        for each in (question, question | wrong)
    ]
    print(f"{row:42} {distances[0]:.1e} {distances[1]:.1e}")
    assert distances[0] <= 1e-6
    assert distances[1] >= max(100 * distances[0], 1e-3)


def test_weights_of_celer_divide_the_scale_coordinate_by_coordinate(
    proof: SimpleNamespace,
) -> None:
    celer = pytest.importorskip("celer")
    inputs, targets = proof.data("gaussian")
    factors = np.array([0.5, 1.0, 2.0, 1.5])
    fitted = celer.Lasso(0.1, weights=factors, **TIGHT).fit(inputs, targets)
    right = conventions.reading("celer.Lasso", 0.1, **known(proof))
    point = (inputs, targets, fitted.coef_, fitted.intercept_)
    distances = [proof.residual(right, *point, column_sd=sd) for sd in (factors, 1.0)]
    print(f"{'celer.Lasso weights':42} {distances[0]:.1e} {distances[1]:.1e}")
    assert distances[0] <= 1e-6
    assert distances[1] >= 100 * distances[0]


def test_scale_predictors_puts_the_prior_on_standardised_columns(proof: SimpleNamespace) -> None:
    glum = pytest.importorskip("glum")
    inputs, targets = proof.data("gaussian")
    sds = inputs.std(0)
    model = glum.GeneralizedLinearRegressor(
        alpha=0.2, l1_ratio=0, scale_predictors=True, gradient_tol=1e-12
    )
    fitted = model.fit(inputs, targets)
    row = "glum.GeneralizedLinearRegressor:scaled"
    right = conventions.reading(row, 0.2, column_sd=1.0, **known(proof))
    point = (inputs, targets, fitted.coef_, fitted.intercept_)
    distances = [proof.residual(right, *point, column_sd=sd) for sd in (sds, 1.0)]
    print(f"{row:42} {distances[0]:.1e} {distances[1]:.1e}")
    assert distances[0] <= 1e-6
    assert distances[1] >= 100 * distances[0]
    of_first = conventions.reading(row, 0.2, column_sd=sds[0], **known(proof))
    assert of_first.scale == pytest.approx(right.scale / sds[0], rel=1e-12)
