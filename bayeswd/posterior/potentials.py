"""The energy of chains in the coordinates in which they move, and the forces on them.

    energy = |momentum|^2 / 2 + V(q) + sum_j slope_j |q_j|

Three parts of the motion are known exactly: the free drift, the drift under the slopes of an L1
prior, and the turning under a quadratic V. A smooth V near to a quadratic is kicked by what the
quadratic leaves (compare Casas, Sanz-Serna & Shaw 2022, who split off the Gaussian likewise).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from bayeswd.estimate import exact_glm
from bayeswd.posterior import columns as columns_of
from bayeswd.posterior import harmonic as harmonics
from bayeswd.posterior import metric as metrics
from bayeswd.posterior import module_columns, nearest_gaussian, prior_flow
from bayeswd.posterior.columns import Columns
from bayeswd.posterior.harmonic import Harmonic
from bayeswd.posterior.metric import Diagonal, Metric
from bayeswd.posterior.nearest_gaussian import Quadratic
from bayeswd.posterior.random_numbers import RandomNumbers
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem

DENSE = 1500  # coefficients up to which a generalised linear model gets its Hessian
_SPREAD = 1.5  # of the start, in sds of the nearest Gaussian


@dataclass(frozen=True, eq=False)
class Potential:
    """V and the slopes, for positions [D, C] in the coordinates of `metric`.

    harmonic: V itself where `is_harmonic`, else a quadratic near to V, or None.
    slopes: [D, 1], of |q|; None if all are 0.
    slowest: sd of the widest direction of the posterior, in these coordinates.
    """

    columns: Columns
    metric: Metric
    harmonic: Harmonic | None
    is_harmonic: bool
    slowest: float
    slopes: Tensor | None

    def energy(self, position: Tensor) -> Tensor:
        """V and slopes, nats up to `constant`, [C], float64."""
        if self.is_harmonic and self.harmonic is not None:
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
    def constant(self) -> float:
        """objective - energy, nats."""
        if not self.is_harmonic or self.harmonic is None:
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
    if problem.linear is None or type(problem.likelihood) not in columns_of.MEANS:
        if problem.linear is None or not isinstance(problem.likelihood, GaussianNoise):
            return _of_module(problem, chains, random)
        columns, near = columns_of.linear_gaussian(problem)
        how = "the misfit from sufficient statistics"
        return _near_gaussian(problem, columns, near, columns.l2, True, random, how)
    columns, curved = columns_of.generalised_linear(problem)
    if len(columns.l1) > DENSE:
        return _of_module(problem, chains, random)
    near = _local(curved, exact_glm.mode(problem).minimum.weights.flatten(), columns.l1)
    how = "gradients by two products with the inputs"
    return _near_gaussian(problem, columns, near, 0 * columns.l2, False, random, how)


def _local(curved: columns_of.Glm, mode: Tensor, l1: Tensor) -> Quadratic:
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
    l2: Tensor,
    is_harmonic: bool,
    random: RandomNumbers,
    how: str,
) -> Setup:
    """`near` with the ridge l2 is V (exactly, if `is_harmonic`), all in float64."""
    like = problem.inputs
    if not (columns.l1 > 0).any():
        metric = metrics.to(nearest_gaussian.whitening(near, l2), like)
        potential = Potential(columns, metric, harmonics.unit(like), is_harmonic, 1.0, None)
        return Setup(potential, _SPREAD * random.normal(len(l2)).to(like), how)
    added = nearest_gaussian.smoothed(near, columns.l1, l2)[1]
    wide = nearest_gaussian.whitening(near, added)
    potential = _with_flow(columns, near, l2, wide, is_harmonic, like)
    weights = wide.to_weights(_SPREAD * random.normal(len(l2))).to(like)
    how += ", the flow of the L1 prior exact"
    return Setup(potential, potential.metric.from_weights(weights), how)


def _with_flow(
    columns: Columns, near: Quadratic, l2: Tensor, wide: Metric, is_harmonic: bool, like: Tensor
) -> Potential:
    """Weights with kinks move each in its own unit, no wider than its prior."""
    scale = torch.minimum(metrics.sds(wide), 2**0.5 / columns.l1)
    turning = nearest_gaussian.harmonic(near, l2, scale)
    turning = Harmonic(*(part.to(like) for part in vars(turning).values()))
    unit = scale[:, None]
    slopes = (columns.l1[:, None] * unit).to(like)
    metric = metrics.to(Diagonal(torch.zeros_like(unit), unit), like)
    slowest = metrics.longest(wide, unit)
    return Potential(columns, metric, turning, is_harmonic, slowest, slopes)


def _of_module(problem: Problem, chains: int, random: RandomNumbers) -> Setup:
    columns, how = module_columns.of(problem)
    weights = module_columns.starts(problem, columns, chains, random)
    scale = weights.std(1, keepdim=True).clamp(min=1e-3)
    potential = in_units(columns, scale)
    return Setup(potential, potential.metric.from_weights(weights), f"gradients {how}", True)


def in_units(columns: Columns, scale: Tensor) -> Potential:
    """Each weight in a unit of its own, [D, 1], and no wider than an L1 prior."""
    l1 = columns.l1[:, None].to(scale)
    kinked = bool((l1 > 0).any())
    scale = torch.where(l1 > 0, torch.minimum(scale, 2**0.5 / l1), scale)
    metric = Diagonal(torch.zeros_like(scale), scale)
    return Potential(columns, metric, None, False, 2.0, l1 * scale if kinked else None)
