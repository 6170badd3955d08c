"""Where to look on a plane of two weights: a window wide enough, and one close enough."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

UNEVEN = 8  # ratio of posterior sds beyond which each weight has its own scale


@dataclass(frozen=True, eq=False)
class Window:
    """A part of the plane of two weights: `middle` [2] and half-widths `half` [2]."""

    middle: np.ndarray
    half: np.ndarray

    @property
    def even(self) -> bool:
        """Whether both weights are drawn at one scale, a round prior as a circle."""
        return bool(self.half[0] == self.half[1])

    def sides(self, points: int) -> tuple[np.ndarray, np.ndarray]:
        low, high = self.middle - self.half, self.middle + self.half
        return np.linspace(low[0], high[0], points), np.linspace(low[1], high[1], points)


@dataclass(frozen=True, eq=False)
class Quadratic:
    """The misfit near a fit: `slope` [2] and `bend` [2, 2] in the two weights, `fit` [2]."""

    fit: np.ndarray
    slope: np.ndarray
    bend: np.ndarray

    def minimum(self) -> np.ndarray:
        """Where it is least; nan where it is flat in a direction."""
        (a, b), (_, c) = self.bend
        if min(a, c) <= 0 or a * c - b * b <= 1e-9 * a * c:
            return np.full(2, math.nan)
        return self.fit - np.linalg.solve(self.bend, self.slope)

    def rise(self, across: np.ndarray, up: np.ndarray) -> np.ndarray:
        """Its value above that at the fit, after steps away from the fit."""
        (a, b), (_, c) = self.bend
        linear = self.slope[0] * across + self.slope[1] * up
        return linear + 0.5 * (a * across**2 + 2 * b * across * up + c * up**2)


def around(local: Quadratic, variance: float) -> tuple[Window, Window]:
    """A wide window, and a close one on the posterior's peak, under this prior variance."""
    # about one posterior sd of each weight on the slice
    spread = 1 / np.sqrt(np.maximum(np.diag(local.bend), 0.0) + 1 / variance)
    return _wide(local, spread), Window(local.fit, _evened(5 * spread, spread))


def _wide(local: Quadratic, spread: np.ndarray) -> Window:
    """A window with the origin, the fit and the likelihood's mode.

    A likelihood mode far away is left out: the map would be all window.
    """
    low = np.minimum(0.0, local.fit - 4 * spread)
    high = np.maximum(0.0, local.fit + 4 * spread)
    mode = local.minimum()
    farthest = 8 * (np.abs(local.fit) + 4 * spread).max()
    if np.abs(mode).max() < farthest:  # false where the mode is nan
        reach = np.sqrt(np.diag(np.linalg.inv(local.bend))).clip(max=farthest / 8)
        low = np.minimum(low, mode - 1.5 * reach)
        high = np.maximum(high, mode + 1.5 * reach)
    return Window((low + high) / 2, _evened(0.54 * (high - low), spread))


def _evened(half: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """One scale for both weights, unless the posterior of one would then be a line."""
    return np.full(2, half.max()) if spread.max() <= UNEVEN * spread.min() else half
