"""What a penalty says about the weights: a prior as plain numbers, without torch.

Three families have a penalty of their own, per weight and in nats:

    gaussian      w^2 / (2 tau^2)
    laplace       |w| / b
    elastic-net   |w| / b + w^2 / (2 tau^2)      (the product of the two densities)

and `flat` has none.
"""

import math
from dataclasses import dataclass

from bayeswd.errors import InputError


@dataclass(frozen=True)
class Reading:
    """A prior on each weight, independent and centred at 0.

    `scale` is Pyro's: tau (the standard deviation) or b; None for the elastic net, which has
    two, and inf for the flat prior. `variance` is that of the weight: tau^2, 2 b^2, inf.
    """

    family: str  # "gaussian" | "laplace" | "elastic-net" | "flat"
    scale: float | None
    variance: float
    l1_scale: float | None = None  # b: laplace and elastic-net
    l2_scale: float | None = None  # tau: gaussian and elastic-net
    bias_penalized: bool = False
    status: str = "exact"

    def halfwidth(self, mass: float = 0.95) -> float:
        """The h with P(|w| < h) = mass; inf under the flat prior."""
        if self.family == "flat":
            return math.inf
        if self.family == "laplace":
            return -_known(self.scale) * math.log1p(-mass)
        ratio = 0.0 if self.family == "gaussian" else _known(self.l2_scale) / _known(self.l1_scale)
        return _known(self.l2_scale) * _standard_halfwidth(ratio, mass)

    def says(self) -> str:
        """The prior as one sentence about the weights."""
        if self.family == "flat":
            return "every value of a weight is as likely as any other"
        return f"95 % of weights within +-{self.halfwidth():.2g}"


FLAT = Reading("flat", math.inf, math.inf)


def gaussian(scale: float) -> Reading:
    """N(0, scale^2)."""
    _check_positive("scale", scale)
    return Reading("gaussian", scale, scale**2, l2_scale=scale)


def laplace(scale: float) -> Reading:
    """Density exp(-|w|/scale) / (2 scale), variance 2 scale^2."""
    _check_positive("scale", scale)
    return Reading("laplace", scale, 2 * scale**2, l1_scale=scale)


def elastic_net(l1_scale: float, l2_scale: float) -> Reading:
    """Density proportional to exp(-|w|/l1_scale - w^2/(2 l2_scale^2))."""
    _check_positive("l1_scale", l1_scale)
    _check_positive("l2_scale", l2_scale)
    variance = l2_scale**2 * _standard_variance(l2_scale / l1_scale)
    return Reading("elastic-net", None, variance, l1_scale=l1_scale, l2_scale=l2_scale)


def gaussian_of_variance(variance: float) -> Reading:
    """The Gaussian prior with this variance."""
    _check_positive("variance", variance)
    return gaussian(math.sqrt(variance))


def laplace_of_variance(variance: float) -> Reading:
    """The Laplace prior with this variance: b = sqrt(variance / 2)."""
    _check_positive("variance", variance)
    return laplace(math.sqrt(variance / 2))


def _check_positive(what: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise InputError(f"the {what} of a prior must be positive and finite, got {value}")


def _known(value: float | None) -> float:
    assert value is not None  # the family guarantees it
    return value


# The half-normal tilted by a >= 0 has moments I_k = integral over t > 0 of t^k exp(-t^2/2 - a t).
# Integration by parts gives I_{k+1} + a I_k = k I_{k-1}, so r_k = I_k/I_{k-1} is k/(a + r_{k+1}),
# a continued fraction of positive terms, free of the cancellation that ruins the closed form
# 1 + a^2 - a sqrt(2/pi)/erfcx(a/sqrt(2)) at large a.
_TERMS = 300


def _moment_ratios(a: float) -> tuple[float, float]:
    """(I_1/I_0, I_2/I_1) for a >= 1, where 300 terms are exact to rounding."""
    below = math.sqrt(_TERMS + 1)
    for k in range(_TERMS, 1, -1):
        below = k / (a + below)
    return 1 / (a + below), below


def _mass(a: float) -> float:
    """I_0 = sqrt(pi/2) erfcx(a/sqrt(2))."""
    if a < 1:
        return math.sqrt(math.pi / 2) * math.exp(a * a / 2) * math.erfc(a / math.sqrt(2))
    # I_1 = 1 - a I_0 closes the recurrence
    return 1 / (a + _moment_ratios(a)[0])


def _standard_variance(a: float) -> float:
    """E[w^2] under exp(-w^2/2 - a|w|), normalised."""
    if a < 1:
        return 1 + a * a - a / _mass(a)
    first, second = _moment_ratios(a)
    return first * second


def _standard_halfwidth(a: float, mass: float) -> float:
    """The h with P(|w| > h) = exp(-h^2/2 - a h) I_0(a + h)/I_0(a) = 1 - mass, by bisection."""
    low, high = 0.0, 10.0 / max(a, 1.0)
    whole = _mass(a)
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        outside = math.exp(-middle * middle / 2 - a * middle) * _mass(a + middle) / whole
        low, high = (middle, high) if outside > 1 - mass else (low, middle)
    return high
