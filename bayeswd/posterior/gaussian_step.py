"""Weights given the mixture: one draw of a Gaussian for every chain, in one of two forms.

Given sigma, the posterior of the weights is N(m, sigma^2 (A'A + D)^-1), m = (A'A + D)^-1 A'y,
with D the diagonal prior precision in units of 1/sigma^2, [m, S, C] for S priors and C chains.
Both forms draw

    weights = m + relaxation (previous - m) + sqrt(1 - relaxation^2) sigma e

with e ~ N(0, (A'A + D)^-1): relaxation 0 is an independent draw, a negative one puts the new
weights on the other side of m (over-relaxation, Adler 1981).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from bayeswd.posterior import triangles
from bayeswd.posterior.gibbs_design import Rows, Scatter
from bayeswd.posterior.random_numbers import RandomNumbers


class Blend(NamedTuple):
    """How much of the last weights, of the mean and of a deviation e the next weights hold.

    relaxation, 1 - relaxation and sqrt(1 - relaxation^2) sigma, tensors that broadcast to [S, C].
    """

    previous: Tensor
    mean: Tensor
    deviation: Tensor


class Narrow:
    """From moments, by factors of A'A + D: the cost does not depend on the number of rows."""

    def __init__(self, data: Scatter, priors: int, chains: int) -> None:
        self._square = data.square
        self._gram_and_cross = torch.cat([data.gram, data.cross[None]])[..., None]
        size = len(data.cross)
        batch = priors * chains
        self._triangles = triangles.of_size(size, 1, batch, data.gram.device)
        self._score = self._triangles.right[0].view(size, priors, chains)
        self._white = self._triangles.values.view(size, priors, chains)

    def factor(self, precision: Tensor, random: RandomNumbers) -> None:
        """Prepare draws under this diagonal precision."""
        self._triangles.whole.copy_(self._gram_and_cross)
        self._triangles.diagonal.add_(precision.flatten(1))
        self._triangles.factor()
        self._normal = random.fleeting_normal(len(precision))[:, None]

    def squares(self) -> Tensor:
        """y'y - m'A'y, the least penalised sum of squares, [S, C]."""
        return self._square - (self._score**2).sum(0)

    def draw(self, out: Tensor, previous: Tensor, blend: Blend) -> None:
        """Write the weights."""
        white = self._white
        torch.mul(self._normal, blend.deviation, out=white)
        white.addcmul_(self._score, blend.mean)
        self._triangles.solve_transposed()
        torch.addcmul(white, previous, blend.previous, out=out)


class Wide:
    """From rows, by factors of the n x n matrix I + A D^-1 A'.

    Bhattacharya, Chakraborty & Mallick 2016, algorithm 1: with u ~ N(0, D^-1), e ~ N(0, I) and
    v = A u + e, u + D^-1 A' (I + A D^-1 A')^-1 (y / sigma - v) is a draw of weights / sigma.
    """

    def __init__(self, data: Rows, priors: int, chains: int) -> None:
        self._data = data
        rows, batch = len(data.targets), priors * chains
        self._triangles = triangles.of_size(rows, 2, batch, data.columns.device)
        fitted, noise = (side.view(rows, priors, chains) for side in self._triangles.right)
        self._fitted, self._noise = fitted, noise
        self._dual = self._triangles.values.view(rows, priors, chains)
        self._lower, self._products = _products(data.columns)

    def factor(self, precision: Tensor, random: RandomNumbers) -> None:
        """Prepare draws under this diagonal precision."""
        rows, columns = self._data.columns.shape
        root = precision.rsqrt()
        self._variance = root * root
        self._fill(self._variance.flatten(1))
        normal = random.fleeting_normal(columns + rows)[:, None]
        self._prior = root.mul_(normal[:columns])
        self._fitted.copy_(self._data.targets[:, None, None])
        torch.mm(self._data.columns, self._prior.flatten(1), out=self._noise.flatten(1))
        self._noise.add_(normal[columns:])
        self._triangles.factor()

    def _fill(self, variance: Tensor) -> None:
        """Write the lower triangle of I + A diag(v) A' for each column v of [m, batch]."""
        matrix = self._triangles.matrix
        if len(matrix) <= triangles.LARGEST_TOGETHER:
            products = torch.mm(self._products, variance)
            matrix.view(len(matrix) ** 2, -1).index_copy_(0, self._lower, products)
        else:
            scaled = self._data.columns * variance.sqrt().T[:, None]
            matrix.copy_((scaled @ scaled.mT).permute(1, 2, 0))
        self._triangles.diagonal.add_(1)

    def squares(self) -> Tensor:
        """y' (I + A D^-1 A')^-1 y, the least penalised sum of squares, [S, C]."""
        return (self._fitted**2).sum(0)

    def draw(self, out: Tensor, previous: Tensor, blend: Blend) -> None:
        """Write the weights."""
        torch.mul(self._fitted, blend.mean, out=self._dual)
        self._dual.addcmul_(self._noise, blend.deviation, value=-1)
        dual = self._triangles.solve_transposed()
        torch.mm(self._data.columns.T, dual, out=out.flatten(1))
        out.mul_(self._variance).addcmul_(self._prior, blend.deviation)
        out.addcmul_(previous, blend.previous)


def of(data: Scatter | Rows, priors: int, chains: int) -> Narrow | Wide:
    """The form that the data were kept for."""
    return Narrow(data, priors, chains) if isinstance(data, Scatter) else Wide(data, priors, chains)


def _products(columns: Tensor) -> tuple[Tensor, Tensor]:
    """Flat places of a lower triangle, and A_ik A_jk there: A diag(v) A' is one product with v."""
    rows, other = torch.tril_indices(len(columns), len(columns), device=columns.device)
    return rows * len(columns) + other, columns[rows] * columns[other]
