"""Penalised training ends at the exact mode: closed forms, scikit-learn, and roads that meet."""

import math

import numpy as np
import pytest
import torch
from sklearn.linear_model import Lasso
from torch import nn

from bayeswd import (
    ElasticNet,
    Flat,
    Gaussian,
    GaussianNoise,
    Laplace,
    Poisson,
    Problem,
    descent,
    exact,
)


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def table(params):
    """Weights and bias side by side, [K, p]."""
    parts = [params["weight"]] + ([params["bias"][:, None]] if "bias" in params else [])
    return torch.cat(parts, 1)


def ridge(problem):
    """(Z'Z / sigma^2 + 1/tau^2) w = Z'y / sigma^2 with Z = [X, 1], solved densely; [K, p]."""
    columns, rates = [problem.inputs], [problem.priors["weight"].l2_rate] * problem.inputs.shape[1]
    if "bias" in problem.priors:
        columns.append(torch.ones(problem.n, 1, dtype=torch.float64))
        rates.append(problem.priors["bias"].l2_rate)
    matrix, noise = torch.cat(columns, 1), problem.likelihood.scale**2
    damped = matrix.T @ matrix / noise + torch.diag(torch.tensor(rates, dtype=torch.float64))
    return torch.linalg.solve(damped, matrix.T @ problem.targets / noise).T


def largest_difference(one, other):
    """Relative to the largest weight of the second."""
    return float((one - other).abs().max() / other[:, :-1].abs().max())


@pytest.mark.parametrize("name", ["d2l", "diabetes"])
@pytest.mark.parametrize("bias", [Flat(), Gaussian(30.0), Gaussian(1.0)])
def test_sgd_with_weight_decay_is_ridge(name, bias, problem_of):
    problem = problem_of(name, Gaussian, bias)
    fit = descent.train(problem)
    assert fit.converged
    assert largest_difference(table(fit.params), ridge(problem)) <= 1e-9
    assert fit.certificate.gap <= 1e-12
    assert fit.certificate.kkt <= 1e-12
    assert (fit.method, fit.note.split(",")[0]) == ("penalized-sgd", "SGD")
    assert fit.steps <= 400


def test_several_outputs_and_no_bias():
    inputs, targets = normal(30, 5), normal(30, 3, seed=1)
    model = nn.Linear(5, 3, bias=False)
    problem = Problem(model, GaussianNoise(0.5), {"weight": Gaussian(0.3)}, inputs, targets)
    fit = descent.train(problem)
    torch.testing.assert_close(fit.params["weight"], ridge(problem), rtol=0, atol=1e-11)


def lasso(problem):
    """scikit-learn's zero set and signs, and the linear system that these leave; weights, bias."""
    inputs, targets = problem.inputs.numpy(), problem.targets.numpy().ravel()
    alpha = problem.likelihood.scale**2 / (problem.n * problem.priors["weight"].scale)
    fit = Lasso(alpha, tol=1e-14, max_iter=1_000_000).fit(inputs, targets)
    kept, signs = fit.coef_ != 0, np.sign(fit.coef_)
    centred = (inputs - inputs.mean(0))[:, kept]
    pull = centred.T @ (targets - targets.mean()) / problem.n - alpha * signs[kept]
    weights = np.zeros_like(fit.coef_)
    weights[kept] = np.linalg.solve(centred.T @ centred / problem.n, pull)
    np.testing.assert_allclose(weights, fit.coef_, rtol=1e-4, atol=1e-9)
    return torch.tensor(np.append(weights, targets.mean() - inputs.mean(0) @ weights))[None]


@pytest.mark.parametrize("name", ["d2l", "diabetes"])
def test_proximal_training_is_the_lasso(name, problem_of):
    problem = problem_of(name, Laplace)
    fit, expected = descent.train(problem), lasso(problem)
    assert fit.converged
    assert 0 < int((expected == 0).sum()) < expected.numel() - 1
    assert torch.equal(table(fit.params) == 0, expected == 0)
    assert largest_difference(table(fit.params), expected) <= 1e-9
    assert fit.certificate.gap <= 1e-7
    assert "ProximalSGD" in fit.note
    assert fit.steps <= 800


@pytest.mark.parametrize("prior", [Gaussian, Laplace, lambda scale: ElasticNet(scale, 2 * scale)])
@pytest.mark.parametrize("name", ["breast-cancer", "digits"])
def test_logistic_and_softmax_regression(name, prior, problem_of):
    """A common shift of the ten flat biases changes nothing: they are centred first."""
    problem = problem_of(name, prior)
    fit, best = descent.train(problem), exact.glm(problem)
    assert fit.converged
    ours, expected = table(fit.params), table(best.params)
    if problem.likelihood.family == "categorical":
        for each in (ours, expected):
            each[:, -1] -= each[:, -1].mean()
    assert largest_difference(ours, expected) <= 1e-7
    assert torch.equal(ours == 0, expected == 0)
    assert fit.objective <= best.objective + 1e-9
    assert fit.steps <= 3000


@pytest.mark.parametrize("prior", [Gaussian(1.0), Laplace(0.1)])
@pytest.mark.parametrize("level", [0.0, 3.0])
def test_poisson_counts_small_and_large(prior, level):
    inputs = normal(200, 5)
    rates = (inputs @ torch.tensor([0.5, -0.3, 0, 0.2, 0]).double() + level).exp()
    targets = torch.poisson(rates, generator=torch.Generator().manual_seed(3))
    priors = {"weight": prior, "bias": Flat()}
    problem = Problem(nn.Linear(5, 1), Poisson(), priors, inputs, targets)
    fit = descent.train(problem)
    assert fit.converged
    assert largest_difference(table(fit.params), table(exact.glm(problem).params)) <= 1e-9


def test_each_step_is_that_of_the_loop_one_writes(problem_of):
    """The book's own: w <- w - lr (X'r/n + 3 w), lr 0.01, bias undecayed."""
    problem = problem_of("d2l", Gaussian)
    inputs, targets = problem.inputs, problem.targets[:, 0]
    weight, bias = problem.initial["weight"][0], problem.initial["bias"]
    for steps in range(1, 41):
        residual = inputs @ weight + bias - targets
        weight = weight - 0.01 * (inputs.T @ residual / 20 + 3 * weight)
        bias = bias - 0.01 * residual.mean()
        if steps in (1, 2, 7, 40):
            fit = descent.train(problem, lr=0.01, steps=steps)
            torch.testing.assert_close(fit.params["weight"][0], weight, rtol=1e-12, atol=1e-16)
            torch.testing.assert_close(fit.params["bias"], bias, rtol=1e-12, atol=1e-16)
            assert (fit.steps, fit.converged) == (steps, False)


def test_a_network_rests_at_a_stationary_point_and_claims_no_more(problem_of):
    linear = problem_of("d2l", Gaussian)
    model = nn.Sequential(nn.Linear(200, 4), nn.Tanh(), nn.Linear(4, 1)).double()
    with torch.no_grad():
        for seed, value in enumerate(model.parameters()):
            value.copy_(0.1 * normal(*value.shape, seed=seed))
    priors = {"0.weight": Gaussian(0.1), "2.weight": Laplace(0.3), "*.bias": Flat()}
    problem = Problem(model, GaussianNoise(0.1), priors, linear.inputs, linear.targets)
    fit = descent.train(problem)
    assert fit.converged
    assert fit.certificate.kkt <= 1e-12
    assert fit.certificate.gap is None
    assert fit.objective < fit.history[0][1] - 10


def test_float32_ends_within_its_own_rounding(problem_of):
    problem = problem_of("d2l", Gaussian)
    single = problem.to("cpu", torch.float32)
    fit = descent.train(single)
    assert fit.converged
    assert fit.params["weight"].dtype == torch.float32
    assert largest_difference(table(fit.params).double(), ridge(problem)) <= 1e-4


def test_null_space_is_forgotten_at_the_rate_of_the_decay(problem_of):
    """(1 - lr lambda)^40 = 0.97^40 = 0.296: after 40 steps 30 % is still there."""
    problem = problem_of("d2l", Gaussian)
    fit = descent.train(problem, lr=0.01, steps=40, batch_size=5)
    share = descent.null_space_share(problem, problem.initial, fit.params)
    assert share == pytest.approx(0.97**40, rel=1e-10)
    assert descent.steps_to_forget(share, 40) == 227
    assert 0.97**227 <= 1e-3 < 0.97**226
    later = descent.train(problem, lr=0.01, steps=227)
    assert descent.null_space_share(problem, problem.initial, later.params) < 1.0001e-3


def test_null_space_share_is_none_where_there_is_none(problem_of):
    problem = problem_of("d2l", Gaussian)
    zero = {name: torch.zeros_like(value) for name, value in problem.initial.items()}
    assert descent.null_space_share(problem, zero, problem.initial) is None
    assert descent.null_space_share(problem, problem.initial, zero) == 0
    tall = problem_of("diabetes", Gaussian)
    assert descent.null_space_share(tall, tall.initial, tall.initial) is None
    assert descent.steps_to_forget(0.0, 40) == 1
    assert descent.steps_to_forget(0.5, 10, target=0.25) == 20
    assert math.ceil(10 * math.log(1e-3) / math.log(0.5)) == descent.steps_to_forget(0.5, 10)


def test_without_decay_nothing_is_forgotten():
    with pytest.raises(ValueError, match="shrank to 1 of itself in 40 steps is never forgotten"):
        descent.steps_to_forget(1.0, 40)
