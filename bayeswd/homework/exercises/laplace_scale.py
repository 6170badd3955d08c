"""The scale of the Laplace prior that an L1 strength means."""

from __future__ import annotations

from bayeswd.homework.exercise import Accepted, Exercise, Mistake
from bayeswd.homework.exercises.scale_slips import (
    SIGMA,
    draw,
    example,
    factor,
    mean_slips,
    slips,
    strength_names,
)
from bayeswd.problem import conventions


def _laplace(strength: float, n: int, noise: float) -> float:
    reading = conventions.reading("d2l", strength, n=n, noise_scale=noise, penalty="l1")
    assert reading.l1_scale is not None
    return reading.l1_scale


EXERCISE = Exercise(
    id="laplace_scale",
    title="The scale of a Laplace prior",
    prompt=SIGMA + "The penalty is now lambda |w|_1. It is the negative log of a Laplace prior "
    "with density exp(-|w|/b) / (2b). Return the scale b.",
    convention="The objective is the mean of HALF the squared errors + lambda |w|_1.",
    interface="laplace_scale(strength, n, noise_scale)",
    points=1,
    accepted=(Accepted(_laplace),),
    mistakes=(
        *mean_slips("LAPLACE", _laplace),
        *(
            slip
            for slip in slips("LAPLACE", _laplace)
            if not slip.code.endswith(("STANDARD_DEVIATION", "PRECISION"))  # read otherwise below
        ),
        Mistake(
            "LAPLACE.RATE",
            lambda lam, n, s: 1 / _laplace(lam, n, s),
            "Your answer is the rate 1/b. The scale is what |w| is divided by.",
        ),
        Mistake(
            "LAPLACE.GAUSSIAN_SCALE",
            lambda lam, n, s: _laplace(lam, n, s) ** 0.5,
            "Your answer is the tau of the Gaussian prior. |w|/b is not w^2/(2 tau^2): compare "
            "the exponents again.",
            "misconception",
        ),
        Mistake(
            "LAPLACE.VARIANCE",
            lambda lam, n, s: 2 * _laplace(lam, n, s) ** 2,
            "Your answer is the variance of the prior. The exercise asks for its scale b.",
        ),
        Mistake(
            "LAPLACE.STANDARD_DEVIATION",
            lambda lam, n, s: 2**0.5 * _laplace(lam, n, s),
            "Your answer is the standard deviation of the prior, which is not its scale b.",
        ),
        factor(
            "LAPLACE.DOUBLE",
            _laplace,
            2,
            "Your answer is twice the scale: it belongs to a loss without the half (MSELoss).",
        ),
        factor("LAPLACE.HALF", _laplace, 0.5, "Your answer is half the scale: count the halves."),
    ),
    draw=draw,
    specials=(example(3.0),),
    factors=strength_names,
    hint="Multiply the objective by the number that turns its data term into the negative log "
    "likelihood; what then stands in front of |w|?",
)
