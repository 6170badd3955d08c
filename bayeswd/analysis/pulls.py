"""The pull that holds weights: least squares of the force of the data on w and sign(w).

At a mode -grad misfit = w/tau^2 + sign(w)/b on the weights that are not zero, and at most 1/b in
size on those that are. The two rates are two numbers for all weights of a parameter, so that
fitting them to many weights leaves evidence: the residual.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bayeswd.analysis.forces import Forces
from bayeswd.problem import conventions
from bayeswd.problem.conventions import FLAT, Reading

ROUNDING = 1e-14  # no residual means more than this in float64
APART = 30.0  # a residual so many times smaller tells two explanations apart


@dataclass(frozen=True)
class Pull:
    """The best rates of one family on one parameter, and what they leave."""

    family: str
    l1_rate: float
    l2_rate: float
    residual: float
    unknowns: int
    at_least: bool = False

    def reading(self) -> Reading:
        if self.family == "flat":
            return FLAT
        if self.family == "laplace":
            return conventions.laplace(1 / self.l1_rate)
        if self.family == "gaussian":
            return conventions.gaussian(self.l2_rate**-0.5)
        return conventions.elastic_net(1 / self.l1_rate, self.l2_rate**-0.5)


def pulls(forces: Forces, name: str) -> list[Pull]:
    """The best pull of each family that can hold this parameter at all, the simplest first."""
    weights, force = forces.params[name], -forces.gradient[name]
    moved = weights != 0
    w, f = weights[moved], force[moved]
    found = [_pull(forces, name, "flat", 0.0, 0.0)]
    if len(w) == 0:
        largest = float(force.abs().max())
        held = _pull(forces, name, "laplace", largest, 0.0, at_least=True)
        return [*found, held] if largest > 0 else found
    l2_rate, l1_rate = float(f @ w / (w @ w)), float((f * w.sign()).mean())
    if l2_rate > 0:
        found.append(_pull(forces, name, "gaussian", 0.0, l2_rate))
    if l1_rate > 0:
        found.append(_pull(forces, name, "laplace", l1_rate, 0.0))
    both = _both(w, f)
    if both is not None:
        found.append(_pull(forces, name, "elastic-net", *both))
    return found


def _pull(
    forces: Forces, name: str, family: str, l1_rate: float, l2_rate: float, at_least: bool = False
) -> Pull:
    residual = forces.residual_of(name, l1_rate, l2_rate)
    unknowns = (l1_rate > 0) + (l2_rate > 0)
    return Pull(family, l1_rate, l2_rate, residual, unknowns, at_least)


def _both(w: Tensor, f: Tensor) -> tuple[float, float] | None:
    """(1/b, 1/tau^2) by least squares, where both are positive and the weights tell them apart."""
    size = w.abs()
    if len(w) < 2 or float(size.max() - size.min()) <= 1e-6 * float(size.max()):
        return None
    unit = float(size.max())
    columns = torch.stack([w.sign(), w / unit], 1)
    rates = torch.linalg.lstsq(columns, f[:, None], driver="gelsd").solution[:, 0]
    l1_rate, l2_rate = float(rates[0]), float(rates[1]) / unit
    return (l1_rate, l2_rate) if l1_rate > 0 and l2_rate > 0 else None


def same_pull(one: Pull, other: Pull) -> bool:
    """Whether both are of one family and one rate, to a part in a thousand."""
    close = math.isclose(one.l1_rate, other.l1_rate, rel_tol=1e-3)
    close = close and math.isclose(one.l2_rate, other.l2_rate, rel_tol=1e-3)
    return close and one.family == other.family != "flat" and not other.at_least
