"""Before the draws: chains forget where they began, and step size and units are settled.

One number crosses from the device to the host for each round of transitions, none in between.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from bayeswd.posterior import adaptation, starts, transition, units
from bayeswd.posterior.leapfrog import Leapfrog
from bayeswd.posterior.potentials import Potential, Setup
from bayeswd.posterior.random_numbers import RandomNumbers
from bayeswd.posterior.transition import Info, State

ROUND = 5  # transitions between two looks at the acceptance rate
_TRIAL = 8  # steps at most of a trajectory that only tries a step size
_SHORT = 1 / 8  # of a step, in the one trajectory of each turn that leaves narrow places
_LEAST = 0.05  # acceptance rate of a round below which all count alike
_STUCK = 0.1  # acceptance rate of a round below which a chain has to move on
_LEARNING = 0.75  # of the warm-up in which units are learnt; the step size alone after that


class Trajectories:
    """Trajectories of the lengths that are taken in turn, in steps of at most `limit`.

    Where the curvature may grow without limit, one in so many takes steps much shorter: a chain
    that has come where no others succeed is not held there for long.
    """

    def __init__(self, potential: Potential, limit: float, seed: int) -> None:
        self.potential = potential
        self._limit = limit
        self._angles = adaptation.angles(seed)
        self._made: dict[int, tuple[Leapfrog, int]] = {}

    def at(self, index: int) -> tuple[Leapfrog, int]:
        """The leapfrog, and how many of its steps make trajectory number `index`."""
        index %= len(self._angles)
        if index not in self._made:
            widest = self.potential.widest
            steps, step_size = adaptation.trajectory(self._angles[index], widest, self._limit)
            if index == len(self._angles) - 1 and self.potential.harmonic is None:
                step_size *= _SHORT
            self._made[index] = Leapfrog(self.potential, step_size), steps
        return self._made[index]


def run(
    setup: Setup, count: int, seed: int, random: RandomNumbers, say: Callable[[int], object]
) -> tuple[State, Trajectories]:
    """`count` transitions, their number told to `say`; the chains, and how they go on."""
    potential = setup.potential
    state = transition.init(potential, setup.positions)
    steps = adaptation.start(first_step(state, potential, random))
    window: list[Tensor] = []
    learnt = ROUND
    for done in range(0, count, ROUND):
        going = Trajectories(potential, steps.now, seed + done)
        size = min(ROUND, count - done)
        state, rates, passed = _round(state, going, size, random, setup.adapts)
        steps = adaptation.update(steps, float(_level(rates) if setup.adapts else rates.mean()))
        if setup.adapts and done + size < count:
            state = _moved_on(state, rates)
        window += passed
        if setup.adapts and len(window) >= learnt and done + size <= _LEARNING * count:
            state, potential = _relearnt(state, potential, window)
            steps = adaptation.start(steps.now)
            window, learnt = [], 2 * learnt
        say(done + size)
    return state, Trajectories(potential, steps.settled, seed)


def first_step(state: State, potential: Potential, random: RandomNumbers) -> float:
    """A step at which about half of the proposals or more are accepted, found by halving."""
    limit = adaptation.longest_step(potential.widest)
    for _ in range(30):
        steps, step_size = adaptation.trajectory(adaptation.ANGLE, potential.widest, limit)
        few = min(steps, _TRIAL)
        _, info = transition.step(state, Leapfrog(potential, step_size), few, random)
        if float(info.acceptance_rate.mean()) > 0.5:
            break
        limit *= 0.5
    return limit


def _round(
    state: State, going: Trajectories, count: int, random: RandomNumbers, keep: bool
) -> tuple[State, Tensor, list[Tensor]]:
    """The chains after some transitions, their acceptance rates [C], the weights on the way."""
    errors, passed = [], []
    for index in range(count):
        state, info = transition.step(state, *going.at(index), random)
        errors.append(info.energy_error)
        if keep:
            passed.append(going.potential.metric.to_weights(state.position))
    return state, Info(torch.stack(errors)).acceptance_rate.mean(0), passed


def _level(rates: Tensor) -> Tensor:
    """Their harmonic mean: a few chains in narrow places lower it where a mean would not see them.

    (Hoffman, Radul & Sountsov 2021 take it over proposals.)
    """
    return 1 / (1 / rates.clamp(min=_LEAST)).mean()


def _moved_on(state: State, rates: Tensor) -> State:
    """Chains that hardly ever accept go where the others are."""
    source = starts.substitutes(rates < _STUCK, rates)
    return State(state.position[:, source], state.energy[source])


def _relearnt(state: State, potential: Potential, window: list[Tensor]) -> tuple[State, Potential]:
    """The same chains in units taken from where they were."""
    weights = potential.metric.to_weights(state.position)
    potential = units.learnt(potential, torch.cat(window, 1), weights.shape[1])
    return transition.init(potential, potential.metric.from_weights(weights)), potential
