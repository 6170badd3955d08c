"""The prior variance that a strength means, in four conventions: a row for each."""

from __future__ import annotations

from bayeswd.homework.exercise import Accepted, Exercise, Mistake
from bayeswd.homework.exercises.scale_slips import (
    SIGMA,
    Scalar,
    draw,
    example,
    factor,
    mean_slips,
    slips,
    strength_names,
)
from bayeswd.problem import conventions


def _variance(name: str) -> Scalar:
    """The prior variance of a weight that a strength means in a framework."""
    return lambda strength, n, noise: (
        conventions.reading(name, strength, n=n, noise_scale=noise).variance
    )


def _exercise(
    name: str, title: str, row: str, knob: str, objective: str, *extra: Mistake, without: str = ""
) -> Exercise:
    """One convention's exercise, with the slips that are common to all but `without`."""
    right = _variance(row)
    return Exercise(
        id=name,
        title=title,
        prompt=SIGMA + f"The objective is {objective}. It is the negative log posterior, up to a "
        "factor and a constant, under a prior N(0, tau^2) on each weight. Return tau^2.",
        convention=f"{objective}; the bias is not penalised.",
        interface=f"{name}({knob}, n, noise_scale)",
        points=1,
        accepted=(Accepted(right),),
        mistakes=(*extra, *(slip for slip in slips("VARIANCE", right) if slip.code not in without)),
        draw=draw,
        specials=(example(3.0),),
        factors=strength_names,
        hint="Multiply the objective by the number that turns its data term into the negative "
        "log likelihood; then compare the penalty with that of a Gaussian.",
    )


_D2L, _TORCH = _variance("d2l"), _variance("torch.SGD+MSELoss")
_KERAS, _RIDGE = _variance("keras.L2"), _variance("sklearn.Ridge")

PRIOR_VARIANCE = _exercise(
    "prior_variance",
    "The prior variance, in the book's convention",
    "d2l",
    "strength",
    "mean of HALF the squared errors + (lambda/2) |w|^2",
    *mean_slips("VARIANCE", _D2L),
    factor(
        "VARIANCE.DOUBLE",
        _D2L,
        2,
        "Your answer is twice the variance: it belongs to a loss without the half (MSELoss).",
    ),
    factor("VARIANCE.HALF", _D2L, 0.5, "Your answer is half the variance: count the halves."),
)

PRIOR_VARIANCE_TORCH = _exercise(
    "prior_variance_torch",
    "The prior variance, in torch",
    "torch.SGD+MSELoss",
    "weight_decay",
    "torch's MSELoss (mean of squared errors, NO half) with SGD(weight_decay=lambda), which adds "
    "lambda w to the gradient",
    *mean_slips("VARIANCE", _TORCH),
    factor(
        "VARIANCE.AS_FROM_SCRATCH",
        _TORCH,
        0.5,
        "Your answer is that of the book's code from scratch. MSELoss has no half, weight_decay "
        "does: the same number is another prior here.",
    ),
    factor(
        "VARIANCE.DOUBLE",
        _TORCH,
        2,
        "Your answer is twice the variance: count the halves on both sides.",
    ),
)

PRIOR_VARIANCE_KERAS = _exercise(
    "prior_variance_keras",
    "The prior variance, in Keras",
    "keras.L2",
    "strength",
    "mean of squared errors (NO half) + lambda |w|^2 (NO half), as with Keras' l2(lambda)",
    *mean_slips("VARIANCE", _KERAS),
    factor(
        "VARIANCE.AS_TORCH",
        _KERAS,
        2,
        "Your answer is that of torch's MSELoss with weight_decay. Here neither term has a half.",
    ),
    factor(
        "VARIANCE.HALF",
        _KERAS,
        0.5,
        "Your answer is half the variance: one half was counted that is in neither term.",
    ),
)

PRIOR_VARIANCE_RIDGE = _exercise(
    "prior_variance_ridge",
    "The prior variance, in scikit-learn",
    "sklearn.Ridge",
    "alpha",
    "SUM of squared errors + alpha |w|^2, as in scikit-learn's Ridge",
    factor("VARIANCE.DOUBLE", _RIDGE, 2, "Your answer is twice the variance: count the halves."),
    factor("VARIANCE.HALF", _RIDGE, 0.5, "Your answer is half the variance: count the halves."),
    Mistake(
        "VARIANCE.N_TOO_MUCH",
        lambda lam, n, s: _RIDGE(lam, n, s) / n,
        "Your answer divides by the number of examples: right for a mean, but this loss is a sum.",
        "misconception",
    ),
    without="VARIANCE.NOISE_FORGOTTEN",  # in this convention that is 1/lambda, named above
)


EXERCISES = (PRIOR_VARIANCE, PRIOR_VARIANCE_TORCH, PRIOR_VARIANCE_KERAS, PRIOR_VARIANCE_RIDGE)
