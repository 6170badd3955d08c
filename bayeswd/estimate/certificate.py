"""How far weights are from optimal, proved from the problem and the weights alone.

A certificate shares nothing with any solver: the gradient comes from the problem's own misfit,
the gap from Fenchel duality (`duality`), all of it in float64. A solver that is wrong gets a
large number here, whatever it says of itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from bayeswd.errors import InputError
from bayeswd.estimate import duality
from bayeswd.problem.objective import Problem
from bayeswd.results import Certificate

Params = Mapping[str, Tensor]


def certify(problem: Problem, params: Params, witness: Params | None = None) -> Certificate:
    """Gap, KKT residual and distance bound of the weights `params`.

    witness: other weights, as of a better fit, from which the lower bound may also be taken
        (see `duality_gap`).
    """
    problem = _in_double(problem)
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
    problem = _in_double(problem)
    if not duality.has_dual(problem):
        return None
    weights = _checked(problem, params)
    if not _finite(weights):
        return math.inf
    gap = duality.gap(problem, weights, weights)
    if witness is None:
        return gap
    others = _checked(problem, witness)
    return min(gap, duality.gap(problem, weights, others)) if _finite(others) else gap


def kkt_residual(
    problem: Problem,
    params: Params,
    gradient: Params | None = None,
    force_at_zero: float | None = None,
) -> float:
    """Largest distance of -grad misfit to the subdifferential of the penalty, over all weights.

    In units of the larger of |grad misfit|_inf here and at all-zero weights; 0/0 counts as 0.
    It is defined for any model, and says stationary, not optimal. inf for weights that are not
    finite.

    gradient, force_at_zero: the misfit's gradient here and `largest_force` at zero weights, for a
        training loop that has them already; the residual is then as good as these.
    """
    if gradient is None:
        problem = _in_double(problem)
    weights = _checked(problem, params)
    if not _finite(weights):
        return math.inf
    forces = problem.misfit_gradient(weights) if gradient is None else gradient
    if force_at_zero is None:
        force_at_zero = largest_force(problem)
    distance = _largest(
        prior.stationarity(weights[name], forces[name].to(weights[name]))
        for name, prior in problem.priors.items()
    )
    return _ratio(distance, max(_largest(forces.values()), force_at_zero))


def largest_force(problem: Problem, params: Params | None = None) -> float:
    """|grad misfit|_inf, nats per unit of weight, at the given weights or at all-zero weights."""
    if params is None:
        params = {name: torch.zeros_like(value) for name, value in problem.initial.items()}
    return _largest(problem.misfit_gradient(params).values())


def _distance(problem: Problem, gap: float | None) -> float | None:
    """sqrt(2 gap tau^2) with the largest tau: each penalised weight must have a Gaussian part."""
    rates = [problem.priors[name].l2_rate for name in problem.penalized]
    if gap is None or not rates or min(rates) == 0:
        return None
    return math.sqrt(2 * gap / min(rates))


def _in_double(problem: Problem) -> Problem:
    if problem.inputs.dtype == torch.float64:
        return problem
    return problem.to(problem.inputs.device, torch.float64)


def _checked(problem: Problem, params: Params) -> dict[str, Tensor]:
    """The problem's parameters in float64; refused where one is missing or misshapen."""
    expected = {name: tuple(value.shape) for name, value in problem.initial.items()}
    found = {name: tuple(value.shape) for name, value in params.items() if name in expected}
    if found != expected:
        raise InputError(
            f"a certificate needs weights of shapes {expected}; found {found}: give one tensor "
            "for each parameter of the problem."
        )
    place = problem.inputs.device
    return {name: params[name].detach().to(place, torch.float64) for name in expected}


def _finite(params: Params) -> bool:
    return all(bool(torch.isfinite(value).all()) for value in params.values())


def _largest(tensors: Iterable[Tensor]) -> float:
    """The largest magnitude among all entries; nan if one is."""
    return float(torch.stack([value.abs().max().double() for value in tensors]).max())


def _ratio(distance: float, scale: float) -> float:
    if distance == 0 and math.isfinite(scale):
        return 0.0
    ratio = distance / scale if scale > 0 else math.inf
    return ratio if math.isfinite(ratio) else math.inf
