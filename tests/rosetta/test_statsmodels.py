"""statsmodels rows: fits that are the mode of what the row implies, and the ones that are not."""

import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

sm = pytest.importorskip("statsmodels.api")

from bayeswd.problem import conventions  # noqa: E402

TIGHT = {"maxiter": 2000, "cnvrg_tol": 1e-13}
N = 60


def gamma(y: np.ndarray, x: np.ndarray) -> Any:
    return sm.GLM(y, x, family=sm.families.Gamma(sm.families.links.Log()))


def poisson(y: np.ndarray, x: np.ndarray) -> Any:
    return sm.GLM(y, x, family=sm.families.Poisson())


def binomial(y: np.ndarray, x: np.ndarray) -> Any:
    return sm.GLM(y, x, family=sm.families.Binomial())


# row: (model, alpha, options of the fit, l1_ratio, likelihood, the wrong map)
HALF = {"name": "torch.SGD+MSELoss"}
SUM = {"name": "statsmodels.Poisson"}
CASES: dict[str, tuple[Any, ...]] = {
    "statsmodels.OLS": (sm.OLS, 0.2, {"L1_wt": 0}, None, "gaussian", HALF),
    "statsmodels.OLS:elastic-net": (sm.OLS, 0.2, {"L1_wt": 0.4, **TIGHT}, 0.4, "gaussian", HALF),
    "statsmodels.OLS:l1": (
        sm.OLS, 0.1, {"L1_wt": 1, **TIGHT}, None, "gaussian", HALF | {"penalty": "l1"},
    ),
    "statsmodels.GLM:gaussian": (sm.GLM, 0.2, {"L1_wt": 0.4, **TIGHT}, 0.4, "gaussian", HALF),
    "statsmodels.GLM": (
        poisson, 0.2, {"L1_wt": 0, "opt_method": "Newton-CG"}, None, "poisson",
        {"name": "torch.SGD+PoissonNLLLoss:sum"},
    ),
    "statsmodels.GLM elastic-net": (
        poisson, 0.2, {"L1_wt": 0.5, **TIGHT}, 0.5, "poisson",
        {"name": "torch.SGD+PoissonNLLLoss:sum", "penalty": "elastic-net"},
    ),
    "statsmodels.GLM binomial": (
        binomial, 0.05, {"L1_wt": 0.5, **TIGHT}, 0.5, "bernoulli",
        {"name": "torch.SGD+BCEWithLogitsLoss:sum", "penalty": "elastic-net"},
    ),
    "statsmodels.GLM:gamma": (
        gamma, 0.1, {"L1_wt": 0.3, **TIGHT}, 0.3, "gamma", {"dispersion": 1.0},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_fitted_coefficients_are_the_mode(case: str, proof: SimpleNamespace) -> None:
    make, alpha, options, ratio, likelihood, wrong = CASES[case]
    inputs, targets = proof.data(likelihood)
    model = make(targets, np.column_stack([inputs, np.ones(N)]))
    params = model.fit_regularized(alpha=alpha, **options).params
    asked = {"name": case.split(" ")[0], "strength": alpha, "n": N, "noise_scale": proof.noise}
    asked |= {"l1_ratio": ratio, "likelihood": likelihood, "dispersion": 0.25}
    distances = [
        proof.residual(
            conventions.reading(**question, bias_penalized=True),
            inputs,
            targets,
            params[:4],
            params[4],
            likelihood=likelihood,
            dispersion=0.25,
        )
        for question in (asked, asked | wrong)
    ]
    print(f"{case:32} {distances[0]:.1e} {distances[1]:.1e}")
    assert distances[0] <= 1e-6
    assert distances[1] >= max(100 * distances[0], 1e-3)


@pytest.mark.parametrize(
    ("row", "make", "likelihood", "wrong"),
    [
        ("statsmodels.Logit", "Logit", "bernoulli", "statsmodels.GLM"),
        ("statsmodels.Poisson", "Poisson", "poisson", "statsmodels.GLM"),
    ],
)
def test_discrete_models_are_sums(
    row: str, make: str, likelihood: str, wrong: str, proof: SimpleNamespace
) -> None:
    """alpha of Logit is n times that of GLM."""
    inputs, targets = proof.data(likelihood)
    model = getattr(sm, make)(targets, np.column_stack([inputs, np.ones(N)]))
    exact = {"acc": 1e-12, "disp": 0, "trim_mode": "size", "size_trim_tol": 1e-8}
    params = model.fit_regularized(method="l1", alpha=2.0, **exact).params
    right = conventions.reading(row, 2.0)
    mean = conventions.reading(wrong, 2.0, n=N, penalty="l1", likelihood=likelihood)
    point = (inputs, targets, params[:4], params[4])
    distances = [proof.residual(r, *point, likelihood=likelihood) for r in (right, mean)]
    print(f"{row:32} {distances[0]:.1e} {distances[1]:.1e}")
    assert right.bias_penalized
    assert distances[0] <= 1e-6
    assert distances[1] >= 100 * distances[0]


def test_gaussian_glm_at_l1_wt_0_estimates_the_scale_inside(proof: SimpleNamespace) -> None:
    """The prior is N(0, 1/(n alpha)) beside the estimated noise, not N(0, phi/(n alpha))."""
    inputs, targets = proof.data("gaussian")
    design = np.column_stack([inputs, np.ones(N)])
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        model = sm.GLM(targets, design)  # its gradient is not that of its loss, so it warns
        params = model.fit_regularized(alpha=0.2, L1_wt=0, opt_method="Newton-CG").params
    noise = float(np.sqrt(np.square(targets - design @ params).sum() / (N - 5)))
    right = conventions.reading("statsmodels.GLM:gaussian-ridge", 0.2, n=N)
    wrong = conventions.reading("statsmodels.OLS", 0.2, n=N, noise_scale=noise)
    point = (inputs, targets, params[:4], params[4])
    distances = [proof.residual(r, *point, noise=noise) for r in (right, wrong)]
    print(f"statsmodels.GLM:gaussian-ridge   {distances[0]:.1e} {distances[1]:.1e}")
    assert distances[0] <= 1e-6
    assert distances[1] >= max(100 * distances[0], 1e-3)


def test_the_lasso_freezes_coordinates_at_zero() -> None:
    """A coordinate that touches 0 stays: |gradient| there is ten times what the KKT allow."""
    generator = np.random.default_rng(3)
    factors = generator.standard_normal((N, 2)) @ generator.standard_normal((2, 5))
    inputs = factors + 0.3 * generator.standard_normal((N, 5))
    targets = inputs @ [1.0, -1.0, 0.5, 0.0, 0.7] + generator.standard_normal(N)
    alpha = 0.02
    weights = sm.OLS(targets, inputs).fit_regularized(alpha=alpha, L1_wt=1, **TIGHT).params
    reading = conventions.reading("statsmodels.OLS:l1", alpha, n=N, noise_scale=1.0)
    assert reading.status == "approximate"
    assert reading.l1_scale is not None
    pull = inputs.T @ (targets - inputs @ weights) * reading.l1_scale  # at most 1 at a mode
    moving = weights != 0
    assert np.abs(pull[moving] - np.sign(weights[moving])).max() < 1e-9
    assert np.abs(pull[~moving]).max() > 5
    assert "frozen" in conventions.find("statsmodels.OLS:l1").note
