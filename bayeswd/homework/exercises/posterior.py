"""The whole posterior of linear regression under a Gaussian prior: mean and covariance."""

from __future__ import annotations

import torch
from torch import Tensor

from bayeswd.homework.calls import number, tensor
from bayeswd.homework.exercise import Accepted, Exercise, Mistake, Special
from bayeswd.homework.exercises.linear_problems import draw_scales, without_bias
from bayeswd.posterior import conjugate
from bayeswd.problem.priors import Gaussian

MeanAndCovariance = tuple[Tensor, Tensor]


def _posterior(X: Tensor, y: Tensor, noise: float, scale: float) -> MeanAndCovariance:
    found = conjugate.posterior(without_bias(X, y, noise, Gaussian(scale)))
    assert found.covariance is not None
    return found.mean["weight"][0], found.covariance


def _from_precisions(X: Tensor, y: Tensor, data: float, prior: float) -> MeanAndCovariance:
    """With any two numbers in the places of 1/sigma^2 and 1/tau^2."""
    if prior == 0 and X.shape[0] < X.shape[1]:
        raise ZeroDivisionError  # least squares has no covariance then
    precision = data * X.T @ X + prior * torch.eye(X.shape[1], dtype=X.dtype)
    return data * torch.linalg.solve(precision, X.T @ y), torch.linalg.inv(precision)


def _other_covariance(X: Tensor, y: Tensor, s: float, t: float, factor: float) -> MeanAndCovariance:
    mean, covariance = _posterior(X, y, s, t)
    return mean, factor * covariance


EXERCISE = Exercise(
    id="posterior",
    title="Mean and covariance of the posterior",
    prompt="y = X w + noise, without a bias; the noise of each target is N(0, noise_scale^2), "
    "each weight is N(0, prior_scale^2) beforehand. Return (mean, covariance) of the posterior "
    "of w.",
    convention="noise_scale and prior_scale are standard deviations; the covariance is a matrix.",
    interface="posterior(X, y, noise_scale, prior_scale)",
    points=2,
    accepted=(Accepted(_posterior),),
    mistakes=(
        Mistake(
            "POSTERIOR.VARIANCE_FOR_PRECISION",
            lambda X, y, s, t: _from_precisions(X, y, s**-2, t**2),
            "Your prior enters with its variance where its precision belongs: a narrow prior "
            "should give a narrow posterior.",
        ),
        Mistake(
            "POSTERIOR.SCALE_NOT_SQUARED",
            lambda X, y, s, t: _from_precisions(X, y, s**-2, 1 / t),
            "Your prior enters with tau where its square belongs.",
        ),
        Mistake(
            "POSTERIOR.NOISE_NOT_SQUARED",
            lambda X, y, s, t: _from_precisions(X, y, 1 / s, t**-2),
            "Your noise enters with sigma where its square belongs.",
        ),
        Mistake(
            "POSTERIOR.NEITHER_SQUARED",
            lambda X, y, s, t: _from_precisions(X, y, 1 / s, 1 / t),
            "noise_scale and prior_scale are standard deviations: where are their squares?",
        ),
        Mistake(
            "POSTERIOR.NO_PRIOR",
            lambda X, y, s, t: _from_precisions(X, y, s**-2, 0.0),
            "Your answer is least squares and its covariance: the prior has no effect.",
        ),
        Mistake(
            "POSTERIOR.NO_SCALES",
            lambda X, y, s, t: _from_precisions(X, y, 1.0, 1.0),
            "Your answer does not depend on the two scales: it takes both of them as 1.",
        ),
        Mistake(
            "POSTERIOR.NOISE_FORGOTTEN",
            lambda X, y, s, t: _from_precisions(X, y, 1.0, t**-2),
            "Your answer does not depend on the noise. How much does one noisy target say?",
            "misconception",
        ),
        Mistake(
            "POSTERIOR.SCALES_SWAPPED",
            lambda X, y, s, t: _from_precisions(X, y, t**-2, s**-2),
            "noise_scale and prior_scale seem to be swapped.",
        ),
        Mistake(
            "POSTERIOR.COVARIANCE_WITHOUT_NOISE",
            lambda X, y, s, t: _other_covariance(X, y, s, t, s**-2),
            "Your mean is right. Your covariance does not grow as it should with the noise: it is "
            "the inverse of the wrong matrix.",
        ),
        Mistake(
            "POSTERIOR.COVARIANCE_NOISE_TWICE",
            lambda X, y, s, t: _other_covariance(X, y, s, t, s**2),
            "Your mean is right. In your covariance the noise variance stands twice.",
        ),
        Mistake(
            "POSTERIOR.PRECISION",
            lambda X, y, s, t: (
                _posterior(X, y, s, t)[0],
                torch.linalg.inv(_posterior(X, y, s, t)[1]),
            ),
            "Your mean is right. Your second matrix is the precision: more data make it larger. "
            "The covariance is its inverse.",
        ),
        Mistake(
            "POSTERIOR.COVARIANCE_OF_LEAST_SQUARES",
            lambda X, y, s, t: (
                _posterior(X, y, s, t)[0],
                _from_precisions(X, y, s**-2, 0.0)[1],
            ),
            "Your mean is right. Your covariance is that of least squares: the prior narrows it.",
        ),
        Mistake(
            "POSTERIOR.PRIOR_COVARIANCE",
            lambda X, y, s, t: (
                _posterior(X, y, s, t)[0],
                t**2 * torch.eye(X.shape[1], dtype=X.dtype),
            ),
            "Your mean is right. Your covariance is that of the prior: the data narrow it.",
            "misconception",
        ),
        Mistake(
            "POSTERIOR.STANDARD_DEVIATIONS",
            lambda X, y, s, t: (
                _posterior(X, y, s, t)[0],
                _posterior(X, y, s, t)[1].diagonal().sqrt(),
            ),
            "Your mean is right. Your second value are the standard deviations of the weights: "
            "return the whole matrix.",
        ),
        Mistake(
            "POSTERIOR.VARIANCES",
            lambda X, y, s, t: (
                _posterior(X, y, s, t)[0],
                _posterior(X, y, s, t)[1].diagonal(),
            ),
            "Your mean is right. Your second value are the variances of the weights, the diagonal "
            "of the matrix that is asked for.",
        ),
        Mistake(
            "POSTERIOR.N_IN_PRIOR",
            lambda X, y, s, t: _from_precisions(X, y, s**-2, len(y) * t**-2),
            "Your prior is counted once for every example. How often is it multiplied in?",
            "misconception",
        ),
        Mistake(
            "POSTERIOR.MEAN_LOSS",
            lambda X, y, s, t: _from_precisions(X, y, s**-2 / len(y), t**-2),
            "Your data are averaged and not summed: n examples should say more than one.",
            "misconception",
        ),
    ),
    draw=draw_scales,
    specials=(
        Special(
            "an example",
            (
                tensor([[1.0, 2.0], [0.0, 1.0], [3.0, -1.0]]),
                tensor([1.0, 0.5, 2.0]),
                number(0.5),
                number(2.0),
            ),
        ),
        Special(
            "more weights than examples",
            (
                tensor([[1.0, 0.5, -1.0], [0.0, 2.0, 1.0]]),
                tensor([1.0, -0.5]),
                number(0.5),
                number(1.5),
            ),
        ),
    ),
    parts=("the mean", "the covariance"),
    hint="Precisions add: that of the prior, and that of the data.",
)
