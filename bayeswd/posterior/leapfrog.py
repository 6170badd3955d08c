"""One step of a trajectory: drift, kick, drift; reversible, its errors fall as step_size^2.

The drift is exact under the slopes of an L1 prior, the kick under a quadratic potential, so that
the energy changes only where the potential is neither, or where a weight changes its sign.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bayeswd.posterior import prior_flow
from bayeswd.posterior.potentials import Potential
from bayeswd.posterior.prior_flow import PriorFlow


@dataclass(frozen=True, eq=False)
class Drift:
    """A motion by a fixed time in which only the slopes act.

    kinked: the rows that have one; None if all have, or none has.
    """

    time: float
    flow: PriorFlow | None
    kinked: Tensor | None

    def move_(self, position: Tensor, momentum: Tensor) -> None:
        """Move [D, C] in place."""
        if self.flow is None:
            position.add_(momentum, alpha=self.time)
        elif self.kinked is None:
            self.flow.move_(position, momentum)
        else:
            some, fast = position[self.kinked], momentum[self.kinked]
            self.flow.move_(some, fast)
            position.add_(momentum, alpha=self.time)
            position[self.kinked], momentum[self.kinked] = some, fast


class Leapfrog:
    """Trajectories of steps of one size."""

    def __init__(self, potential: Potential, step_size: float) -> None:
        self.potential = potential
        self.step_size = step_size
        self._half = _drift(potential, 0.5 * step_size)
        self._whole = _drift(potential, step_size)
        harmonic, slopes = potential.harmonic, potential.slopes
        self._turn = None if harmonic is None else harmonic.kick(step_size)
        # a force that acts during the drift as well as at the kick: see `harmonic`
        self._tilt = None if slopes is None else -0.125 * step_size**2 * slopes

    def follow_(self, position: Tensor, momentum: Tensor, steps: int) -> None:
        """Move [D, C] in place by `steps` steps."""
        self._half.move_(position, momentum)
        for left in reversed(range(steps)):
            self.kick_(position, momentum)
            (self._whole if left else self._half).move_(position, momentum)

    def kick_(self, position: Tensor, momentum: Tensor) -> None:
        """Change the momentum by the force at `position`, in place."""
        if self._turn is None:
            momentum.sub_(self.potential.gradient(position), alpha=self.step_size)
        else:
            self._turn.add_(momentum, self._tilted(position), -self.step_size)

    def _tilted(self, position: Tensor) -> Tensor:
        if self._tilt is None:
            return position
        return torch.addcmul(position, position.sign(), self._tilt)


def _drift(potential: Potential, time: float) -> Drift:
    if potential.slopes is None:
        return Drift(time, None, None)
    kinked = potential.kinked
    slopes = potential.slopes if kinked is None else potential.slopes[kinked]
    return Drift(time, prior_flow.of(slopes, time), kinked)
