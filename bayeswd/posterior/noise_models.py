"""What is believed about the noise scale sigma where the weights have an L1 part.

A penalty fixes only a ratio. Under `known` sigma and b are the problem's own. The others let
sigma vary, sigma^2 ~ InverseGamma(shape, rate), by default with density 1 / sigma^2, and differ
in what they keep of the problem's scales: b / sigma (`park_casella`), b / sigma^2
(`penalty_tied`: what a penalised loss keeps at any sigma), or b itself (`fixed_scale`). A
Gaussian prior keeps tau / sigma in the first two, tau in the last.

The strength here is sigma / b of the weights; tensors are [S, C] for S priors and C chains.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from bayeswd.errors import InputError
from bayeswd.posterior import laplace_mixture
from bayeswd.posterior.gaussian_step import Narrow, Wide
from bayeswd.posterior.gibbs_design import Design
from bayeswd.posterior.random_numbers import RandomNumbers
from bayeswd.problem.checks import is_positive_number

Renew = Callable[[Tensor, Tensor, RandomNumbers], Tensor]
Addition = Callable[[Design, Narrow | Wide, Tensor], tuple[float, Tensor]]


@dataclass(frozen=True)
class StrengthPrior:
    """strength^2 ~ Gamma(shape, rate), the hyperprior of Park & Casella 2008, eq. (6)."""

    shape: float
    rate: float

    def __post_init__(self) -> None:
        if not (is_positive_number(self.shape) and is_positive_number(self.rate)):
            raise InputError(f"{self!r}: both must be finite numbers > 0.")

    def log_density(self, strength: Tensor) -> Tensor:
        """log p(strength^2)."""
        normaliser = self.shape * math.log(self.rate) - math.lgamma(self.shape)
        return 2 * (self.shape - 1) * strength.log() - self.rate * strength**2 + normaliser


@dataclass(frozen=True)
class NoiseModel:
    """One belief about sigma; the functions below make it.

    power: b is proportional to sigma^power.
    addition: what the data and the rest of the state add to the shape and the rate of sigma^2;
        None where sigma is known.
    from_mixture: whether `addition` reads the mixture, the weights integrated out; else it reads
        the weights.
    renew: how the mixture is renewed given the weights.
    """

    label: str
    power: int = 1
    shape: float = 0.0
    rate: float = 0.0
    addition: Addition | None = None
    from_mixture: bool = False
    renew: Renew = laplace_mixture.exchanged
    strength_prior: StrengthPrior | None = None

    def __post_init__(self) -> None:
        for name, value in (("shape", self.shape), ("rate", self.rate)):
            if value != 0 and not is_positive_number(value):
                raise InputError(
                    f"the {name} of sigma^2 must be a finite number >= 0; found {value!r}."
                )

    @property
    def varies(self) -> bool:
        """Whether the scales of the priors vary from draw to draw."""
        return self.addition is not None or self.strength_prior is not None

    def strength(self, design: Design, sigma: Tensor) -> Tensor:
        """sigma / b of the weights, [S, C]."""
        stated = design.noise_scale * design.l1[0, :, None]
        return stated * (design.noise_scale / sigma) ** (self.power - 1)

    def ridge(self, design: Design, sigma: Tensor) -> Tensor:
        """sigma^2 / tau^2 of each column, [m, S, 1 or C]."""
        stated = design.noise_scale**2 if self.power else sigma**2
        return stated * design.l2[..., None]

    def draw(
        self, design: Design, gaussian: Narrow | Wide, weights: Tensor, random: RandomNumbers
    ) -> Tensor:
        """sigma, [S, C]."""
        assert self.addition is not None
        shape, rate = self.addition(design, gaussian, weights)
        return ((self.rate + rate) / random.gamma(self.shape + shape)).sqrt()

    def log_density(self, sigma: Tensor, strength: Tensor) -> Tensor:
        """log density of sigma^2 and strength^2, each 0 where it does not vary."""
        total = torch.zeros_like(sigma)
        if self.addition is not None:
            total = total - 2 * (self.shape + 1) * sigma.log() - self.rate / sigma**2
        if self.shape > 0 and self.rate > 0:
            total = total + self.shape * math.log(self.rate) - math.lgamma(self.shape)
        if self.strength_prior is not None:
            total = total + self.strength_prior.log_density(strength)
        return total


def known(strength_prior: StrengthPrior | None = None) -> NoiseModel:
    """sigma is the problem's own."""
    return NoiseModel("known noise", strength_prior=strength_prior)


def park_casella(
    shape: float = 0.0, rate: float = 0.0, strength_prior: StrengthPrior | None = None
) -> NoiseModel:
    """b / sigma is known (Park & Casella 2008, eq. 4), or has a prior of its own (eq. 6).

    sigma^2 is drawn with the weights integrated out.
    """
    return NoiseModel(
        "b proportional to sigma",
        shape=shape,
        rate=rate,
        addition=_from_mixture,
        from_mixture=True,
        strength_prior=strength_prior,
    )


def penalty_tied(shape: float = 0.0, rate: float = 0.0) -> NoiseModel:
    """b / sigma^2 is known: the prior that a fixed penalty on a squared error means.

    sigma^2 is drawn with the mixture integrated out, and the mixture therefore anew after it.
    """
    return NoiseModel(
        "b proportional to sigma^2",
        power=2,
        shape=shape,
        rate=rate,
        addition=_from_weights,
        renew=laplace_mixture.independent,
    )


def fixed_scale(shape: float = 0.0, rate: float = 0.0) -> NoiseModel:
    """b is known and sigma is not: improper with rate 0 where some weights fit without error."""
    return NoiseModel("b fixed", power=0, shape=shape, rate=rate, addition=_from_residuals)


KNOWN = known()


def require(model: NoiseModel, design: Design, asked: str) -> None:
    """Refuse a design for which the model has no proper, or no conjugate, posterior."""
    if design.elastic and (model.power == 2 or model.strength_prior is not None):
        raise InputError(
            f"{asked}: an elastic net is conjugate only while b / tau is fixed; name sigma and "
            "the strength, or use park_casella()."
        )
    if model.addition is None or model.rate > 0:
        return
    if design.rows < 1 or (design.exact_fit if model.power == 0 else design.data.square == 0):
        raise InputError(
            f"{asked}: with {model.label} and density sigma^-{2 * model.shape + 2:g} of sigma^2 "
            f"the posterior is improper: some weights explain all {design.rows} residuals, so "
            "that sigma has no end towards 0; name sigma, give sigma^2 a rate > 0, or let b vary "
            "with sigma (penalty_tied, park_casella)."
        )


def _from_mixture(design: Design, gaussian: Narrow | Wide, weights: Tensor) -> tuple[float, Tensor]:
    """The targets given the mixture are normal with covariance sigma^2 (I + A D^-1 A')."""
    return design.rows / 2, gaussian.squares() / 2


def _from_weights(design: Design, gaussian: Narrow | Wide, weights: Tensor) -> tuple[float, Tensor]:
    """Each Laplace density brings 1 / sigma^2, and a Gaussian one 1 / sigma.

    With b = b0 sigma^2 / sigma0^2 and tau = tau0 sigma / sigma0 the exponents are
    (sigma0^2 / sigma^2) (|w| / b0) and (sigma0^2 / sigma^2) w^2 / (2 tau0^2).
    """
    shape = (design.rows + len(weights) + design.mixed) / 2
    penalty = (weights.abs() * design.l1[..., None]).sum(0)
    penalty = penalty + 0.5 * (weights**2 * design.l2[..., None]).sum(0)
    _, rate = _from_residuals(design, gaussian, weights)
    return shape, rate + design.noise_scale**2 * penalty


def _from_residuals(
    design: Design, gaussian: Narrow | Wide, weights: Tensor
) -> tuple[float, Tensor]:
    squares = design.data.residual_squares(weights.flatten(1))
    return design.rows / 2, squares.view(weights.shape[1:]) / 2
