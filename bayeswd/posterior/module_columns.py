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
from bayeswd.posterior.starts import pulled_in, substitutes
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat

_CHUNK = 2**24  # numbers of one layer's outputs for the chains that are evaluated together
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


def starts(problem: Problem, columns: Columns, chains: int, random: RandomNumbers) -> Tensor:
    """Weights [D, C] low on the objective: each chain goes down from weights of its own.

    These are as large as the model's own, and no wider than the prior. Raises InputError where
    no chain finds a finite objective.
    """
    widths = {}
    for name, value in problem.initial.items():
        own = max(float(value.square().mean().sqrt()), 0.1)
        prior = problem.priors[name]
        width = own if isinstance(prior, Flat) else min(own, prior.variance**0.5)
        widths[name] = torch.full_like(value, width)
    width = flat(problem, widths)[:, None]
    weights = width * random.normal(len(width)).to(width)

    def energy(at: Tensor) -> Tensor:
        return columns.smooth(at) + columns.l1 @ at.double().abs()

    unlimited = torch.full_like(energy(weights), 1e300)  # but an overflow is drawn in
    weights = pulled_in(energy, torch.zeros_like(weights[:, :1]), weights, unlimited)
    mean, square = torch.zeros_like(weights), torch.zeros_like(weights)
    for step in range(1, _DESCENT + 1):
        slope = columns.gradient(weights).nan_to_num_(posinf=0.0, neginf=0.0)
        slope += columns.l1[:, None].to(weights) * weights.sign()
        mean.lerp_(slope, 0.1)  # Adam (Kingma & Ba 2015, algorithm 1), strides falling to 0
        square.lerp_(slope**2, 0.05)
        size = (square / (1 - 0.95**step)).sqrt_().add_(1e-12)
        weights.addcdiv_(mean * width, size, value=-2 * _STRIDE * (1 - step / _DESCENT))
    reached = energy(weights)
    lost = ~reached.isfinite()
    if bool(lost.all()):
        raise InputError(
            f"hmc.sample: {problem} has no finite objective at any of {chains} random starts; "
            "scale the inputs, or give start=weights at which it is finite."
        )
    return weights[:, substitutes(lost, -reached)]


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
