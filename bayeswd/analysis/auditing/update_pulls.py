"""The prior that an update adds by itself: decay, coupled or not, thresholds, walls."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

import torch
from torch import Tensor

from bayeswd.analysis.auditing.force_families import (
    Pull,
    Weights,
    match,
    probes,
    shared,
    table_of,
)
from bayeswd.analysis.auditing.moves import (
    SETTLED,
    Move,
    Response,
    Update,
    corner,
    is_moved,
    linear_response,
    response,
)
from bayeswd.analysis.auditing.replay import ReplayError
from bayeswd.analysis.auditing.walls import farthest_steps, is_barrier, walls

TOLERANCE = 1e-7  # of a force found as a root
PROBES = 4
LARGE = 2_000  # weights: of more, an optimizer is tried on a corner of each parameter
NEAR = 1e-3  # weights so small that no gradient is clipped and no wall met


@dataclass(eq=False)
class Learned:
    """What an update does. rate, momentum: None where the step is not linear in the gradient.

    trouble: why it could not be measured, empty where it could.
    """

    pulls: list[Pull] = field(default_factory=list)
    moved: list[int] = field(default_factory=list)
    rate: float | None = None
    momentum: float | None = None
    linear: bool = False
    by_hand: bool = False
    reacts: bool = False
    clipped: bool = False
    trouble: str = ""


def learn(update: Update, weights: Weights, centres: dict[int, list[Tensor]]) -> Learned:
    """Measure one update around these weights. centres: where a decay may pull to."""
    learned = Learned(moved=update.moved, by_hand=update.by_hand)
    if not update.moved:
        learned.trouble = "no update of these parameters was seen"
        return learned
    try:
        _learn(update, weights, centres, learned)
    except ReplayError as reason:
        learned.trouble = f"the update cannot be computed again ({reason})"
    except Exception as error:  # the program's own classes may fail in any way on a copy
        learned.trouble = f"the update failed on a copy ({type(error).__name__}: {error})"
    return learned


def _learn(
    update: Update, weights: Weights, centres: dict[int, list[Tensor]], learned: Learned
) -> None:
    moved = update.moved
    points = probes(weights, seed=1, count=PROBES)
    learned.rate, learned.momentum = step_size(update, points[0])
    zero = {i: torch.zeros_like(w) for i, w in weights.items()}
    ones = {i: torch.ones_like(w) for i, w in weights.items()}
    with_none, with_one = (update.move(points[0], g, SETTLED) for g in (zero, ones))
    learned.reacts = any(bool((with_none[i] != with_one[i]).any()) for i in moved)
    large = sum(w.numel() for w in weights.values()) > LARGE
    if update.is_one_optimizer and large:
        plain = update.cropped()
        points = [corner(point) for point in points]
        centres = {i: [corner({0: c})[0] for c in found] for i, found in centres.items()}
    else:
        plain = update.move
    repeats = SETTLED if large and update.by_hand else _settled(learned.momentum)

    def move(w: Weights, g: Weights) -> Weights:
        return plain(w, g, repeats)

    trial = _try(move, points, moved, centres)
    near_points = [{i: NEAR * w for i, w in point.items()} for point in points]
    generator = torch.Generator().manual_seed(0)
    lost = any(not one.known for one in trial.pulls)
    if lost and linear_response(move, near_points[0], moved, generator).linear:
        near = _try(move, near_points, moved, centres)
        if near.linear and all(one.known for one in near.pulls):
            learned.clipped, trial = any(not one.known for one in trial.pulls), near
    learned.linear = trial.linear
    if any(not _is_explained(one, centres) for one in trial.pulls):
        learned.trouble = (
            "the update moves weights by a constant besides: momentum that was kept by hand from "
            "earlier steps, or a centre that is neither 0 nor the initial value"
        )
    farthest = cache(lambda: farthest_steps(plain, points[0]))
    pulls = [*trial.pulls, *walls(move, points, moved, trial.pulls)]
    learned.clipped &= not any("box" in one.parts or "max-norm" in one.parts for one in pulls)
    learned.pulls = [_otherwise(one, trial, farthest) for one in pulls]
    if not learned.linear or any(step.with_closure for step in update.cycle.steps):
        learned.rate = learned.momentum = None


def _is_explained(pull: Pull, centres: dict[int, list[Tensor]]) -> bool:
    """Whether what the pull is centred at is a tensor that is known."""
    if pull.centre is None:
        return "tilt" not in pull.parts
    known = centres.get(pull.parameter, [])
    return any(torch.allclose(pull.centre, one, rtol=1e-4, atol=1e-6) for one in known)


@dataclass(frozen=True, eq=False)
class Trial:
    """What holds weights at these points against a constant gradient."""

    points: Sequence[Weights]
    answers: list[Response]
    pulls: list[Pull]

    @property
    def linear(self) -> bool:
        return all(answer.linear for answer in self.answers)


def _settled(momentum: float | None) -> int:
    """Steps until momentum under a constant gradient is what it tends to."""
    if not momentum or momentum >= 1:
        return SETTLED
    return min(max(SETTLED, math.ceil(math.log(1e-12) / math.log(momentum))), 3000)


def _try(
    move: Move, points: Sequence[Weights], moved: list[int], centres: dict[int, list[Tensor]]
) -> Trial:
    generator = torch.Generator().manual_seed(0)
    answers = [response(move, point, moved, generator) for point in points]
    pairs = list(zip(answers, points, strict=True))
    rest = [i for i in moved if any(is_moved(a.still[i], p[i]) for a, p in pairs)]
    forces = [_forces(answer, moved) for answer in answers]
    balanced = [i for i in rest if all(bool(f[i].isfinite().all()) for f in forces)]
    known = [{i: f[i] for i in balanced} for f in forces]
    found = match(points, known, "update", centres, TOLERANCE) if balanced else []
    left = [i for i in rest if i not in balanced]
    found += [Pull(i, {}, 1.0, "update", table=_finite_table(points, forces, i)) for i in left]
    return Trial(points, answers, found)


def _finite_table(
    points: Sequence[Weights], forces: Sequence[Weights], i: int
) -> tuple[tuple[float, float], ...]:
    weights, force = torch.stack([p[i] for p in points]), torch.stack([f[i] for f in forces])
    known = force.isfinite()
    return table_of(weights[known], force[known]) if bool(known.any()) else ()


def step_size(update: Update, point: Weights) -> tuple[float | None, float | None]:
    """(learning rate, momentum) of an update that is linear in the gradient.

    Under a constant gradient the k-th step is lr (1 + m + ... + m^(k-1)) times it, with Nesterov's
    momentum one term more.
    """
    zero = {i: torch.zeros_like(w) for i, w in point.items()}

    def rates(size: float, repeats: int) -> Tensor:
        gradient = {i: torch.full_like(w, size) for i, w in point.items()}
        a, b = update.move(point, zero, repeats), update.move(point, gradient, repeats)
        return torch.cat([((a[i] - b[i]) / size).flatten() for i in update.moved])

    first = rates(1e-3, 1)
    if float(first.min()) <= 0 or not torch.allclose(first, rates(2e-3, 1), rtol=1e-6):
        return None, None
    one, two, three = (float(rates(1e-3, count).max()) for count in (1, 2, 3))
    if two - one <= 1e-9 * one:
        return one, 0.0
    momentum = (three - two) / (two - one)
    settled = one + (two - one) / (1 - momentum)
    return (1 - momentum) * settled, momentum


def _forces(answer: Response, moved: list[int]) -> Weights:
    """-g of balance; where the update climbs the loss, the objective is minus the loss."""
    return {
        i: -answer.balance[i] if float(answer.rate[i].mean()) >= 0 else answer.balance[i]
        for i in moved
    }


def _otherwise(pull: Pull, trial: Trial, farthest: Callable[[], Weights]) -> Pull:
    """A decay outside the gradient: AdamW's box, or only a rate."""
    if pull.known:
        return pull
    i = pull.parameter
    weights = torch.stack([point[i] for point in trial.points])
    still = torch.stack([answer.still[i] for answer in trial.answers])
    rate = shared(-(still / weights).flatten())
    if rate.ndim:
        return pull
    force = torch.stack([_forces(answer, [i])[i] for answer in trial.answers])
    parts = {"decoupled": rate}
    if is_barrier(weights, force):
        parts = {"box": farthest()[i].abs().max() / rate, **parts}
    return Pull(i, parts, 0.0, "update", table=pull.table, note="decoupled")
