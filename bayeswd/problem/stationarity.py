"""How far weights are from a stationary point of a problem's objective, relative to the data."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from bayeswd.errors import InputError
from bayeswd.problem.objective import Problem

Params = Mapping[str, Tensor]


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
        problem = in_double(problem)
    weights = checked(problem, params)
    if not finite(weights):
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


def in_double(problem: Problem) -> Problem:
    """The problem in float64: residuals of a float32 fit are computed without further rounding."""
    if problem.inputs.dtype == torch.float64:
        return problem
    return problem.to(problem.inputs.device, torch.float64)


def checked(problem: Problem, params: Params) -> dict[str, Tensor]:
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


def finite(params: Params) -> bool:
    """Whether every entry is a finite number."""
    return all(bool(torch.isfinite(value).all()) for value in params.values())


def _largest(tensors: Iterable[Tensor]) -> float:
    """The largest magnitude among all entries; nan if one is."""
    return float(torch.stack([value.abs().max().double() for value in tensors]).max())


def _ratio(distance: float, scale: float) -> float:
    if distance == 0 and math.isfinite(scale):
        return 0.0
    ratio = distance / scale if scale > 0 else math.inf
    return ratio if math.isfinite(ratio) else math.inf
