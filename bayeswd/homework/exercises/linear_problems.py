"""The problems behind the exercises on linear regression, as the rest of the house states them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from torch import Tensor, nn

from bayeswd.estimate import exact
from bayeswd.homework.calls import number
from bayeswd.homework.exercise import Arguments
from bayeswd.homework.exercises import drawing
from bayeswd.problem import conventions, priors
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Prior
from bayeswd.results import Estimate

WeightAndBias = tuple[Tensor, float]


def penalized(inputs: Tensor, targets: Tensor, strength: float, penalty: str) -> Problem:
    """Mean of half squared errors + strength * penalty, at noise scale 1; the bias Flat."""
    weight = _prior(len(targets), strength, penalty)
    model = nn.Linear(inputs.shape[1], 1)
    return Problem(model, GaussianNoise(1.0), {"weight": weight, "bias": Flat()}, inputs, targets)


def without_bias(inputs: Tensor, targets: Tensor, noise_scale: float, prior: Prior) -> Problem:
    model = nn.Linear(inputs.shape[1], 1, bias=False)
    return Problem(model, GaussianNoise(noise_scale), {"weight": prior}, inputs, targets)


def mode(X: Tensor, y: Tensor, strength: float, penalty: str = "l2") -> WeightAndBias:
    """The MAP: weights [d], and the bias."""
    return _weight_and_bias(exact.solve(penalized(X, y, strength, penalty)))


def mode_scaled(
    factor: Callable[[int], float], penalty: str = "l2"
) -> Callable[[Tensor, Tensor, float], WeightAndBias]:
    """The MAP at a strength that is off by a factor, a function of n."""
    return lambda X, y, strength: mode(X, y, strength * factor(len(y)), penalty)


def mode_with_penalized_bias(
    X: Tensor, y: Tensor, strength: float, penalty: str = "l2"
) -> WeightAndBias:
    problem = penalized(X, y, strength, penalty)
    same = problem.priors["weight"]
    return _weight_and_bias(exact.solve(problem.with_priors(lambda name, prior: same)))


def mode_without_bias(X: Tensor, y: Tensor, strength: float, penalty: str = "l2") -> WeightAndBias:
    problem = without_bias(X, y, 1.0, _prior(len(y), strength, penalty))
    return exact.solve(problem).params["weight"][0], 0.0


def least_squares(X: Tensor, y: Tensor, strength: float) -> WeightAndBias:
    problem = penalized(X, y, strength, "l2").with_priors(lambda name, prior: Flat())
    return _weight_and_bias(exact.ridge(problem))


def _prior(n: int, strength: float, penalty: str) -> Prior:
    reading = conventions.reading("d2l", strength, n=n, noise_scale=1.0, penalty=penalty)
    return priors.from_reading(reading)


def _weight_and_bias(estimate: Estimate) -> WeightAndBias:
    return estimate.params["weight"][0], float(estimate.params["bias"])


def draw_scales(random: Random) -> Arguments:
    """Inputs, targets, noise scale, prior scale: data and prior weigh about equally."""
    inputs, targets = drawing.regression(random, random.randint(8, 14), 3)
    noise, prior = drawing.positive(random, 0.4, 2.5), drawing.positive(random, 0.15, 0.7)
    return inputs, targets, number(noise), number(prior)


def draw_strength(random: Random) -> Arguments:
    """Inputs, targets, and a strength that shrinks without winning."""
    inputs, targets = drawing.regression(random, random.randint(12, 20), 4)
    return inputs, targets, number(drawing.positive(random, 0.1, 0.6))
