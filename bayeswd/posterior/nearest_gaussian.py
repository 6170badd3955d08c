"""The Gaussian nearest to a log-concave posterior with kinks: where to start, and in which units.

Under a quadratic misfit and |w| / b, the Gaussian q of least KL(q | posterior) has

    precision = rows'rows + diag(l2 + 2 N(0; m, s) / b),
    rows'(aim - rows m) = erf(m / s sqrt 2) / b

(Opper & Archambeau 2009, eqs. 10 and 11, with E|w| under a normal of mean m and sd s). Chains
correct what it misses; it need not be accurate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bayeswd.posterior.harmonic import Harmonic
from bayeswd.posterior.metric import Dense, Metric, Thin

_ROUNDS, _CLOSE = 25, 0.05  # of the fixed point; and the change, in sds, at which it is left
_LEAST = 1e-4  # of the curvature 1/b^2 remains in a weight far from the kink


@dataclass(frozen=True, eq=False)
class Quadratic:
    """|rows w - aim|^2 / 2 up to a constant, nats. rows: [r, D], r <= D; aim: [r]; float64."""

    rows: Tensor
    aim: Tensor

    def value(self, weights: Tensor) -> Tensor:
        """Of each column of [D, C], [C]."""
        return 0.5 * ((self.rows @ weights - self.aim[:, None]) ** 2).sum(0)


def quadratic(matrix: Tensor, force: Tensor) -> Quadratic:
    """w' matrix w / 2 - force'w up to a constant, for a matrix [D, D] without negative eigenvalues.

    Directions along which the matrix is 0 to rounding are left out.
    """
    values, vectors = torch.linalg.eigh(matrix)
    found = values > values[-1].clamp(min=0) * 10 * len(values) * torch.finfo(values.dtype).eps
    roots, vectors = values[found].sqrt(), vectors[:, found]
    return Quadratic(roots[:, None] * vectors.T, vectors.T @ force / roots)


def smoothed(near: Quadratic, l1: Tensor, l2: Tensor) -> tuple[Tensor, Tensor]:
    """Mean [D] and added precision [D] of the nearest Gaussian; l1, l2: [D], 1/b and 1/tau^2.

    The mean is found by majorisation: erf(m / s sqrt 2) / m is a slope that never overshoots.
    """
    added = l2 + 2 / math.pi * l1**2
    slope = added
    mean = torch.zeros_like(l1)
    for _ in range(_ROUNDS):
        before = mean
        mean = _mean(near, slope)
        sd = _variance(near, added).sqrt()
        z = mean / sd
        far = torch.erf(z.abs() / math.sqrt(2)) / z.abs().clamp(min=1e-6)
        slope = l2 + l1 / sd * torch.where(z.abs() < 1e-6, math.sqrt(2 / math.pi), far)
        density = torch.exp(-0.5 * z**2) / (sd * math.sqrt(2 * math.pi))
        added = l2 + (2 * l1 * density).maximum(_LEAST * l1**2)
        if bool(((mean - before).abs() <= _CLOSE * sd).all()):
            break
    return mean, added


def whitening(near: Quadratic, added: Tensor, dense: bool = False) -> Metric:
    """Coordinates in which rows'rows + diag(added) is the identity, about its mean.

    dense: the whole matrix also where few rows would allow a thinner one.
    """
    mean = _mean(near, added)
    if dense or not _is_thin(near, added):
        precision = near.rows.T @ near.rows + torch.diag(added)
        root = torch.linalg.cholesky(precision)
        eye = torch.eye(len(added)).to(root)
        return Dense(mean[:, None], torch.linalg.solve_triangular(root, eye, upper=False).T)
    unit = added.rsqrt()
    _, values, basis = torch.linalg.svd(near.rows * unit, full_matrices=False)
    return Thin(mean[:, None], unit[:, None], basis, (1 + values**2).rsqrt()[:, None])


def harmonic(near: Quadratic, l2: Tensor, scale: Tensor, like: Tensor) -> Harmonic:
    """|rows w - aim|^2 / 2 + l2 w^2 / 2 in the coordinates w / scale; scale, l2: [D]."""
    scaled = Quadratic(near.rows * scale, near.aim)
    if (l2 > 0).any():
        gram = scaled.rows.T @ scaled.rows + torch.diag(l2 * scale**2)
        scaled = quadratic(gram, scaled.rows.T @ scaled.aim)
    left, values, basis = torch.linalg.svd(scaled.rows, full_matrices=False)
    found = values > values.sum() * 1e-12
    left, values, basis = left[:, found], values[found], basis[found]
    centre = (left.T @ scaled.aim / values)[:, None]
    return Harmonic(basis.to(like), (values**2)[:, None].to(like), centre.to(like))


def _mean(near: Quadratic, added: Tensor) -> Tensor:
    """(rows'rows + diag(added))^-1 rows'aim; [D]."""
    if not _is_thin(near, added):
        precision = near.rows.T @ near.rows + torch.diag(added)
        return torch.linalg.solve(precision, near.rows.T @ near.aim)
    pulled = near.rows / added
    return pulled.T @ torch.linalg.solve(_inner(near, pulled), near.aim)


def _variance(near: Quadratic, added: Tensor) -> Tensor:
    """The diagonal of (rows'rows + diag(added))^-1; [D]."""
    if not _is_thin(near, added):
        precision = near.rows.T @ near.rows + torch.diag(added)
        return torch.linalg.inv(precision).diagonal()
    pulled = near.rows / added
    root = torch.linalg.cholesky(_inner(near, pulled))
    taken = torch.linalg.solve_triangular(root, pulled, upper=False)
    return 1 / added - (taken**2).sum(0)


def _is_thin(near: Quadratic, added: Tensor) -> bool:
    """Whether an [r, r] matrix will do: Woodbury's identity divides by `added`."""
    return len(near.rows) < len(added) and bool((added > 0).all())


def _inner(near: Quadratic, pulled: Tensor) -> Tensor:
    """I + rows diag(added)^-1 rows', [r, r] (Woodbury)."""
    return torch.eye(len(pulled)).to(pulled) + near.rows @ pulled.T
