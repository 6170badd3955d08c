"""Hamiltonian Monte Carlo of many chains at once, for any differentiable problem.

All chains take the same number of steps in a transition, so that one tensor operation serves
them all; lengths are jittered, as a fixed length may follow an orbit round to where it began
(Neal 2011, section 5.3.2.2). Columns are chains: positions are [D, C].
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from bayeswd.errors import InputError
from bayeswd.posterior import adaptation, potentials, propriety
from bayeswd.posterior.leapfrog import Leapfrog
from bayeswd.posterior.potentials import Potential, Setup
from bayeswd.posterior.random_numbers import RandomNumbers
from bayeswd.problem.objective import Problem
from bayeswd.results import Draws

Progress = Callable[[int, int], object]

DIVERGED = 1000.0  # nats of energy error beyond which a trajectory counts as lost


class State(NamedTuple):
    """Where the chains stand, [D, C], and their potential energy, [C]."""

    position: Tensor
    energy: Tensor


class Info(NamedTuple):
    """Of one transition: the energy error of each trajectory, nats, [C]; inf or nan if lost."""

    energy_error: Tensor

    @property
    def acceptance_rate(self) -> Tensor:
        """The chance with which the end of the trajectory was accepted."""
        return self.energy_error.nan_to_num(nan=torch.inf).clamp(min=0).neg_().exp_()

    @property
    def diverging(self) -> Tensor:
        """Whether the energy ran away."""
        return ~(self.energy_error <= DIVERGED)


def init(potential: Potential, positions: Tensor) -> State:
    """Chains at `positions`, [D, C], in the coordinates of the potential."""
    return State(positions, potential.energy(positions))


def step(
    state: State, leapfrog: Leapfrog, steps: int, random: RandomNumbers
) -> tuple[State, Info]:
    """A fresh momentum, a trajectory of `steps` steps, and Metropolis's choice for each chain."""
    normal = random.normal(len(state.position) + 2)
    momentum = normal[:-2].to(state.position)
    position = state.position.clone()
    before = state.energy.add(squared_length(momentum), alpha=0.5)
    leapfrog.follow_(position, momentum, steps)
    energy = leapfrog.potential.energy(position)
    error = energy.add(squared_length(momentum), alpha=0.5).sub_(before)
    threshold = squared_length(normal[-2:]).mul_(0.5)  # exponential, as -log of a uniform
    accepted = error < threshold
    chosen = State(
        torch.where(accepted, position, state.position),
        torch.where(accepted, energy, state.energy),
    )
    return chosen, Info(error)


def squared_length(columns: Tensor) -> Tensor:
    """|p|^2 of each column of [D, C], [C], float64."""
    return (columns * columns).sum(0, dtype=torch.float64)
