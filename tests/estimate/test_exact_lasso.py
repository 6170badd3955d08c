"""The lasso and elastic-net mode against closed forms, scikit-learn and published knots."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes
from sklearn.linear_model import ElasticNet as SklearnElasticNet
from sklearn.linear_model import Lasso
from torch import Tensor, nn

from bayeswd.errors import InputError
from bayeswd.estimate import exact
from bayeswd.problem.likelihoods import Categorical, GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import ElasticNet, Flat, Gaussian, Laplace, Prior, soft_threshold
from bayeswd.results import Estimate

NOISE = 0.7
KNOTS = [949.435, 889.314, 452.896, 316.073, 130.130, 88.784]
KNOTS += [68.965, 19.981, 5.478, 5.088, 2.182, 1.310]
NONZERO_BELOW = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 9, 10]  # at 2.182 hdl leaves, at 1.310 it returns


def linear(
    inputs: Tensor, targets: Tensor, weight: Prior, bias: Prior | None = None, noise: float = NOISE
) -> Problem:
    priors = {"weight": weight} if bias is None else {"weight": weight, "bias": bias}
    outputs = 1 if targets.ndim == 1 else targets.shape[1]
    model = nn.Linear(inputs.shape[1], outputs, bias=bias is not None)
    return Problem(model, GaussianNoise(noise), priors, inputs, targets)


def draw(n: int, d: int, correlation: float = 0.0, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Inputs with a common factor, and targets that a quarter of the columns make."""
    generator = torch.Generator().manual_seed(seed)
    own = torch.randn(n, d, generator=generator, dtype=torch.float64)
    common = torch.randn(n, 1, generator=generator, dtype=torch.float64)
    inputs = (1 - correlation) ** 0.5 * own + correlation**0.5 * common + 0.5
    weights = torch.randn(d, generator=generator, dtype=torch.float64)
    weights[d // 4 :] = 0
    noise = torch.randn(n, generator=generator, dtype=torch.float64)
    return inputs, inputs @ weights + NOISE * noise + 3.0


def d2l() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(20, 200, generator=generator, dtype=torch.float64)
    noise = torch.randn(20, generator=generator, dtype=torch.float64)
    return inputs, 0.01 * inputs.sum(1) + 0.05 + 0.01 * noise


def diabetes() -> tuple[Tensor, Tensor]:
    """The columns of unit length and the targets centred."""
    data = load_diabetes()
    inputs, targets = torch.from_numpy(data.data), torch.from_numpy(data.target)
    centred = inputs - inputs.mean(0)
    return centred / centred.norm(dim=0), targets - targets.mean()


def smallest_b_off_zero(inputs: Tensor, targets: Tensor, noise: float) -> float:
    """sigma^2 / lambda_max: the scale up to which every weight is zero, under a Flat bias."""
    force = (inputs - inputs.mean(0)).T @ (targets - targets.mean())
    return noise**2 / float(force.abs().max())


def assert_optimal(fit: Estimate) -> None:
    assert fit.certificate.gap is not None
    assert fit.certificate.gap <= 1e-8
    assert fit.certificate.kkt <= 1e-12
    assert fit.converged


DATA = {
    "d2l": (*d2l(), 0.01),
    "diabetes": (*diabetes(), 54.0),
    "tall": (*draw(80, 12), NOISE),
    "correlated": (*draw(60, 30, correlation=0.95), NOISE),
    "wide": (*draw(40, 300, correlation=0.5), NOISE),
}


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("below", [0.999, 0.3, 1e-2, 1e-4])
@pytest.mark.parametrize("kind", ["lasso", "elastic-net"])
def test_the_gap_is_rounding_at_every_strength(name: str, below: float, kind: str) -> None:
    inputs, targets, noise = DATA[name]
    scale = smallest_b_off_zero(inputs, targets, noise) / below
    prior = Laplace(scale) if kind == "lasso" else ElasticNet(scale, 2 * scale)
    fit = exact.lasso(linear(inputs, targets, prior, Flat(), noise))
    assert_optimal(fit)
    values = [value for _, value in fit.history]
    assert fit.steps == len(values) - 1
    assert values[-1] == pytest.approx(fit.objective, rel=1e-12)
    assert max(np.diff(values), default=0) <= 1e-9 * abs(values[0])


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.4])
def test_it_is_that_of_scikit_learn(name: str, with_bias: bool, l1_ratio: float) -> None:
    """(1/2n)|r|^2 + alpha (ratio |w|_1 + (1 - ratio)/2 |w|^2): b = sigma^2 / (n alpha ratio)."""
    inputs, targets, noise = DATA[name]
    n = len(inputs)
    alpha = noise**2 / (n * smallest_b_off_zero(inputs, targets, noise)) / 5
    settings = {"alpha": alpha, "fit_intercept": with_bias, "tol": 1e-14, "max_iter": 10**6}
    scale = noise**2 / (n * alpha * l1_ratio)
    prior: Prior = Laplace(scale)
    if l1_ratio == 1:
        theirs = Lasso(**settings)
    else:
        theirs = SklearnElasticNet(l1_ratio=l1_ratio, **settings)
        prior = ElasticNet(scale, noise / (n * alpha * (1 - l1_ratio)) ** 0.5)
    theirs.fit(inputs.numpy(), targets.numpy())
    fit = exact.lasso(linear(inputs, targets, prior, Flat() if with_bias else None, noise))
    ours = fit.params["weight"][0].numpy()
    np.testing.assert_allclose(ours, theirs.coef_, atol=1e-6 * np.abs(theirs.coef_).max())
    np.testing.assert_array_equal(ours != 0, theirs.coef_ != 0)
    if with_bias:
        assert float(fit.params["bias"]) == pytest.approx(theirs.intercept_, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("name", DATA)
def test_all_weights_are_zero_at_lambda_max_and_one_is_not_just_below(name: str) -> None:
    inputs, targets, noise = DATA[name]
    scale = smallest_b_off_zero(inputs, targets, noise)
    at = exact.lasso(linear(inputs, targets, Laplace(scale), Flat(), noise))
    assert (at.params["weight"] == 0).all()
    assert float(at.params["bias"]) == pytest.approx(float(targets.mean()), abs=1e-12)
    below = exact.lasso(linear(inputs, targets, Laplace(scale * (1 + 1e-6)), Flat(), noise))
    assert int((below.params["weight"] != 0).sum()) == 1


@pytest.mark.parametrize("l2_scale", [None, 0.8])
def test_orthogonal_columns_give_soft_thresholds(l2_scale: float | None) -> None:
    """w_j = soft(x_j'y, sigma^2/b) / (|x_j|^2 + sigma^2/tau^2)."""
    inputs, targets = draw(30, 8)
    inputs = torch.linalg.qr(inputs).Q * torch.arange(1, 9)
    prior = Laplace(0.05) if l2_scale is None else ElasticNet(0.05, l2_scale)
    fit = exact.lasso(linear(inputs, targets, prior))
    shrunk = soft_threshold(inputs.T @ targets, NOISE**2 * prior.l1_rate)
    expected = shrunk / (torch.arange(1, 9) ** 2 + NOISE**2 * prior.l2_rate)
    assert 0 < int((expected == 0).sum()) < 8
    torch.testing.assert_close(fit.params["weight"][0], expected, rtol=1e-12, atol=1e-12)


def test_the_published_knots_of_the_diabetes_path() -> None:
    """Efron, Hastie, Johnstone & Tibshirani 2004: max|X'r| where a column enters or leaves."""
    inputs, targets = diabetes()
    problem = linear(inputs, targets, Laplace(1.0), noise=1.0)
    for sign, expected in [(1, [0, *NONZERO_BELOW[:-1]]), (-1, NONZERO_BELOW)]:
        path = exact.lasso_path(problem, [1 / (knot * (1 + sign * 1e-3)) for knot in KNOTS])
        assert [int((fit.params["weight"] != 0).sum()) for fit in path] == expected


@pytest.mark.parametrize("prior", [Laplace(0.2), ElasticNet(0.2, 0.5)])
@pytest.mark.parametrize("bias", [None, Flat(), Laplace(0.6)])
@pytest.mark.parametrize("n", [50, 15])
def test_a_path_is_its_separate_solves(prior: Prior, bias: Prior | None, n: int) -> None:
    inputs, targets = draw(n, 20)
    factors = [1.0, 5.0, 0.05]
    path = exact.lasso_path(linear(inputs, targets, prior, bias), [0.2 * f for f in factors])
    for factor, fit in zip(factors, path, strict=True):
        weight: Prior = Laplace(0.2 * factor)
        if isinstance(prior, ElasticNet):
            weight = ElasticNet(0.2 * factor, 0.5 * factor)
        other = Laplace(0.6 * factor) if isinstance(bias, Laplace) else bias
        alone = exact.lasso(linear(inputs, targets, weight, other))
        for name, value in alone.params.items():
            torch.testing.assert_close(fit.params[name], value, rtol=1e-9, atol=1e-9)
        assert_optimal(fit)


@pytest.mark.parametrize("n", [40, 8])
def test_a_penalised_bias_is_a_scaled_column_of_ones(n: int) -> None:
    inputs, targets = draw(n, 12)
    fit = exact.lasso(linear(inputs, targets, Laplace(0.2), Laplace(0.6)))
    widened = torch.cat([inputs, torch.full((n, 1), 3.0, dtype=torch.float64)], 1)
    expected = exact.lasso(linear(widened, targets, Laplace(0.2))).params["weight"][0]
    torch.testing.assert_close(fit.params["weight"][0], expected[:-1], rtol=1e-9, atol=1e-9)
    assert float(fit.params["bias"]) == pytest.approx(3 * float(expected[-1]), rel=1e-9)


@pytest.mark.parametrize("bias", [Gaussian(0.3), ElasticNet(0.1, 5.0)])
@pytest.mark.parametrize("n", [40, 8])
def test_the_bias_may_have_a_prior_of_another_family(bias: Prior, n: int) -> None:
    inputs, targets = draw(n, 12)
    assert_optimal(exact.lasso(linear(inputs, targets, Laplace(0.2), bias)))


@pytest.mark.parametrize("scale", [0.05, 1.0, 100.0])
@pytest.mark.parametrize("n", [40, 10])
def test_dependent_columns_still_get_a_solution(scale: float, n: int) -> None:
    """A copy, a mirror image, a sum of two others, and a constant."""
    inputs, targets = draw(n, 8)
    both = inputs[:, :1] + inputs[:, 1:2]
    constant = torch.full_like(both, 7.0)
    inputs = torch.cat([inputs, inputs[:, :1], -inputs[:, 1:2], both, constant], 1)
    fit = exact.lasso(linear(inputs, targets, Laplace(scale), Flat()))
    assert_optimal(fit)
    assert float(fit.params["weight"][0, -1]) == 0


def test_outputs_are_fitted_each_on_its_own() -> None:
    inputs, first = draw(40, 10)
    second = first.flip(0)
    both = exact.lasso(linear(inputs, torch.stack([first, second], 1), Laplace(0.1), Flat()))
    for row, targets in enumerate([first, second]):
        alone = exact.lasso(linear(inputs, targets, Laplace(0.1), Flat()))
        for name, value in alone.params.items():
            torch.testing.assert_close(both.params[name][row], value[0], rtol=1e-12, atol=1e-12)
    assert_optimal(both)


def test_constant_targets_leave_only_the_bias() -> None:
    inputs, targets = draw(30, 5)
    fit = exact.lasso(linear(inputs, torch.full_like(targets, 3.3), Laplace(0.1), Flat()))
    assert (fit.params["weight"] == 0).all()
    assert float(fit.params["bias"]) == pytest.approx(3.3, rel=1e-14)


def test_float32_keeps_its_dtype_and_its_zeros() -> None:
    inputs, targets = draw(40, 10)
    fit = exact.lasso(linear(inputs.float(), targets, Laplace(0.01), Flat()))
    expected = exact.lasso(linear(inputs, targets, Laplace(0.01), Flat())).params["weight"]
    assert fit.params["weight"].dtype == torch.float32
    torch.testing.assert_close(fit.params["weight"].double(), expected, rtol=1e-5, atol=1e-5)
    assert torch.equal(fit.params["weight"] == 0, expected == 0)
    assert fit.converged


def test_what_is_no_lasso_is_refused() -> None:
    inputs, targets = draw(30, 4)
    text = r"needs a Laplace or ElasticNet prior, found Gaussian\(0\.5\) on 'weight': use exact"
    with pytest.raises(InputError, match=rf"exact\.lasso {text}\.ridge"):
        exact.lasso(linear(inputs, targets, Gaussian(0.5), Flat()))
    with pytest.raises(InputError, match=rf"exact\.lasso_path {text}\.ridge_path"):
        exact.lasso_path(linear(inputs, targets, Gaussian(0.5), Flat()), [1.0])
    softmax = Problem(nn.Linear(4, 2), Categorical(), {"*": Laplace(1.0)}, inputs, targets > 0)
    with pytest.raises(InputError, match=r"exact\.lasso is for GaussianNoise.*use exact\.glm"):
        exact.lasso(softmax)
