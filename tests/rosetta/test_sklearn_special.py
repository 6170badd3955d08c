"""scikit-learn rows with a likelihood, a noise or a meaning of alpha of their own."""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import (
    ARDRegression,
    BayesianRidge,
    HuberRegressor,
    Lasso,
    QuantileRegressor,
    Ridge,
    RidgeClassifier,
)
from sklearn.neural_network import MLPRegressor
from sklearn.svm import LinearSVC, LinearSVR

from bayeswd.errors import InputError
from bayeswd.problem import conventions


@pytest.fixture(scope="module")
def gaussian(proof: SimpleNamespace) -> tuple[np.ndarray, np.ndarray]:
    return proof.data("gaussian")


def stationary(
    slope: Callable[[np.ndarray], np.ndarray],
    inputs: np.ndarray,
    weights: np.ndarray,
    bias: float,
    precision: float,
    bias_precision: float = 0.0,
) -> float:
    """Relative gradient of sum(loss) + precision w^2/2, `slope` being dloss/df of every row."""
    slopes = slope(inputs @ weights + bias)
    gradient = np.append(
        inputs.T @ slopes + precision * weights, slopes.sum() + bias_precision * bias
    )
    at_zero = slope(np.zeros(len(inputs)))
    return float(
        np.abs(gradient).max() / np.abs(np.append(inputs.T @ at_zero, at_zero.sum())).max()
    )


def test_kernel_ridge_is_ridge_without_intercept(
    gaussian: tuple[np.ndarray, np.ndarray], proof: SimpleNamespace
) -> None:
    fitted = KernelRidge(alpha=6.0, kernel="linear").fit(*gaussian)
    weights = fitted.X_fit_.T @ fitted.dual_coef_
    right = conventions.reading("sklearn.KernelRidge", 6.0, noise_scale=proof.noise)
    wrong = conventions.reading("d2l.scratch", 6.0, n=60, noise_scale=proof.noise)
    assert proof.residual(right, *gaussian, weights, None) <= 1e-6
    assert proof.residual(wrong, *gaussian, weights, None) > 1e-2


def test_alpha_of_a_gaussian_process_is_noise_not_penalty(
    gaussian: tuple[np.ndarray, np.ndarray], proof: SimpleNamespace
) -> None:
    """With kernel tau^2 x.x' its predictions are those of the prior N(0, tau^2)."""
    inputs, targets = gaussian
    kernel = ConstantKernel(0.3, "fixed") * DotProduct(0.0, "fixed")
    fitted = GaussianProcessRegressor(kernel, alpha=2.5, optimizer=None).fit(inputs, targets)
    weights = np.linalg.lstsq(inputs, fitted.predict(inputs), rcond=None)[0]
    implied = conventions.gaussian_of_variance(0.3)
    assert proof.residual(implied, inputs, targets, weights, None, noise=2.5**0.5) <= 1e-6
    with pytest.raises(InputError, match=r"alpha is the noise variance sigma\^2"):
        conventions.reading("sklearn.GaussianProcessRegressor", 2.5)


@pytest.mark.parametrize("row", ["sklearn.BayesianRidge", "sklearn.ARDRegression"])
def test_fitted_precisions_are_those_of_noise_and_prior(
    row: str, gaussian: tuple[np.ndarray, np.ndarray], proof: SimpleNamespace
) -> None:
    model = (BayesianRidge if row.endswith("Ridge") else ARDRegression)(tol=1e-12, max_iter=2000)
    fitted = model.fit(*gaussian)
    precisions = np.broadcast_to(fitted.lambda_, 4)
    readings = [conventions.reading(row, float(each)) for each in precisions]
    # one prior per coordinate: put on weight * sd with sd = tau_1/tau_j it is a common one
    scales = np.array([reading.scale for reading in readings])
    common = {"column_sd": scales[0] / scales}
    noise = fitted.alpha_**-0.5
    points = [*gaussian, fitted.coef_, fitted.intercept_]
    swapped = conventions.gaussian_of_variance(fitted.alpha_)  # alpha_ taken for Ridge's
    assert proof.residual(readings[0], *points, noise=noise, **common) <= 1e-6
    assert proof.residual(swapped, *points, noise=noise, **common) > 1e-4


def test_ridge_classifier_has_a_gaussian_likelihood_on_signs(proof: SimpleNamespace) -> None:
    inputs, labels = proof.data("bernoulli")
    fitted = RidgeClassifier(6.0).fit(inputs, labels)
    right = conventions.reading("sklearn.RidgeClassifier", 6.0, noise_scale=proof.noise)
    signs, found = 2 * labels - 1, (fitted.coef_.reshape(-1), float(np.ravel(fitted.intercept_)[0]))
    assert proof.residual(right, inputs, signs, *found) <= 1e-6
    assert proof.residual(right, inputs, labels, *found) > 0.1


def test_linear_svc_has_a_gaussian_prior_and_a_pseudo_likelihood(proof: SimpleNamespace) -> None:
    inputs, labels = proof.data("bernoulli")
    signs = 2 * labels - 1
    fitted = LinearSVC(C=0.3, tol=1e-10, max_iter=10**6, intercept_scaling=2.0).fit(inputs, labels)
    right = conventions.reading("sklearn.LinearSVC", 0.3)
    assert right.bias_penalized
    assert right.scale is not None

    def hinge(outputs: np.ndarray) -> np.ndarray:
        return -2 * signs * np.maximum(0, 1 - signs * outputs)

    weights, bias = fitted.coef_.reshape(-1), float(np.ravel(fitted.intercept_)[0])
    penalised = (right.scale**-2, right.scale**-2 / 4)
    assert stationary(hinge, inputs, weights, bias, *penalised) <= 1e-6
    assert stationary(hinge, inputs, weights, bias, 0.3, 0.3 / 4) > 1e-3  # C taken for 1/tau^2


def test_linear_svr_has_a_gaussian_prior_and_a_dead_zone(
    gaussian: tuple[np.ndarray, np.ndarray],
) -> None:
    inputs, targets = gaussian
    loss = "squared_epsilon_insensitive"
    fitted = LinearSVR(C=0.3, epsilon=0.2, loss=loss, tol=1e-10, max_iter=10**6).fit(*gaussian)
    right = conventions.reading("sklearn.LinearSVR", 0.3)
    assert right.scale is not None

    def excess(outputs: np.ndarray) -> np.ndarray:
        residuals = outputs - targets
        return 2 * np.sign(residuals) * np.maximum(0, np.abs(residuals) - 0.2)

    point = (inputs, fitted.coef_, float(np.ravel(fitted.intercept_)[0]))
    assert stationary(excess, *point, right.scale**-2, right.scale**-2) <= 1e-6
    assert stationary(excess, *point, 0.3, 0.3) > 1e-3


def test_huber_regressor_uses_its_scale_once(
    gaussian: tuple[np.ndarray, np.ndarray], proof: SimpleNamespace
) -> None:
    inputs, targets = gaussian
    fitted = HuberRegressor(epsilon=1.35, alpha=3.0, tol=1e-12, warm_start=True)
    for _ in range(10):  # its L-BFGS stops early (ftol): start again where it stopped
        fitted.fit(*gaussian)
    scale = float(fitted.scale_)
    right = conventions.reading("sklearn.HuberRegressor", 3.0, noise_scale=scale)
    assert right.scale is not None

    def slope(outputs: np.ndarray) -> np.ndarray:
        """Of rho(r/s), rho = z^2/2 in the core: the noise density exp(-rho)."""
        return np.clip((outputs - targets) / scale, -1.35, 1.35) / scale

    point = (inputs, fitted.coef_, float(fitted.intercept_))
    distances = [stationary(slope, *point, each) for each in (right.scale**-2, 3.0 / scale**2)]
    print(f"{'sklearn.HuberRegressor':55} {distances[0]:.1e} {distances[1]:.1e}")
    assert distances[0] <= 1e-6
    assert distances[1] >= max(100 * distances[0], 1e-3)


def test_no_direction_goes_down_from_the_quantile_regressor(
    gaussian: tuple[np.ndarray, np.ndarray],
) -> None:
    """sum pinball/s + |w|_1/b is minimal at its weights, with s = 1.7 and b from the row."""
    inputs, targets = gaussian
    fitted = QuantileRegressor(quantile=0.3, alpha=0.1).fit(*gaussian)
    right = conventions.reading("sklearn.QuantileRegressor", 0.1, n=60, noise_scale=1.7)
    wrong = conventions.reading("sklearn.QuantileRegressor", 0.1, n=1, noise_scale=1.7)
    steps = np.random.default_rng(2).standard_normal((4000, 5)) * 0.01

    def objective(points: np.ndarray, scale: float) -> np.ndarray:
        residuals = targets - points[:, :4] @ inputs.T - points[:, 4:]
        pinball = np.maximum(0.3 * residuals, -0.7 * residuals).sum(1)
        return pinball / 1.7 + np.abs(points[:, :4]).sum(1) / scale

    best = np.append(fitted.coef_, fitted.intercept_)[None]
    drops = [
        (objective(best + steps, r.scale) - objective(best, r.scale)).min()  # type: ignore[arg-type]
        for r in (right, wrong)
    ]
    assert drops[0] >= -1e-9
    assert drops[1] < -1e-3


def test_outputs_do_not_divide_the_loss_of_the_mlp(proof: SimpleNamespace) -> None:
    """Its gradient is K times that of its reported loss, so SGD solves the K = 1 problem."""
    inputs, targets = proof.data("gaussian", outputs=3)
    options = {"solver": "sgd", "momentum": 0.0, "batch_size": 20, "warm_start": True, "tol": 0.0}
    model = MLPRegressor(
        hidden_layer_sizes=(),
        activation="identity",
        alpha=5.0,
        n_iter_no_change=10**6,
        max_iter=250,
        shuffle=False,
        random_state=0,
        **options,
    )
    for rate in (0.1, 0.03, 0.01, 0.003, 0.001):
        with pytest.warns(UserWarning, match="Maximum iterations"):
            model.set_params(learning_rate_init=rate).fit(inputs, targets)
    asked = {"n": 60, "noise_scale": proof.noise, "batch_size": 20}
    right = conventions.reading("sklearn.MLPRegressor:outputs", 5.0, **asked)
    wrong = conventions.reading("sklearn.MLPRegressor:outputs", 15.0, **asked)
    point = (inputs, targets, model.coefs_[0], model.intercepts_[0])
    distances = [proof.residual(reading, *point) for reading in (right, wrong)]
    assert distances[0] <= 1e-3
    assert distances[1] >= 100 * distances[0]


def test_sample_weights_copy_rows_of_ridge_and_only_weigh_those_of_lasso(
    gaussian: tuple[np.ndarray, np.ndarray], proof: SimpleNamespace
) -> None:
    inputs, targets = gaussian
    weights = np.random.default_rng(1).integers(1, 4, 60)
    copies = np.repeat(np.arange(60), weights)
    ridge = Ridge(6.0).fit(inputs, targets, sample_weight=weights)
    lasso = Lasso(0.2, tol=1e-12).fit(inputs, targets, sample_weight=weights)
    asked = {"noise_scale": proof.noise}
    of_ridge = conventions.reading("sklearn.Ridge", 6.0, **asked)
    of_lasso = conventions.reading("sklearn.Lasso", 0.2, n=weights.sum(), **asked)
    by_rows = conventions.reading("sklearn.Lasso", 0.2, n=60, **asked)
    data = (inputs[copies], targets[copies])
    assert proof.residual(of_ridge, *data, ridge.coef_, ridge.intercept_) <= 1e-6
    assert proof.residual(of_lasso, *data, lasso.coef_, lasso.intercept_) <= 1e-6
    assert proof.residual(by_rows, *data, lasso.coef_, lasso.intercept_) > 1e-3
