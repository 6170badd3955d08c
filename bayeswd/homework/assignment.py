"""The exercises of the section "Weight Decay", in the order of the sheet."""

from __future__ import annotations

from bayeswd.errors import InputError
from bayeswd.homework.exercise import Exercise
from bayeswd.homework.exercises import (
    choices,
    choose_lambda,
    frobenius_squared,
    l1_penalty,
    l2_penalty,
    laplace_scale,
    lasso_map,
    negative_log_posterior,
    numbers,
    posterior,
    prior_variance,
    proximal_step,
    ridge_map,
    sgd_step_l1,
    sgd_step_l2,
    strength_from_prior,
    train,
)

NAME = "d2l-weight-decay"
EXERCISES: tuple[Exercise, ...] = (
    l2_penalty.EXERCISE,
    l1_penalty.EXERCISE,
    sgd_step_l2.EXERCISE,
    sgd_step_l1.EXERCISE,
    proximal_step.EXERCISE,
    frobenius_squared.EXERCISE,
    *prior_variance.EXERCISES,
    strength_from_prior.EXERCISE,
    laplace_scale.EXERCISE,
    negative_log_posterior.EXERCISE,
    ridge_map.EXERCISE,
    lasso_map.EXERCISE,
    posterior.EXERCISE,
    choose_lambda.EXERCISE,
    train.EXERCISE,
    *numbers.EXERCISES,
    *choices.EXERCISES,
)


def find(name: str) -> Exercise:
    """The exercise with this id; InputError lists them all."""
    for exercise in EXERCISES:
        if exercise.id == name:
            return exercise
    ids = ", ".join(exercise.id for exercise in EXERCISES)
    raise InputError(f"there is no exercise {name!r}; the exercises are {ids}.")
