"""The coefficients of a problem in one flat order, weights and bias, each with a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

import numpy as np
from torch import Tensor

from bayeswd.posterior import with_arviz
from bayeswd.problem.objective import Problem


@dataclass(frozen=True)
class Coefficient:
    """The posterior of one number, from draws, beside the penalised fit.

    interval: equal-tailed, of probability interval_probability. ess_bulk, r_hat: ArviZ's; r_hat is
    nan for a single chain. penalized_fit: at the mode; None where none was found.
    """

    name: str
    mean: float
    sd: float
    median: float
    interval: tuple[float, float]
    interval_probability: float
    ess_bulk: float
    r_hat: float
    penalized_fit: float | None

    def to_dict(self) -> dict[str, Any]:
        """As in `bayeswd.sample/1`; what is not finite is None."""
        found = asdict(self)
        found["interval"] = [_finite(end) for end in self.interval]
        return {
            name: _finite(value) if isinstance(value, float) else value
            for name, value in found.items()
        }


def summarized(
    names: Sequence[str], values: np.ndarray, fit: np.ndarray | None, probability: float
) -> tuple[Coefficient, ...]:
    """One coefficient for each column of [chain, draw, k] draws; fit: [k]."""
    flat = values.reshape(-1, values.shape[-1])
    ess, r_hat = with_arviz.ess_and_r_hat(values)
    ends = with_arviz.interval(values, probability)
    sd = flat.std(0, ddof=1) if len(flat) > 1 else np.full(flat.shape[1], np.nan)
    columns = (flat.mean(0), sd, np.median(flat, 0), ends[:, 0], ends[:, 1], ess, r_hat)
    return tuple(
        Coefficient(name, mean, sd, median, (low, high), probability, size, mixing, at_mode)
        for name, (mean, sd, median, low, high, size, mixing), at_mode in zip(
            names,
            np.stack(columns, 1).tolist(),
            [None] * len(names) if fit is None else fit.tolist(),
            strict=True,
        )
    )


def flat(problem: Problem, values: Mapping[str, Tensor], leading: int = 0) -> np.ndarray:
    """All parameters side by side, [..., k]: weights before the bias; float64, on the CPU.

    leading: how many dimensions come before those of a parameter.
    """
    parts = [values[name].detach().cpu().double().flatten(leading) for name in ordered(problem)]
    return np.concatenate([part.numpy() for part in parts], axis=-1)


def ordered(problem: Problem) -> list[str]:
    """Parameters by name, the bias of a linear model last."""
    layout = problem.linear
    if layout is None:
        return list(problem.priors)
    return [name for name in (layout.weight, layout.bias) if name is not None]


def names(problem: Problem, columns: Sequence[str]) -> list[str]:
    """`bmi` and `bias`; `bmi (class 3)` or `bmi (output 3)`, from 0; `0.weight[2, 7]` in a network.

    columns: of the inputs; x1, x2, ... where they do not fit.
    """
    layout = problem.linear
    if layout is None:
        return [
            f"{name}[{', '.join(map(str, index))}]"
            for name in ordered(problem)
            for index in np.ndindex(tuple(problem.initial[name].shape))
        ]
    outputs, width = problem.initial[layout.weight].shape
    kind = "class" if problem.likelihood.family == "categorical" else "output"
    suffixes = [""] if outputs == 1 else [f" ({kind} {output})" for output in range(outputs)]
    own = columns if len(columns) == width else [f"x{column + 1}" for column in range(width)]
    bias = "bias" if "bias" not in own else "bias (intercept)"
    found = [name + suffix for suffix in suffixes for name in own]
    return found + ([bias + suffix for suffix in suffixes] if layout.bias is not None else [])


def weight_count(problem: Problem) -> int:
    """How many of the coefficients, the first ones, are weights and not the bias."""
    if problem.linear is None:
        return sum(value.numel() for value in problem.initial.values())
    return problem.initial[problem.linear.weight].numel()


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None
