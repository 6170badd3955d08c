"""A linear-Gaussian problem as the columns and rates that the Gibbs sampler works with.

A flat bias is integrated out: columns and targets are centred and one row is lost. A penalised
bias is one more column, of ones. Up to n columns only their moments are kept, beyond that the
rows: the cost of a sweep does not grow with n in the first case, nor cubically with d in the
second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from bayeswd.errors import InputError
from bayeswd.estimate import linear_design
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import ElasticNet, Flat, Laplace

_ROUNDING = 1e-12  # smaller shares of a sum of squares, or of the largest eigenvalue, are 0


@dataclass(frozen=True, eq=False)
class Scatter:
    """A'A [m, m], A'y [m] and y'y of the columns A and the targets y."""

    gram: Tensor
    cross: Tensor
    square: float

    def residual_squares(self, weights: Tensor) -> Tensor:
        """|y - A w|^2 of weights [..., m, C], [..., C]."""
        pull = self.gram @ weights - 2 * self.cross[:, None]
        return self.square + (pull * weights).sum(-2)

    def explained(self) -> float:
        """The share of y'y that the columns explain at best."""
        values, basis = torch.linalg.eigh(self.gram)
        along = (basis.T @ self.cross) ** 2 / values
        return float(along[values > _ROUNDING * values.max()].sum()) / self.square


@dataclass(frozen=True, eq=False)
class Rows:
    """The columns A [n, m] and the targets y [n] themselves."""

    columns: Tensor
    targets: Tensor

    @property
    def square(self) -> float:
        """y'y."""
        return float(self.targets @ self.targets)

    def residual_squares(self, weights: Tensor) -> Tensor:
        """|y - A w|^2 of weights [..., m, C], [..., C]."""
        return ((self.targets[:, None] - self.columns @ weights) ** 2).sum(-2)

    def explained(self) -> float:
        """The share of y'y that the columns explain at best."""
        left, values, _ = torch.linalg.svd(self.columns, full_matrices=False)
        along = (left.T @ self.targets) ** 2
        return float(along[values > _ROUNDING * values.max()].sum()) / self.square


@dataclass(frozen=True, eq=False)
class Design:
    """What a sweep reads, float64, for S problems that share their data.

    data: Scatter where m <= n, else Rows. m counts the penalised parameters.
    rows: the independent residuals, n, or n - 1 under a flat bias.
    l1, l2: 1 / b and 1 / tau^2 of each column under each of the S priors, [m, S]; the last row
        of l1 is 0 for a Gaussian bias.
    noise_scale: sigma as the problem states it.
    """

    data: Scatter | Rows
    rows: int
    l1: Tensor
    l2: Tensor
    noise_scale: float

    @cached_property
    def mixed(self) -> int:
        """How many columns, counted from the first, have an L1 part."""
        return int((self.l1[:, 0] > 0).sum())

    @cached_property
    def ridged(self) -> bool:
        """Whether any column has an L2 part."""
        return bool((self.l2 > 0).any())

    @property
    def elastic(self) -> bool:
        """Whether a column has both an L1 and an L2 part."""
        return bool((self.l2[: self.mixed] > 0).any())

    @property
    def exact_fit(self) -> bool:
        """Whether some weights explain the targets without error."""
        return self.data.square == 0 or self.data.explained() > 1 - _ROUNDING


def of(problems: Sequence[Problem], asked: str) -> Design:
    """The design that the problems share, with the rates of each; refuses what has none."""
    for problem in problems:
        _require(problem, asked)
    first = problems[0]
    assert isinstance(first.likelihood, GaussianNoise)
    flat = isinstance(linear_design.bias_prior(first), Flat)
    rates = [linear_design.rates(problem) for problem in problems]
    l1, l2 = (torch.stack(each, 1) for each in zip(*rates, strict=True))
    count = len(l1) - flat
    return Design(
        _scatter(first, flat) if count <= first.n or not first.has_rows else _rows(first, flat),
        first.n - flat,
        l1[:count],
        l2[:count],
        first.likelihood.scale,
    )


def _scatter(problem: Problem, flat: bool) -> Scatter:
    moments = problem.moments
    if flat:
        return Scatter(moments.xx, moments.xy[:, 0], float(moments.yy))
    xx, xy, yy = moments.uncentred()
    if linear_design.bias_prior(problem) is not None:
        total = moments.count * torch.cat([moments.inputs_mean, moments.inputs_mean.new_ones(1)])
        xx = torch.cat([torch.cat([xx, total[:-1, None]], 1), total[None]])
        xy = torch.cat([xy, moments.count * moments.targets_mean[None]])
    return Scatter(xx, xy[:, 0], float(yy))


def _rows(problem: Problem, flat: bool) -> Rows:
    columns, targets = linear_design.columns(problem), problem.targets[:, 0].double()
    if not flat:
        return Rows(columns, targets)
    both = torch.cat([columns[:, :-1], (targets - targets.mean())[:, None]], 1)
    reduced = _without_mean(both)
    return Rows(reduced[:, :-1].contiguous(), reduced[:, -1].contiguous())


def _without_mean(centred: Tensor) -> Tensor:
    """n rows of sum 0 as n - 1 rows with the same products: the reflection of 1 onto an axis."""
    normal = torch.full_like(centred[:, 0], len(centred) ** -0.5)
    normal[0] -= 1
    if len(centred) > 1:
        centred = centred - torch.outer(normal, normal @ centred) * (2 / (normal @ normal))
    return centred[1:]


def _require(problem: Problem, asked: str) -> None:
    if problem.linear is None or not isinstance(problem.likelihood, GaussianNoise):
        raise InputError(
            f"{asked} is for one linear layer with GaussianNoise; found {problem}: use hmc.sample."
        )
    name = problem.linear.weight
    prior = problem.priors[name]
    if not isinstance(prior, (Laplace, ElasticNet)):
        raise InputError(
            f"{asked} is for weights with an L1 part; found {prior} on {name!r}: the posterior "
            "is a Gaussian, use conjugate.sample."
        )
    outputs = problem.targets.shape[1]
    if outputs > 1:
        raise InputError(
            f"{asked} is for one output; found {outputs}: state a problem for each column of the "
            "targets (given the noise, outputs are independent)."
        )
