"""Cholesky factors of many small matrices at once, with right-hand sides carried along.

The factor L of A and the solution of L x = b come from one elimination of [A; b']: its last row
becomes x'. Two ways of the same three operations: for small matrices the batch is the last
dimension and each column is three vectorised operations for all matrices together; for larger
ones LAPACK (cuSOLVER) takes them one by one.
"""

from __future__ import annotations

import torch
from torch import Tensor

LARGEST_TOGETHER = 32  # measured on the CPU: up to this size the first way is 1.3 to 5 times faster


class Together:
    """`size` x `size` matrices as [row, column, matrix]; `sides` right-hand sides below each.

    Write `matrix` (its lower triangle and diagonal) and `right` [sides, size, batch], then
    `factor`: afterwards `right` holds L^-1 b.
    """

    def __init__(self, size: int, sides: int, batch: int, device: torch.device) -> None:
        whole = torch.zeros(size + sides, size, batch, dtype=torch.float64, device=device)
        self.matrix, self.right = whole[:size], whole[size:]
        self.diagonal = self.matrix.diagonal().T
        self._inverse = torch.empty(size, batch, dtype=torch.float64, device=device)
        # every view is made once: making them costs as much as the arithmetic on them
        self._pivots = [(whole[j, j], self._inverse[j], whole[j:, j]) for j in range(size)]
        self._updates = [
            (whole[j + 1 :, j + 1 :], whole[j + 1 :, j][:, None], whole[j + 1 : size, j][None])
            for j in range(size)
        ]
        self._rows = [(j, self._inverse[j], whole[j, :j]) for j in reversed(range(size))]

    def factor(self) -> None:
        """Eliminate column by column."""
        for (pivot, inverse, column), (rest, left, top) in zip(
            self._pivots, self._updates, strict=True
        ):
            torch.rsqrt(pivot, out=inverse)
            column.mul_(inverse)
            rest.addcmul_(left, top, value=-1)

    def solve_transposed_(self, values: Tensor) -> Tensor:
        """Replace values [size, batch] by L^-T values."""
        for j, inverse, row in self._rows:
            solved = values[j].mul_(inverse)
            values[:j].addcmul_(row, solved, value=-1)
        return values


class OneByOne:
    """The same with the matrices one after the other in memory, for LAPACK."""

    def __init__(self, size: int, sides: int, batch: int, device: torch.device) -> None:
        self._stored = torch.zeros(batch, size, size, dtype=torch.float64, device=device)
        self.matrix = self._stored.permute(1, 2, 0)
        self.diagonal = self.matrix.diagonal().T
        self.right = torch.zeros(sides, size, batch, dtype=torch.float64, device=device)

    def factor(self) -> None:
        """Factor all matrices and solve for the right-hand sides."""
        self._factor, _ = torch.linalg.cholesky_ex(self._stored)
        sides = self.right.permute(2, 1, 0)
        solved = torch.linalg.solve_triangular(self._factor, sides, upper=False)
        self.right.copy_(solved.permute(2, 1, 0))

    def solve_transposed_(self, values: Tensor) -> Tensor:
        """Replace values [size, batch] by L^-T values."""
        sides = values.T[..., None]
        solved = torch.linalg.solve_triangular(self._factor.mT, sides, upper=True)
        return values.copy_(solved[..., 0].T)


def of_size(size: int, sides: int, batch: int, device: torch.device) -> Together | OneByOne:
    """Room for `batch` matrices, in the way that is faster at this size."""
    kind = Together if size <= LARGEST_TOGETHER else OneByOne
    return kind(size, sides, batch, device)
