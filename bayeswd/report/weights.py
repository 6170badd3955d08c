"""Which weights a figure is about, in one flat order, and what to call them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from torch import Tensor

from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Prior
from bayeswd.report import style, words

LONGEST_NAME = 1.75  # inches


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


class Named(Protocol):
    """What knows the names of the input columns, such as a DataSummary."""

    @property
    def names(self) -> tuple[str, ...]: ...


def weight_names(data: Named, problem: Problem, indices: Sequence[int]) -> list[str]:
    """What to call these weights, each name another: cut short, two may be the same."""
    names = [weight_name(data, problem, index) for index in indices]
    return [
        name if names.count(name) == 1 else f"{name} ({place})"
        for place, name in enumerate(names, 1)
    ]


def weight_name(data: Named, problem: Problem, index: int) -> str:
    """`bmi`; `bmi (class 3)` or `bmi (output 3)`, counted from 0, for one of several outputs.

    Inside a network the parameter and the place in it: `0.weight[2, 7]`.
    """
    name, position = place(problem, index)
    shape = tuple(problem.initial[name].shape)
    if problem.linear is None:
        where = ", ".join(str(axis) for axis in np.unravel_index(position, shape))
        return f"{_fitting(words.drawable(name))}[{where}]"
    output, column = divmod(position, shape[-1])
    known = len(data.names) == shape[-1]
    feature = _fitting(column_name(data.names[column] if known else f"x{column + 1}", column))
    one_of = "class" if problem.likelihood.family == "categorical" else "output"
    return feature if shape[0] == 1 else f"{feature} ({one_of} {output})"


def column_name(name: str, column: int) -> str:
    """A column's own name; its number, counted from 1, where the font lacks letters of it."""
    if words.is_drawable(name):
        return words.drawable(name)
    left = words.drawable(name)
    number = f"column {column + 1}"
    return number if left.strip(f"{words.MISSING} ") == "" else f"{number}: {left}"


def _fitting(name: str) -> str:
    return words.shortened(name, LONGEST_NAME, style.LABEL)
