"""The most probable weights under a Laplace prior: the lasso, tested by its KKT conditions."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from bayeswd.estimate.certificate import certify
from bayeswd.homework.calls import number, tensor
from bayeswd.homework.exercise import Accepted, Exercise, Mistake, Special
from bayeswd.homework.exercises.linear_problems import (
    WeightAndBias,
    draw_strength,
    least_squares,
    mode,
    mode_scaled,
    penalized,
)
from bayeswd.homework.exercises.regression_slips import shared_slips
from bayeswd.problem.priors import soft_threshold

_SETTLED = 1e-3  # KKT residual, relative to the forces: what a few hundred steps reach


_lasso = partial(mode, penalty="l1")


def _thresholded(X: Tensor, y: Tensor, strength: float) -> WeightAndBias:
    w, _ = least_squares(X, y, strength)
    w = soft_threshold(w, strength)
    return w, float(y.mean() - X.mean(0) @ w)


def _median_regression(X: Tensor, y: Tensor, strength: float) -> WeightAndBias:
    """Least absolute errors, by a linear program: minimise the sum of s with |y - Xw - b| <= s."""
    from scipy.optimize import linprog

    n, d = X.shape
    signed = torch.cat([X, torch.ones(n, 1, dtype=X.dtype)], 1)
    bounds = torch.cat([torch.cat([signed, -signed]), -torch.eye(n).repeat(2, 1).double()], 1)
    cost = [0.0] * (d + 1) + [1.0] * n
    found = linprog(cost, bounds.numpy(), torch.cat([y, -y]).numpy(), bounds=(None, None))
    return torch.tensor(found.x[:d]), float(found.x[d])


def _broken(X: Tensor, y: Tensor, strength: float, w: Tensor, b: Tensor) -> str:
    """Which of the lasso's optimality conditions fails."""
    if w.numel() != X.shape[1] or b.numel() != 1:
        return "its shape is another"
    w, b = w.flatten(), b.flatten()
    problem = penalized(X, y, strength, "l1")
    params = {"weight": w[None], "bias": b}
    if certify(problem, params).kkt <= _SETTLED:
        return ""
    residual = y - X @ w - b
    if abs(float(residual.mean())) > _SETTLED * float(y.abs().mean()):
        return "at the minimum the residuals y - X w - b have mean 0, and yours have not"
    force = (X.T @ residual / len(y)).abs()
    if bool((force > strength * (1 + 10 * _SETTLED)).any()):
        return "the data still pull at a weight more strongly than lambda can hold it"
    return "a weight that is not 0 should be pulled by the data exactly as hard as by lambda"


EXERCISE = Exercise(
    id="lasso_map",
    title="The MAP under a Laplace prior",
    prompt="y = X w + b + noise. Return (w, b), the minimum of the loss with an L1 penalty, with "
    "exact zeros. Any method will do: what is tested are the conditions of a minimum.",
    convention="The objective is the mean of HALF the squared errors + strength * |w|_1; the bias "
    "b is NOT penalised.",
    interface="lasso_map(X, y, strength)",
    points=2,
    accepted=(Accepted(_lasso),),
    mistakes=(
        *shared_slips("LASSO", "l1"),
        Mistake(
            "LASSO.N_FORGOTTEN",
            mode_scaled(lambda n: 1 / n, "l1"),
            "Your penalty is n times too weak: right for a summed loss, but this one is a mean.",
            "misconception",
        ),
        Mistake(
            "LASSO.HALF",
            mode_scaled(lambda n: 0.5, "l1"),
            "Your penalty is half as strong: the minimum of a loss without its half (MSELoss).",
        ),
        Mistake(
            "LASSO.DOUBLE",
            mode_scaled(lambda n: 2.0, "l1"),
            "Your penalty is twice as strong.",
        ),
        Mistake(
            "LASSO.IS_RIDGE",
            mode,
            "Your answer is the minimum under an L2 penalty, a Gaussian prior: none of its "
            "weights is exactly 0.",
            "misconception",
        ),
        Mistake(
            "LASSO.LEAST_SQUARES_THRESHOLDED",
            _thresholded,
            "Your answer is least squares, thresholded afterwards: right only if the columns of X "
            "are uncorrelated and of variance 1.",
            "misconception",
        ),
        Mistake(
            "LASSO.LAPLACE_NOISE",
            _median_regression,
            "Your answer minimises absolute ERRORS: that is Laplace noise. The exercise has "
            "Gaussian noise, and a Laplace PRIOR on the weights.",
            "misconception",
        ),
    ),
    draw=draw_strength,
    specials=(
        Special(
            "an example",
            (
                tensor([[1.0, 0.5], [2.0, -1.0], [4.0, 1.5], [3.0, 0.0]]),
                tensor([2.0, 3.0, 3.5, 3.0]),
                number(0.2),
            ),
        ),
        Special(
            "a lambda so large that every weight is 0",
            (
                tensor([[1.0, 0.5], [2.0, -1.0], [4.0, 1.5]]),
                tensor([2.0, 3.0, 3.5]),
                number(10.0),
            ),
        ),
    ),
    parts=("the weights w", "the bias b"),
    tolerance=2e-3,
    check=_broken,
    hint="What must hold between X'(y - Xw - b)/n and lambda at a weight that is 0, and at one "
    "that is not?",
)
