"""The exact motion of particles in the potential slope * |position|: no kink is ever stepped over.

Under |x| the momentum falls at a constant rate while x > 0 and rises while x < 0. In time it is a
triangle wave of height A = sqrt(p^2 + 2 slope |x|), the largest speed, and period 4 A / slope; the
position follows from the conserved energy A^2 / 2 (compare Pakman & Paninski 2014, section 4,
where the potential is piecewise quadratic and the kinks are found one by one).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class PriorFlow:
    """A motion of [k, C] positions by a fixed time. All fields are [k, 1], see `of`."""

    push: Tensor
    twice_slopes: Tensor
    per_slope: Tensor

    def move_(self, position: Tensor, momentum: Tensor) -> None:
        """Move both in place: symplectic and reversible, any number of kinks on the way."""
        four_speed = position.abs().mul_(self.twice_slopes)
        four_speed.addcmul_(momentum, momentum, value=16).sqrt_()  # 4 A
        signed = torch.copysign(four_speed, position)
        phase = self.push / four_speed
        phase.sub_(momentum.div_(signed)).sub_(0.25)
        phase.sub_(phase.round())  # of the period, in [-1/2, 1/2], 0 where the other half begins
        half = phase.abs()
        torch.sub(half, 0.25, out=momentum).mul_(signed)
        phase.addcmul_(phase, half, value=-2).mul_(four_speed.mul_(signed))
        torch.mul(phase, self.per_slope, out=position)


def of(slopes: Tensor, time: float) -> PriorFlow:
    """The motion by `time` under the energy slopes |position| + momentum^2 / 2; slopes: [k, 1]."""
    return PriorFlow(slopes * time, 32 * slopes, -0.25 / slopes)
