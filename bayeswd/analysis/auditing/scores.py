"""The score of each likelihood at the output of a model, and which one a force is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

EXACT = 1e-7

Force = Callable[[Tensor], Tensor]

SCORES: dict[str, Callable[[Tensor], Tensor]] = {
    "gaussian": lambda value: value,
    "bernoulli": torch.sigmoid,
    "poisson": torch.exp,
    "categorical": lambda value: value.softmax(1),
    "categorical, last axis": lambda value: value.softmax(-1),
}


def fit(name: str, value: Tensor, steps: list[Tensor], slopes: list[Tensor]) -> Tensor | None:
    """The precision of each element, if the force changes as this score does."""
    score, axis = SCORES[name], class_axis(name)
    if axis is not None and (value.ndim < 2 or value.shape[axis] < 2):
        return None
    scored = torch.stack([score(value + step) - score(value) for step in steps])
    moved = torch.stack([one - slopes[0] for one in slopes[1:]])
    if not (bool(scored.isfinite().all()) and bool(moved.isfinite().all())):
        return None
    product, square = (scored * moved).sum(0), (scored * scored).sum(0)
    if axis is not None:  # one weight for all classes of a row
        product, square = product.sum(axis, keepdim=True), square.sum(axis, keepdim=True)
    weights = product / square
    left, whole = float((moved - weights * scored).norm()), float(moved.norm())
    return weights if whole > 0 and left <= EXACT * whole else None


def class_axis(name: str) -> int | None:
    return {"categorical": 1, "categorical, last axis": -1}.get(name)


@dataclass(frozen=True, eq=False)
class Bounded:
    """Absolute errors ("laplace"), or Huber's, linear beyond `threshold`."""

    likelihood: str
    weights: Tensor
    threshold: float | None


def bounded(value: Tensor, force: Force) -> Bounded | None:
    """A score that is linear around the target and then constant, if the force is one."""
    far = 1e6 * (1 + float(value.abs().max()))
    high, low = force(value + far), force(value - far)
    largest = float(high.abs().max())
    if largest == 0 or float((high + low).abs().max()) > EXACT * largest:
        return None
    if not bool(((force(value + 2 * far) - high).abs() <= EXACT * largest).all()):
        return None
    below, above = value - far, value + far
    for _ in range(100):
        middle = (below + above) / 2
        up = force(middle) * high.sign() > 0
        above, below = torch.where(up, middle, above), torch.where(up, below, middle)
    center = (below + above) / 2
    spread = float((value - center).abs().mean()) or 1.0
    near = force(center + 1e-7 * spread)
    if bool(((near - high).abs() <= EXACT * high.abs()).all()):
        return Bounded("laplace", high.abs(), None)
    return _huber(center, force, high, spread)


def _huber(center: Tensor, force: Force, high: Tensor, spread: float) -> Bounded | None:
    """weights * (distance to the target, at most a threshold), checked at three distances."""
    small = 1e-3 * spread
    while float((force(center + small) / high).abs().max()) >= 1 and small > 1e-12:
        small /= 10
    weights = force(center + small) / small
    limit = high.abs() / weights
    for factor in (0.3, 0.9, 1.7):
        at = center + factor * float(limit.mean())
        wanted = weights * torch.minimum(at - center, limit)
        if float((force(at) - wanted).abs().max()) > 1e-5 * float(high.abs().max()):
            return None
    return Bounded("huber", weights, float(limit.mean()))
