"""The exact posterior in the basis of its spectrum: means, variances, covariance.

    weights of one output ~ N(m, S),   m = V c s / (s^2 + r),   S = sigma^2 (X'X + r I)^-1

with X = U s V' the inputs with the bias integrated out, c = U' targets, r = sigma^2 / tau^2.
Off the span of V, S is tau^2 I. Outputs are independent and share S; the bias given the weights
is one more normal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bayeswd.posterior import spectrum
from bayeswd.posterior.spectrum import Spectrum
from bayeswd.problem.objective import Problem
from bayeswd.results import GaussianPosterior


@dataclass(frozen=True, eq=False)
class Solution:
    """The posterior in the basis of its spectrum, float64.

    variances: [r] along the basis; off: variance in any direction outside it.
    weight: [K, d] and bias: [K] or None, posterior means.
    bias_variance: of the bias given the weights; bias_share: how far it follows the means.
    """

    problem: Problem
    spectrum: Spectrum
    variances: Tensor
    off: float
    weight: Tensor
    bias: Tensor | None
    bias_variance: float
    bias_share: float

    def spread(self, rows: Tensor) -> Tensor:
        """x' S x for each row of [m, d]."""
        along = rows @ self.spectrum.basis
        spread = along**2 @ self.variances
        if self.off:
            spread += self.off * ((rows - along @ self.spectrum.basis.T) ** 2).sum(-1)
        return spread


def decompose(problem: Problem) -> Spectrum:
    """The spectrum with the bias integrated out; refused where the posterior is improper."""
    found = spectrum.of(problem, spectrum.kept(problem))
    spectrum.require_determined(problem, found)
    return found


def solve(problem: Problem, shared: Spectrum | None = None) -> Solution:
    """The posterior of a problem; `shared`: its spectrum, which knows no scale of the weights."""
    found = decompose(problem) if shared is None else shared
    noise_variance = spectrum.noise_scale(problem) ** 2
    names = spectrum.layout(problem)
    ratio = noise_variance * problem.priors[names.weight].l2_rate
    weight = (found.basis @ found.coordinates(ratio)).T
    share = spectrum.bias_share(problem)
    bias = share * (found.targets_mean - weight @ found.inputs_mean)
    return Solution(
        problem,
        found,
        noise_variance / (found.values + ratio),
        0.0 if found.complete else noise_variance / ratio,
        weight,
        None if names.bias is None else bias,
        noise_variance * share / found.count,
        share,
    )


def as_posterior(solution: Solution, log_evidence: float, room: int) -> GaussianPosterior:
    """Named means and sds; the covariance only where it has no more than `room` entries."""
    found, problem = solution.spectrum, solution.problem
    like = problem.inputs
    names = spectrum.layout(problem)
    variance = found.squares @ solution.variances
    if solution.off:
        variance += solution.off * found.outside
    mean = {names.weight: solution.weight.to(like)}
    sd = {names.weight: variance.sqrt().repeat(len(solution.weight), 1).to(like)}
    if names.bias is not None and solution.bias is not None:
        spread = float(solution.spread(found.inputs_mean[None]))
        bias_variance = solution.bias_variance + solution.bias_share**2 * spread
        mean[names.bias] = solution.bias.to(like)
        sd[names.bias] = torch.full_like(mean[names.bias], math.sqrt(bias_variance))
    size = sum(value.numel() for value in mean.values())
    covariance = _covariance(solution) if size**2 <= room else None
    return GaussianPosterior(mean, sd, covariance, log_evidence, spectrum.noise_scale(problem))


def _covariance(solution: Solution) -> Tensor:
    """Of (weight, bias) flattened, [D, D]: the outputs are independent blocks."""
    found = solution.spectrum
    basis, eye = found.basis, torch.eye(len(found.basis)).to(found.basis)
    weights = (basis * solution.variances) @ basis.T
    if solution.off:
        weights += solution.off * (eye - basis @ basis.T)
    outputs = torch.eye(len(solution.weight)).to(basis)
    if solution.bias is None:
        return torch.kron(outputs, weights)
    across = -solution.bias_share * (weights @ found.inputs_mean)[:, None]
    spread = found.inputs_mean @ weights @ found.inputs_mean
    bias = (solution.bias_variance + solution.bias_share**2 * spread)[None, None]
    upper = torch.cat([torch.kron(outputs, weights), torch.kron(outputs, across)], 1)
    lower = torch.cat([torch.kron(outputs, across.T), torch.kron(outputs, bias)], 1)
    return torch.cat([upper, lower])
