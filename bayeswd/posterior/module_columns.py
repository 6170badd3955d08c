"""The objective of any model for many chains at once, by `torch.func`, and their starts."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import grad_and_value, vmap

from bayeswd.errors import InputError
from bayeswd.posterior.columns import Columns, Params
from bayeswd.posterior.curvature_of import flat, named
from bayeswd.posterior.random_numbers import RandomNumbers
from bayeswd.posterior.starts import SPREAD, pulled_in, substitutes
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat

_CHUNK = 2**24  # numbers of one layer's outputs for the chains that are evaluated together
_PROBES = 8  # random directions in which each chain's curvature is looked at
_DESCENT, _STRIDE = 200, 0.05  # steps of the start's descent; their length in units of the weights

Batched = Callable[[Tensor], Tensor]


def of(problem: Problem) -> tuple[Columns, str]:
    """The columns, parameters flattened in the order of `problem.priors`; and how they are run."""
    l1, l2 = (_per_weight(problem, rate) for rate in ("l1_rate", "l2_rate"))

    def misfit(weights: Tensor) -> Tensor:
        pointwise = problem.likelihood.pointwise(
            problem.outputs(named(problem, weights)), problem.targets
        )
        return pointwise.sum(dtype=torch.float64)

    value, slope, how = _together(problem, misfit)

    def smooth(weights: Tensor) -> Tensor:
        return value(weights) + 0.5 * l2 @ weights.double() ** 2

    def gradient(weights: Tensor) -> Tensor:
        return slope(weights).addcmul_(l2[:, None].to(weights), weights)

    def by_name(draws: Tensor, _: RandomNumbers) -> tuple[dict[str, Tensor], float]:
        found = named(problem, draws.permute(2, 0, 1))
        return {name: value.contiguous() for name, value in found.items()}, 0.0

    constant = sum(
        float(prior.penalty(torch.zeros_like(problem.initial[name])))
        for name, prior in problem.priors.items()
    )

    def of_named(params: Params) -> Tensor:
        return torch.cat([params[name].flatten(1) for name in problem.priors], 1).T

    return Columns(smooth, gradient, l1, l2, constant, by_name, of_named), how


def starts(
    problem: Problem, columns: Columns, chains: int, random: RandomNumbers
) -> tuple[Tensor, Tensor]:
    """Weights [D, C] about a mode of each chain's own, and the units [D, 1] of their spread.

    Each chain goes down from weights as large as the model's own, and no wider than the prior;
    then it is thrown as far as the curvature there, or the prior, allows. Raises InputError where
    no chain finds a finite objective.
    """
    width = _widths(problem)

    def energy(at: Tensor) -> Tensor:
        return columns.smooth(at) + columns.l1 @ at.double().abs()

    begun = width * random.normal(len(width)).to(width)
    unlimited = torch.full_like(energy(begun), 1e300)  # but an overflow is drawn in
    begun = pulled_in(energy, torch.zeros_like(width), begun, unlimited)
    modes = _descended(columns, begun, width)
    reached = energy(modes)
    lost = ~reached.isfinite()
    if bool(lost.all()):
        raise InputError(
            f"hmc.sample: {problem} has no finite objective at any of {chains} random starts; "
            "scale the inputs, or give start=weights at which it is finite."
        )
    modes = modes[:, substitutes(lost, -reached)]
    unit = _units(problem, columns, modes, width, random)
    normal = SPREAD * random.normal(len(unit))
    predicted = 0.5 * (normal**2).sum(0)
    return pulled_in(energy, modes, unit * normal.to(unit), predicted), unit


def _widths(problem: Problem) -> Tensor:
    """The size of each weight of the model, or its prior sd where that is less; [D, 1]."""
    widths = {}
    for name, value in problem.initial.items():
        own = max(float(value.square().mean().sqrt()), 0.1)
        prior = problem.priors[name]
        width = own if isinstance(prior, Flat) else min(own, prior.variance**0.5)
        widths[name] = torch.full_like(value, width)
    return flat(problem, widths)[:, None]


def _descended(columns: Columns, weights: Tensor, width: Tensor) -> Tensor:
    """Weights low on the objective, by Adam (Kingma & Ba 2015, algorithm 1), strides falling to 0.

    Their length is in units of `width`, [D, 1].
    """
    mean, square = torch.zeros_like(weights), torch.zeros_like(weights)
    for step in range(1, _DESCENT + 1):
        slope = columns.gradient(weights).nan_to_num_(posinf=0.0, neginf=0.0)
        slope += columns.l1[:, None].to(weights) * weights.sign()
        mean.lerp_(slope, 0.1)
        square.lerp_(slope**2, 0.05)
        size = (square / (1 - 0.95**step)).sqrt_().add_(1e-12)
        stride = 2 * _STRIDE * (1 - step / _DESCENT)
        weights = torch.addcdiv(weights, mean * width, size, value=-stride)
    return weights


def _units(
    problem: Problem, columns: Columns, modes: Tensor, width: Tensor, random: RandomNumbers
) -> Tensor:
    """The sd of each weight given the others, as the curvature at the modes has it; [D, 1].

    The diagonal of the Hessian is the mean of z * (Hessian z) over random signs z (Bekas et al.
    2007), and that product a difference of gradients. No unit is wider than the prior, or, under
    a flat one, than `width`.
    """
    curvature = torch.zeros_like(modes)
    for _ in range(_PROBES):
        away = 1e-3 * width * random.normal(len(width)).sign().to(width)
        rise = columns.gradient(modes + away) - columns.gradient(modes - away)
        curvature += rise / (2 * away * _PROBES)
    sds = {
        name: torch.full_like(value, problem.priors[name].variance ** 0.5)
        for name, value in problem.initial.items()
    }
    widest = flat(problem, sds)[:, None]
    widest = torch.where(widest.isfinite(), widest, width)
    own = curvature.mean(1, keepdim=True).nan_to_num(nan=0.0).abs()
    return torch.minimum(own.clamp(min=1e-12).rsqrt(), widest)


def _per_weight(problem: Problem, rate: str) -> Tensor:
    rates = {
        name: torch.full_like(value, getattr(problem.priors[name], rate), dtype=torch.float64)
        for name, value in problem.initial.items()
    }
    return flat(problem, rates)


def _together(problem: Problem, misfit: Batched) -> tuple[Batched, Batched, str]:
    """(value [C], gradient [D, C], how) of columns: by vmap, or in a loop where that fails."""
    widest = max(max(value.shape[:1], default=1) for value in problem.initial.values())
    chunk = max(1, _CHUNK // (problem.n * widest))
    slope_and_value = grad_and_value(misfit)
    value = vmap(misfit, in_dims=1, chunk_size=chunk)
    slope = vmap(slope_and_value, in_dims=1, out_dims=(1, 0), chunk_size=chunk)
    first = flat(problem, problem.initial)
    try:
        slope(torch.stack([first, first], 1))
    except (RuntimeError, NotImplementedError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        return *_one_by_one(misfit), f"chain by chain, as torch.func.vmap refuses it ({reason})"
    return value, lambda weights: slope(weights)[0], "by torch.func"


def _one_by_one(misfit: Batched) -> tuple[Batched, Batched]:
    def value(weights: Tensor) -> Tensor:
        return torch.stack([misfit(column) for column in weights.T])

    def slope(weights: Tensor) -> Tensor:
        found = []
        for column in weights.T:
            leaf = column.detach().clone().requires_grad_()
            with torch.enable_grad():
                found.append(torch.autograd.grad(misfit(leaf), leaf)[0])
        return torch.stack(found, 1)

    return value, slope
