"""The linear-Gaussian mode under Laplace and elastic-net priors.

The misfit is quadratic, so one proximal Newton step per change of the working set reaches the
optimum. From the moments where n > p (no pass over the data after the first), from the columns
otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bayeswd.estimate import linear_design, proximal_newton
from bayeswd.estimate.proximal_newton import Minimum, Smooth
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat

TINY = 1e-300  # a scale to divide by where the data exert no force at all


@dataclass(frozen=True, eq=False)
class FromMoments:
    """Misfit and L2 penalty of one output from xx [p, p] = A'A / sigma^2 and xy [p]."""

    xx: Tensor
    xy: Tensor
    l2: Tensor

    def value(self, weights: Tensor) -> Tensor:
        return weights @ (0.5 * (self.xx @ weights + self.l2 * weights) - self.xy)

    def gradient(self, weights: Tensor) -> Tensor:
        return self.xx @ weights - self.xy + self.l2 * weights

    def curvature(self, weights: Tensor, chosen: Tensor) -> Tensor:
        return self.xx[chosen][:, chosen] + torch.diag(self.l2[chosen])


@dataclass(frozen=True, eq=False)
class FromColumns:
    """The same from the columns [n, p] and targets [n], both in units of sigma."""

    columns: Tensor
    targets: Tensor
    l2: Tensor

    def value(self, weights: Tensor) -> Tensor:
        residual = self.targets - self.columns @ weights
        return 0.5 * (residual @ residual + self.l2 @ weights**2)

    def gradient(self, weights: Tensor) -> Tensor:
        return self.columns.T @ (self.columns @ weights - self.targets) + self.l2 * weights

    def curvature(self, weights: Tensor, chosen: Tensor) -> Tensor:
        some = self.columns[:, chosen]
        return some.T @ some + torch.diag(self.l2[chosen])


def mode(problem: Problem, start: Tensor | None = None) -> Minimum:
    """Coefficients [K, p] at the mode, warm-started from `start` if given."""
    l1, l2 = linear_design.rates(problem)
    mean = problem.moments.targets_mean if _centred(problem) else None
    parts = _parts(problem, l2)
    zero = torch.zeros_like(l1)
    starts = [zero] * len(parts) if start is None else _shifted(start, mean, -1)
    minima = []
    for part, first in zip(parts, starts, strict=True):
        force = float(torch.cat([part.gradient(zero).abs(), l1]).max())
        minima.append(proximal_newton.minimise(part, l1, first, max(force, TINY)))
    together = proximal_newton.joined(minima)
    return replace(together, weights=_shifted(together.weights, mean, 1))


def _parts(problem: Problem, l2: Tensor) -> Sequence[Smooth]:
    """One smooth function for each output."""
    if problem.n > len(l2):
        return _from_moments(problem, l2)
    return _from_columns(problem, l2)


def _centred(problem: Problem) -> bool:
    return isinstance(linear_design.bias_prior(problem), Flat)


def _shifted(coefficients: Tensor, mean: Tensor | None, sign: int) -> Tensor:
    """Coefficients with the mean of the centred targets put into the bias, or taken out of it."""
    if mean is None:
        return coefficients
    shift = torch.zeros_like(coefficients)
    shift[:, -1] = sign * mean
    return coefficients + shift


def _from_moments(problem: Problem, l2: Tensor) -> list[FromMoments]:
    moments, variance = problem.moments, problem.likelihood.loss_scale
    centred = _centred(problem)
    xx, xy = (moments.xx, moments.xy) if centred else moments.uncentred()[:2]
    if linear_design.bias_prior(problem) is not None:
        # the column of ones; orthogonal to centred inputs and targets
        sums = moments.count * moments.inputs_mean[None] * (not centred)
        corner = torch.full_like(sums[:, :1], moments.count)
        xx = torch.cat([torch.cat([xx, sums.T], 1), torch.cat([sums, corner], 1)])
        xy = torch.cat([xy, moments.count * moments.targets_mean[None] * (not centred)])
    return [FromMoments(xx / variance, column / variance, l2) for column in xy.T]


def _from_columns(problem: Problem, l2: Tensor) -> list[FromColumns]:
    sigma = problem.likelihood.loss_scale**0.5
    targets = problem.targets.double()
    targets = targets - targets.mean(0) if _centred(problem) else targets
    columns = linear_design.columns(problem) / sigma
    return [FromColumns(columns, column / sigma, l2) for column in targets.T]
