"""The energy of chains in the coordinates in which they move, and the forces on them.

    energy = |momentum|^2 / 2 + V(q) + sum_j slope_j |q_j|

V is the misfit and the L2 part of the penalty. Where the posterior is nearly Gaussian or nearly
known the coordinates make it round; under an L1 prior each weight keeps its own axis, along which
the motion between two kicks is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from bayeswd.estimate import exact_glm
from bayeswd.estimate.glm_misfit import Glm
from bayeswd.posterior import columns as columns_of
from bayeswd.posterior import harmonic as harmonics
from bayeswd.posterior import metric as metrics
from bayeswd.posterior import module_columns, nearest_gaussian, starts
from bayeswd.posterior.columns import Columns
from bayeswd.posterior.harmonic import Harmonic
from bayeswd.posterior.metric import Diagonal, Metric
from bayeswd.posterior.nearest_gaussian import Quadratic
from bayeswd.posterior.random_numbers import RandomNumbers
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem

DENSE = 1500  # coefficients up to which a generalised linear model gets its Hessian
LEARNT = 300  # coefficients up to which its covariance is learnt whole, and kept whole


@dataclass(frozen=True, eq=False)
class Potential:
    """V and the slopes, for positions [D, C] in the coordinates of `metric`.

    harmonic: V where it is a quadratic, else None.
    slopes: [D, 1], of |q|; None if all are 0.
    widest: sd of the widest direction of the posterior, in these coordinates.
    """

    columns: Columns
    metric: Metric
    harmonic: Harmonic | None
    widest: float
    slopes: Tensor | None

    def energy(self, position: Tensor) -> Tensor:
        """V and slopes, nats up to `constant`, [C], float64."""
        if self.harmonic is not None:
            value = self.harmonic.value(position)
        else:
            value = self.columns.smooth(self.metric.to_weights(position))
        if self.slopes is None:
            return value
        return value.add_(position.abs().mul_(self.slopes).sum(0, dtype=torch.float64))

    def gradient(self, position: Tensor) -> Tensor:
        """The gradient of V, [D, C]."""
        weights = self.metric.to_weights(position)
        return self.metric.pull_back(self.columns.gradient(weights))

    @cached_property
    def kinked(self) -> Tensor | None:
        """The rows that have a slope; None if all have, or none has."""
        if self.slopes is None or bool((self.slopes > 0).all()):
            return None
        return (self.slopes[:, 0] > 0).nonzero()[:, 0]

    @cached_property
    def constant(self) -> float:
        """objective - energy, nats."""
        if self.harmonic is None:
            return self.columns.constant
        weights = self.metric.centre
        inside = self.harmonic.value(self.metric.from_weights(weights))
        return self.columns.constant + float(self.columns.smooth(weights) - inside)


@dataclass(frozen=True, eq=False)
class Setup:
    """A potential, where its chains start [D, C], and how it was come by.

    adapts: whether the coordinates are a guess that warm-up has to better.
    """

    potential: Potential
    positions: Tensor
    how: str
    adapts: bool = False


def of(problem: Problem, chains: int, random: RandomNumbers) -> Setup:
    """The potential of any problem, chains spread wider than the posterior where it is known."""
    if problem.linear is not None and isinstance(problem.likelihood, GaussianNoise):
        columns, near = columns_of.linear_gaussian(problem)
        how = "the misfit from sufficient statistics"
        return _near_gaussian(problem, columns, near, columns.l2, random, how)
    if problem.linear is None or type(problem.likelihood) not in columns_of.MEANS:
        return _of_module(problem, chains, random)
    columns, curved = columns_of.generalised_linear(problem)
    if len(columns.l1) > DENSE:
        return _of_module(problem, chains, random)
    near = _local(curved, exact_glm.mode(problem).minimum.weights.flatten(), columns.l1)
    how = "gradients by two products with the inputs"
    return _near_gaussian(problem, columns, near, None, random, how)


def _local(curved: Glm, mode: Tensor, l1: Tensor) -> Quadratic:
    """The misfit and L2 penalty near the mode, or near the mean that an L1 part leaves."""
    every = torch.arange(len(mode), device=mode.device)

    def expand(at: Tensor) -> Quadratic:
        hessian = curved.curvature(at, every)
        return nearest_gaussian.quadratic(hessian, hessian @ at - curved.gradient(at))

    near = expand(mode)
    if (l1 > 0).any():
        mean, _ = nearest_gaussian.smoothed(near, l1, torch.zeros_like(l1))
        near = expand(mean)
    return near


def _near_gaussian(
    problem: Problem,
    columns: Columns,
    near: Quadratic,
    ridge: Tensor | None,
    random: RandomNumbers,
    how: str,
) -> Setup:
    """V is `near` with a ridge, [D]; or, where that is None, only near to `near`."""
    like = problem.inputs
    exact = ridge is not None
    l2 = torch.zeros_like(columns.l2) if ridge is None else ridge
    dense = not exact and len(l2) <= LEARNT
    start = starts.SPREAD * random.normal(len(l2))
    if not (columns.l1 > 0).any():
        metric = metrics.to(nearest_gaussian.whitening(near, l2, dense), like)
        turning = harmonics.unit(like) if exact else None
        potential = Potential(columns, metric, turning, 1.0, None)
        return _spread(potential, torch.zeros_like(start[:, :1]), start, start, how)
    added = nearest_gaussian.smoothed(near, columns.l1, l2)[1]
    wide = nearest_gaussian.whitening(near, added, dense)
    # no unit is wider than the prior: beyond it the steps would have to be shorter for that
    unit = torch.minimum(metrics.sds(wide), 2**0.5 / columns.l1)[:, None]
    turning = nearest_gaussian.harmonic(near, l2, unit[:, 0], like) if exact else None
    metric = metrics.to(Diagonal(torch.zeros_like(unit), unit), like)
    slopes = (columns.l1[:, None] * unit).to(like)
    potential = Potential(columns, metric, turning, metrics.longest(wide, unit), slopes)
    centre = wide.centre / unit
    away = wide.to_weights(start) / unit - centre
    return _spread(potential, centre, away, start, f"{how}, the flow of the L1 prior exact")


def _spread(potential: Potential, centre: Tensor, away: Tensor, normal: Tensor, how: str) -> Setup:
    """Chains at centre + away [D, C], or nearer, which are `normal` in units of the posterior."""
    like = potential.metric.centre
    if potential.harmonic is not None:
        return Setup(potential, (centre + away).to(like), how)
    predicted = 0.5 * (normal**2).sum(0)
    positions = starts.pulled_in(potential.energy, centre.to(like), away.to(like), predicted)
    return Setup(potential, positions, how, adapts=True)


def _of_module(problem: Problem, chains: int, random: RandomNumbers) -> Setup:
    columns, how = module_columns.of(problem)
    weights, unit = module_columns.starts(problem, columns, chains, random)
    potential = by_weight(columns, weights.mean(1, keepdim=True), unit)
    return Setup(potential, potential.metric.from_weights(weights), f"gradients {how}", True)


def by_weight(columns: Columns, centre: Tensor, scale: Tensor) -> Potential:
    """Each weight in a unit of its own; centre, scale: [D, 1]."""
    l1 = columns.l1[:, None].to(scale)
    scale = torch.where(l1 > 0, torch.minimum(scale, 2**0.5 / l1), scale)
    metric = Diagonal(centre * (l1 == 0), scale)
    return Potential(columns, metric, None, 2.0, l1 * scale if (l1 > 0).any() else None)
