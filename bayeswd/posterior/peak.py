"""The highest point of a smooth curve on an interval, to the last digits."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import grad

_POINTS = 400  # of the first look
_SECTIONS = 65  # of the interval at each later one
_ROUNDING = 1e-9  # relative difference of heights that means nothing


def find(curve: Callable[[Tensor], Tensor], low: float, high: float) -> float:
    """Where the curve is highest between two ends; -inf or inf where no place beats that end.

    A look along a grid, which meets every hill wider than its step, then the interval
    where the slope turns negative, ever narrower.
    """
    points = torch.linspace(low, high, _POINTS, dtype=torch.float64)
    heights = curve(points)
    best = int(heights.argmax())
    nothing = _ROUNDING * (1 + float(heights[best].abs()))
    if float(heights[best] - heights[0]) <= nothing:
        return -math.inf
    if float(heights[best] - heights[-1]) <= nothing:
        return math.inf
    left, right = points[best - 1], points[best + 1]
    while float(right - left) > 1e-13 * (1 + float(left.abs())):
        points = torch.linspace(float(left), float(right), _SECTIONS, dtype=torch.float64)
        falls = grad(lambda places: curve(places).sum())(points)[1:-1] <= 0
        first = int(falls.int().argmax()) + 1 if falls.any() else _SECTIONS - 1
        left, right = points[first - 1], points[first]
    return float((left + right) / 2)
