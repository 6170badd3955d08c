"""What the exercises on vector penalties share: inputs, and a penalty without its constant."""

from __future__ import annotations

from random import Random

import torch
from torch import Tensor

from bayeswd.homework.calls import tensor
from bayeswd.homework.exercise import Arguments, Special
from bayeswd.homework.exercises import drawing
from bayeswd.problem.priors import Prior


def beyond_zero(prior: Prior, weights: Tensor) -> Tensor:
    """-log prior of the weights, less that of w = 0: the penalty without its constant."""
    return prior.penalty(weights) - prior.penalty(torch.zeros_like(weights))


def draw(random: Random) -> Arguments:
    return (tensor(drawing.weights(random)),)


SPECIALS = (
    Special("an example", (tensor([3.0, -4.0, 1.0]),)),
    Special("weights that are all zero", (tensor([0.0, 0.0, 0.0]),)),
    Special("a single weight", (tensor([-1.5]),)),
    Special("many weights", (tensor([(-1) ** i * (1 + i % 7) / 8 for i in range(200)]),)),
)
