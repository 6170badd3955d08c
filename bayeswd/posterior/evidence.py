"""The evidence of a linear-Gaussian problem, p(targets) in nats, and the scales it prefers.

One factorisation of the centred data serves every scale of prior and noise. As the scale of the
weights changes, a Gaussian bias keeps its own in proportion to it; a flat one stays flat.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from bayeswd.errors import InputError
from bayeswd.posterior import peak, spectrum
from bayeswd.posterior.marginal import (
    Sums,
    in_noise_units,
    log_evidence_at,
    number,
    sums_of,
)
from bayeswd.posterior.spectrum import Spectrum
from bayeswd.problem.objective import Problem

_TELLING = 1.92  # nats by which a 95 % likelihood interval leaves a value out
_GONE = 25.0  # log of a ratio of variances beyond which the smaller one no longer counts


def log_evidence(problem: Problem, known: Spectrum | None = None) -> float:
    """log p(targets) under the problem's own scales, nats.

    `known`: a spectrum of the problem, which spares the factorisation where it is centred.
    """
    spectrum.require(problem, "log_evidence")
    sums = sums_of(problem, known)
    noise_variance = number(spectrum.noise_scale(problem) ** 2)
    return float(log_evidence_at(sums, number(sums.ratio), noise_variance))


def log_evidence_path(
    problem: Problem, scales: Sequence[float] | Tensor, known: Spectrum | None = None
) -> Tensor:
    """log p(targets) at each scale of the weights' prior, [len(scales)], float64."""
    spectrum.require_gaussian_weights(problem, "log_evidence_path")
    noise_variance = number(spectrum.noise_scale(problem) ** 2)
    taus = torch.as_tensor(scales, dtype=torch.float64).cpu()
    if not bool(((taus > 0) & taus.isfinite()).all()):
        raise InputError(f"prior scales must be finite numbers > 0; found {taus.tolist()}.")
    ratios = noise_variance / taus**2
    return log_evidence_at(sums_of(problem, known), ratios, noise_variance)


def best_scale(problem: Problem) -> float:
    """The scale tau of the weights' prior that maximises the evidence, sigma as given.

    Raises InputError where the evidence is highest as tau goes to 0.
    """
    spectrum.require_gaussian_weights(problem, "best_scale")
    sums, sigma = sums_of(problem), spectrum.noise_scale(problem)
    noise_variance = number(sigma**2)
    low, high = _log_ratios(sums)
    low = min(low, 2 * math.log(sigma) - _log_largest_weight(sums) - _GONE / 2)
    found = peak.find(lambda log: log_evidence_at(sums, log.exp(), noise_variance), low, high)
    if math.isinf(found):
        raise _no_effect("best_scale", sigma)
    return sigma * math.exp(-found / 2)


def best_noise_at_scale(problem: Problem) -> float:
    """The sigma that maximises the evidence, the scale of every prior as given.

    Raises InputError where the evidence hardly tells sigma from 0.
    """
    variance = spectrum.require_gaussian_weights(problem, "best_noise_at_scale") ** 2
    sums = sums_of(problem)
    high = math.log(_mean_square(sums)) + 5
    low = min(high - 40, math.log(variance) + _log_ratios(sums)[0])

    def curve(log_noise: Tensor) -> Tensor:
        return log_evidence_at(sums, log_noise.exp() / variance, log_noise.exp())

    found = peak.find(curve, low, high)
    above_no_noise = curve(number(max(found, low))) - curve(number(low))
    return _identified("best_noise_at_scale", sums, math.exp(found), float(above_no_noise))


def best_noise_at_strength(problem: Problem) -> float:
    """The sigma that maximises the evidence while sigma^2 / variance stays, for every prior.

    It is the noise that a penalised loss implies, whose strengths do not know sigma. In closed
    form: sigma^2 = (least penalised sum of squares) / (number of targets - flat parameters).
    """
    spectrum.require(problem, "best_noise_at_strength")
    sums = sums_of(problem)
    rows, _, squares = in_noise_units(sums, number(sums.ratio))
    variance = float(squares) / rows if rows > 0 else 0.0
    return _identified("best_noise_at_strength", sums, variance, math.inf)


def best_scale_and_noise(problem: Problem) -> tuple[float, float]:
    """(tau, sigma) that together maximise the evidence; sigma in closed form at each ratio.

    Raises InputError where the evidence hardly tells sigma from 0 (inputs of rank n - 1 can
    explain any targets), or is highest as tau goes to 0.
    """
    spectrum.require_gaussian_weights(problem, "best_scale_and_noise")
    sums = sums_of(problem)

    def profile(log_ratio: Tensor) -> Tensor:
        rows, volume, squares = in_noise_units(sums, log_ratio.exp())
        return -0.5 * (rows * torch.log(2 * math.pi * math.e * squares / rows) + volume)

    low, high = _log_ratios(sums)
    found = peak.find(profile, low, high)
    inside = number(min(max(found, low), high))
    rows, _, squares = in_noise_units(sums, inside.exp())
    above_no_noise = float(profile(inside) - profile(number(low)))
    sigma = _identified("best_scale_and_noise", sums, float(squares) / rows, above_no_noise)
    if found == math.inf:
        raise _no_effect("best_scale_and_noise", sigma)
    return sigma * math.exp(-found / 2), sigma


def _log_ratios(sums: Sums) -> tuple[float, float]:
    """log sigma^2 / tau^2 from where only the data speak to where only the prior does."""
    _mean_square(sums)
    seen = sums.values[sums.values > 0]
    if not len(seen):
        raise InputError("the evidence names no scale: all rows of the inputs are equal.")
    mean = 0.0 if sums.bias_variance is None else float((sums.along**2).sum()) + sums.off
    mean += (sums.bias_variance or 0.0) * sums.ratio
    most = max(float(seen.max()), sums.count * mean)
    return math.log(float(seen.min())) - _GONE, math.log(most) + _GONE


def _log_largest_weight(sums: Sums) -> float:
    """log of the largest squared weight along one singular vector, without a prior."""
    seen = sums.values > 0
    return float(((sums.scores[seen] ** 2).amax(-1) / sums.values[seen]).max().log())


def _mean_square(sums: Sums) -> float:
    """Mean squared target, about the mean where a flat bias takes it."""
    total = float((sums.scores**2).sum() + sums.rest.sum())
    if sums.bias_variance is not None:
        total += sums.count * float((sums.targets_mean**2).sum())
    if total <= 0:
        raise InputError("the noise cannot be estimated: the targets do not vary.")
    return total / (sums.count * len(sums.rest))


def _identified(asked: str, sums: Sums, noise_variance: float, above_no_noise: float) -> float:
    """sigma; refused where it is rounding, or its evidence (nats) hardly above that of no noise."""
    if noise_variance > 1e-14 * _mean_square(sums) and above_no_noise > _TELLING:
        return math.sqrt(noise_variance)
    rank = int((sums.values > 0).sum())
    raise InputError(
        f"{asked}: the noise is not identified: {sums.count} rows of inputs of rank {rank} cannot "
        "tell it from 0; name it, GaussianNoise(scale) or --noise SIGMA."
    )


def _no_effect(asked: str, sigma: float) -> InputError:
    return InputError(
        f"{asked}: with noise {sigma:.4g} the evidence is highest as the prior scale goes to 0, "
        "for such noise explains the targets without the inputs; name the scale, or other noise."
    )
