"""Full Bayes: the posterior of the prior scale itself.

On the grid, the evidence times a hyperprior; or, under a Laplace prior with Park & Casella's
hyperprior on the strength, from Gibbs draws of the strength.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from bayeswd.analysis import identified
from bayeswd.analysis.by_evidence import Evidence, answer, known_noise
from bayeswd.analysis.choice import Choice
from bayeswd.analysis.evidence_curves import EvidenceCurve, Scales
from bayeswd.analysis.held_out import noise_of
from bayeswd.analysis.path import checked
from bayeswd.errors import InputError
from bayeswd.posterior import gibbs
from bayeswd.posterior.noise_models import NoiseModel, StrengthPrior
from bayeswd.problem.objective import Problem

Hyperprior = Callable[[Tensor], Tensor]
_POINTS = 4001


def flat(log_scale: Tensor) -> Tensor:
    """Density 1 in the log of the scale: no unit is preferred, and the grid bounds it."""
    return torch.zeros_like(log_scale)


def on_strength(prior: StrengthPrior, problem: Problem) -> Hyperprior:
    """(sigma / b)^2 ~ Gamma, Park & Casella's hyperprior, as a log density of the log scale."""
    sigma = noise_of(problem) or 1.0

    def log_density(log_scale: Tensor) -> Tensor:
        strength = sigma * (-log_scale).exp()
        return prior.log_density(strength) + (2 * strength**2).log()

    return log_density


def by_hyperprior(
    problem: Problem,
    scales: Sequence[float],
    *,
    hyperprior: Hyperprior = flat,
    evidence: Evidence = known_noise,
) -> Choice:
    """The median of the posterior of log scale on the grid, and its central 95 %.

    hyperprior: log scale -> log density. An end of the grid where the density is within 1.92
    nats of its maximum cuts the posterior off: the interval is then open there.
    """
    grid = checked(scales, "by_hyperprior")
    return from_curve(problem, grid, evidence(problem, grid), hyperprior)


def from_curve(
    problem: Problem, grid: Scales, curve: EvidenceCurve, hyperprior: Hyperprior = flat
) -> Choice:
    """The same from an evidence curve that is there already."""
    if len(grid) < 2:
        raise InputError("a posterior of the scale needs at least 2 scales.")
    points = torch.linspace(math.log(grid[0]), math.log(grid[-1]), _POINTS, dtype=torch.float64)
    heights = curve.log_evidence(points) + hyperprior(points)
    first, median, last = _quantiles(points, heights)
    logs = torch.tensor(grid, dtype=torch.float64).log()
    on_grid = curve.log_evidence(logs) + hyperprior(logs)
    interval = _opened(heights, points, (first, last))
    return answer("hyperprior", problem, grid, curve, on_grid, median, interval)


def by_strength_draws(
    problem: Problem,
    scales: Sequence[float],
    noise: NoiseModel,
    *,
    chains: int = 128,
    draws: int = 500,
    seed: int = 0,
) -> Choice:
    """The posterior of the scale under a Laplace prior, from Gibbs draws of the strength.

    noise: such as gibbs.park_casella(strength_prior=StrengthPrior(1.0, 1.78)). `curve` is the log
    density of log scale, by counts of the draws around each scale of the grid.
    """
    grid = checked(scales, "by_strength_draws")
    if noise.strength_prior is None:
        raise InputError("by_strength_draws needs a noise model with a strength_prior.")
    drawn = gibbs.sample(problem, chains=chains, draws=draws, warmup=200, seed=seed, noise=noise)
    sigma = noise_of(problem) or 1.0
    logs = (sigma / drawn.sample_stats["strength"].flatten()).log().double()
    levels = torch.tensor([0.025, 0.5, 0.975], dtype=torch.float64)
    first, median, last = torch.quantile(logs[:: max(1, len(logs) // 2**20)], levels).tolist()
    noises = drawn.noise_scale
    typical = sigma if noises is None else float(noises.square().mean().sqrt())
    curve = EvidenceCurve(flat, lambda _: typical)
    heights = _log_counts(logs, torch.tensor(grid, dtype=torch.float64).log())
    found = answer("hyperprior", problem, grid, curve, heights, median, (first, last))
    return replace(found, note=f"from {logs.numel()} draws of the strength")


def _quantiles(points: Tensor, heights: Tensor) -> list[float]:
    """Where the density exp(heights) has 2.5 %, 50 % and 97.5 % below it."""
    relative = (heights - heights.max()).exp()
    mass = torch.cat(
        [torch.zeros(1, dtype=points.dtype), torch.cumulative_trapezoid(relative, points)]
    )
    mass = mass / mass[-1]
    found = []
    for level in (0.025, 0.5, 0.975):
        right = int(torch.searchsorted(mass, level).clamp(1, len(points) - 1))
        step = float(mass[right] - mass[right - 1])
        share = (level - float(mass[right - 1])) / step if step > 0 else 0.0
        found.append(float(points[right - 1] + share * (points[right] - points[right - 1])))
    return found


def _opened(heights: Tensor, points: Tensor, interval: tuple[float, float]) -> tuple[float, float]:
    """The interval up to each end of the grid where the density has not fallen."""
    floor = float(heights.max()) - identified.NATS
    return (
        float(points[0]) if float(heights[0]) >= floor else interval[0],
        float(points[-1]) if float(heights[-1]) >= floor else interval[1],
    )


def _log_counts(logs: Tensor, grid: Tensor) -> Tensor:
    """log density of draws at each point of the grid, by a normal kernel of a rule-of-thumb width.

    (Silverman 1986, eq. 3.28.) It falls away where there are no draws.
    """
    width = 1.06 * float(logs.std()) * len(logs) ** -0.2
    thin = logs[:: max(1, len(logs) // 20000)]
    scores = -0.5 * ((grid[:, None] - thin) / width) ** 2
    normaliser = math.log(len(thin) * width * math.sqrt(2 * math.pi))
    return scores.logsumexp(1) - normaliser
