"""The verdict on what was observed; runs where the references are, never where the student's code is."""

from __future__ import annotations

from collections.abc import Sequence

from bayeswd.homework.calls import Call, Observation
from bayeswd.homework.exercise import Exercise
from bayeswd.homework.feedback import Feedback


def judge(
    exercise: Exercise, calls: Sequence[Call], observations: Sequence[Observation]
) -> Feedback:
    """What to tell the student: `calls` are `exercise.calls(random)`, answered one by one."""
    raise NotImplementedError
