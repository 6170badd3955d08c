"""The L2 penalty of a vector."""

from __future__ import annotations

from bayeswd.homework.exercise import Accepted, Exercise, Mistake
from bayeswd.homework.exercises.weight_vectors import SPECIALS, beyond_zero, draw
from bayeswd.problem.priors import Gaussian

EXERCISE = Exercise(
    id="l2_penalty",
    title="The L2 penalty",
    prompt="The penalty that weight decay puts on a weight vector, without its strength lambda.",
    convention="lambda multiplies HALF the squared Euclidean norm, as in the book.",
    interface="l2_penalty(w)",
    points=1,
    accepted=(Accepted(lambda w: beyond_zero(Gaussian(1.0), w)),),
    mistakes=(
        Mistake(
            "L2.NORM_NOT_SQUARED",
            lambda w: w.norm() / 2,
            "Your answer equals half the norm. Is the square missing? Compare the gradients: that "
            "of a norm has the same length at every w, that of weight decay shrinks with w.",
        ),
        Mistake(
            "L2.NO_HALF",
            lambda w: (w**2).sum(),
            "Your answer equals the whole sum of squares, twice the penalty. Which factor makes "
            "the gradient of the penalty w itself?",
        ),
        Mistake(
            "L2.HALF_TWICE",
            lambda w: (w**2).sum() / 4,
            "Your answer is half of the penalty: one factor 1/2 too many.",
        ),
        Mistake(
            "L2.MEAN",
            lambda w: (w**2).mean(),
            "Your answer is the mean of the squares. Should the penalty of each weight become "
            "smaller because there are more of them?",
        ),
        Mistake(
            "L2.HALF_MEAN",
            lambda w: (w**2).mean() / 2,
            "Your answer is half the MEAN of the squares: with 200 weights it is 200 times too "
            "small. mean and sum are not the same here.",
        ),
        Mistake(
            "L2.NORM",
            lambda w: w.norm(),
            "Your answer equals the norm itself: the square and the half are missing.",
        ),
        Mistake(
            "L2.SQUARE_OF_SUM",
            lambda w: w.sum() ** 2 / 2,
            "Your answer squares the sum; weights of opposite sign cancel. Square first, then sum.",
        ),
        Mistake(
            "L2.NOT_SUMMED",
            lambda w: w**2 / 2,
            "Your answer has one number for each weight. A penalty is one: is a sum missing?",
        ),
        Mistake(
            "L2.IS_L1",
            lambda w: w.abs().sum(),
            "Your answer is the L1 penalty. Which of the two norms does weight decay use?",
            "misconception",
        ),
        Mistake(
            "L2.SIGN",
            lambda w: -(w**2).sum() / 2,
            "Your answer is negative: it rewards large weights. Penalties are added to a loss.",
        ),
        Mistake(
            "L2.ROOT_OF_HALF",
            lambda w: ((w**2).sum() / 2).sqrt(),
            "Your answer takes a square root at the end. Is there one in the penalty?",
        ),
    ),
    draw=draw,
    specials=SPECIALS,
    gradient_of=0,
    factors=lambda w: {"d": float(len(w)), "‖w‖": float(w.norm())},
    hint="Double every weight: by which factor should the penalty grow?",
)
