"""A quadratic potential in its own directions, and the kick that conserves its energy.

Between two drifts of step/2, a kick of w^2 (q - m) / (1 + w^2 step^2 / 4) turns each direction of
frequency w by 2 atan(w step / 2), stable at any step, and conserves its energy exactly: the
implicit midpoint rule, in explicit form. Where a constant force `slope` acts during the drift,
it conserves the energy exactly once q is replaced by q - slope step^2 / 8.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Harmonic:
    """sum_k squares_k (basis_k q - centre_k)^2 / 2, in nats; no force outside the basis.

    basis: [r, D], orthonormal rows; None for the identity. squares, centre: [r, 1].
    """

    basis: Tensor | None
    squares: Tensor
    centre: Tensor

    def value(self, position: Tensor) -> Tensor:
        """Nats of each column of [D, C], [C], float64."""
        along = self.along(position)
        return 0.5 * along.square_().mul_(self.squares).sum(0, dtype=torch.float64)

    def softened(self, step_size: float) -> Tensor:
        """w^2 / (1 + w^2 step^2 / 4), [r, 1]."""
        return self.squares / (1 + 0.25 * step_size**2 * self.squares)

    def along(self, position: Tensor) -> Tensor:
        """Distance from the centre in each direction, [r, C]; a new tensor."""
        if self.basis is None:
            return position - self.centre
        return (self.basis @ position).sub_(self.centre)

    def back_(self, momentum: Tensor, along: Tensor, factor: float) -> None:
        """Add `factor` times a force in each direction, [r, C], to the momentum."""
        if self.basis is None:
            momentum.add_(along, alpha=factor)
        else:
            momentum.addmm_(self.basis.T, along, alpha=factor)


def unit(like: Tensor) -> Harmonic:
    """|q|^2 / 2 in the dtype and on the device of `like`."""
    return Harmonic(None, like.new_ones(1, 1), like.new_zeros(1, 1))
