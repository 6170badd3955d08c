"""A penalty as a person writes it, and the prior and noise it means on given data."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from bayeswd.errors import InputError
from bayeswd.posterior import evidence
from bayeswd.problem import conventions, knobs
from bayeswd.problem.conventions import Reading
from bayeswd.problem.objective import Problem
from bayeswd.problem.splits import Split

BOOK = "d2l"

# (sigma, tau) -> the linear-Gaussian problem on the data, its weights under N(0, tau^2)
Ridge = Callable[[float, float], Problem]


@dataclass(frozen=True)
class Belief:
    """A penalty as written: the number, whose convention, or the prior scale it means.

    strength and prior_scale both None: the default of the data. noise: sigma, or None for what
    the data know or the evidence finds; `estimate_noise` overrules what the data know.
    """

    strength: float | None = None
    convention: str = BOOK
    prior_scale: float | None = None
    l1_ratio: float | None = None
    noise: float | None = None
    estimate_noise: bool = False
    penalize_bias: bool = False

    def __post_init__(self) -> None:
        if self.strength is not None and self.prior_scale is not None:
            raise InputError("both a strength and a prior scale were given; give one of them.")
        _require_convention(self.convention)
        _require("strength", self.strength, zero_allowed=True)
        _require("prior scale", self.prior_scale)
        _require("noise scale sigma", self.noise)
        if self.noise is not None and not 1e-150 < self.noise < 1e150:
            raise InputError(f"noise scale sigma = {self.noise:g}: outside 1e-150 to 1e150.")
        if self.l1_ratio is not None and not 0 < self.l1_ratio < 1:
            raise InputError(
                f"l1_ratio = {self.l1_ratio:g}: it must lie between 0 and 1; at the ends use "
                "the l2 or the l1 penalty."
            )


def noise_of(split: Split, kind: str, belief: Belief, ridge: Ridge) -> tuple[float, str]:
    """sigma of Gaussian data, and where it is from: given, known or estimated."""
    if belief.noise is not None:
        return belief.noise, "given"
    if split.data.noise_scale is not None and not belief.estimate_noise:
        return split.data.noise_scale, "known"
    return _estimated_noise(split, kind, belief, ridge), "estimated"


def prior_of(split: Split, kind: str, belief: Belief, noise: float | None, ridge: Ridge) -> Reading:
    """The prior that the belief means under this kind of penalty, sigma being known."""
    if belief.prior_scale is not None:
        own = {"l1": conventions.laplace}.get(kind, conventions.gaussian)
        return _of_kind(split, kind, belief, noise, own(belief.prior_scale))
    if belief.strength is not None:
        return _written(split, kind, belief, noise, belief.strength)
    if split.data.strength is not None:
        l2 = _written(split, "l2", belief, noise, split.data.strength)
        return _of_kind(split, kind, belief, noise, l2)
    scale = 1.0 if noise is None else evidence.best_scale(ridge(noise, 1.0))
    return _of_kind(split, kind, belief, noise, conventions.gaussian(scale))


def same_variance(kind: str, reading: Reading) -> Reading:
    """The prior of this kind of penalty with the variance of another prior."""
    if math.isinf(reading.variance):
        return reading
    if kind == "l1":
        return conventions.laplace_of_variance(reading.variance)
    return conventions.gaussian_of_variance(reading.variance)


def _of_kind(
    split: Split, kind: str, belief: Belief, noise: float | None, reading: Reading
) -> Reading:
    """Same variance; for the elastic net, the L2 penalty's strength shared out by l1_ratio."""
    if kind != "elastic-net":
        return same_variance(kind, reading)
    strength = conventions.strength(
        BOOK,
        reading,
        n=len(split.train_inputs),
        noise_scale=noise,
        likelihood=split.data.likelihood,
    )
    return _written(split, kind, replace(belief, convention=BOOK), noise, strength)


def _written(
    split: Split, kind: str, belief: Belief, noise: float | None, strength: float
) -> Reading:
    return conventions.reading(
        belief.convention,
        strength,
        n=len(split.train_inputs),
        noise_scale=noise,
        penalty=kind,
        l1_ratio=belief.l1_ratio if kind == "elastic-net" else None,
        likelihood=split.data.likelihood,
    )


def _estimated_noise(split: Split, kind: str, belief: Belief, ridge: Ridge) -> float:
    """sigma by maximum marginal likelihood, which is closed-form under the Gaussian prior.

    With the L2 prior's scale, or its strength, held fixed where it was given; under the other
    penalties, and where nothing was given, together with the best Gaussian scale.
    """
    strength = belief.strength
    if strength is None and belief.prior_scale is None:
        strength = split.data.strength
    if kind == "l2" and belief.prior_scale is not None:
        return evidence.best_noise_at_scale(ridge(1.0, belief.prior_scale))
    if kind == "l2" and strength:
        at_one = _written(split, "l2", belief, 1.0, strength)
        return evidence.best_noise_at_strength(ridge(1.0, math.sqrt(at_one.variance)))
    return evidence.best_scale_and_noise(ridge(1.0, 1.0))[1]


def kinds_of(convention: str, l1_ratio: float | None) -> tuple[str, ...]:
    """The kinds of penalty to compare where none was named: L2 and L1, or what was implied."""
    if l1_ratio is not None:
        return ("elastic-net",)
    _require_convention(convention)
    stated = conventions.find(convention).penalties
    return ("l2", "l1") if "l2" in stated else stated[:1] or ("l2", "l1")


def _require_convention(name: str) -> None:
    """Refuse a misspelt convention with the name that was probably meant."""
    try:
        knob, guessed = knobs.nearest(name)
    except InputError as error:
        raise InputError(
            f"convention {name!r}: {error}; people often mean d2l, torch.SGD+MSELoss, "
            "torch.SGD+CrossEntropyLoss, sklearn.Ridge, sklearn.Lasso or keras.L2."
        ) from None
    if guessed:
        raise InputError(f"no convention is called {name!r}; the nearest is {knob.name}.")


def _require(what: str, value: float | None, zero_allowed: bool = False) -> None:
    if value is None or (math.isfinite(value) and (value > 0 or (zero_allowed and value == 0))):
        return
    bound = ">= 0" if zero_allowed else "> 0"
    raise InputError(f"{what} = {value:g}: it must be a finite number {bound}.")
