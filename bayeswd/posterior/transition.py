"""One transition of many chains: a trajectory, and Metropolis's choice; columns are chains."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from bayeswd.posterior.leapfrog import Leapfrog
from bayeswd.posterior.potentials import Potential
from bayeswd.posterior.random_numbers import RandomNumbers

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


def step(state: State, leapfrog: Leapfrog, steps: int, random: RandomNumbers) -> tuple[State, Info]:
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
