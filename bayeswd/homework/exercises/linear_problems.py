"""The problems behind the exercises on linear regression, as the rest of the house states them."""

from __future__ import annotations

from random import Random

from torch import Tensor, nn

from bayeswd.homework.calls import number
from bayeswd.homework.exercise import Arguments
from bayeswd.homework.exercises import drawing
from bayeswd.problem import conventions, priors
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Prior
from bayeswd.results import Estimate


def penalized(
    inputs: Tensor, targets: Tensor, strength: float, penalty: str, bias: Prior | None = None
) -> Problem:
    """Mean of half squared errors + strength * penalty, at noise scale 1; the bias Flat."""
    n = len(targets)
    reading = conventions.reading("d2l", strength, n=n, noise_scale=1.0, penalty=penalty)
    weight = priors.from_reading(reading)
    return Problem(
        nn.Linear(inputs.shape[1], 1),
        GaussianNoise(1.0),
        {"weight": weight, "bias": bias or Flat()},
        inputs,
        targets,
    )


def without_bias(inputs: Tensor, targets: Tensor, noise_scale: float, prior: Prior) -> Problem:
    model = nn.Linear(inputs.shape[1], 1, bias=False)
    return Problem(model, GaussianNoise(noise_scale), {"weight": prior}, inputs, targets)


def weight_and_bias(estimate: Estimate) -> tuple[Tensor, float]:
    """The weights as a vector [d], and the bias as a number."""
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
