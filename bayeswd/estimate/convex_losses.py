"""Losses as convex functions of a linear model's outputs, each with its conjugate.

Outputs z, slopes u and targets y are [n, K] (classes one-hot). For each loss l

    slopes(z)     u = grad l(z)
    excess(z, u)  l(z) + l*(u) - z u >= 0, summed over examples, [K]: 0 just where u = grad l(z)
    curvature(z)  second derivative in each output alone, [n, K]

The excess is written in a form that does not cancel where u is near grad l(z): its error is of
the size of rounding times sqrt(excess). `coupled` says that one example's outputs belong
together. A loss without flat directions of its own (squares) needs no curvature here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, one_hot

from bayeswd.problem.likelihoods import Bernoulli, Categorical, GaussianNoise, Likelihood, Poisson

_TINY = 1e-290  # a mean that counts as 0; below it the ratio to a rate would overflow
KNOWN = (GaussianNoise, Bernoulli, Categorical, Poisson)


@dataclass(frozen=True, eq=False)
class Squares:
    """l(z) = (z - y)^2 / (2 sigma^2), l*(u) = sigma^2 u^2 / 2 + u y."""

    targets: Tensor
    variance: float
    coupled: ClassVar[bool] = False

    def slopes(self, outputs: Tensor) -> Tensor:
        return (outputs - self.targets) / self.variance

    def excess(self, outputs: Tensor, slopes: Tensor) -> Tensor:
        return ((outputs - self.targets - self.variance * slopes) ** 2).sum(0) / (2 * self.variance)


@dataclass(frozen=True, eq=False)
class Odds:
    """l(z) = log(1 + e^z) - y z; l* is the negative entropy of the probability y + u."""

    targets: Tensor
    coupled: ClassVar[bool] = False

    def slopes(self, outputs: Tensor) -> Tensor:
        return outputs.sigmoid() - self.targets

    def excess(self, outputs: Tensor, slopes: Tensor) -> Tensor:
        positive = divergence(self.targets + slopes, logsigmoid(outputs))
        return (positive + divergence(1 - self.targets - slopes, logsigmoid(-outputs))).sum(0)

    def curvature(self, outputs: Tensor) -> Tensor:
        return outputs.sigmoid() * (-outputs).sigmoid()


@dataclass(frozen=True, eq=False)
class Rates:
    """l(z) = e^z - y z; l*(u) = m log m - m at the mean m = y + u."""

    targets: Tensor
    coupled: ClassVar[bool] = False

    def slopes(self, outputs: Tensor) -> Tensor:
        return outputs.exp() - self.targets

    def excess(self, outputs: Tensor, slopes: Tensor) -> Tensor:
        return divergence(self.targets + slopes, outputs).sum(0)

    def curvature(self, outputs: Tensor) -> Tensor:
        return outputs.exp()


@dataclass(frozen=True, eq=False)
class Classes:
    """l(z) = logsumexp(z) - y z; l* is the negative entropy of the probabilities y + u."""

    targets: Tensor
    coupled: ClassVar[bool] = True

    def slopes(self, outputs: Tensor) -> Tensor:
        return outputs.softmax(1) - self.targets

    def excess(self, outputs: Tensor, slopes: Tensor) -> Tensor:
        return divergence(self.targets + slopes, outputs.log_softmax(1)).sum(0)

    def curvature(self, outputs: Tensor) -> Tensor:
        """p (1 - p), the second factor summed over the other classes where p is near 1."""
        mean = outputs.softmax(1)
        others = mean.masked_fill(mean > 0.5, 0).sum(1, keepdim=True)
        return mean * torch.where(mean > 0.5, others, 1 - mean)


Curved = Odds | Rates | Classes
Loss = Squares | Curved


def loss_of(likelihood: Likelihood, targets: Tensor, outputs: Tensor) -> Loss:
    """The loss of one of the `KNOWN` likelihoods, its targets in the shape of `outputs`."""
    if isinstance(likelihood, GaussianNoise):
        return Squares(targets, likelihood.scale**2)
    if isinstance(likelihood, Bernoulli):
        return Odds(targets)
    if isinstance(likelihood, Poisson):
        return Rates(targets)
    return Classes(one_hot(targets, outputs.shape[1]).to(outputs))


def divergence(mean: Tensor, log_rate: Tensor) -> Tensor:
    """m log(m/q) - m + q >= 0 for each entry, q = exp(log_rate): the excess of a mean m.

    With t = log(q/m) it is m (e^t - 1 - t), which does not cancel where m is near q.
    """
    ratio = log_rate - mean.log()
    terms = mean * (ratio.expm1() - ratio)
    return torch.where(mean <= _TINY, log_rate.exp(), terms.clamp(min=0))
