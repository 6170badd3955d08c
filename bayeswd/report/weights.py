"""Which weights a figure is about, in one flat order, and what to call them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from bayeswd.analysis.comparison import DataSummary
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Prior

LONGEST_NAME = 24


def weight_parameters(problem: Problem) -> list[str]:
    """Parameters that hold the weights: a linear layer's, else all under the first proper prior.

    Where a network has no proper prior at all, every parameter.
    """
    if problem.linear is not None:
        return [problem.linear.weight]
    proper = problem.penalized
    if not proper:
        return list(problem.priors)
    return [name for name in proper if problem.priors[name] == problem.priors[proper[0]]]


def weight_prior(problem: Problem) -> Prior:
    """The prior that each of those weights has."""
    return problem.priors[weight_parameters(problem)[0]]


def is_penalised(problem: Problem) -> bool:
    return not isinstance(weight_prior(problem), Flat)


def flat_weights(problem: Problem, values: Mapping[str, Tensor]) -> np.ndarray:
    """The weights as one vector, parameter after parameter and row after row, float64."""
    parts = [values[name] for name in weight_parameters(problem)]
    return np.concatenate([part.detach().cpu().double().numpy().ravel() for part in parts])


def place(problem: Problem, index: int) -> tuple[str, int]:
    """The parameter and the position within it of entry `index` of the flat vector."""
    for name in weight_parameters(problem):
        size = problem.initial[name].numel()
        if index < size:
            return name, index
        index -= size
    raise IndexError(f"weight {index} beyond the last one")


def weight_name(data: DataSummary, problem: Problem, index: int) -> str:
    """`bmi`; `bmi → 3` for the third of several outputs; `0.weight[2, 7]` inside a network."""
    name, position = place(problem, index)
    shape = tuple(problem.initial[name].shape)
    if problem.linear is None:
        where = ", ".join(str(axis) for axis in np.unravel_index(position, shape))
        return f"{name}[{where}]"
    output, column = divmod(position, shape[-1])
    known = len(data.names) == shape[-1]
    feature = shortened(data.names[column] if known else f"x{column + 1}")
    return feature if shape[0] == 1 else f"{feature} → {output}"


def shortened(name: str, longest: int = LONGEST_NAME) -> str:
    """A name that fits beside an axis: its beginning and its end."""
    if len(name) <= longest:
        return name
    kept = longest - 1
    return f"{name[: kept - kept // 3]}…{name[-(kept // 3) :]}"
