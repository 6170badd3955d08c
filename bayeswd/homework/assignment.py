"""The exercises of the section "Weight Decay", in the order of the sheet."""

from __future__ import annotations

from bayeswd.errors import InputError
from bayeswd.homework.exercise import Exercise
from bayeswd.homework.exercises import (
    frobenius_squared,
    l1_penalty,
    l2_penalty,
    proximal_step,
    sgd_step_l1,
    sgd_step_l2,
)

NAME = "d2l-weight-decay"
EXERCISES: tuple[Exercise, ...] = (
    l2_penalty.EXERCISE,
    l1_penalty.EXERCISE,
    sgd_step_l2.EXERCISE,
    sgd_step_l1.EXERCISE,
    proximal_step.EXERCISE,
    frobenius_squared.EXERCISE,
)


def find(name: str) -> Exercise:
    """The exercise with this id; InputError lists them all."""
    for exercise in EXERCISES:
        if exercise.id == name:
            return exercise
    ids = ", ".join(exercise.id for exercise in EXERCISES)
    raise InputError(f"there is no exercise {name!r}; the exercises are {ids}.")
