"""The scales that a criterion cannot tell from its best: one level, 95 %, for every criterion.

Losses. Two scales are judged on the same rows, so that what counts is the difference row by row
and the standard error of its mean. A scale is told apart where the difference is more than 1.96
of these standard errors, a paired test at 95 %. (The standard error of the loss itself is no
measure: most of it is common to all scales.)

Smooth curves in nats. A scale is told apart where it lies more than 1.92 nats below the maximum,
1.96^2 / 2: the likelihood interval of 95 %.

The interval runs from the first to the last scale that is not told apart. Where it reaches the
end of the grid the criterion sets no bound on that side.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from bayeswd.posterior import peak

STANDARD_ERRORS = 1.96
NATS = STANDARD_ERRORS**2 / 2
_HALVINGS = 60

Curve = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Paired:
    """Losses of S scales on the same rows, against those of the best scale.

    error: standard error of the mean loss of each scale; difference: mean loss less that of the
    best; difference_error: its standard error over the rows. All [S].
    """

    best: int
    mean: Tensor
    error: Tensor
    difference: Tensor
    difference_error: Tensor

    @property
    def untold(self) -> Tensor:
        """Which scales cannot be told from the best, bool [S]."""
        return self.difference <= STANDARD_ERRORS * self.difference_error

    @property
    def simplest(self) -> int:
        """The narrowest prior within one standard error of the least loss."""
        within = self.mean <= self.mean[self.best] + self.error[self.best]
        return int(within.int().argmax())


def paired(losses: Tensor) -> Paired:
    """From losses [S, n], lower better, scales ascending."""
    mean = losses.mean(1)
    best = int(mean.argmin())
    difference = losses - losses[best]
    return Paired(best, mean, _error(losses), difference.mean(1), _error(difference))


def _error(values: Tensor) -> Tensor:
    """Standard error of the mean of each row of [S, n]."""
    return values.std(1) / math.sqrt(values.shape[1])


def span(scales: tuple[float, ...], untold: Tensor) -> tuple[float, float]:
    """From the first to the last of the scales that are not told apart."""
    chosen = untold.nonzero()[:, 0]
    return scales[int(chosen[0])], scales[int(chosen[-1])]


def is_bounded(interval: tuple[float, float], scales: tuple[float, ...]) -> bool:
    """Whether the interval ends before the grid does, on both sides."""
    return scales[0] < interval[0] and interval[1] < scales[-1]


def highest(curve: Curve, low: float, high: float) -> float:
    """Where a curve in nats is highest between two log scales, an end of them if it is there."""
    return min(max(peak.find(curve, low, high), low), high)


def within_nats(curve: Curve, best: float, low: float, high: float) -> tuple[float, float]:
    """Log scales around the highest point where the curve has fallen by 1.92 nats, or the ends."""
    floor = float(curve(_number(best))) - NATS
    points = torch.linspace(low, high, 2001, dtype=torch.float64)
    above = curve(points) >= floor
    reached = points[above]
    if len(reached) == 0:  # narrower than the steps of this look
        reached = _number(best)[None]
    step = float(points[1] - points[0])
    first, last = min(float(reached[0]), best), max(float(reached[-1]), best)
    return (
        low if bool(above[0]) else _crossing(curve, floor, first, first - step),
        high if bool(above[-1]) else _crossing(curve, floor, last, last + step),
    )


def _crossing(curve: Curve, floor: float, inside: float, outside: float) -> float:
    """Where the curve leaves the floor between a place above it and one below it."""
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        if float(curve(_number(middle))) >= floor:
            inside = middle
        else:
            outside = middle
    return inside


def _number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)
