"""Weights from anywhere, and how far they are from rest under any pull of a penalty.

At a mode the force of the data, -grad misfit, is held by the pull of the penalty: 1/b of constant
size and w/tau^2 in proportion to the weight. The force does not depend on the penalty, so one
gradient answers for every penalty that could have been meant.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bayeswd.errors import InputError
from bayeswd.problem.objective import Params, Problem
from bayeswd.problem.stationarity import largest_force

Rate = float | Tensor
Rates = Mapping[str, tuple[Rate, Rate]]  # parameter -> 1/b and 1/tau^2, per weight or for all

TOLERANCE = 1e-4  # relative KKT residual up to which weights rest
COARSEST = 1e-2  # beyond it no rounding of the weights excuses a residual


@dataclass(frozen=True, eq=False)
class Written:
    """Weights as text gave them: values by parameter name, and half a unit in each last digit."""

    values: Mapping[str, Any]
    rounding: Mapping[str, Any]


Weights = nn.Module | Mapping[str, Any] | Written


@dataclass(frozen=True, eq=False)
class Forces:
    """The gradient of the misfit at some weights, and its unit.

    scale: the larger of |gradient|_inf here and at zero weights, nats per unit of weight.
    floor: the relative residual that the digits of the weights leave at an exact mode.
    """

    params: Params
    gradient: Params
    scale: float
    floor: float

    @property
    def tolerance(self) -> float:
        """The relative residual up to which these weights count as at rest."""
        return min(max(TOLERANCE, 10 * self.floor), COARSEST)

    def residual(self, rates: Rates) -> float:
        """Largest distance of -gradient to the pull of the penalty, relative to the scale."""
        return max(self.residual_of(name, *rates[name]) for name in self.params)

    def residual_of(self, name: str, l1_rate: Rate, l2_rate: Rate) -> float:
        """The residual of one parameter; l1_rate inf holds every weight that is exactly 0."""
        weights, gradient = self.params[name], self.gradient[name]
        smooth = gradient + l2_rate * weights
        held = (smooth.abs() - l1_rate).clamp(min=0)  # distance to [-1/b, 1/b]
        distance = torch.where(weights == 0, held, (smooth + l1_rate * weights.sign()).abs())
        largest = float(distance.max())
        if largest == 0:
            return 0.0
        return largest / self.scale if self.scale > 0 and math.isfinite(largest) else math.inf


def forces(
    problem: Problem,
    params: Params,
    rounding: Params,
    at_zero: float | None = None,
) -> Forces:
    """The forces on float64 `params`; `at_zero` is `largest_force` at zero weights, if known.

    rounding: by how much each weight may be off, half a unit in its last digit.
    """
    gradient = problem.misfit_gradient(params)
    here = max(float(value.abs().max()) for value in gradient.values())
    scale = max(here, largest_force(problem) if at_zero is None else at_zero)
    return Forces(params, gradient, scale, _floor(problem, params, gradient, rounding, scale))


def rates_of(problem: Problem) -> dict[str, tuple[Rate, Rate]]:
    """The pulls of the problem's own priors."""
    return {name: (prior.l1_rate, prior.l2_rate) for name, prior in problem.priors.items()}


def read(
    weights: Weights, problem: Problem, what: str = "weights"
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """(the problem's parameters in float64, by how much each may be off its last digit).

    A module gives its own parameters. Of a linear problem with one output a vector [d] and a
    single number for the bias are taken as they are meant. InputError where a parameter is
    missing, unknown, misshapen or not finite.
    """
    values = weights.values if isinstance(weights, Written) else weights
    if isinstance(values, nn.Module):
        values = dict(values.named_parameters())
    expected = problem.initial
    if not isinstance(values, Mapping):
        example = "{" + ", ".join(f"{name!r}: tensor" for name in expected) + "}"
        raise InputError(f"{what}: found a {type(values).__name__}; give a module or {example}.")
    for name in values:
        if name not in expected:
            raise InputError(f"{what}: {_unknown(str(name), list(expected))}")
    params = {name: _one(values, name, value, what) for name, value in expected.items()}
    if isinstance(weights, Written):
        off = {name: _one(weights.rounding, name, params[name], what) for name in params}
        return params, off
    return params, {name: params[name].abs() * _rounding(values[name]) for name in params}


def _one(weights: Mapping[str, Any], name: str, expected: Tensor, what: str) -> Tensor:
    if name not in weights:
        hint = "; give zeros where there is none" if name.endswith("bias") else ""
        raise InputError(f"{what} lack the parameter {name!r}{hint}.")
    value = _tensor(weights[name], f"{what}: {name!r}").to(torch.float64)
    one_output = expected.ndim <= 2 and expected.shape[0] == 1
    if value.shape != expected.shape and not (one_output and value.numel() == expected.numel()):
        raise InputError(
            f"{what}: {name!r} has shape {tuple(value.shape)}; the problem's has "
            f"{tuple(expected.shape)}."
        )
    if not bool(torch.isfinite(value).all()):
        raise InputError(f"{what}: {name!r} holds NaN or an infinity; no fit ends there.")
    return value.reshape(expected.shape).to(expected.device)


def _unknown(name: str, expected: list[str]) -> str:
    near = get_close_matches(name, expected, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(map(repr, expected))}."
    return f"the problem has no parameter {name!r}; {hint}"


def _tensor(value: Any, what: str = "weights") -> Tensor:
    """A tensor as it is, anything else by way of numpy, which reads Python's floats as float64."""
    if isinstance(value, Tensor):
        return value.detach()
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise InputError(f"{what} holds {array.dtype}, not numbers.")
    return torch.from_numpy(array.copy())


def _rounding(value: Any) -> float:
    """The largest relative error of rounding to the dtype of this value."""
    kind = _tensor(value).dtype
    return torch.finfo(kind if kind.is_floating_point else torch.float64).eps / 2


def _floor(
    problem: Problem, params: Params, gradient: Params, rounding: Params, scale: float
) -> float:
    """How far random errors of this size move the gradient, relative to its scale."""
    generator = torch.Generator().manual_seed(0)  # a fixed pattern of signs: the same every time
    off = {}
    for name, value in params.items():
        signs = torch.randint(2, tuple(value.shape), generator=generator).to(value) * 2 - 1
        off[name] = value + rounding[name].to(value) * signs
    moved = problem.misfit_gradient(off)
    largest = max(float((moved[name] - gradient[name]).abs().max()) for name in params)
    return max(largest / scale if scale > 0 else 0.0, 1e-15)
