"""Priors on weights: each one is a penalty, normalised, in nats.

A prior answers questions about weights of any shape: the `log_density` of each, the summed
`penalty`, the proximal step, the distance from stationarity, a draw. It knows neither data nor
Pyro. Scales are Pyro's: the sd tau of a Gaussian, the b of a Laplace prior.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor

from bayeswd.errors import InputError
from bayeswd.problem.checks import is_positive_number
from bayeswd.problem.readings import Reading, elastic_net


def soft_threshold(weights: Tensor, threshold: float | Tensor) -> Tensor:
    """Shrink each weight by `threshold`, to exactly zero where it is no larger."""
    return weights.sign() * (weights.abs() - threshold).clamp(min=0)


class Prior:
    """A prior that factorises over weights, its pull made of at most two parts."""

    family: ClassVar[str]

    @property
    def l1_rate(self) -> float:
        """1/b, the pull of constant size, nats per unit of weight; 0 without an L1 part."""
        return 0.0

    @property
    def l2_rate(self) -> float:
        """1/tau^2, the pull proportional to the weight, nats per squared unit; 0 without one."""
        return 0.0

    @property
    def variance(self) -> float:
        """The variance of one weight, in squared units of the weight."""
        raise NotImplementedError

    def log_density(self, weights: Tensor) -> Tensor:
        """log p of each weight, nats, in the shape of `weights`."""
        raise NotImplementedError

    def draw(self, shape: tuple[int, ...], generator: Generator, like: Tensor) -> Tensor:
        """Independent draws with the dtype and device of `like`."""
        raise NotImplementedError

    def penalty(self, weights: Tensor) -> Tensor:
        """-log p(weights), summed, nats."""
        return -self.log_density(weights).sum()

    def prox(self, weights: Tensor, step: float) -> Tensor:
        """argmin_v |v - weights|^2 / (2 step) + penalty(v), elementwise.

        Soft-threshold by step/b, shrink by 1 + step/tau^2 (Parikh & Boyd 2014, section 6.5).
        """
        return soft_threshold(weights, step * self.l1_rate) / (1 + step * self.l2_rate)

    def stationarity(self, weights: Tensor, grad: Tensor) -> Tensor:
        """Distance of -grad to the subdifferential of the penalty, elementwise; 0 at a mode.

        `grad` is the gradient of the misfit, nats per unit of weight.
        """
        smooth = grad + self.l2_rate * weights
        at_zero = (smooth.abs() - self.l1_rate).clamp(min=0)  # to [-1/b, 1/b]
        return torch.where(weights == 0, at_zero, (smooth + self.l1_rate * weights.sign()).abs())


@dataclass(frozen=True)
class Gaussian(Prior):
    """w ~ N(0, scale^2): the L2 penalty w^2 / (2 scale^2)."""

    scale: float
    family: ClassVar[str] = "gaussian"

    def __post_init__(self) -> None:
        _require_scale(self, "scale", self.scale)

    @property
    def variance(self) -> float:
        return self.scale**2

    @property
    def l2_rate(self) -> float:
        return self.scale**-2

    def log_density(self, weights: Tensor) -> Tensor:
        return -0.5 * (weights / self.scale) ** 2 - math.log(self.scale * math.sqrt(2 * math.pi))

    def draw(self, shape: tuple[int, ...], generator: Generator, like: Tensor) -> Tensor:
        drawn = torch.randn(
            shape, generator=generator, dtype=torch.float64, device=generator.device
        )
        return (self.scale * drawn).to(like)


@dataclass(frozen=True)
class Laplace(Prior):
    """w ~ Laplace(0, scale): the L1 penalty |w| / scale; variance 2 scale^2."""

    scale: float
    family: ClassVar[str] = "laplace"

    def __post_init__(self) -> None:
        _require_scale(self, "scale", self.scale)

    @property
    def variance(self) -> float:
        return 2 * self.scale**2

    @property
    def l1_rate(self) -> float:
        return 1 / self.scale

    def log_density(self, weights: Tensor) -> Tensor:
        return -weights.abs() / self.scale - math.log(2 * self.scale)

    def draw(self, shape: tuple[int, ...], generator: Generator, like: Tensor) -> Tensor:
        centred = _uniform(shape, generator) - 0.5
        return (-self.scale * centred.sign() * torch.log1p(-2 * centred.abs())).to(like)


@dataclass(frozen=True)
class ElasticNet(Prior):
    """Density proportional to exp(-|w| / l1_scale - w^2 / (2 l2_scale^2)): a product, no mixture.

    Its normaliser is tau sqrt(2 pi) erfcx(tau / (b sqrt 2)), with b = l1_scale, tau = l2_scale.
    """

    l1_scale: float
    l2_scale: float
    family: ClassVar[str] = "elastic-net"

    def __post_init__(self) -> None:
        _require_scale(self, "l1_scale", self.l1_scale)
        _require_scale(self, "l2_scale", self.l2_scale)

    @property
    def variance(self) -> float:
        return elastic_net(self.l1_scale, self.l2_scale).variance

    @property
    def l1_rate(self) -> float:
        return 1 / self.l1_scale

    @property
    def l2_rate(self) -> float:
        return self.l2_scale**-2

    def log_density(self, weights: Tensor) -> Tensor:
        ratio = torch.tensor(self.l2_scale / (self.l1_scale * math.sqrt(2)), dtype=torch.float64)
        normaliser = self.l2_scale * math.sqrt(2 * math.pi) * float(torch.special.erfcx(ratio))
        kernel = weights.abs() / self.l1_scale + 0.5 * (weights / self.l2_scale) ** 2
        return -kernel - math.log(normaliser)

    def draw(self, shape: tuple[int, ...], generator: Generator, like: Tensor) -> Tensor:
        """|w| = tau (z - a) with z a standard normal beyond a = tau/b, by its inverse tail."""
        ratio = self.l2_scale / self.l1_scale
        size = self.l2_scale * _normal_excess(_uniform(shape, generator).log(), ratio)
        return (size * torch.sign(_uniform(shape, generator) - 0.5)).to(like)


@dataclass(frozen=True)
class Flat(Prior):
    """The improper prior of an undecayed parameter: density 1, penalty 0."""

    family: ClassVar[str] = "flat"

    @property
    def variance(self) -> float:
        return math.inf

    def log_density(self, weights: Tensor) -> Tensor:
        return torch.zeros_like(weights)

    def draw(self, shape: tuple[int, ...], generator: Generator, like: Tensor) -> Tensor:
        raise InputError("Flat() cannot be drawn from: it is improper; name a scale to draw.")


def from_reading(reading: Reading) -> Prior:
    """The prior object that a strength was read as."""
    if reading.family == "gaussian":
        return Gaussian(_given(reading.scale))
    if reading.family == "laplace":
        return Laplace(_given(reading.scale))
    if reading.family == "elastic-net":
        return ElasticNet(_given(reading.l1_scale), _given(reading.l2_scale))
    return Flat()


def _given(scale: float | None) -> float:
    if scale is None:
        raise InputError("this reading names no scale; it states no Gaussian or Laplace prior.")
    return scale


def _require_scale(prior: object, name: str, value: float) -> None:
    if not is_positive_number(value):
        raise InputError(
            f"{prior!r}: {name} must be a finite number > 0, a plain int or float; "
            "for no penalty use Flat(), for a penalty without end fix the weight at 0."
        )


def _uniform(shape: tuple[int, ...], generator: Generator) -> Tensor:
    """Float64 draws inside (0, 1): an end of the interval would become an infinite weight."""
    drawn = torch.rand(shape, generator=generator, dtype=torch.float64, device=generator.device)
    return drawn.clamp(min=2**-54)


def _normal_excess(log_share: Tensor, start: float) -> Tensor:
    """e with log P(Z > start + e | Z > start) = log_share, by Newton's method from 0 up.

    The log tail is concave and decreasing: after one step Newton comes down on e from above.
    Written in the excess, with erfcx, because start + e has no digits left for a small e.
    """
    first = torch.tensor(start / math.sqrt(2), dtype=torch.float64, device=log_share.device)
    log_first = torch.special.erfcx(first).log()
    excess = torch.zeros_like(log_share)
    for _ in range(10):  # 7 reach rounding at every start and share
        tail = torch.special.erfcx(first + excess / math.sqrt(2))
        log_found = tail.log() - log_first - excess * (start + 0.5 * excess)
        excess = excess + (log_found - log_share) * tail * math.sqrt(math.pi / 2)
    return excess
