"""One claim about a fit: the pulls under which its weights would be at rest."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from bayeswd.analysis.forces import Rate, Rates
from bayeswd.problem.objective import Params

SAME = "same objective"
START = "start left"


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """The fit is at rest at `params` under `rates`; `words` complete the sentence "B ...".

    params: the weights of the fit, moved where the claim is that they were moved.
    factor: on A's penalty, where the claim is one. fitted: numbers taken from the weights.
    """

    name: str
    words: str
    rates: Rates
    params: Params
    factor: float | None = None
    fitted: int = 0

    def is_like(self, other: Hypothesis) -> bool:
        """Whether the other claims the same, to rounding: then it says nothing of its own."""
        return all(
            _close(mine, theirs)
            for name in self.params
            for mine, theirs in [
                (self.params[name], other.params[name]),
                (self.rates[name][0], other.rates[name][0]),
                (self.rates[name][1], other.rates[name][1]),
            ]
        )


def _close(one: Rate, other: Rate) -> bool:
    first, second = (torch.as_tensor(rate, dtype=torch.float64) for rate in (one, other))
    size = float(torch.maximum(first.abs().max(), second.abs().max()))
    if size == float("inf"):
        return bool((first == second).all())
    return bool(((first - second).abs() <= 1e-9 * size).all())
