"""Names for the axes of a problem's arrays, as ArviZ asks for them.

Dimensions: obs (rows), output (several outputs), feature (columns of a linear model). The weight of
a linear model with one output is [feature], its bias a scalar; parameters of other models keep
their shape.
"""

from __future__ import annotations

from collections.abc import Sequence

from bayeswd.errors import InputError
from bayeswd.problem.objective import Problem


def of(
    problem: Problem, names: Sequence[str] | None
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Dimensions by variable and coordinates by dimension."""
    dims = {"y": ["obs"], "prior_variance": ["parameter"]}
    coords = {"parameter": problem.penalized}
    if problem.has_rows:
        coords["obs"] = _counted(problem.n)
    outputs: list[str] = []
    if not has_single_output(problem):
        outputs = ["output"]
        coords["output"] = _counted(_outputs(problem))
    if problem.targets.ndim > 1:
        dims["y"] += outputs
    if problem.linear is not None:
        columns = problem.initial[problem.linear.weight].shape[-1]
        coords["feature"] = _feature_names(names, columns)
        dims[problem.linear.weight] = [*outputs, "feature"]
        if problem.linear.bias is not None:
            dims[problem.linear.bias] = outputs
    return dims, coords


def _feature_names(names: Sequence[str] | None, columns: int) -> list[str]:
    if names is None:
        return [f"x{column}" for column in range(columns)]
    if len(names) != columns or len(set(names)) != columns:
        raise InputError(
            f"to_datatree: {len(names)} names ({len(set(names))} different) for {columns} columns; "
            "give each column its own."
        )
    return [str(name) for name in names]


def has_single_output(problem: Problem) -> bool:
    return _outputs(problem) == 1


def _outputs(problem: Problem) -> int:
    if problem.linear is not None:
        return len(problem.initial[problem.linear.weight])
    return problem.outputs(problem.initial, problem.inputs[:1]).shape[-1]


def _counted(count: int) -> list[str]:
    return [str(index) for index in range(count)]
