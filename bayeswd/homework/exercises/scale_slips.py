"""What the exercises on prior scales share: inputs, and the slips made in every convention."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from bayeswd.homework.calls import number
from bayeswd.homework.exercise import Arguments, Mistake, Special
from bayeswd.homework.exercises import drawing

Scalar = Callable[[float, int, float], float]

SIGMA = (
    "The noise of the targets has standard deviation sigma = noise_scale; n = number of training "
    "examples. "
)


def draw(random: Random) -> Arguments:
    strength, noise = drawing.positive(random, 0.05, 8.0), drawing.positive(random, 0.05, 4.0)
    return number(strength), number(drawing.count(random)), number(noise)


def example(first: float) -> Special:
    return Special("the numbers of the book", (number(first), number(20), number(0.01)))


def strength_names(strength: float, n: int, noise: float) -> Mapping[str, float]:
    return {"λ": strength, "n": float(n), "σ": noise}


def slips(code: str, right: Scalar) -> tuple[Mistake, ...]:
    """The slips that can be made in every convention."""
    return (
        Mistake(
            f"{code}.ONLY_STRENGTH",
            lambda lam, n, s: 1 / lam,
            "Your answer is 1/lambda. A strength says nothing about a prior until it is known how "
            "noisy the targets are.",
            "misconception",
        ),
        Mistake(
            f"{code}.NOISE_NOT_SQUARED",
            lambda lam, n, s: right(lam, n, s) / s,
            "Your answer has sigma in it where its square belongs: variances go with variances.",
        ),
        Mistake(
            f"{code}.STANDARD_DEVIATION",
            lambda lam, n, s: right(lam, n, s) ** 0.5,
            "Your answer is the standard deviation; the exercise asks for the variance.",
        ),
        Mistake(
            f"{code}.PRECISION",
            lambda lam, n, s: 1 / right(lam, n, s),
            "Your answer is the precision, 1 / variance: a stronger penalty should give a "
            "narrower prior.",
            "misconception",
        ),
        Mistake(
            f"{code}.NOISE_FORGOTTEN",
            lambda lam, n, s: right(lam, n, s) / s**2,
            "Your answer does not depend on the noise. Which term of the log posterior does the "
            "squared error come from, and what divides it there?",
            "misconception",
        ),
        Mistake(
            f"{code}.NOISE_INVERTED",
            lambda lam, n, s: right(lam, n, s) / s**4,
            "The noise stands on the wrong side of your fraction: with noisier data, a given "
            "strength means a wider prior.",
        ),
    )


def mean_slips(code: str, right: Scalar) -> tuple[Mistake, ...]:
    """Slips where the data term is a mean."""
    return (
        Mistake(
            f"{code}.N_FORGOTTEN",
            lambda lam, n, s: n * right(lam, n, s),
            "Your answer lacks the number of examples: it would be right if the loss were a sum. "
            "The loss here is a mean.",
            "misconception",
        ),
        Mistake(
            f"{code}.N_INVERTED",
            lambda lam, n, s: n**2 * right(lam, n, s),
            "The number of examples stands on the wrong side of your fraction.",
        ),
    )


def factor(code: str, right: Scalar, factor: float, says: str) -> Mistake:
    return Mistake(code, lambda lam, n, s: factor * right(lam, n, s), says)
