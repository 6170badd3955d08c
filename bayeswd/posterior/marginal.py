"""The log evidence of a linear-Gaussian problem as a function of its variances.

With a flat bias the evidence is a sum over the singular values of the centred inputs; a proper
prior on the bias multiplies it by N(estimated bias; 0, variance of that estimate + variance of
the prior). A flat parameter is integrated with density 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bayeswd.posterior import spectrum
from bayeswd.posterior.spectrum import Spectrum
from bayeswd.problem.objective import Problem


@dataclass(frozen=True, eq=False)
class Sums:
    """All that the evidence reads, from the centred spectrum and the priors; CPU, float64.

    values [r], scores [r, K], rest [K] as in Spectrum. along: [r], the mean of the inputs in the
    basis; off: its squared length outside. ratio: sigma^2 / tau^2 of the problem, 0 under flat
    weights. bias_variance: in units of sigma^2 at that ratio; None under Flat, 0 without a bias.
    """

    count: int
    values: Tensor
    scores: Tensor
    rest: Tensor
    along: Tensor
    off: float
    targets_mean: Tensor
    ratio: float
    bias_variance: float | None


def sums_of(problem: Problem, known: Spectrum | None = None) -> Sums:
    """One factorisation, or none where a centred spectrum is known."""
    centred = known if known is not None and known.kept == 0 else spectrum.of(problem, 0.0)
    spectrum.require_determined(problem, centred)
    along = centred.basis.T @ centred.inputs_mean
    beside = centred.inputs_mean - centred.basis @ along
    noise_variance = spectrum.noise_scale(problem) ** 2
    bias_variance = spectrum.bias_variance(problem) / noise_variance
    return Sums(
        centred.count,
        centred.values.cpu(),
        centred.scores.cpu(),
        centred.rest.cpu(),
        along.cpu(),
        0.0 if centred.complete else float(beside @ beside),
        centred.targets_mean.cpu(),
        noise_variance * problem.priors[spectrum.layout(problem).weight].l2_rate,
        None if math.isinf(bias_variance) else bias_variance,
    )


def log_evidence_at(sums: Sums, ratio: Tensor, noise_variance: Tensor) -> Tensor:
    """log p(targets) at ratio = sigma^2 / tau^2 [...] and sigma^2 [...]."""
    rows, volume, squares = in_noise_units(sums, ratio)
    per_row = torch.log(2 * math.pi * noise_variance)
    return -0.5 * (rows * per_row + volume + squares / noise_variance)


def in_noise_units(sums: Sums, ratio: Tensor) -> tuple[int, Tensor, Tensor]:
    """(rows, volume, squares): -2 log evidence = rows log(2 pi sigma^2) + volume + squares/sigma^2.

    `squares` is the least penalised sum of squares; rows counts targets less flat parameters.
    """
    outputs, ratio = len(sums.rest), ratio[..., None]
    shrink = 1 / (sums.values + ratio)
    rest = (sums.scores**2).sum(-1) * ratio * shrink
    squares = sums.rest.sum() + rest.sum(-1)
    if sums.ratio == 0:
        rows, volume = sums.count - 1 - len(sums.values), sums.values.log().sum()
    else:
        rows, volume = sums.count - 1, torch.log1p(sums.values / ratio).sum(-1)
    volume = volume + math.log(sums.count)
    if sums.bias_variance is None:
        return outputs * rows, outputs * volume, squares
    pull = sums.along * sums.values.sqrt() * shrink
    bias = sums.targets_mean - pull @ sums.scores
    spread = 1 / sums.count + (sums.along**2 * shrink).sum(-1)
    spread = spread + (sums.off / ratio.squeeze(-1) if sums.off else 0.0)
    spread = spread + sums.bias_variance * (sums.ratio / ratio.squeeze(-1) if sums.ratio else 1.0)
    squares = squares + (bias**2).sum(-1) / spread
    return outputs * (rows + 1), outputs * (volume + spread.log()), squares


def number(value: float) -> Tensor:
    """A float64 scalar on the CPU."""
    return torch.tensor(value, dtype=torch.float64)
