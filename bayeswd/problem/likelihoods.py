"""Likelihoods: -log p(targets | outputs), in nats.

`outputs` are what the model returns, [..., n, K], on the scale of the linear predictor;
`targets` are [n, K] numbers or, for Categorical, [n] class indices. `pointwise` is one number
per example, normalising constants included; `misfit` is their sum.

The reported `loss` is what a training loop would print: half the mean squared error, or the mean
negative log likelihood. misfit = n / loss_scale * loss + constant.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor
from torch.nn import functional

from bayeswd.errors import InputError
from bayeswd.problem.checks import is_positive_number


class Likelihood:
    """One density of targets given outputs; K outputs are independent unless said otherwise."""

    family: ClassVar[str]

    @property
    def loss_scale(self) -> float:
        """What turns the loss into nats: misfit = n / loss_scale * loss + constant."""
        return 1.0

    def pointwise(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """-log p of each example, [..., n]."""
        raise NotImplementedError

    def draw(self, outputs: Tensor, generator: Generator) -> Tensor:
        """Replicated targets for the given outputs."""
        raise NotImplementedError

    def misfit(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """-log p(targets | outputs), summed over examples, nats."""
        return self.pointwise(outputs, targets).sum(-1)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The mean negative log likelihood (half the mean squared error for GaussianNoise)."""
        return self.pointwise(outputs, targets).mean(-1)

    def as_targets(self, targets: Tensor) -> Tensor:
        """Targets in the shape and kind this likelihood works with, [n, K]; checked."""
        return targets if targets.ndim > 1 else targets[:, None]


@dataclass(frozen=True)
class GaussianNoise(Likelihood):
    """targets ~ N(outputs, scale^2): squared error; `scale` is sigma, in units of the targets."""

    scale: float
    family: ClassVar[str] = "gaussian"

    def __post_init__(self) -> None:
        if not is_positive_number(self.scale):
            raise InputError(
                f"{self!r}: sigma must be a finite number > 0, a plain int or float; "
                "a Gaussian loss fixes only sigma^2/tau^2, so sigma must be named or estimated."
            )

    @property
    def loss_scale(self) -> float:
        """sigma^2: misfit = n / sigma^2 * (half mean squared error) + constant."""
        return self.scale**2

    def misfit_of_squares(self, squares: Tensor, count: int) -> Tensor:
        """The misfit of `count` targets whose squared residuals add up to the sum of `squares`."""
        constant = count * math.log(self.scale * math.sqrt(2 * math.pi))
        return 0.5 * squares.sum() / self.scale**2 + constant

    def pointwise(self, outputs: Tensor, targets: Tensor) -> Tensor:
        log_normaliser = math.log(self.scale * math.sqrt(2 * math.pi))
        return (0.5 * ((outputs - targets) / self.scale) ** 2 + log_normaliser).sum(-1)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return 0.5 * ((outputs - targets) ** 2).sum(-1).mean(-1)

    def draw(self, outputs: Tensor, generator: Generator) -> Tensor:
        noise = torch.randn(
            outputs.shape, generator=generator, dtype=torch.float64, device=generator.device
        )
        return outputs + self.scale * noise.to(outputs)


@dataclass(frozen=True)
class Bernoulli(Likelihood):
    """targets in {0, 1} with log odds `outputs`: logistic regression."""

    family: ClassVar[str] = "bernoulli"

    def pointwise(self, outputs: Tensor, targets: Tensor) -> Tensor:
        # log(1 + exp(-margin)); softplus(outputs) would round it, and its slope, beyond 20
        return -functional.logsigmoid((2 * targets - 1) * outputs).sum(-1)

    def draw(self, outputs: Tensor, generator: Generator) -> Tensor:
        return torch.bernoulli(outputs.sigmoid(), generator=generator)

    def as_targets(self, targets: Tensor) -> Tensor:
        _require_all((targets == 0) | (targets == 1), self, targets, "0 or 1")
        return super().as_targets(targets)


@dataclass(frozen=True)
class Categorical(Likelihood):
    """targets in 0..K-1 with unnormalised log probabilities `outputs`: softmax regression."""

    family: ClassVar[str] = "categorical"

    def pointwise(self, outputs: Tensor, targets: Tensor) -> Tensor:
        index = targets.expand(outputs.shape[:-1]).unsqueeze(-1)
        return outputs.logsumexp(-1) - outputs.gather(-1, index).squeeze(-1)

    def draw(self, outputs: Tensor, generator: Generator) -> Tensor:
        flat = outputs.softmax(-1).reshape(-1, outputs.shape[-1])
        return torch.multinomial(flat, 1, generator=generator).reshape(outputs.shape[:-1])

    def as_targets(self, targets: Tensor) -> Tensor:
        if targets.ndim != 1 or (targets < 0).any() or (targets != targets.long()).any():
            raise InputError(
                "Categorical(): the targets must be class indices 0, 1, ..., one for each row; "
                f"found shape {tuple(targets.shape)} with values from {float(targets.min()):g} "
                f"to {float(targets.max()):g}."
            )
        return targets.long()


@dataclass(frozen=True)
class Poisson(Likelihood):
    """targets 0, 1, 2, ... with log mean `outputs`."""

    family: ClassVar[str] = "poisson"

    def pointwise(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs.exp() - targets * outputs + torch.lgamma(targets + 1)).sum(-1)

    def draw(self, outputs: Tensor, generator: Generator) -> Tensor:
        return torch.poisson(outputs.exp(), generator=generator)

    def as_targets(self, targets: Tensor) -> Tensor:
        counts = (targets >= 0) & (targets == targets.round())
        _require_all(counts, self, targets, "counts 0, 1, 2, ...")
        return super().as_targets(targets)


def _require_all(allowed: Tensor, likelihood: Likelihood, targets: Tensor, kind: str) -> None:
    if not allowed.all():
        first = (~allowed).nonzero()[0]
        raise InputError(
            f"{likelihood}: the targets must be {kind}; found {float(targets[tuple(first)]):g} "
            f"at row {int(first[0])} (counted from 0)."
        )
