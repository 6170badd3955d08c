"""The slips that can be made in ridge and in the lasso alike."""

from __future__ import annotations

from functools import partial

from bayeswd.homework.exercise import Mistake
from bayeswd.homework.exercises.linear_problems import (
    least_squares,
    mode,
    mode_with_penalized_bias,
    mode_without_bias,
)


def shared_slips(code: str, penalty: str) -> tuple[Mistake, ...]:
    """Slips with the bias, and leaving the penalty out."""
    return (
        Mistake(
            f"{code}.BIAS_PENALIZED",
            partial(mode_with_penalized_bias, penalty=penalty),
            "Your bias is penalised along with the weights. Which of your unknowns does the "
            "penalty reach?",
            "misconception",
        ),
        Mistake(
            f"{code}.NO_BIAS",
            partial(mode_without_bias, penalty=penalty),
            "Your fit has no bias: the line is forced through the origin.",
        ),
        Mistake(
            f"{code}.BIAS_IS_MEAN",
            lambda X, y, strength: (mode(X, y, strength, penalty)[0], float(y.mean())),
            "Your bias is the mean of y: right only if the inputs have mean 0.",
        ),
        Mistake(
            f"{code}.BIAS_LEFT_OUT",
            lambda X, y, strength: (mode(X, y, strength, penalty)[0], 0.0),
            "Your weights are right. Having centred the data, you must bring the means back for b.",
        ),
        Mistake(
            f"{code}.LEAST_SQUARES",
            least_squares,
            "Your answer is least squares: strength has no effect.",
        ),
    )
