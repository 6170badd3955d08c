"""The posterior of a linear-Gaussian problem whose noise is not known, exactly.

A fixed penalty on a squared error fixes sigma^2 / tau^2, whatever sigma is. With that ratio kept,
for a Gaussian bias too, and sigma^2 ~ InverseGamma(shape, rate), by default with density
1 / sigma^2, everything stays in closed form: the mean does not know sigma, sigma^2 is again
inverse gamma, the weights are Student t. The problem's own sigma only says what ratio is kept.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bayeswd.errors import InputError
from bayeswd.posterior import conjugate, marginal, spectrum
from bayeswd.problem.checks import is_positive_number
from bayeswd.problem.objective import Problem
from bayeswd.results import Draws, GaussianPosterior

Named = dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class InverseGamma:
    """The law of sigma^2: density proportional to x^(-shape - 1) exp(-rate / x)."""

    shape: float
    rate: float

    @property
    def mean(self) -> float:
        """Infinite up to shape 1."""
        return self.rate / (self.shape - 1) if self.shape > 1 else math.inf

    def log_density(self, variance: Tensor) -> Tensor:
        """log p(sigma^2)."""
        normaliser = self.shape * math.log(self.rate) - math.lgamma(self.shape)
        return normaliser - (self.shape + 1) * variance.log() - self.rate / variance


@dataclass(frozen=True, eq=False)
class StudentPosterior:
    """Each parameter is mean + scale t, t Student with `degrees` degrees of freedom.

    mean, scale: by parameter name. noise_variance: the law of sigma^2.
    covariance: of the flattened parameters in the order of `mean`; None where too large, or
        where there is none (degrees <= 2).
    log_evidence: log p(targets), nats; a flat parameter is integrated with density 1, sigma^2
        with its prior density, sigma^-2 to the power shape + 1 where that is improper.
    """

    mean: Named
    scale: Named
    degrees: float
    covariance: Tensor | None
    noise_variance: InverseGamma
    log_evidence: float

    @property
    def sd(self) -> Named:
        """By parameter name; infinite up to 2 degrees of freedom."""
        ratio = self.degrees / (self.degrees - 2) if self.degrees > 2 else math.inf
        return {name: scale * math.sqrt(ratio) for name, scale in self.scale.items()}


def posterior(problem: Problem, *, shape: float = 0.0, rate: float = 0.0) -> StudentPosterior:
    """The posterior of weights, bias and sigma^2.

    Raises InputError where it is improper or not in closed form.
    """
    _require(problem, shape, rate, "normal_inverse_gamma.posterior")
    sums = marginal.sums_of(problem)
    rows, volume, squares = marginal.in_noise_units(sums, marginal.number(sums.ratio))
    law = _law(rows, float(squares), shape, rate)
    log_evidence = _log_evidence(rows, float(volume), law, shape, rate)
    return _student(problem, conjugate.posterior(problem), law, log_evidence)


def path(
    problem: Problem,
    scales: Sequence[float] | Tensor,
    *,
    shape: float = 0.0,
    rate: float = 0.0,
) -> list[StudentPosterior]:
    """The posterior at each scale tau of the weights' prior, stated at the problem's sigma.

    One factorisation serves all, but for a Gaussian bias, whose scale stays in proportion.
    """
    _require(problem, shape, rate, "normal_inverse_gamma.path")
    given_noise = conjugate.path(problem, scales)
    taus = torch.as_tensor(scales, dtype=torch.float64).cpu()
    ratios = spectrum.noise_scale(problem) ** 2 / taus**2
    rows, volumes, squares = marginal.in_noise_units(marginal.sums_of(problem), ratios)
    found = []
    for gaussian, volume, square in zip(given_noise, volumes, squares, strict=True):
        law = _law(rows, float(square), shape, rate)
        log_evidence = _log_evidence(rows, float(volume), law, shape, rate)
        found.append(_student(problem, gaussian, law, log_evidence))
    return found


def sample(
    problem: Problem,
    *,
    chains: int = 4,
    draws: int = 1000,
    seed: int = 0,
    shape: float = 0.0,
    rate: float = 0.0,
) -> Draws:
    """Independent exact draws, [chain, draw, *parameter], sigma in Draws.noise_scale.

    sample_stats: lp, the log joint density of targets, parameters and sigma^2, nats.
    """
    start = time.perf_counter()
    found = posterior(problem, shape=shape, rate=rate)
    center = conjugate.posterior(problem)
    drawn = conjugate.sample(problem, chains=chains, draws=draws, seed=seed)
    variance = _variances(found.noise_variance, (chains, draws), seed).to(problem.inputs.device)
    # deviations from the mean are in proportion to sigma
    widening = variance.sqrt() / spectrum.noise_scale(problem)
    params, size = {}, 0
    for name, value in drawn.params.items():
        own = widening.to(value)[(..., *[None] * (value.ndim - 2))]
        params[name] = center.mean[name] + own * (value - center.mean[name])
        size += center.mean[name].numel()
    log_density = drawn.sample_stats["lp"] - center.log_evidence - size * widening.log()
    log_density = log_density + found.noise_variance.log_density(variance)
    return Draws(
        params=params,
        engine="normal-inverse-gamma",
        why="with sigma^2 / tau^2 fixed the posterior is in closed form: every draw is exact and "
        "independent",
        seconds=time.perf_counter() - start,
        noise_scale=variance.sqrt(),
        sample_stats={"lp": log_density + found.log_evidence},
    )


def predictive(
    problem: Problem, posterior: StudentPosterior, inputs: Tensor
) -> tuple[Tensor, Tensor]:
    """Mean and scale of noisy targets at new inputs, both [m, K]: Student t, posterior.degrees."""
    given_noise = conjugate.posterior(problem)
    mean, sd = conjugate.predictive(problem, given_noise, inputs)
    return mean, sd * _widening(problem, posterior.noise_variance)


def _law(rows: int, squares: float, shape: float, rate: float) -> InverseGamma:
    """sigma^2 given the targets, from `rows` residuals and the least penalised sum of squares."""
    law = InverseGamma(shape + rows / 2, rate + squares / 2)
    if law.shape <= 0 or law.rate <= 0:
        raise InputError(
            f"the posterior of sigma^2 is improper: {rows} targets beyond the flat parameters, "
            f"whose penalised sum of squares is {squares:g}; give more rows, or sigma^2 a prior "
            "of shape > 0 and rate > 0."
        )
    return law


def _log_evidence(rows: int, volume: float, law: InverseGamma, shape: float, rate: float) -> float:
    """The integral over sigma^2 of (2 pi sigma^2)^(-rows / 2) e^(-volume / 2) and its prior."""
    found = -0.5 * (rows * math.log(2 * math.pi) + volume)
    found += math.lgamma(law.shape) - law.shape * math.log(law.rate)
    if shape > 0 and rate > 0:
        found += shape * math.log(rate) - math.lgamma(shape)
    return found


def _student(
    problem: Problem, given_noise: GaussianPosterior, law: InverseGamma, log_evidence: float
) -> StudentPosterior:
    covariance, widening = given_noise.covariance, _widening(problem, law)
    finite = law.shape > 1
    to_mean = law.mean / spectrum.noise_scale(problem) ** 2
    return StudentPosterior(
        mean=dict(given_noise.mean),
        scale={name: sd * widening for name, sd in given_noise.sd.items()},
        degrees=2 * law.shape,
        covariance=covariance * to_mean if covariance is not None and finite else None,
        noise_variance=law,
        log_evidence=log_evidence,
    )


def _widening(problem: Problem, law: InverseGamma) -> float:
    """The scale of a Student t over the sd that the Gaussian has at the stated sigma."""
    return math.sqrt(law.rate / law.shape) / spectrum.noise_scale(problem)


def _variances(law: InverseGamma, shape: tuple[int, int], seed: int) -> Tensor:
    """Draws of sigma^2, from numbers of their own."""
    generator = np.random.default_rng(np.random.SeedSequence((seed % 2**64, 1)))
    return torch.from_numpy(law.rate / generator.standard_gamma(law.shape, shape))


def _require(problem: Problem, shape: float, rate: float, asked: str) -> None:
    spectrum.require(problem, asked)
    for name, value in (("shape", shape), ("rate", rate)):
        if value != 0 and not is_positive_number(value):
            raise InputError(f"{asked}: {name} must be a finite number >= 0; found {value!r}.")
