"""The most probable weights under a Gaussian prior: ridge with an unpenalised bias."""

from __future__ import annotations

from bayeswd.homework.calls import number, tensor
from bayeswd.homework.exercise import Accepted, Exercise, Mistake, Special
from bayeswd.homework.exercises.linear_problems import (
    draw_strength,
    mode,
    mode_scaled,
    mode_without_bias,
)
from bayeswd.homework.exercises.regression_slips import shared_slips

EXERCISE = Exercise(
    id="ridge_map",
    title="The MAP under a Gaussian prior",
    prompt="y = X w + b + noise. Return (w, b), the exact minimum of the penalised loss, by "
    "linear algebra and not by training.",
    convention="The objective is the mean of HALF the squared errors + (strength/2) |w|^2; the "
    "bias b is NOT penalised.",
    interface="ridge_map(X, y, strength)",
    points=2,
    accepted=(Accepted(mode),),
    mistakes=(
        *shared_slips("RIDGE", "l2"),
        Mistake(
            "RIDGE.N_FORGOTTEN",
            mode_scaled(lambda n: 1 / n),
            "Your answer adds lambda itself to X'X: right for a summed loss. This one is a mean; "
            "multiply the objective by n and look at the penalty again.",
            "misconception",
        ),
        Mistake(
            "RIDGE.N_TWICE",
            mode_scaled(lambda n: n),
            "Your penalty is n times too strong: is the mean taken twice?",
        ),
        Mistake(
            "RIDGE.HALF",
            mode_scaled(lambda n: 0.5),
            "Your penalty is half as strong: the minimum of a loss without its half (MSELoss).",
        ),
        Mistake(
            "RIDGE.DOUBLE",
            mode_scaled(lambda n: 2.0),
            "Your penalty is twice as strong: the minimum with lambda |w|^2, without its half.",
        ),
        Mistake(
            "RIDGE.HALF_N_FORGOTTEN",
            mode_scaled(lambda n: 0.5 / n),
            "Your answer adds lambda/2 to X'X. Multiply the objective by 2n: what stands in front "
            "of |w|^2?",
        ),
        Mistake(
            "RIDGE.NOT_CENTRED",
            lambda X, y, lam: (
                w := mode_without_bias(X, y, lam)[0],
                float(y.mean() - X.mean(0) @ w),
            ),
            "Your weights are those of a fit without a bias, which was put in afterwards. The two "
            "are found together: centre X and y first.",
        ),
        Mistake(
            "RIDGE.SWAPPED",
            lambda X, y, lam: mode(X, y, lam)[::-1],
            "The two are swapped: return the weights first, then the bias.",
            "format",
        ),
    ),
    draw=draw_strength,
    specials=(
        Special(
            "an example",
            (
                tensor([[1.0], [2.0], [4.0]]),
                tensor([2.0, 3.0, 3.5]),
                number(0.5),
            ),
        ),
        Special(
            "more weights than examples",
            (
                tensor([[1.0, 0.5, -1.0, 2.0], [0.0, 2.0, 1.0, -0.5]]),
                tensor([1.0, -0.5]),
                number(0.3),
            ),
        ),
    ),
    parts=("the weights w", "the bias b"),
    hint="Set the gradient in b to zero first: what does it say about the means?",
)
