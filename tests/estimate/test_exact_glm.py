"""The mode of logistic, softmax and Poisson regression against other libraries and other roads."""

import numpy as np
import pytest
import statsmodels.api as sm  # type: ignore[import-untyped]
import torch
from scipy.optimize import minimize
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression, PoissonRegressor
from torch import Tensor, nn

from bayeswd.estimate import exact, exact_glm
from bayeswd.problem.likelihoods import Bernoulli, Categorical, GaussianNoise, Likelihood, Poisson
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import ElasticNet, Flat, Gaussian, Laplace, Prior
from bayeswd.results import Estimate

LIKELIHOODS = {"bernoulli": Bernoulli(), "categorical": Categorical(), "poisson": Poisson()}
WEIGHTS = [Gaussian(0.8), Laplace(0.2), ElasticNet(0.3, 0.9)]
BIASES = [None, Flat(), Gaussian(0.4), Laplace(0.3), ElasticNet(0.5, 0.5)]


def standardised(inputs: np.ndarray) -> Tensor:
    inputs = inputs[:, inputs.std(0) > 0]
    return torch.from_numpy((inputs - inputs.mean(0)) / inputs.std(0))


def draw(kind: str, n: int, d: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(n, d, generator=generator, dtype=torch.float64) + 0.3
    outputs = (
        inputs[:, :3] @ torch.tensor([[1.0, -0.5, 0.0], [0.0, 0.8, 0.2], [0.3, 0.0, 0.0]]).double()
    )
    outputs = outputs + 0.5 * torch.randn(n, 3, generator=generator, dtype=torch.float64)
    if kind == "categorical":
        return inputs, outputs.argmax(1)
    if kind == "bernoulli":
        return inputs, (outputs[:, 0] > 0.4).double()
    return inputs, torch.poisson(outputs[:, 0].exp(), generator=generator)


def linear(
    likelihood: Likelihood, inputs: Tensor, targets: Tensor, weight: Prior, bias: Prior | None
) -> Problem:
    priors = {"weight": weight} if bias is None else {"weight": weight, "bias": bias}
    outputs = 1 if targets.ndim == 1 else targets.shape[1]
    if isinstance(likelihood, Categorical):
        outputs = int(targets.max()) + 1
    model = nn.Linear(inputs.shape[1], outputs, bias=bias is not None)
    return Problem(model, likelihood, priors, inputs, targets)


def assert_optimal(fit: Estimate) -> None:
    assert fit.certificate.gap is not None
    assert fit.certificate.gap <= 1e-8
    assert fit.certificate.kkt <= 1e-12
    assert fit.converged


@pytest.mark.parametrize("kind", LIKELIHOODS)
@pytest.mark.parametrize("weight", WEIGHTS, ids=lambda prior: prior.family)
@pytest.mark.parametrize("bias", BIASES, ids=lambda prior: prior.family if prior else "absent")
@pytest.mark.parametrize(("n", "d"), [(60, 8), (25, 40)])
def test_every_likelihood_under_every_prior(kind, weight, bias, n, d) -> None:
    fit = exact.glm(linear(LIKELIHOODS[kind], *draw(kind, n, d), weight, bias))
    assert_optimal(fit)
    assert bool((fit.params["weight"] == 0).any()) == (weight.l1_rate > 0)
    values = [value for _, value in fit.history]
    assert fit.steps == len(values) - 1
    assert values[-1] == pytest.approx(fit.objective, rel=1e-12)
    assert max(np.diff(values), default=0) <= 1e-9


@pytest.mark.parametrize("tau", [0.1, 1.0, 10.0])
def test_logistic_regression_is_that_of_scikit_learn(tau: float) -> None:
    """C = tau^2."""
    data = load_breast_cancer()
    inputs, targets = standardised(data.data), torch.from_numpy(data.target)
    fit = exact.glm(linear(Bernoulli(), inputs, targets, Gaussian(tau), Flat()))
    theirs = LogisticRegression(C=tau**2, solver="newton-cholesky", tol=1e-12, max_iter=200)
    theirs.fit(inputs.numpy(), data.target)
    np.testing.assert_allclose(fit.params["weight"].numpy(), theirs.coef_, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(fit.params["bias"].numpy(), theirs.intercept_, rtol=1e-7)
    assert_optimal(fit)


def test_softmax_regression_is_that_of_scikit_learn() -> None:
    data = load_digits()
    inputs, targets = standardised(data.data[:400]), torch.from_numpy(data.target[:400])
    fit = exact.glm(linear(Categorical(), inputs, targets, Gaussian(0.5), Flat()))
    theirs = LogisticRegression(C=0.25, solver="lbfgs", tol=1e-10, max_iter=5000)
    theirs.fit(inputs.numpy(), data.target[:400])
    np.testing.assert_allclose(fit.params["weight"].numpy(), theirs.coef_, atol=1e-5)
    np.testing.assert_allclose(fit.params["bias"].numpy(), theirs.intercept_, atol=1e-5)
    assert abs(float(fit.params["bias"].sum())) <= 1e-12
    assert "shift common to all classes of 'bias' is not identified" in fit.note
    assert_optimal(fit)


@pytest.mark.parametrize("tau", [0.2, 5.0])
def test_poisson_regression_is_that_of_scikit_learn(tau: float) -> None:
    """alpha = 1 / (n tau^2)."""
    inputs, targets = draw("poisson", 80, 6)
    fit = exact.glm(linear(Poisson(), inputs, targets, Gaussian(tau), Flat()))
    theirs = PoissonRegressor(alpha=1 / (80 * tau**2), solver="newton-cholesky", tol=1e-12)
    theirs.fit(inputs.numpy(), targets.numpy())
    np.testing.assert_allclose(fit.params["weight"][0].numpy(), theirs.coef_, rtol=1e-7)
    assert float(fit.params["bias"]) == pytest.approx(theirs.intercept_, rel=1e-7)


@pytest.mark.parametrize(
    ("kind", "family"), [("bernoulli", sm.families.Binomial()), ("poisson", sm.families.Poisson())]
)
def test_flat_priors_give_the_maximum_likelihood_fit_of_statsmodels(kind, family) -> None:
    inputs, targets = draw(kind, 120, 4)
    fit = exact.glm(linear(LIKELIHOODS[kind], inputs, targets, Flat(), Flat()))
    theirs = sm.GLM(targets.numpy(), sm.add_constant(inputs.numpy()), family=family)
    expected = theirs.fit(tol=1e-14).params
    np.testing.assert_allclose(fit.params["weight"][0].numpy(), expected[1:], rtol=1e-8)
    assert float(fit.params["bias"]) == pytest.approx(expected[0], rel=1e-8)
    assert_optimal(fit)


@pytest.mark.parametrize("kind", LIKELIHOODS)
def test_an_l1_mode_is_where_a_bounded_smooth_search_ends(kind: str) -> None:
    """w = p - m with p, m >= 0 turns |w| into p + m: L-BFGS-B needs no kink."""
    problem = linear(LIKELIHOODS[kind], *draw(kind, 60, 5), Laplace(0.1), Laplace(0.4))
    fit = exact.glm(problem)
    shapes = {name: value.shape for name, value in problem.initial.items()}
    sizes = [shape.numel() for shape in shapes.values()]

    def objective(halves: np.ndarray) -> tuple[float, np.ndarray]:
        flat = torch.from_numpy(halves[: sum(sizes)] - halves[sum(sizes) :])
        parts = zip(shapes, flat.split(sizes), strict=True)
        params = {name: part.view(shapes[name]) for name, part in parts}
        rates = np.repeat([problem.priors[name].l1_rate for name in shapes], sizes)
        slope = torch.cat([g.flatten() for g in problem.misfit_gradient(params).values()]).numpy()
        value = float(problem.misfit(params)) + np.concatenate([rates, rates]) @ halves
        return value, np.concatenate([rates + slope, rates - slope])

    start = np.zeros(2 * sum(sizes))
    options = {"ftol": 1e-16, "gtol": 1e-9, "maxiter": 5000, "maxfun": 50000}
    end = minimize(objective, start, jac=True, bounds=[(0, None)] * len(start), options=options)
    found = end.x[: sum(sizes)] - end.x[sum(sizes) :]
    ours = torch.cat([fit.params[name].flatten() for name in shapes]).numpy()
    np.testing.assert_allclose(found, ours, atol=2e-5)
    assert np.abs(found[ours == 0]).max() <= 1e-6


@pytest.mark.parametrize("kind", LIKELIHOODS)
def test_all_weights_are_zero_at_the_largest_force_and_one_is_not_just_below(kind: str) -> None:
    inputs, targets = draw(kind, 60, 8)
    null = exact.glm(linear(LIKELIHOODS[kind], inputs, targets, Laplace(1e-6), Flat()))
    assert (null.params["weight"] == 0).all()
    problem = linear(LIKELIHOODS[kind], inputs, targets, Laplace(1.0), Flat())
    force = float(problem.misfit_gradient(null.params)["weight"].abs().max())
    at = exact.glm(linear(LIKELIHOODS[kind], inputs, targets, Laplace(1 / force), Flat()))
    assert (at.params["weight"] == 0).all()
    wider = Laplace(1.001 / force)
    below = exact.glm(linear(LIKELIHOODS[kind], inputs, targets, wider, Flat()))
    assert int((below.params["weight"] != 0).sum()) == 1


@pytest.mark.parametrize("kind", LIKELIHOODS)
@pytest.mark.parametrize("weight", [Gaussian(0.8), Flat()])
def test_conjugate_gradients_end_where_the_dense_steps_do(kind, weight, monkeypatch) -> None:
    problem = linear(LIKELIHOODS[kind], *draw(kind, 150, 8), weight, Flat())
    dense = exact.glm(problem)
    monkeypatch.setattr(exact_glm, "DENSE", 0)
    matrix_free = exact.glm(problem)
    assert_optimal(matrix_free)
    for name, value in dense.params.items():
        torch.testing.assert_close(matrix_free.params[name], value, rtol=1e-10, atol=1e-12)


def test_outputs_are_fitted_each_on_its_own() -> None:
    inputs, first = draw("bernoulli", 60, 5)
    both = torch.stack([first, first.flip(0)], 1)
    fit = exact.glm(linear(Bernoulli(), inputs, both, Laplace(0.3), Flat()))
    alone = exact.glm(linear(Bernoulli(), inputs, both[:, 1], Laplace(0.3), Flat()))
    torch.testing.assert_close(fit.params["weight"][1:], alone.params["weight"])
    assert_optimal(fit)


@pytest.mark.parametrize("kind", LIKELIHOODS)
@pytest.mark.parametrize("weight", WEIGHTS, ids=lambda prior: prior.family)
def test_float32_keeps_its_dtype_and_its_zeros(kind: str, weight: Prior) -> None:
    inputs, targets = draw(kind, 60, 8)
    fit = exact.glm(linear(LIKELIHOODS[kind], inputs.float(), targets, weight, Flat()))
    expected = exact.glm(linear(LIKELIHOODS[kind], inputs, targets, weight, Flat()))
    assert fit.params["weight"].dtype == torch.float32
    assert fit.converged
    for name, value in expected.params.items():
        torch.testing.assert_close(fit.params[name].double(), value, rtol=1e-4, atol=1e-5)
        assert torch.equal(fit.params[name] == 0, value == 0)


def test_solve_picks_the_method() -> None:
    inputs, targets = draw("bernoulli", 60, 5)
    for likelihood, weight, bias, method in [
        (GaussianNoise(1.0), Gaussian(1.0), Flat(), exact.ridge),
        (GaussianNoise(1.0), Laplace(0.1), Flat(), exact.lasso),
        (GaussianNoise(1.0), Gaussian(1.0), Laplace(0.1), exact.lasso),
        (Bernoulli(), Laplace(1.0), Flat(), exact.glm),
    ]:
        problem = linear(likelihood, inputs, targets, weight, bias)
        assert exact.solve(problem).objective == method(problem).objective
