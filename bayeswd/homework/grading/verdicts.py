"""A verdict on each exercise from what was observed; what rests on a missing answer is skipped."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from bayeswd.homework import feedback
from bayeswd.homework.calls import Call, Observation
from bayeswd.homework.exercise import Exercise
from bayeswd.homework.feedback import Feedback
from bayeswd.homework.judging import judge


def verdicts(
    exercises: Sequence[Exercise],
    calls: Mapping[str, Sequence[Call]],
    seen: Mapping[str, Sequence[Observation]],
) -> list[Feedback]:
    """In the order of the exercises."""
    found: dict[str, Feedback] = {}
    for exercise in exercises:
        verdict = judge(exercise, calls[exercise.id], seen[exercise.id])
        broken = [name for name in exercise.depends_on if not found[name].passed]
        if broken and not verdict.passed:
            verdict = feedback.skipped(exercise.id, Fraction(exercise.points), broken[0])
        found[exercise.id] = verdict
    return list(found.values())
