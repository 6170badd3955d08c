"""Where the path of an evidence starts: a prior so narrow that log Z is known.

To second order in the prior variances v_j of the weights,

    log Z = log p(targets | w = 0) + 1/2 sum_j v_j (f_j^2 - H_jj),

f the force of the data on the weights at 0 and H the curvature of the misfit, a flat bias
integrated out. The start is where both halves of the sum are at most `SMALL`, so that what is
left out is of the size of SMALL^2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bayeswd.estimate import linear_design
from bayeswd.posterior.gibbs_design import Design, Scatter
from bayeswd.problem.objective import Problem

SMALL = 0.003  # nats


@dataclass(frozen=True)
class Anchor:
    """log Z, nats, at one log scale of the weights' prior."""

    log_scale: float
    log_evidence: float


def known_anchor(problem: Problem, design: Design, widest: float) -> Anchor:
    """sigma as the problem states it."""
    noise_variance = design.noise_scale**2
    at_zero = -0.5 * (
        design.rows * math.log(2 * math.pi * noise_variance)
        + _log_rows(problem, design)
        + design.data.square / noise_variance
    )
    force, curvature = _at_zero(design)
    squares = force**2 / noise_variance**2
    return _start(problem, at_zero, squares, curvature / noise_variance, widest)


def uncertain_anchor(problem: Problem, design: Design, widest: float) -> Anchor:
    """Density 1 / sigma^2, scales in proportion to sigma; variances at the stated sigma.

    Given w = 0, sigma^2 is inverse gamma: the mean of f^2 sigma^2 takes 1 / sigma^2 = rows / y'y.
    """
    half, square = design.rows / 2, design.data.square
    at_zero = (
        math.lgamma(half) - half * math.log(math.pi * square) - 0.5 * _log_rows(problem, design)
    )
    force, curvature = _at_zero(design)
    noise_variance = design.noise_scale**2
    squares = force**2 * design.rows / square / noise_variance
    return _start(problem, at_zero, squares, curvature / noise_variance, widest)


def _start(
    problem: Problem, at_zero: float, squares: Tensor, curvature: Tensor, widest: float
) -> Anchor:
    """The widest prior whose second order is small, up to the scale `widest`, and log Z there."""
    variances = _variances(problem, len(squares))
    gain, loss = 0.5 * float(variances @ squares), 0.5 * float(variances @ curvature)
    stated = 1 / linear_design.weight_prior(problem).l1_rate
    scale = min(widest, stated * math.sqrt(SMALL / max(gain, loss, 1e-300)))
    return Anchor(math.log(scale), at_zero + (scale / stated) ** 2 * (gain - loss))


def _variances(problem: Problem, count: int) -> Tensor:
    """The prior variance of each penalised weight, [m]; the bias is the last."""
    weight, bias = linear_design.weight_prior(problem), linear_design.bias_prior(problem)
    variances = torch.full((count,), weight.variance, dtype=torch.float64)
    if bias is not None and math.isfinite(bias.variance):
        variances[-1] = bias.variance
    return variances


def _at_zero(design: Design) -> tuple[Tensor, Tensor]:
    """A'y and the diagonal of A'A, each [m], CPU."""
    data = design.data
    if isinstance(data, Scatter):
        return data.cross.cpu(), data.gram.diagonal().cpu()
    return (data.columns.T @ data.targets).cpu(), (data.columns**2).sum(0).cpu()


def _log_rows(problem: Problem, design: Design) -> float:
    """log n where a flat bias is integrated out, with density 1."""
    return math.log(problem.n) if design.rows < problem.n else 0.0
