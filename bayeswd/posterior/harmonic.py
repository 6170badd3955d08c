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
        along = position if self.basis is None else self.basis @ position
        along = (along - self.centre).square_().mul_(0.5 * self.squares)
        return along.sum(0, dtype=torch.float64)

    def kick(self, step_size: float) -> Kick:
        """The force, softened for a kick between two drifts of step_size / 2; 0: the force."""
        softened = self.squares / (1 + 0.25 * step_size**2 * self.squares)
        if self.basis is None or self.basis.shape[1] > 2 * len(self.basis):
            return Kick(self.basis, softened, self.centre)
        matrix = (self.basis.T * softened[:, 0]) @ self.basis
        return Kick(matrix, None, self.basis.T @ (softened * self.centre))


@dataclass(frozen=True, eq=False)
class Kick:
    """A force that is linear in the position.

    Either matrix q - shift, with softened None; or basis' softened (basis q - shift), where the
    basis (`matrix`, [r, D]; None for the identity) is thin.
    """

    matrix: Tensor | None
    softened: Tensor | None
    shift: Tensor

    def add_(self, momentum: Tensor, position: Tensor, factor: float) -> None:
        """Add `factor` times the force at `position` to the momentum, both [D, C]."""
        if self.softened is None:
            assert self.matrix is not None  # one of the two is there
            momentum.addmm_(self.matrix, position, alpha=factor)
            momentum.sub_(self.shift, alpha=factor)
        elif self.matrix is None:
            momentum.addcmul_(position - self.shift, self.softened, value=factor)
        else:
            along = (self.matrix @ position).sub_(self.shift).mul_(self.softened)
            momentum.addmm_(self.matrix.T, along, alpha=factor)


def unit(like: Tensor) -> Harmonic:
    """|q|^2 / 2 in the dtype and on the device of `like`."""
    return Harmonic(None, like.new_ones(1, 1), like.new_zeros(1, 1))
