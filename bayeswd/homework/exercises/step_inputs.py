"""What the exercises on one step share: their arguments and inputs, and the steps of L1."""

from __future__ import annotations

from random import Random

import torch
from torch import Tensor

from bayeswd.homework.calls import number, tensor
from bayeswd.homework.exercise import Arguments, Formula, Special
from bayeswd.homework.exercises import drawing
from bayeswd.problem.priors import soft_threshold

ARGUMENTS = "w, grad, lr, strength"
GIVEN = "grad is the gradient of the data loss at w, lr the step size, strength lambda. "


def draw(random: Random) -> Arguments:
    """Weights within and beyond lr * strength, one of them 0, one that the data take across 0."""
    d = random.randint(6, 9)
    lr, strength = drawing.positive(random, 0.05, 0.4), drawing.positive(random, 0.3, 2.0)
    reach = lr * strength
    weights = drawing.numbers(random, d)
    grad = drawing.numbers(random, d, 0.3, 2.0)
    weights[0], weights[1] = 0.4 * reach, -0.6 * reach
    grad[0], grad[1] = (
        0.2 * strength,
        -0.3 * strength,
    )  # L1 takes them across 0, or holds them there
    weights[2], grad[2] = 0.0, 2.5 * strength  # at 0, with a force that L1 cannot hold
    weights[3], grad[3] = 0.5 * reach, -3.0 * strength  # small, and pushed away from 0
    weights[4], grad[4] = 0.3 * reach, 2.5 * strength  # across 0 by the data alone
    return tensor(weights), tensor(grad), number(lr), number(strength)


def _special(family: str, w: list[float], grad: list[float], lr: float, lam: float) -> Special:
    return Special(family, (tensor(w), tensor(grad), number(lr), number(lam)))


SPECIALS = (
    _special("an example", [1.0, -2.0, 0.2], [0.5, 0.5, 0.5], 0.1, 3.0),
    _special("lambda = 0", [1.0, -2.0, 0.2], [0.5, -1.0, 0.25], 0.1, 0.0),
    _special("a weight of zero", [0.0, 1.0, -2.0], [0.9, 0.5, -0.25], 0.2, 0.5),
    _special("a gradient of zero", [1.0, -2.0, 0.2], [0.0, 0.0, 0.0], 0.1, 0.5),
)


def subgradient(at_zero: float) -> Formula:
    """The L1 step that takes `at_zero`, in [-1, 1], as the slope of |w| at w = 0."""

    def step(w: Tensor, grad: Tensor, lr: float, strength: float) -> Tensor:
        slope = torch.where(w == 0, torch.full_like(w, at_zero), w.sign())
        return w - lr * (grad + strength * slope)

    return step


def proximal(w: Tensor, grad: Tensor, lr: float, strength: float) -> Tensor:
    return soft_threshold(w - lr * grad, lr * strength)
