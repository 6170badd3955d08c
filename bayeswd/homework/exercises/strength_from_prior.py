"""The strength that states a Gaussian prior."""

from __future__ import annotations

from collections.abc import Mapping

from bayeswd.homework.exercise import Accepted, Exercise, Mistake
from bayeswd.homework.exercises.scale_slips import SIGMA, draw, example
from bayeswd.problem import conventions


def _scale_names(scale: float, n: int, noise: float) -> Mapping[str, float]:
    return {"τ": scale, "n": float(n), "σ": noise}


def _strength(scale: float, n: int, noise: float) -> float:
    return conventions.strength("d2l", conventions.gaussian(scale), n=n, noise_scale=noise)


EXERCISE = Exercise(
    id="strength_from_prior",
    title="The strength that states a prior",
    prompt=SIGMA + "You believe that each weight is N(0, tau^2) with tau = prior_scale, its "
    "standard deviation. Which lambda makes training find the most probable weights?",
    convention="The objective is the mean of HALF the squared errors + (lambda/2) |w|^2.",
    interface="strength_from_prior(prior_scale, n, noise_scale)",
    points=1,
    accepted=(Accepted(_strength),),
    mistakes=(
        Mistake(
            "STRENGTH.ONLY_PRIOR",
            lambda t, n, s: 1 / t**2,
            "Your answer is the precision of the prior. How strongly it acts depends on how much "
            "the data say: on their noise and number.",
            "misconception",
        ),
        Mistake(
            "STRENGTH.ONLY_PRIOR_HALF",
            lambda t, n, s: 1 / (2 * t**2),
            "Your answer is what stands in front of w^2 in the log prior. Did you divide the log "
            "likelihood by the same number as the log prior?",
            "misconception",
        ),
        Mistake(
            "STRENGTH.N_FORGOTTEN",
            lambda t, n, s: s**2 / t**2,
            "Your answer lacks the number of examples: right for a sum, but this loss is a mean.",
            "misconception",
        ),
        Mistake(
            "STRENGTH.N_INVERTED",
            lambda t, n, s: n * s**2 / t**2,
            "The number of examples stands on the wrong side: the more data, the less a given "
            "prior weighs.",
        ),
        Mistake(
            "STRENGTH.INVERTED",
            lambda t, n, s: n * t**2 / s**2,
            "Your fraction is upside down: a narrower prior is a stronger penalty.",
        ),
        Mistake(
            "STRENGTH.RATIO_INVERTED",
            lambda t, n, s: t**2 / (n * s**2),
            "The two variances are swapped: a narrower prior is a stronger penalty.",
        ),
        Mistake(
            "STRENGTH.SCALE_NOT_SQUARED",
            lambda t, n, s: s**2 / (n * t),
            "tau is a standard deviation: where is its square?",
        ),
        Mistake(
            "STRENGTH.NOISE_NOT_SQUARED",
            lambda t, n, s: s / (n * t**2),
            "sigma is a standard deviation: where is its square?",
        ),
        Mistake(
            "STRENGTH.NEITHER_SQUARED",
            lambda t, n, s: s / (n * t),
            "sigma and tau are standard deviations; what stands in a Gaussian's exponent?",
        ),
        Mistake(
            "STRENGTH.NOISE_FORGOTTEN",
            lambda t, n, s: 1 / (n * t**2),
            "Your answer does not depend on the noise. What divides the squared error in the "
            "log likelihood?",
            "misconception",
        ),
        Mistake(
            "STRENGTH.HALF",
            lambda t, n, s: s**2 / (2 * n * t**2),
            "Your answer is half the strength: the 1/2 is in front of lambda already.",
        ),
        Mistake(
            "STRENGTH.DOUBLE",
            lambda t, n, s: 2 * s**2 / (n * t**2),
            "Your answer is twice the strength: right for a loss without its half (MSELoss).",
        ),
    ),
    draw=draw,
    specials=(example(0.01),),
    factors=_scale_names,
    hint="Write the negative log posterior, and divide it by what turns its data term into the "
    "mean of half the squared errors.",
)
