"""The log evidence as a smooth function of the log prior scale, in closed form or nearly so.

Each function takes (problem, scales) and returns an EvidenceCurve. `laplace_evidence` has those
for priors with an L1 part.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from bayeswd.analysis.identified import Curve
from bayeswd.estimate import prior_scales
from bayeswd.posterior import laplace_approximation, marginal, spectrum
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem

Scales = tuple[float, ...]


@dataclass(frozen=True, eq=False)
class EvidenceCurve:
    """log p(targets) along the scales of the weights' prior.

    log_evidence: log scale -> nats, any shape, differentiable; it holds between the ends of the
        grid. noise_at: log scale -> the sigma that goes with it; None for other likelihoods.
    error: Monte Carlo standard error at each scale of the grid; None for exact values.
    """

    log_evidence: Curve
    noise_at: Callable[[float], float | None]
    error: tuple[float, ...] | None = None
    note: str = ""


def known_noise(problem: Problem, scales: Scales) -> EvidenceCurve:
    """Gaussian noise and priors, sigma as the problem states it: closed form."""
    spectrum.require_gaussian_weights(problem, "evidence")
    sums, sigma = marginal.sums_of(problem), spectrum.noise_scale(problem)
    noise_variance = marginal.number(sigma**2)

    def curve(log_scale: Tensor) -> Tensor:
        ratio = noise_variance * (-2 * log_scale).exp()
        return marginal.log_evidence_at(sums, ratio, noise_variance)

    return EvidenceCurve(curve, lambda _: sigma)


def best_noise(problem: Problem, scales: Scales) -> EvidenceCurve:
    """The same with sigma unknown: at each ratio tau / sigma the sigma of highest evidence.

    Scales are stated at the problem's sigma: what is varied is the ratio. With density 1 / sigma^2
    and sigma integrated out the curve is the same but for a constant.
    """
    spectrum.require_gaussian_weights(problem, "evidence")
    sums, sigma = marginal.sums_of(problem), spectrum.noise_scale(problem)

    def parts(log_scale: Tensor) -> tuple[int, Tensor, Tensor]:
        return marginal.in_noise_units(sums, sigma**2 * (-2 * log_scale).exp())

    def curve(log_scale: Tensor) -> Tensor:
        rows, volume, squares = parts(log_scale)
        return -0.5 * (rows * torch.log(2 * math.pi * math.e * squares / rows) + volume)

    def noise_at(log_scale: float) -> float:
        rows, _, squares = parts(marginal.number(log_scale))
        return math.sqrt(float(squares) / rows)

    return EvidenceCurve(curve, noise_at)


def at_the_mode(problem: Problem, scales: Scales) -> EvidenceCurve:
    """Other likelihoods under Gaussian priors: the Gaussian approximation at each mode."""
    problems = prior_scales.along(problem, scales, "evidence")
    found = [laplace_approximation.posterior(each).log_evidence for each in problems]
    nodes = torch.tensor(scales, dtype=torch.float64).log()
    values = torch.tensor(found, dtype=torch.float64)
    slopes = (
        torch.zeros_like(values) if len(scales) < 2 else torch.gradient(values, spacing=(nodes,))[0]
    )
    noise = problem.likelihood.scale if isinstance(problem.likelihood, GaussianNoise) else None
    note = "evidence by the Gaussian approximation at the mode"
    return EvidenceCurve(spline(nodes, values, slopes), lambda _: noise, note=note)


def spline(nodes: Tensor, values: Tensor, slopes: Tensor) -> Curve:
    """The cubic pieces with these values and slopes at the nodes [N], ascending (Hermite)."""
    if len(nodes) == 1:
        return lambda places: values[0] + 0 * places

    def curve(places: Tensor) -> Tensor:
        right = torch.searchsorted(nodes, places.detach()).clamp(1, len(nodes) - 1)
        left = right - 1
        step = nodes[right] - nodes[left]
        share = (places - nodes[left]) / step
        back = 1 - share
        heights = (
            back**2 * (1 + 2 * share) * values[left] + share**2 * (1 + 2 * back) * values[right]
        )
        return heights + share * back * step * (back * slopes[left] - share * slopes[right])

    return curve
