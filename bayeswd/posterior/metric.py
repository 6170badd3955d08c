"""Coordinates in which chains move: weights = centre + factor @ coordinates, an affine map.

Each kind answers the same questions: `to_weights`, its inverse `from_weights`, and `pull_back`,
which turns a gradient by weights into one by coordinates. Columns are chains, [D, C].
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Diagonal:
    """Each weight in its own unit. centre, scale: [D, 1]."""

    centre: Tensor
    scale: Tensor

    def to_weights(self, coordinates: Tensor) -> Tensor:
        return torch.addcmul(self.centre, coordinates, self.scale)

    def from_weights(self, weights: Tensor) -> Tensor:
        return (weights - self.centre) / self.scale

    def pull_back(self, gradient: Tensor) -> Tensor:
        return gradient * self.scale


@dataclass(frozen=True, eq=False)
class Dense:
    """centre: [D, 1]. factor: [D, D], upper triangular."""

    centre: Tensor
    factor: Tensor

    def to_weights(self, coordinates: Tensor) -> Tensor:
        return (self.factor @ coordinates).add_(self.centre)

    def from_weights(self, weights: Tensor) -> Tensor:
        return torch.linalg.solve_triangular(self.factor, weights - self.centre, upper=True)

    def pull_back(self, gradient: Tensor) -> Tensor:
        return self.factor.T @ gradient


@dataclass(frozen=True, eq=False)
class Thin:
    """factor = diag(scale) (I + basis' diag(stretch - 1) basis): r directions differ from the rest.

    centre, scale: [D, 1]. basis: [r, D], orthonormal rows. stretch: [r, 1], > 0.
    """

    centre: Tensor
    scale: Tensor
    basis: Tensor
    stretch: Tensor

    def to_weights(self, coordinates: Tensor) -> Tensor:
        return self._stretched(coordinates, self.stretch).mul_(self.scale).add_(self.centre)

    def from_weights(self, weights: Tensor) -> Tensor:
        return self._stretched((weights - self.centre) / self.scale, 1 / self.stretch)

    def pull_back(self, gradient: Tensor) -> Tensor:
        return self._stretched(gradient * self.scale, self.stretch)

    def _stretched(self, vectors: Tensor, stretch: Tensor) -> Tensor:
        along = (self.basis @ vectors).mul_(stretch - 1)
        return torch.addmm(vectors, self.basis.T, along)


Metric = Diagonal | Dense | Thin


def sds(metric: Metric) -> Tensor:
    """The sd of each weight where the coordinates are standard normal, [D]."""
    if isinstance(metric, Diagonal):
        return metric.scale[:, 0]
    if isinstance(metric, Dense):
        return metric.factor.norm(dim=1)
    longer = (metric.basis**2 * (metric.stretch**2 - 1)).sum(0)
    return metric.scale[:, 0] * (1 + longer).clamp(min=0).sqrt()


def longest(metric: Metric, unit: Tensor) -> float:
    """The largest sd in any direction of weights / unit, where the coordinates are normal.

    unit: [D, 1]. By power iterations: a lower bound, and close enough for a length.
    """
    vector = torch.linspace(1, 2, len(unit), dtype=unit.dtype, device=unit.device)[:, None]
    size = vector.norm()
    for _ in range(30):
        vector = (metric.to_weights(metric.pull_back(vector / size / unit)) - metric.centre) / unit
        size = vector.norm()
    return float(size.sqrt())


def to(metric: Metric, like: Tensor) -> Metric:
    """The same coordinates in the dtype and on the device of `like`."""
    return type(metric)(**{name: value.to(like) for name, value in vars(metric).items()})
