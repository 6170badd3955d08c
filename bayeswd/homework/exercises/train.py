"""A whole training loop, judged by what comes out of it."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from random import Random

import torch
from torch import Tensor

from bayeswd.homework.calls import number
from bayeswd.homework.exercise import Accepted, Arguments, Exercise, Mistake
from bayeswd.homework.exercises import drawing
from bayeswd.homework.exercises.linear_problems import (
    WeightAndBias,
    least_squares,
    mode,
    mode_scaled,
    mode_with_penalized_bias,
    mode_without_bias,
)

Outcome = tuple[Tensor, float, float, float]  # w, b, training loss, validation loss

_REPORTED = Fraction(2, 3)  # for the right weights with losses reported otherwise


def _draw(random: Random) -> Arguments:
    """Well conditioned: 150 steps of 0.2 bring the weights to within 1e-3 of the minimum."""
    X, y = drawing.regression(random, 24, 2, noise=0.6)
    X_val, y_val = drawing.regression(random, 16, 2, noise=0.9)
    return X, y, X_val, y_val, number(drawing.positive(random, 0.2, 0.6)), number(0.2), number(150)


def _loss(X: Tensor, y: Tensor, fit: WeightAndBias) -> float:
    return float(((X @ fit[0] + fit[1] - y) ** 2).mean() / 2)


def _trained(fit: Callable[[Tensor, Tensor, float], WeightAndBias]) -> Callable[..., Outcome]:
    """What comes out of a loop whose weights are `fit` of the training data."""

    def outcome(
        X: Tensor, y: Tensor, X_val: Tensor, y_val: Tensor, strength: float, *rest: float
    ) -> Outcome:
        found = fit(X, y, strength)
        return *found, _loss(X, y, found), _loss(X_val, y_val, found)

    return outcome


def _reported(change: Callable[..., tuple[float, float]]) -> Callable[..., Outcome]:
    """The right weights; `change(train, val, penalty, sizes)` gives the losses reported."""

    def outcome(
        X: Tensor, y: Tensor, X_val: Tensor, y_val: Tensor, strength: float, *rest: float
    ) -> Outcome:
        w, b = mode(X, y, strength)
        losses = _loss(X, y, (w, b)), _loss(X_val, y_val, (w, b))
        penalty = strength / 2 * float(w @ w)
        return w, b, *change(*losses, penalty, (len(y), len(y_val)))

    return outcome


def _on_validation(
    X: Tensor, y: Tensor, X_val: Tensor, y_val: Tensor, strength: float, *rest: float
) -> Outcome:
    found = mode(X_val, y_val, strength)
    return *found, _loss(X, y, found), _loss(X_val, y_val, found)


def _on_both(
    X: Tensor, y: Tensor, X_val: Tensor, y_val: Tensor, strength: float, *rest: float
) -> Outcome:
    found = mode(torch.cat([X, X_val]), torch.cat([y, y_val]), strength)
    return *found, _loss(X, y, found), _loss(X_val, y_val, found)


def _loss_mistake(code: str, change: Callable[..., tuple[float, float]], says: str) -> Mistake:
    return Mistake(f"TRAIN.{code}", _reported(change), says, credit=_REPORTED)


EXERCISE = Exercise(
    id="train",
    title="Train with weight decay",
    prompt="y = X w + b + noise. Train w and b by gradient descent with weight decay: `steps` "
    "steps of size lr, each on all rows of X; from any start this many steps are enough. Return "
    "(w, b, train_loss, val_loss), the two losses measured after the last step. X_val and y_val "
    "are there for the last number only.",
    convention="The objective is the mean of HALF the squared errors + (strength/2) |w|^2, with b "
    "not penalised. The two losses are means of HALF the squared errors, WITHOUT the penalty.",
    interface="train(X, y, X_val, y_val, strength, lr, steps)",
    points=3,
    accepted=(Accepted(_trained(mode)),),
    mistakes=(
        Mistake(
            "TRAIN.ON_VALIDATION",
            _on_validation,
            "Your weights are those of a model trained on the VALIDATION set. Which loader does "
            "the loop run over?",
            "misconception",
        ),
        Mistake(
            "TRAIN.ON_BOTH",
            _on_both,
            "Your weights are those of a model trained on training and validation set together: "
            "the validation loss then says nothing about new data.",
            "misconception",
        ),
        _loss_mistake(
            "PENALTY_REPORTED",
            lambda train, val, penalty, sizes: (train + penalty, val + penalty),
            "Your weights are right. Both losses that you report hold the penalty, which says "
            "nothing about how well the data are predicted.",
        ),
        _loss_mistake(
            "PENALTY_IN_TRAIN_LOSS",
            lambda train, val, penalty, sizes: (train + penalty, val),
            "Your weights are right. Your training loss holds the penalty and your validation "
            "loss does not: side by side they cannot be compared.",
        ),
        _loss_mistake(
            "PENALTY_IN_VAL_LOSS",
            lambda train, val, penalty, sizes: (train, val + penalty),
            "Your weights are right. Your validation loss holds the penalty.",
        ),
        _loss_mistake(
            "LOSS_WITHOUT_HALF",
            lambda train, val, penalty, sizes: (2 * train, 2 * val),
            "Your weights are right. The losses that you report are without the half (MSELoss).",
        ),
        _loss_mistake(
            "LOSS_SUMMED",
            lambda train, val, penalty, sizes: (train * sizes[0], val * sizes[1]),
            "Your weights are right. The losses that you report are sums: sets of different size "
            "cannot be compared so.",
        ),
        _loss_mistake(
            "LOSSES_SWAPPED",
            lambda train, val, penalty, sizes: (val, train),
            "Your weights are right. The two losses are swapped.",
        ),
        _loss_mistake(
            "VAL_LOSS_ON_TRAIN",
            lambda train, val, penalty, sizes: (train, train),
            "Your weights are right. Your validation loss is measured on the training set.",
        ),
        Mistake(
            "TRAIN.NO_PENALTY",
            _trained(least_squares),
            "Your weights are those of a training without any penalty: strength has no effect.",
        ),
        Mistake(
            "TRAIN.HALF_STRENGTH",
            _trained(mode_scaled(lambda n: 0.5)),
            "Your penalty acts half as strongly: torch's MSELoss has no half, its weight_decay "
            "has. The two together are another objective.",
            "misconception",
        ),
        Mistake(
            "TRAIN.DOUBLE_STRENGTH",
            _trained(mode_scaled(lambda n: 2)),
            "Your penalty acts twice as strongly: where did its half go?",
        ),
        Mistake(
            "TRAIN.STRENGTH_OVER_N",
            _trained(mode_scaled(lambda n: 1 / n)),
            "Your penalty is n times too weak: it was divided by the number of examples.",
        ),
        Mistake(
            "TRAIN.BIAS_PENALIZED",
            _trained(mode_with_penalized_bias),
            "Your bias is decayed along with the weights. Which parameters does weight_decay of "
            "an optimizer reach?",
            "misconception",
        ),
        Mistake(
            "TRAIN.NO_BIAS",
            _trained(mode_without_bias),
            "Your model has no bias, or its bias is never updated.",
        ),
    ),
    draw=_draw,
    draws=2,
    parts=("the weights w", "the bias b", "train_loss", "val_loss"),
    tolerance=5e-3,
    draws_itself=True,
    hint="Do the weights still move at the end? Are gradients set to zero before each step, and "
    "does every step use all rows of X?",
)
