"""A smooth convex function plus an L1 penalty, minimised to rounding by proximal Newton steps.

Each step minimises the local quadratic model plus the penalty exactly, over the coefficients that
are not zero or want to leave zero, then goes back along that move until the true objective falls
(Lee, Sun & Saunders 2014, algorithm 1). Without an L1 penalty this is Newton's method.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Protocol

import torch
from torch import Tensor

from bayeswd.estimate import sign_search

STEPS = 100
DAMPING = 1e-12  # relative to the curvature; keeps every solve regular, leaves the optimum as it is
NEAR, PATIENCE = 1e-10, 2  # below this residual, steps without progress until rounding is blamed
SUFFICIENT = 1e-4  # fraction of the predicted fall that a step must achieve


class Smooth(Protocol):
    """A smooth convex function of coefficients [D], float64."""

    def value(self, weights: Tensor) -> Tensor: ...

    def gradient(self, weights: Tensor) -> Tensor: ...

    def curvature(self, weights: Tensor, chosen: Tensor) -> Tensor:
        """The Hessian over the coefficients with the indices `chosen`, [m, m]."""
        ...


@dataclass(frozen=True, eq=False)
class Minimum:
    """The end of a descent: coefficients, steps taken, (step, value) pairs, penalty included."""

    weights: Tensor
    steps: int
    history: tuple[tuple[int, float], ...]


NewtonStep = Callable[[Smooth, Tensor, Tensor, Tensor], Tensor]


def by_sign_search(smooth: Smooth, weights: Tensor, gradient: Tensor, rates: Tensor) -> Tensor:
    """Where the local quadratic model plus the L1 penalty is lowest, [D]."""
    chosen = _working_set(weights, gradient, rates)
    hessian = smooth.curvature(weights, chosen).cpu()
    start, pull, thresholds = weights[chosen].cpu(), gradient[chosen].cpu(), rates[chosen].cpu()
    diagonal = hessian.diagonal()
    diagonal.mul_(1 + DAMPING)
    diagonal[diagonal == 0] = 1.0  # where none is left in float64, any curvature does
    target = sign_search.minimise(hessian, hessian @ start - pull, thresholds, start)
    return weights.index_copy(0, chosen, target.to(weights.device))


def minimise(
    smooth: Smooth,
    rates: Tensor,
    start: Tensor,
    scale: float,
    newton_step: NewtonStep = by_sign_search,
) -> Minimum:
    """argmin of smooth(u) + sum_j rates_j |u_j|, followed until rounding stops it.

    rates: [D], 0 where there is no L1 penalty. scale: the size of gradient, in nats per unit of
    weight, that the stationarity residual is measured against.
    """
    weights, value = start, _objective(smooth, rates, start)
    slack = 1e-14 * abs(value)
    history, best, idle = [(0, value)], (float("inf"), start), 0
    for step in range(1, STEPS + 1):
        gradient = smooth.gradient(weights)
        residual = float(stationarity(weights, gradient, rates).max()) / scale
        idle = 0 if residual < best[0] else idle + 1
        best = (residual, weights) if idle == 0 else best
        if idle >= PATIENCE and best[0] <= NEAR:
            break
        target = newton_step(smooth, weights, gradient, rates)
        moved, value = _backtrack(smooth, rates, weights, target, gradient, value, slack)
        if (moved - weights).abs().max() <= 1e-15 * weights.abs().max():
            break
        weights = moved
        history.append((step, value))
    return Minimum(best[1], len(history) - 1, tuple(history))


def stationarity(weights: Tensor, gradient: Tensor, rates: Tensor) -> Tensor:
    """Distance of -gradient to the subdifferential of the L1 penalty, [D]."""
    at_zero = (gradient.abs() - rates).clamp(min=0)
    return torch.where(weights == 0, at_zero, (gradient + rates * weights.sign()).abs())


def joined(minima: Sequence[Minimum]) -> Minimum:
    """Minima of independent outputs as one: coefficients [K, p], values added step by step."""
    last = [minimum.history[-1][1] for minimum in minima]
    rows = zip_longest(*(minimum.history for minimum in minima))
    history = tuple(
        (step, sum(end if pair is None else pair[1] for pair, end in zip(row, last, strict=True)))
        for step, row in enumerate(rows)
    )
    return Minimum(torch.stack([minimum.weights for minimum in minima]), len(history) - 1, history)


def _objective(smooth: Smooth, rates: Tensor, weights: Tensor) -> float:
    return float(smooth.value(weights) + rates @ weights.abs())


def _working_set(weights: Tensor, gradient: Tensor, rates: Tensor) -> Tensor:
    """Indices of the coefficients that are not zero, not penalised, or pulled off zero.

    Of the last no more than the first two and 500, the most strongly pulled: the rest can wait.
    """
    held = (weights != 0) | (rates == 0)
    excess = torch.where(held, 0.0, (gradient.abs() - rates).clamp(min=0))
    most = min(int((excess > 0).sum()), int(held.sum()) + 500)
    held[excess.topk(most).indices] = True
    return held.nonzero()[:, 0]


def _backtrack(
    smooth: Smooth,
    rates: Tensor,
    weights: Tensor,
    target: Tensor,
    gradient: Tensor,
    value: float,
    slack: float,
) -> tuple[Tensor, float]:
    """The first of the full, half, quarter ... moves with a sufficient fall; else no move.

    slack: nats by which rounding may raise the objective.
    """
    move = target - weights
    fall = float(gradient @ move + rates @ (target.abs() - weights.abs()))
    share = 1.0
    for _ in range(40):
        trial = target if share == 1 else weights + share * move
        reached = _objective(smooth, rates, trial)
        if reached <= value + SUFFICIENT * share * fall + slack + 1e-13 * abs(value):
            return trial, reached
        share /= 2
    return weights, value
