"""Sufficient statistics of a linear-Gaussian problem: one pass over the data, then n is gone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from bayeswd.errors import InputError
from bayeswd.problem import checks


@dataclass(frozen=True, eq=False)
class Moments:
    """Means and centred scatter matrices, float64.

    count: n. inputs_mean: [d]. targets_mean: [K].
    xx: [d, d], sum of (x - mean)(x - mean)'. xy: [d, K]. yy: [K].
    """

    count: int
    inputs_mean: Tensor
    targets_mean: Tensor
    xx: Tensor
    xy: Tensor
    yy: Tensor

    @staticmethod
    def of(inputs: Tensor, targets: Tensor) -> Moments:
        """Moments of inputs [n, d] and targets [n, K] (or [n])."""
        inputs = checks.as_inputs(inputs).double()
        targets = checks.as_targets(targets, inputs).reshape(len(inputs), -1)
        inputs_mean, targets_mean = inputs.mean(0), targets.mean(0)
        centred, residual = inputs - inputs_mean, targets - targets_mean
        return Moments(
            len(inputs),
            inputs_mean,
            targets_mean,
            centred.T @ centred,
            centred.T @ residual,
            (residual**2).sum(0),
        )

    @staticmethod
    def of_chunks(chunks: Iterable[tuple[Tensor, Tensor]]) -> Moments:
        """Moments of a stream of (inputs, targets); memory is bounded by one chunk."""
        total: Moments | None = None
        for inputs, targets in chunks:
            part = Moments.of(inputs, targets)
            total = part if total is None else total + part
        if total is None:
            raise InputError("Moments.of_chunks was given no chunk; give at least one row.")
        return total

    def __add__(self, other: Moments) -> Moments:
        """Moments of both data sets together (Chan, Golub & LeVeque 1983, eq. 2.1)."""
        if self.xy.shape != other.xy.shape:
            raise InputError(
                f"these moments have {self._columns()}, the other {other._columns()}; "
                "give chunks of the same columns."
            )
        count = self.count + other.count
        share = other.count / count
        between = self.count * share
        step_x = other.inputs_mean - self.inputs_mean
        step_y = other.targets_mean - self.targets_mean
        return Moments(
            count,
            self.inputs_mean + share * step_x,
            self.targets_mean + share * step_y,
            self.xx + other.xx + between * torch.outer(step_x, step_x),
            self.xy + other.xy + between * torch.outer(step_x, step_y),
            self.yy + other.yy + between * step_y**2,
        )

    def _columns(self) -> str:
        return "{} inputs and {} targets".format(*self.xy.shape)

    def uncentred(self) -> tuple[Tensor, Tensor, Tensor]:
        """X'X [d, d], X'y [d, K] and y'y [K] about zero, for a model without bias."""
        mean_x, mean_y = self.inputs_mean, self.targets_mean
        return (
            self.xx + self.count * torch.outer(mean_x, mean_x),
            self.xy + self.count * torch.outer(mean_x, mean_y),
            self.yy + self.count * mean_y**2,
        )

    def residual_squares(self, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """Sum over the rows of (y - W x - bias)^2 of each output, [K]; W: [K, d], bias: [K]."""
        weight = weight.double()
        scatter = self.yy + ((weight @ self.xx - 2 * self.xy.T) * weight).sum(1)
        offset = self.targets_mean - weight @ self.inputs_mean
        return scatter + self.count * (offset if bias is None else offset - bias) ** 2
