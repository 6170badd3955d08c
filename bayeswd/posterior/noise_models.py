"""What is believed about the noise scale sigma where the weights have an L1 part.

A penalty fixes only a ratio. Under `KNOWN` sigma and b are the problem's own. The others let
sigma vary, sigma^2 ~ InverseGamma(shape, rate), by default with density 1 / sigma^2, and differ
in what they keep of the problem's scales: b / sigma (`park_casella`), b / sigma^2
(`penalty_tied`: what a penalised loss keeps at any sigma), or b itself (`fixed_scale`). A
Gaussian prior keeps tau / sigma in the first two, tau in the last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from bayeswd.errors import InputError
from bayeswd.posterior import laplace_mixture
from bayeswd.posterior.gaussian_step import Step
from bayeswd.posterior.gibbs_design import Design, Rows
from bayeswd.posterior.random_numbers import RandomNumbers
from bayeswd.problem.checks import is_positive_number

_NO_MISFIT = 1e-12  # of y'y: a smaller least sum of squares is rounding

Renew = Callable[[Tensor, Tensor, RandomNumbers], Tensor]


@dataclass(frozen=True)
class NoiseModel:
    """One belief about sigma; make it with the functions below.

    power: b is proportional to sigma^power.
    posterior: (shape, rate) of sigma^2, what the data and the rest of the state add to `shape`
        and `rate`; None where sigma is known.
    from_mixture: whether `posterior` reads the mixture, the weights integrated out, and not the
        weights, the mixture integrated out.
    renew: how the mixture is renewed given the weights.
    """

    label: str
    power: int = 1
    shape: float = 0.0
    rate: float = 0.0
    posterior: Callable[[Design, Step, Tensor], tuple[float, Tensor]] | None = None
    from_mixture: bool = False
    renew: Renew = laplace_mixture.exchanged

    def strength(self, design: Design, sigma: Tensor) -> Tensor:
        """sigma / b of the weights at sigma [S, C], [S, C]."""
        stated = design.noise_scale * design.l1[0, :, None]
        return stated * (design.noise_scale / sigma) ** (self.power - 1)

    def ridge(self, design: Design, sigma: Tensor) -> Tensor:
        """sigma^2 / tau^2 of each column at sigma [S, C], [m, S, 1 or C]."""
        stated = design.noise_scale if self.power else sigma
        return stated**2 * design.l2[..., None]

    def draw(self, design: Design, step: Step, weights: Tensor, random: RandomNumbers) -> Tensor:
        """sigma, [S, C]."""
        assert self.posterior is not None
        shape, rate = self.posterior(design, step, weights)
        return ((self.rate + rate) / random.gamma(self.shape + shape)).sqrt()


KNOWN = NoiseModel("known noise")


def park_casella(shape: float = 0.0, rate: float = 0.0) -> NoiseModel:
    """b / sigma is known: Park & Casella 2008, eq. (4), sigma^2 drawn with the weights."""
    _require_prior("park_casella", shape, rate)
    return NoiseModel("b proportional to sigma", 1, shape, rate, _given_mixture, from_mixture=True)


def penalty_tied(shape: float = 0.0, rate: float = 0.0) -> NoiseModel:
    """b / sigma^2 is known: the prior that a fixed penalty on a squared error means.

    As the mixture is integrated out when sigma^2 is drawn, it is then drawn anew.
    """
    _require_prior("penalty_tied", shape, rate)
    renew = laplace_mixture.independent
    return NoiseModel("b proportional to sigma^2", 2, shape, rate, _given_weights, renew=renew)


def fixed_scale(shape: float = 0.0, rate: float = 0.0) -> NoiseModel:
    """b is known, sigma is not; improper with rate = 0 where the columns can explain any targets."""
    _require_prior("fixed_scale", shape, rate)
    return NoiseModel("b fixed", 0, shape, rate, _given_residuals)


def _given_mixture(design: Design, step: Step, weights: Tensor) -> tuple[float, Tensor]:
    """p(y | mixture, sigma) is normal with covariance sigma^2 (I + A D^-1 A')."""
    return design.rows / 2, step.squares() / 2


def _given_weights(design: Design, step: Step, weights: Tensor) -> tuple[float, Tensor]:
    """p(y | w, sigma) p(w | sigma): each Laplace density brings 1 / sigma^2, a normal 1 / sigma.

    The exponents are RSS / (2 sigma^2) and, with b = b0 (sigma / sigma0)^2,
    sigma0^2 |w| / (b0 sigma^2).
    """
    penalty = weights.abs() * design.l1[..., None] + 0.5 * weights**2 * design.l2[..., None]
    shape = design.rows / 2 + design.mixed + 0.5 * (len(weights) - design.mixed)
    return shape, step.residual_squares(weights) / 2 + design.noise_scale**2 * penalty.sum(0)


def _given_residuals(design: Design, step: Step, weights: Tensor) -> tuple[float, Tensor]:
    return design.rows / 2, step.residual_squares(weights) / 2
