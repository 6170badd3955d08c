"""A few hundred cheap steps towards the minimum of a quadratic plus an L1 penalty.

Accelerated proximal gradient steps (Beck & Teboulle 2009, section 4), the momentum dropped
whenever it points uphill (O'Donoghue & Candes 2015, section 3.2). They find most of the zeros.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bayeswd.problem.priors import soft_threshold

STEPS = 200
CLOSE = 1e-9  # a step of this size, relative to the largest coefficient, is the last


def approach(hessian: Tensor, force: Tensor, rates: Tensor, start: Tensor) -> Tensor:
    """A point no higher than `start` on u'Hu/2 - force'u + sum_j rates_j |u_j|, [m]."""
    steepest = 1.1 * _largest_eigenvalue(hessian)
    point, ahead, momentum = start, start, 1.0
    for _ in range(STEPS):
        slope = hessian @ ahead - force
        new = soft_threshold(ahead - slope / steepest, rates / steepest)
        step = new - point
        momentum = 1.0 if (ahead - new) @ step > 0 else momentum
        following = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        ahead = new + (momentum - 1) / following * step
        point, momentum = new, following
        if step.abs().max() <= CLOSE * new.abs().max():
            break
    lower = _height(hessian, force, rates, point) < _height(hessian, force, rates, start)
    return point if lower else start


def _height(hessian: Tensor, force: Tensor, rates: Tensor, point: Tensor) -> Tensor:
    return point @ (0.5 * (hessian @ point) - force) + rates @ point.abs()


def _largest_eigenvalue(matrix: Tensor) -> float:
    """A lower bound, close after twenty power iterations."""
    vector = matrix.abs().sum(0)
    for _ in range(20):
        vector = matrix @ vector
        vector = vector / torch.linalg.vector_norm(vector)
    return float(vector @ (matrix @ vector))
