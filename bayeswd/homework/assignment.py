"""The exercises of the section "Weight Decay", in the order of the sheet."""

from __future__ import annotations

from bayeswd.errors import InputError
from bayeswd.homework.exercise import Exercise

NAME = "d2l-weight-decay"
EXERCISES: tuple[Exercise, ...] = ()


def find(name: str) -> Exercise:
    """The exercise with this id; InputError lists them all."""
    for exercise in EXERCISES:
        if exercise.id == name:
            return exercise
    ids = ", ".join(exercise.id for exercise in EXERCISES)
    raise InputError(f"there is no exercise {name!r}; the exercises are {ids}.")
