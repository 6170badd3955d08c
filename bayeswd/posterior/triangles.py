"""Cholesky factors of many small matrices at once, with right-hand sides carried along.

The factor L of A and the solution of L x = b come from one elimination of [A; b']: its last row
becomes x'. Two ways of the same operations: for small matrices the batch is the last dimension
and each column is two vectorised operations for all matrices together; for larger ones LAPACK
(cuSOLVER) takes them one by one.
"""

from __future__ import annotations

import torch
from torch import Tensor

LARGEST_TOGETHER = 32  # measured on the CPU: up to this size the first way is 1.3 to 5 times faster


class Together:
    """`size` x `size` matrices as [row, column, matrix]; `sides` right-hand sides below each.

    Write `matrix` (its lower triangle and diagonal) and `right` [sides, size, batch], or both at
    once as `whole`, then `factor`: afterwards `right` holds L^-1 b. Write `values` [size, batch],
    then `solve_transposed`: afterwards they are L^-T values.
    """

    def __init__(self, size: int, sides: int, batch: int, device: torch.device) -> None:
        self.whole = torch.zeros(size + sides, size, batch, dtype=torch.float64, device=device)
        whole = self.whole
        # A = U diag(pivots) U' with ones on the diagonal of U: no root until the end
        unit = torch.zeros(size, size, batch, dtype=torch.float64, device=device)
        self.matrix, self.right = whole[:size], whole[size:]
        self.values = torch.empty(size, batch, dtype=torch.float64, device=device)
        self.diagonal = self.matrix.diagonal().T
        self._inverse_roots = torch.empty_like(self.values)
        # every view is made once: making them costs as much as the arithmetic on them
        self._columns = [
            (
                whole[j + 1 : size, j],
                whole[j, j],
                unit[j + 1 :, j],
                whole[j + 1 :, j + 1 :],
                whole[j + 1 :, j][:, None],
                unit[j + 1 :, j][None],
            )
            for j in range(size - 1)
        ]
        self._rows = [
            (self.values[:j], unit[j, :j], self.values[j]) for j in reversed(range(1, size))
        ]

    def factor(self) -> None:
        """Eliminate column by column."""
        for below, pivot, scaled, rest, left, top in self._columns:
            torch.div(below, pivot, out=scaled)
            rest.addcmul_(left, top, value=-1)
        torch.rsqrt(self.diagonal, out=self._inverse_roots)
        self.right.mul_(self._inverse_roots)

    def solve_transposed(self) -> Tensor:
        """Replace `values` by L^-T values, and return them."""
        self.values.mul_(self._inverse_roots)
        for before, row, solved in self._rows:
            before.addcmul_(row, solved, value=-1)
        return self.values


class OneByOne:
    """The same with the matrices one after the other in memory, for LAPACK."""

    def __init__(self, size: int, sides: int, batch: int, device: torch.device) -> None:
        stored = torch.zeros(batch, size + sides, size, dtype=torch.float64, device=device)
        self.whole = stored.permute(1, 2, 0)
        self.matrix, self.right = self.whole[:size], self.whole[size:]
        self.diagonal = self.matrix.diagonal().T
        self.values = torch.empty(size, batch, dtype=torch.float64, device=device)

    def factor(self) -> None:
        """Factor all matrices and solve for the right-hand sides."""
        self._factor, _ = torch.linalg.cholesky_ex(self.matrix.permute(2, 0, 1))
        sides = self.right.permute(2, 1, 0)
        solved = torch.linalg.solve_triangular(self._factor, sides, upper=False)
        self.right.copy_(solved.permute(2, 1, 0))

    def solve_transposed(self) -> Tensor:
        """Replace `values` by L^-T values, and return them."""
        sides = self.values.T[..., None]
        solved = torch.linalg.solve_triangular(self._factor.mT, sides, upper=True)
        return self.values.copy_(solved[..., 0].T)


def of_size(size: int, sides: int, batch: int, device: torch.device) -> Together | OneByOne:
    """Room for `batch` matrices, in the way that is faster at this size."""
    kind = Together if size <= LARGEST_TOGETHER else OneByOne
    return kind(size, sides, batch, device)
