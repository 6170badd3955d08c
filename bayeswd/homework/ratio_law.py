"""A wrong factor, read off: log(given / right) fitted on the logs of the quantities in a call."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy

_SUPERSCRIPTS = str.maketrans("-0123456789/", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹ᐟ")
_NEAR = 1e-3  # in log units: of the fit, and of an exponent to a multiple of 1/2


def factor_in_words(
    given: Sequence[float], right: Sequence[float], factors: Sequence[Mapping[str, float]]
) -> str | None:
    """Such as "2 · n⁻¹": what the right answers were multiplied by; None if that is no product.

    One entry per call; calls where the right answer is 0 say nothing. An exponent is a multiple
    of 1/2. None too where too few calls tell the quantities apart.
    """
    rows = [
        (mine / theirs, names)
        for mine, theirs, names in zip(given, right, factors, strict=True)
        if theirs and math.isfinite(mine) and all(0 < value < math.inf for value in names.values())
    ]
    names = sorted({name for _, found in rows for name in found})
    ratios = [ratio for ratio, _ in rows]
    if len(rows) < len(names) + 3 or len({ratio > 0 for ratio in ratios}) != 1 or 0 in ratios:
        return None
    logs = numpy.array([[1.0, *(math.log(found[name]) for name in names)] for _, found in rows])
    target = numpy.log(numpy.abs(ratios))
    solution, _, rank, _ = numpy.linalg.lstsq(logs, target, rcond=None)
    exponents = [Fraction(round(2 * value), 2) for value in solution[1:]]
    constant = float(numpy.mean(target - logs[:, 1:] @ numpy.array(exponents, dtype=float)))
    fitted = constant + logs[:, 1:] @ numpy.array(exponents, dtype=float)
    if rank < logs.shape[1] or float(numpy.max(numpy.abs(fitted - target))) > _NEAR:
        return None
    return _words(
        math.copysign(math.exp(constant), ratios[0]), dict(zip(names, exponents, strict=True))
    )


def _words(constant: float, exponents: Mapping[str, Fraction]) -> str:
    powers = [
        name if power == 1 else name + str(power).translate(_SUPERSCRIPTS)
        for name, power in exponents.items()
        if power
    ]
    number = _plain(constant)
    return " · ".join(powers if powers and number == "1" else [number, *powers])


def _plain(value: float) -> str:
    """A number as a simple fraction where it is one."""
    simple = Fraction(value).limit_denominator(12)
    if simple and abs(value / float(simple) - 1) < 1e-4:
        return str(simple)
    return f"{value:.4g}"
