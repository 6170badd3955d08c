"""Which scale makes the targets most probable: the evidence, and its posterior over the scale."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from bayeswd.analysis import evidence_curves, identified, laplace_evidence
from bayeswd.analysis.choice import Choice
from bayeswd.analysis.evidence_curves import EvidenceCurve, Scales
from bayeswd.analysis.held_out import NATS, noise_of
from bayeswd.analysis.path import chains_for, checked, prior_sds
from bayeswd.errors import InputError
from bayeswd.estimate.exact_requirements import without_l1
from bayeswd.posterior import conjugate
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem

Evidence = Callable[[Problem, Scales], EvidenceCurve]


def known_noise(problem: Problem, scales: Scales) -> EvidenceCurve:
    """The evidence at the problem's own sigma, in the way that its prior and likelihood allow."""
    if conjugate.applies_to(problem):
        return evidence_curves.known_noise(problem, scales)
    if not without_l1(problem):
        _require_gaussian(problem)
        return laplace_evidence.known_noise(problem, scales, chains=chains_for(problem))
    return evidence_curves.at_the_mode(problem, scales)


def unknown_noise(problem: Problem, scales: Scales) -> EvidenceCurve:
    """The same where only the ratio of prior scale and sigma is stated, and sigma is not known."""
    _require_gaussian(problem)
    if conjugate.applies_to(problem):
        return evidence_curves.best_noise(problem, scales)
    return laplace_evidence.park_casella(problem, scales, chains=chains_for(problem))


def by_evidence(
    problem: Problem, scales: Sequence[float], *, evidence: Evidence = known_noise
) -> Choice:
    """The scale of highest evidence between the ends of the grid, and the likelihood interval.

    evidence: `known_noise`, `unknown_noise`, or one function of `evidence_curves` and
    `laplace_evidence`. `density` is the posterior of log scale under a flat one on the grid.
    """
    grid = checked(scales, "by_evidence")
    return from_curve(problem, grid, evidence(problem, grid))


def from_curve(problem: Problem, grid: Scales, curve: EvidenceCurve) -> Choice:
    """The same from a curve that is there already."""
    logs = torch.tensor(grid, dtype=torch.float64).log()
    low, high = float(logs[0]), float(logs[-1])
    best = identified.highest(curve.log_evidence, low, high) if high > low else low
    interval = (best, best)
    if high > low:
        interval = identified.within_nats(curve.log_evidence, best, low, high)
    return answer("evidence", problem, grid, curve, curve.log_evidence(logs), best, interval)


def answer(
    by: str,
    problem: Problem,
    grid: Scales,
    curve: EvidenceCurve,
    heights: Tensor,
    best: float,
    interval: tuple[float, float],
) -> Choice:
    """A Choice from heights in nats [S]; `best` and `interval` are log scales.

    What reaches the end of the grid within rounding ends there.
    """
    ends = torch.tensor([best, *interval], dtype=torch.float64).exp().tolist()
    scale, first, last = (_within(grid, each) for each in ends)
    noise_scale = curve.noise_at(best)
    stated = noise_of(problem)
    widening = noise_scale / stated if noise_scale is not None and stated is not None else 1.0
    logs = torch.tensor(grid, dtype=torch.float64).log()
    return Choice(
        by=by,
        scale=scale,
        interval=(first, last),
        identified=identified.is_bounded((first, last), grid),
        prior_sd=prior_sds(problem, [scale])[0] * widening,
        scales=grid,
        curve=tuple(heights.tolist()),
        higher_is_better=True,
        unit=NATS,
        error=curve.error,
        noise_scale=noise_scale,
        density=tuple(density(logs, heights).tolist()),
        note=curve.note,
    )


def density(logs: Tensor, heights: Tensor) -> Tensor:
    """exp(heights) as a density over log scale between the ends of the grid, [S]."""
    relative = (heights - heights.max()).exp()
    area = torch.trapezoid(relative, logs)
    return relative / area if area > 0 else torch.ones_like(relative)


def _within(grid: Scales, scale: float) -> float:
    for end in (grid[0], grid[-1]):
        if abs(scale / end - 1) < 1e-9:
            return end
    return min(max(scale, grid[0]), grid[-1])


def _require_gaussian(problem: Problem) -> None:
    if not isinstance(problem.likelihood, GaussianNoise):
        raise InputError(
            f"no evidence for {problem} under an L1 prior or unknown noise: its slope is known "
            "from draws for GaussianNoise only; give a Gaussian prior."
        )
