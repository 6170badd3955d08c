"""Curvatures of the misfit against finite differences, and against each other."""

import numpy as np
import pytest
import torch
from torch import nn

from bayeswd.errors import InputError
from bayeswd.posterior import curvature_of
from bayeswd.problem.likelihoods import Bernoulli, Categorical, GaussianNoise, Poisson
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Gaussian

INPUTS = torch.tensor(np.random.default_rng(5).normal(size=(10, 3)))
TARGETS = {
    "gaussian": (GaussianNoise(0.3), torch.stack([INPUTS[:, 0].sin(), INPUTS[:, 1].cos()], 1)),
    "bernoulli": (Bernoulli(), torch.tensor([[0.0, 1], [1, 1]] * 5)),
    "poisson": (Poisson(), torch.tensor([[0.0, 1], [3, 2]] * 5)),
    "categorical": (Categorical(), torch.tensor([0, 1, 1, 0, 1] * 2)),
}


def stated(kind, model):
    """The problem and weights that no random number decides."""
    problem = Problem(model, TARGETS[kind][0], {"*": Gaussian(1.0)}, INPUTS, TARGETS[kind][1])
    weights = {
        name: 0.7 * torch.arange(1.0, value.numel() + 1).sin().to(value).view_as(value)
        for name, value in problem.initial.items()
    }
    return problem, weights


@pytest.mark.parametrize("kind", TARGETS)
def test_gauss_newton_is_the_hessian_of_a_linear_model(kind):
    problem, weights = stated(kind, nn.Linear(3, 2))
    full, ggn, diagonal = (
        structure(problem, weights)
        for structure in (curvature_of.full, curvature_of.ggn, curvature_of.diagonal)
    )
    torch.testing.assert_close(ggn, full, rtol=1e-10, atol=1e-11)
    torch.testing.assert_close(diagonal, full.diagonal(), rtol=1e-10, atol=1e-11)


def differences(function, weights, step=1e-5):
    """Central differences of a function of named weights: one row for each scalar weight."""
    rows = []
    for name, value in weights.items():
        for index in range(value.numel()):
            ends = []
            for sign in (1, -1):
                moved = value.flatten().clone()
                moved[index] += sign * step
                ends.append(function({**weights, name: moved.view_as(value)}))
            rows.append((ends[0] - ends[1]) / (2 * step))
    return torch.stack(rows)


def network():
    return nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 2))


@pytest.mark.parametrize("kind", TARGETS)
def test_the_hessian_of_a_network_is_that_of_finite_differences(kind):
    problem, weights = stated(kind, network())

    def gradient(params):
        return torch.cat([part.flatten() for part in problem.misfit_gradient(params).values()])

    full = curvature_of.full(problem, weights)
    torch.testing.assert_close(full, differences(gradient, weights), rtol=1e-6, atol=1e-5)
    assert (full - curvature_of.ggn(problem, weights)).abs().max() > 0.1


@pytest.mark.parametrize("room", [2**23, 60])
def test_gauss_newton_of_a_network_is_made_of_jacobians(room, monkeypatch):
    """For squared errors J'J / sigma^2; `room` for all rows at once, or for two."""
    monkeypatch.setattr(curvature_of, "_CHUNK", room)
    problem, weights = stated("gaussian", network())
    jacobian = differences(lambda params: problem.outputs(params).flatten(), weights)
    ggn = curvature_of.ggn(problem, weights)
    torch.testing.assert_close(ggn, jacobian @ jacobian.T / 0.3**2, rtol=1e-6, atol=1e-5)
    diagonal = curvature_of.diagonal(problem, weights)
    torch.testing.assert_close(diagonal, ggn.diagonal(), rtol=1e-12, atol=0)


def test_gauss_newton_is_never_indefinite_where_the_hessian_is():
    problem, weights = stated("categorical", network())
    assert torch.linalg.eigvalsh(curvature_of.full(problem, weights)).min() < -0.01
    assert torch.linalg.eigvalsh(curvature_of.ggn(problem, weights)).min() > -1e-12


@pytest.mark.parametrize("structure", [curvature_of.full, curvature_of.ggn])
def test_a_large_matrix_is_refused_before_any_work(structure, monkeypatch):
    monkeypatch.setattr(curvature_of, "MOST", 7)
    problem, weights = stated("gaussian", nn.Linear(3, 2))
    message = rf"{structure.__name__} is a matrix of 8 x 8 numbers; use structure=.*diagonal"
    with pytest.raises(InputError, match=message):
        structure(problem, weights)
    assert curvature_of.diagonal(problem, weights).shape == (8,)
