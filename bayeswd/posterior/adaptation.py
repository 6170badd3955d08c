"""How far the chains go in a transition, and in how many steps: settled before they run."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

TARGET = 0.85  # acceptance rate
ANGLE, JITTER = 0.9 * math.pi / 2, 0.5  # that the widest direction turns; its relative range
LENGTHS = 16  # different ones, taken in turn
_GOLDEN = (math.sqrt(5) - 1) / 2
_MOST = 1000  # steps of a trajectory
_GAMMA, _KAPPA, _DELAY = 0.05, 0.75, 10  # Hoffman & Gelman 2014, section 3.2


@dataclass(frozen=True)
class StepSize:
    """Dual averaging of the logarithm of a step (Hoffman & Gelman 2014, eq. 6).

    One update takes the mean acceptance over all chains and some transitions.
    """

    log_start: float
    log_step: float
    log_mean: float
    misses: float = 0.0
    count: int = 0

    @property
    def now(self) -> float:
        return math.exp(self.log_step)

    @property
    def settled(self) -> float:
        return math.exp(self.log_mean)


def start(step_size: float) -> StepSize:
    """Before any update."""
    return StepSize(math.log(step_size), math.log(step_size), math.log(step_size))


def update(state: StepSize, acceptance: float) -> StepSize:
    """A shorter step where fewer proposals than wanted were accepted, a longer one else."""
    count = state.count + 1
    misses = state.misses + TARGET - acceptance
    log_step = state.log_start - math.sqrt(count) / _GAMMA * misses / (count + _DELAY)
    weight = count**-_KAPPA
    log_mean = weight * log_step + (1 - weight) * state.log_mean
    return replace(state, log_step=log_step, log_mean=log_mean, misses=misses, count=count)


def angles(seed: int) -> list[float]:
    """Angles of somewhat less than a quarter turn, well spread in any few that follow one another.

    Without jitter a direction whose period divides the trajectory would never move. Multiples of
    the golden ratio fill the range without a pattern.
    """
    first = (seed % 1024 + 0.5) / 1024
    shares = ((first + index * _GOLDEN) % 1 for index in range(LENGTHS))
    return [ANGLE * (1 + JITTER * (2 * share - 1)) for share in shares]


def trajectory(angle: float, widest: float, limit: float) -> tuple[int, float]:
    """(steps, step size below `limit`) that turn a direction of sd `widest` by `angle`.

    One step turns it by 2 atan(step / (2 widest)).
    """
    each = 2 * math.atan(limit / (2 * widest))
    steps = min(max(1, math.ceil(angle / each - 1e-9)), _MOST)
    return steps, min(2 * widest * math.tan(angle / (2 * steps)), limit)


def longest_step(widest: float) -> float:
    """The step at which every trajectory is a single one."""
    return 2 * widest * math.tan(0.5 * ANGLE * (1 + JITTER))
