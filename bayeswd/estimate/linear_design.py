"""A linear problem as one matrix: outputs = columns @ coefficients', in float64.

The columns are those of the inputs and, where the model has a bias, a last column of ones. Under
a Flat bias the inputs are centred first: the bias takes up the shift at no cost, and the ones are
orthogonal to the rest. Coefficients are [K, p], one row for each output, the last one the bias.
"""

from __future__ import annotations

from dataclasses import astuple, is_dataclass
from typing import Any

import torch
from torch import Tensor

from bayeswd.errors import InputError
from bayeswd.problem.matching import LinearLayout
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Prior


def layout(problem: Problem) -> LinearLayout:
    """The parameter names of a linear model; any other model is refused."""
    if problem.linear is None:
        raise InputError(
            f"{problem}: no exact optimum is known for a model that is not linear; "
            "use descent.train."
        )
    return problem.linear


def weight_prior(problem: Problem) -> Prior:
    """The prior of the weights."""
    return problem.priors[layout(problem).weight]


def bias_prior(problem: Problem) -> Prior | None:
    """The prior of the bias; None for a model without one."""
    name = layout(problem).bias
    return None if name is None else problem.priors[name]


def rates(problem: Problem) -> tuple[Tensor, Tensor]:
    """The pulls 1/b and 1/tau^2 on each coefficient of one output, each [p]."""
    width = problem.initial[layout(problem).weight].shape[-1]
    weight, bias = weight_prior(problem), bias_prior(problem)
    last = [] if bias is None else [bias]
    kwargs: dict[str, Any] = {"dtype": torch.float64, "device": problem.inputs.device}
    l1 = [weight.l1_rate] * width + [prior.l1_rate for prior in last]
    l2 = [weight.l2_rate] * width + [prior.l2_rate for prior in last]
    return torch.tensor(l1, **kwargs), torch.tensor(l2, **kwargs)


def inputs(problem: Problem) -> Tensor:
    """The inputs as a matrix [n, d], float64."""
    return problem.inputs.flatten(1).double()


def centre(problem: Problem) -> Tensor:
    """What is taken off the inputs, [d]: their mean under a Flat bias, else 0."""
    mean = inputs(problem).mean(0) if problem.has_rows else problem.moments.inputs_mean
    return mean if isinstance(bias_prior(problem), Flat) else torch.zeros_like(mean)


def targets_mean(problem: Problem) -> Tensor:
    """The mean of each output's targets, [K], float64."""
    return problem.targets.double().mean(0) if problem.has_rows else problem.moments.targets_mean


def columns(problem: Problem) -> Tensor:
    """The matrix [n, p]: (centred) inputs, then ones where there is a bias."""
    rows = inputs(problem) - centre(problem)
    if layout(problem).bias is None:
        return rows
    return torch.cat([rows, torch.ones_like(rows[:, :1])], 1)


def params(problem: Problem, coefficients: Tensor) -> dict[str, Tensor]:
    """Named parameters from coefficients [K, p], in the problem's dtype and on its device."""
    names = layout(problem)
    coefficients = coefficients.to(problem.inputs.device)
    if names.bias is None:
        return {names.weight: coefficients.to(problem.inputs.dtype)}
    weight, bias = coefficients[:, :-1], coefficients[:, -1]
    bias = bias - weight @ centre(problem)
    dtype = problem.inputs.dtype
    return {names.weight: weight.contiguous().to(dtype), names.bias: bias.to(dtype)}


def require_full_rank(problem: Problem) -> None:
    """Refuse a Flat prior on the weights of linearly dependent columns: no mode is unique."""
    if not isinstance(weight_prior(problem), Flat):
        return
    rank, width = _rank(problem) if problem.has_rows else _rank_of_moments(problem)
    if rank < width:
        raise InputError(
            f"strength 0 (Flat prior on {layout(problem).weight!r}) with columns of rank {rank} "
            f"out of {width}: the mode is not unique; drop the dependent columns or "
            "give a strength > 0."
        )


def _rank(problem: Problem) -> tuple[int, int]:
    """Rank and number of the columns; the ones are left out where they are orthogonal."""
    matrix = columns(problem)
    if isinstance(bias_prior(problem), Flat):
        matrix = matrix[:, :-1]
    lengths = matrix.norm(dim=0).clamp(min=1e-300)
    return int(torch.linalg.matrix_rank(matrix / lengths)), matrix.shape[1]


def _rank_of_moments(problem: Problem) -> tuple[int, int]:
    """The same of the inputs' scatter, about their mean where there is a bias."""
    moments = problem.moments
    gram = moments.uncentred()[0] if bias_prior(problem) is None else moments.xx
    lengths = gram.diagonal().clamp(min=1e-300).sqrt()
    scaled = gram / torch.outer(lengths, lengths)
    return int(torch.linalg.matrix_rank(scaled, hermitian=True)), len(gram)


def name_of(prior: Prior) -> str:
    """A prior as a person writes it: Laplace(0.1)."""
    values: tuple[float, ...] = ()
    if is_dataclass(prior) and not isinstance(prior, type):
        values = astuple(prior)
    return f"{type(prior).__name__}({', '.join(f'{value:g}' for value in values)})"
