"""Where a letter beside a dot is clear of lines, dots and other letters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# points
RADII = (13.0, 17.0, 22.0, 28.0)  # of a letter around its dot, the nearest first
CLEAR = 6.5  # half a letter and a little air
MARK = 6.5  # half the mark of this run
ANGLES = np.radians([90, 60, 120, 30, 150, 270, 300, 240, 330, 210])


def free_spots(
    figure: Figure, axes: Axes, dots: Sequence[tuple[float, float]]
) -> list[tuple[float, float]]:
    """Offsets in points from each dot (data coordinates), once limits and margins are set.

    A letter takes the nearest spot that is clear, or the clearest where none is.
    """
    scale = 72 / figure.dpi
    places = [scale * axes.transData.transform(dot) for dot in dots]
    segments = [scale * ends for ends in _segments(axes)]
    taken: list[np.ndarray] = []
    offsets = []
    for place in places:
        offset = _clearest(place, segments, places, taken)
        taken.append(place + offset)
        offsets.append((float(offset[0]), float(offset[1])))
    return offsets


def _segments(axes: Axes) -> list[np.ndarray]:
    """The two ends [end, coordinate] of every line, in pixels."""
    lines = [line for line in axes.lines if line.get_linestyle() != "None"]
    paths = [line.get_transform().transform(line.get_xydata()) for line in lines]
    return [path[[0, -1]] for path in paths if len(path) > 1]


def _clearest(
    place: np.ndarray,
    segments: Sequence[np.ndarray],
    dots: Sequence[np.ndarray],
    taken: Sequence[np.ndarray],
) -> np.ndarray:
    best, most = np.zeros(2), -math.inf
    for radius, angle in product(RADII, ANGLES):
        offset = radius * np.array([math.cos(angle), math.sin(angle)])
        spot = place + offset
        room = min(
            *(distance(spot, *ends) for ends in segments),
            *(float(np.hypot(*(spot - dot))) - MARK for dot in dots),
            *(float(np.hypot(*(spot - other))) - CLEAR for other in taken),
            math.inf,
        )
        if room >= CLEAR:
            return offset
        if room > most:
            best, most = offset, room
    return best


def distance(point: np.ndarray, start: np.ndarray, end: np.ndarray) -> float:
    """From a point to a segment."""
    along = end - start
    share = float(np.clip((point - start) @ along / max(float(along @ along), 1e-300), 0, 1))
    return float(np.hypot(*(start + share * along - point)))
