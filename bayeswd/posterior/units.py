"""The units in which chains move, learnt from where they have been."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from bayeswd.posterior import potentials
from bayeswd.posterior.metric import Dense, Thin
from bayeswd.posterior.potentials import Potential

_BELIEF = 10  # draws for each coordinate that the units in use are worth


def learnt(potential: Potential, weights: Tensor, chains: int) -> Potential:
    """The potential in units in which the weights [D, M], where `chains` chains were, have sd 1.

    Whole covariances where no prior has an L1 part and chains are many, or where they are in use;
    else each weight on its own. A thin metric stays as it is.
    """
    metric = potential.metric
    if isinstance(metric, Thin):
        return potential
    if isinstance(metric, Dense):
        return replace(potential, metric=_better(metric, weights))
    if potential.slopes is None and chains > 1.5 * len(weights):
        dense = Dense(metric.centre, metric.scale[:, 0].diag())
        return replace(potential, metric=_better(dense, weights), widest=1.0)
    centre, scale = weights.mean(1, keepdim=True), weights.std(1, keepdim=True)
    scale = torch.where(scale > 0, scale, metric.scale)
    found = potentials.by_weight(potential.columns, centre, scale)
    return replace(found, widest=_widest(found, weights))


def _better(metric: Dense, weights: Tensor) -> Dense:
    """Its coordinates made round: their covariance, shrunk to the identity, has root `factor`."""
    coordinates = metric.from_weights(weights).double()
    size, count = coordinates.shape
    share = count / (count + _BELIEF * size)
    eye = torch.eye(size).to(coordinates)
    covariance = share * torch.cov(coordinates).reshape(size, size) + (1 - share) * eye
    root = torch.linalg.cholesky(torch.linalg.inv(covariance))
    factor = torch.linalg.solve_triangular(root, eye, upper=False).T
    centre = metric.to_weights(coordinates.mean(1, keepdim=True).to(weights))
    return Dense(centre, metric.factor @ factor.to(weights))


def _widest(potential: Potential, weights: Tensor) -> float:
    """The sd of the widest direction, once draws are many enough to tell."""
    size, count = weights.shape
    if count < _BELIEF * size:
        return potential.widest
    coordinates = potential.metric.from_weights(weights).double()
    return float(torch.linalg.eigvalsh(torch.cov(coordinates).reshape(size, size))[-1].sqrt())
