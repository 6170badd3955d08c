"""The L1 penalty of a vector."""

from __future__ import annotations

from bayeswd.homework.exercise import Accepted, Exercise, Mistake
from bayeswd.homework.exercises.weight_vectors import SPECIALS, beyond_zero, draw
from bayeswd.problem.priors import Laplace

EXERCISE = Exercise(
    id="l1_penalty",
    title="The L1 penalty",
    prompt="The L1 penalty of a weight vector, without its strength lambda.",
    convention="There is no factor 1/2 in front of the L1 norm.",
    interface="l1_penalty(w)",
    points=1,
    accepted=(Accepted(lambda w: beyond_zero(Laplace(1.0), w)),),
    mistakes=(
        Mistake(
            "L1.HALF",
            lambda w: w.abs().sum() / 2,
            "Your answer is half of the penalty. The half of the L2 penalty is there for the sake "
            "of its gradient; look at the gradient of |w|.",
        ),
        Mistake(
            "L1.NO_ABS",
            lambda w: w.sum(),
            "Your answer is the sum of the weights: positive and negative ones cancel.",
        ),
        Mistake(
            "L1.ABS_OF_SUM",
            lambda w: w.sum().abs(),
            "Your answer takes the absolute value after the sum: by then the signs have cancelled.",
        ),
        Mistake(
            "L1.MAX",
            lambda w: w.abs().max(),
            "Your answer is the largest absolute value, which is another norm (L infinity).",
        ),
        Mistake(
            "L1.MEAN",
            lambda w: w.abs().mean(),
            "Your answer is the mean of the absolute values. Mean or sum?",
        ),
        Mistake(
            "L1.SIGN",
            lambda w: -w.abs().sum(),
            "Your answer is negative: subtracted from a loss it would reward large weights "
            "without end.",
        ),
        Mistake(
            "L1.IS_L2",
            lambda w: w.norm(),
            "Your answer is the Euclidean (L2) norm. Which norm sums absolute values?",
            "misconception",
        ),
        Mistake(
            "L1.IS_L2_PENALTY",
            lambda w: (w**2).sum() / 2,
            "Your answer is the L2 penalty. Which norm belongs to a Laplace prior?",
            "misconception",
        ),
        Mistake(
            "L1.SQUARES",
            lambda w: (w**2).sum(),
            "Your answer is the sum of squares. Which norm sums absolute values?",
        ),
        Mistake(
            "L1.SQUARED",
            lambda w: w.abs().sum() ** 2,
            "Your answer is the square of the penalty. Double the weights: the L1 norm doubles.",
        ),
        Mistake(
            "L1.NOT_SUMMED",
            lambda w: w.abs(),
            "Your answer has one number for each weight: is a sum missing?",
        ),
        Mistake(
            "L1.COUNT",
            lambda w: (w != 0).double().sum(),
            "Your answer counts the weights that are not zero (sometimes called L0).",
        ),
    ),
    draw=draw,
    specials=SPECIALS,
    gradient_of=0,
    factors=lambda w: {"d": float(len(w)), "‖w‖₁": float(w.abs().sum())},
    hint="Double every weight: by which factor should the penalty grow?",
)
