"""The linear-Gaussian mode against normal equations, other libraries and its own two forms."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from torch import Tensor, nn

from bayeswd.errors import InputError
from bayeswd.estimate import exact
from bayeswd.problem.likelihoods import Bernoulli, GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import ElasticNet, Flat, Gaussian, Laplace, Prior
from bayeswd.results import Estimate

NOISE, TAU = 0.7, 0.4
STRENGTH = NOISE**2 / TAU**2
SHAPES = [(50, 6), (20, 200), (12, 11), (12, 12), (12, 13)]


def draw(n: int, d: int, outputs: int = 1, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Correlated inputs with means far from 0, and targets with an offset."""
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(d, d, generator=generator, dtype=torch.float64) / d**0.5
    inputs = torch.randn(n, d, generator=generator, dtype=torch.float64) @ mix + 2.0
    weights = torch.randn(d, outputs, generator=generator, dtype=torch.float64)
    noise = torch.randn(n, outputs, generator=generator, dtype=torch.float64)
    return inputs, inputs @ weights + NOISE * noise + 5.0


def linear(
    inputs: Tensor, targets: Tensor, weight: Prior, bias: Prior | None = None, noise: float = NOISE
) -> Problem:
    priors = {"weight": weight} if bias is None else {"weight": weight, "bias": bias}
    model = nn.Linear(inputs.shape[1], targets.shape[1], bias=bias is not None)
    return Problem(model, GaussianNoise(noise), priors, inputs, targets)


def augmented_solution(inputs: Tensor, targets: Tensor, penalties: list[float]) -> Tensor:
    """The explicit system (A'A + diag(penalties)) u = A'y, with a column of ones if there is one
    more penalty than columns."""
    ones = torch.ones(len(inputs), len(penalties) - inputs.shape[1], dtype=torch.float64)
    columns = torch.cat([inputs, ones], 1)
    system = columns.T @ columns + torch.diag(torch.tensor(penalties, dtype=torch.float64))
    return torch.linalg.solve(system, columns.T @ targets).T


def coefficients(fit: Estimate) -> Tensor:
    parts = [fit.params["weight"]]
    return torch.cat([*parts, *([fit.params["bias"][:, None]] if "bias" in fit.params else [])], 1)


def relative_error(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize(("n", "d"), SHAPES)
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize(
    ("bias", "penalties"),
    [(None, []), (Flat(), [0.0]), (Gaussian(TAU), [STRENGTH]), (Gaussian(2.0), [NOISE**2 / 4])],
)
def test_ridge_solves_the_normal_equations(
    n: int, d: int, outputs: int, bias: Prior | None, penalties: list[float]
) -> None:
    inputs, targets = draw(n, d, outputs)
    fit = exact.ridge(linear(inputs, targets, Gaussian(TAU), bias))
    expected = augmented_solution(inputs, targets, [STRENGTH] * d + penalties)
    assert relative_error(coefficients(fit), expected) <= 1e-10
    assert fit.certificate.kkt <= 1e-13
    assert fit.certificate.gap is not None
    assert fit.certificate.gap <= 1e-12
    assert fit.converged
    assert fit.steps is None


@pytest.mark.parametrize(("n", "d"), SHAPES)
@pytest.mark.parametrize("with_bias", [True, False])
def test_ridge_is_that_of_scikit_learn(n: int, d: int, with_bias: bool) -> None:
    inputs, targets = draw(n, d, 2)
    fit = exact.ridge(linear(inputs, targets, Gaussian(TAU), Flat() if with_bias else None))
    theirs = Ridge(alpha=STRENGTH, fit_intercept=with_bias, solver="svd")
    theirs.fit(inputs.numpy(), targets.numpy())
    assert relative_error(fit.params["weight"], torch.from_numpy(theirs.coef_)) <= 1e-10
    if with_bias:
        assert relative_error(fit.params["bias"], torch.from_numpy(theirs.intercept_)) <= 1e-10


@pytest.mark.parametrize("bias", [None, Flat(), Gaussian(0.3)])
def test_the_primal_and_the_dual_form_meet(bias: Prior | None) -> None:
    """Columns of zeros change the form that is used and nothing else."""
    inputs, targets = draw(12, 9)
    narrow = exact.ridge(linear(inputs, targets, Gaussian(TAU), bias))
    padded = torch.cat([inputs, torch.zeros(12, 5, dtype=torch.float64)], 1)
    wide = exact.ridge(linear(padded, targets, Gaussian(TAU), bias))
    assert relative_error(wide.params["weight"][:, :9], narrow.params["weight"]) <= 1e-10
    assert (wide.params["weight"][:, 9:] == 0).all()


@pytest.mark.parametrize(("n", "d"), SHAPES)
@pytest.mark.parametrize(
    ("bias", "bias_at"),
    [
        (None, lambda tau: None),
        (Flat(), lambda tau: Flat()),
        (Gaussian(3 * TAU), lambda tau: Gaussian(3 * tau)),
    ],
)
def test_a_path_is_its_separate_solves(n, d, bias, bias_at) -> None:
    inputs, targets = draw(n, d, 2)
    scales = [1.0, 1e-3, 30.0]
    path = exact.ridge_path(linear(inputs, targets, Gaussian(TAU), bias), scales)
    for scale, fit in zip(scales, path, strict=True):
        alone = exact.ridge(linear(inputs, targets, Gaussian(scale), bias_at(scale)))
        assert relative_error(coefficients(fit), coefficients(alone)) <= 1e-10
        assert fit.objective == pytest.approx(alone.objective, rel=1e-12)
        assert fit.converged


@pytest.mark.parametrize(("n", "d"), [(50, 6), (20, 200)])
def test_under_an_endless_penalty_the_weights_vanish_and_the_bias_is_the_mean(n, d) -> None:
    inputs, targets = draw(n, d)
    fit = exact.ridge(linear(inputs, targets, Gaussian(1e-9), Flat()))
    assert float(fit.params["weight"].abs().max()) <= 1e-13
    assert float(fit.params["bias"]) == pytest.approx(float(targets.mean()), rel=1e-12)


@pytest.mark.parametrize("bias", [None, Flat(), Gaussian(0.5)])
def test_flat_weights_are_least_squares_and_the_limit_of_wide_priors(bias: Prior | None) -> None:
    inputs, targets = draw(40, 5, 2)
    fit = exact.ridge(linear(inputs, targets, Flat(), bias))
    penalty = [] if bias is None else [NOISE**2 * bias.l2_rate]
    expected = augmented_solution(inputs, targets, [0.0] * 5 + penalty)
    assert relative_error(coefficients(fit), expected) <= 1e-10
    wide = exact.ridge(linear(inputs, targets, Gaussian(1e6), bias))
    assert relative_error(coefficients(wide), expected) <= 1e-9


@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize("tau", [1e4, 1e8])
def test_with_more_columns_than_rows_a_wide_prior_gives_the_shortest_fit(with_bias, tau) -> None:
    """Two rows alike leave a singular value of 0, which must not be divided by."""
    inputs, targets = draw(10, 40)
    inputs, targets = torch.cat([inputs, inputs[:1]]), torch.cat([targets, targets[:1] + 1])
    fit = exact.ridge(linear(inputs, targets, Gaussian(tau), Flat() if with_bias else None))
    shift = (inputs.mean(0), targets.mean(0)) if with_bias else (0.0, 0.0)
    expected = torch.linalg.pinv(inputs - shift[0], rtol=1e-12) @ (targets - shift[1])
    assert relative_error(fit.params["weight"].T, expected) <= 1e-7


@pytest.mark.parametrize("tau", [1e-3, 1e-1, 1e3, 1e6])
def test_accuracy_survives_columns_of_very_different_units(tau: float) -> None:
    """Normal equations lose 1e-16 * cond(A)^2, here 1e4 and more; the reference is QR on A."""
    inputs, targets = draw(60, 6)
    inputs = (inputs - inputs.mean(0)) * torch.tensor([1e-5, 1e-2, 1.0, 1e2, 1e4, 1e5])
    targets = targets - targets.mean(0)
    rows = np.vstack([inputs.numpy(), NOISE / tau * np.eye(6)])
    sizes = np.linalg.norm(rows, axis=0)
    right = np.concatenate([targets.numpy(), np.zeros((6, 1))])
    expected = np.linalg.lstsq(rows / sizes, right, rcond=None)[0][:, 0] / sizes
    fit = exact.ridge(linear(inputs, targets, Gaussian(tau)))
    np.testing.assert_allclose(fit.params["weight"][0].numpy(), expected, rtol=1e-8)


def test_float32_in_float32_out() -> None:
    inputs, targets = draw(50, 6)
    fit = exact.ridge(linear(inputs.float(), targets, Gaussian(TAU), Flat()))
    expected = exact.ridge(linear(inputs, targets, Gaussian(TAU), Flat()))
    assert fit.params["weight"].dtype == torch.float32
    assert relative_error(fit.params["weight"].double(), expected.params["weight"]) <= 1e-5
    assert fit.converged


def test_the_layer_may_stand_in_a_sequential_on_images() -> None:
    inputs, targets = draw(30, 6)
    model = nn.Sequential(nn.Flatten(), nn.Linear(6, 1))
    priors = {"*.weight": Gaussian(TAU), "*.bias": Flat()}
    images = Problem(model, GaussianNoise(NOISE), priors, inputs.reshape(30, 2, 3), targets)
    flat = exact.ridge(linear(inputs, targets, Gaussian(TAU), Flat()))
    fit = exact.ridge(images)
    assert list(fit.params) == ["1.weight", "1.bias"]
    assert relative_error(fit.params["1.weight"], flat.params["weight"]) <= 1e-12


@pytest.mark.parametrize(
    ("weight", "bias", "text"),
    [
        (
            Laplace(0.1),
            Flat(),
            r"exact\.ridge has no closed form under Laplace\(0\.1\) on 'weight': use exact\.lasso",
        ),
        (Gaussian(1.0), ElasticNet(0.1, 2.0), r"under ElasticNet\(0\.1, 2\) on 'bias': use exact"),
        (Flat(), Flat(), r"strength 0 \(Flat prior\) with 9 coefficients and 8 rows"),
    ],
)
def test_what_has_no_closed_form_is_refused(weight: Prior, bias: Prior, text: str) -> None:
    inputs, targets = draw(8, 8)
    with pytest.raises(InputError, match=text):
        exact.ridge(linear(inputs, targets, weight, bias))


def test_other_refusals_name_the_way_out() -> None:
    inputs, targets = draw(30, 4)
    doubled = torch.cat([inputs, inputs[:, :1]], 1)
    with pytest.raises(InputError, match="columns of rank 4 out of 5: the mode is not unique"):
        exact.ridge(linear(doubled, targets, Flat(), Flat()))
    with pytest.raises(InputError, match=r"exact\.ridge_path: Flat\(\) on 'weight' has no scale"):
        exact.ridge_path(linear(inputs, targets, Flat(), Flat()), [1.0])
    with pytest.raises(InputError, match=r"ridge_path has no closed form .* exact\.lasso_path"):
        exact.ridge_path(linear(inputs, targets, Laplace(1.0), Flat()), [1.0])
    logistic = Problem(nn.Linear(4, 1), Bernoulli(), {"*": Gaussian(1.0)}, inputs, targets > 0)
    with pytest.raises(InputError, match=r"exact\.ridge is for GaussianNoise.*use exact\.glm"):
        exact.ridge(logistic)
    model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 1))
    network = Problem(model, GaussianNoise(1.0), {"*": Gaussian(1.0)}, inputs, targets)
    text = "no exact optimum is known for a model that is not linear; use descent.train"
    for method in (exact.solve, exact.ridge, exact.lasso, exact.glm):
        with pytest.raises(InputError, match=text):
            method(network)
