"""Where weights cannot go: boxes and balls, and the box that AdamW's decay amounts to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from bayeswd.analysis.auditing.force_families import Pull, Weights
from bayeswd.analysis.auditing.moves import SETTLED, Move, is_moved

FAR = 1e3  # how far out walls are looked for, in sizes of the weights
LONGEST = 10_000  # steps until running averages settle


def walls(
    move: Move, points: Sequence[Weights], moved: list[int], known: Sequence[Pull]
) -> list[Pull]:
    """Limits that only large weights meet: a box, or a largest norm."""
    found = []
    pulled = {one.parameter for one in known}
    zero = {i: torch.zeros_like(w) for i, w in points[0].items()}
    far = [{i: FAR**power * w for i, w in points[-1].items()} for power in (1, 2)]
    ends = [{i: one[i] + w for i, w in move(one, zero).items()} for one in far]
    for i in moved:
        near, end = ends[0][i], ends[1][i]
        if not is_moved(end - far[1][i], far[1][i]):
            continue
        size = end.abs().max()
        if torch.allclose(near, end, rtol=1e-9) and size > 0:
            flat = float((end.abs() - size).abs().max()) <= 1e-9 * float(size)
            found.append(Pull(i, {"box": size}, 0.0, "update") if flat else _ball(i, end))
        elif i not in pulled:
            found.append(Pull(i, {}, 1.0, "update", note="large weights are moved"))
    return found


def _ball(index: int, end: Tensor) -> Pull:
    """Large weights end on a sphere: of the whole tensor, of each row or of each column."""
    for kept, what in ((0, "each row"), (1, "each column")):
        if end.ndim > kept and end.ndim > 1:
            norms = end.norm(dim=tuple(a for a in range(end.ndim) if a != kept))
            if norms.numel() > 1 and float(norms.max() - norms.min()) <= 1e-9 * float(norms.max()):
                return Pull(index, {"max-norm": norms.mean()}, 0.0, "update", note=what)
    return Pull(index, {"max-norm": end.norm()}, 0.0, "update", note="the tensor")


def is_barrier(weights: Tensor, force: Tensor) -> bool:
    """Whether |F| = e |w| / (h - |w|), so that 1/|F| = (h/e) / |w| - 1/e is a line in 1/|w|.

    So AdamW rests at a constant gradient: g / (|g| + e) + w / h = 0, within |w| < h.
    """
    inside = force.isfinite() & (force != 0)
    x, y = 1 / weights[inside].abs(), 1 / force[inside].abs()
    if len(x) < 4 or not bool((force[inside] * weights[inside] > 0).all()):
        return False
    columns = torch.stack([x / y, 1 / y], 1)  # relative residuals count
    answer = torch.linalg.lstsq(columns, torch.ones_like(x)[:, None]).solution[:, 0]
    return float(answer[1]) < 0 and float((columns @ answer - 1).abs().max()) < 1e-4


def farthest_steps(move: Callable[..., Weights], point: Weights) -> Weights:
    """The step at w = 0 under a large constant gradient, once its running averages settled."""
    zero = {i: torch.zeros_like(w) for i, w in point.items()}
    large = {i: torch.full_like(w, 1e6) for i, w in point.items()}
    repeats, last = SETTLED, move(zero, large, SETTLED)
    while repeats < LONGEST:
        repeats *= 2
        steps = move(zero, large, repeats)
        if all(torch.allclose(steps[i], last[i], rtol=1e-7) for i in steps):
            return steps
        last = steps
    return last
