"""How far weights are from optimal, proved from the problem and the weights alone.

A certificate shares nothing with any solver: the gradient comes from the problem's own misfit,
the gap from Fenchel duality (`duality`), all of it in float64. A solver that is wrong gets a
large number here, whatever it says of itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor

from bayeswd.estimate import duality
from bayeswd.problem.objective import Problem
from bayeswd.problem.stationarity import checked, finite, in_double, kkt_residual, largest_force
from bayeswd.results import Certificate

__all__ = ["certify", "duality_gap", "kkt_residual", "largest_force"]

Params = Mapping[str, Tensor]


def certify(problem: Problem, params: Params, witness: Params | None = None) -> Certificate:
    """Gap, KKT residual and distance bound of the weights `params`.

    witness: other weights, as of a better fit, from which the lower bound may also be taken
        (see `duality_gap`).
    """
    problem = in_double(problem)
    gap = duality_gap(problem, params, witness)
    return Certificate(gap, kkt_residual(problem, params), _distance(problem, gap))


def duality_gap(problem: Problem, params: Params, witness: Params | None = None) -> float | None:
    """Upper bound on objective(params) - minimum, nats; inf for weights that are not finite.

    The bound is exact at the optimum. Away from it, it exceeds the true gap: under a Gaussian
    prior at most by the factor 1 + tau^2 * (largest curvature of the misfit), under a Laplace
    prior it is of first order in the error of the weights where the true gap is of second.

    witness: further weights to build the lower bound from, such as those of a closely converged
        fit. The gap is then little more than the true one. Bad witnesses loosen the bound and
        cannot falsify it.

    None where the model is not one linear layer, the likelihood is not one of this package, or
    too many coefficients are flat at once (2,000: all of them must be solved for). Flat weights
    are else allowed: under GaussianNoise they are projected out, otherwise found by Newton steps,
    and where no optimum exists (separable classes) the bound falls back on the misfit itself.
    """
    problem = in_double(problem)
    if not duality.has_dual(problem):
        return None
    weights = checked(problem, params)
    if not finite(weights):
        return math.inf
    gap = duality.gap(problem, weights, weights)
    if witness is None:
        return gap
    others = checked(problem, witness)
    return min(gap, duality.gap(problem, weights, others)) if finite(others) else gap


def _distance(problem: Problem, gap: float | None) -> float | None:
    """sqrt(2 gap tau^2) with the largest tau: each penalised weight must have a Gaussian part."""
    rates = [problem.priors[name].l2_rate for name in problem.penalized]
    if gap is None or not rates or min(rates) == 0:
        return None
    return math.sqrt(2 * gap / min(rates))
