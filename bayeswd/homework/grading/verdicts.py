"""A verdict on each exercise from what was observed; what rests on a missing answer is skipped."""

import builtins
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from bayeswd.homework import feedback
from bayeswd.homework.calls import CRASH, MEMORY, PROTOCOL, TIME, Call, Observation, Returned
from bayeswd.homework.exercise import Exercise
from bayeswd.homework.feedback import Feedback
from bayeswd.homework.judging import judge

_NAMED = {CRASH, MEMORY, PROTOCOL, TIME, "", *vars(builtins), "Tensor", "Parameter", "ndarray"}
_NAMED |= {"NoneType", "function", "float32", "float64", "int64"}


def verdicts(
    exercises: Sequence[Exercise],
    calls: Mapping[str, Sequence[Call]],
    seen: Mapping[str, Sequence[Observation]],
) -> list[Feedback]:
    """In the order of the exercises."""
    found: dict[str, Feedback] = {}
    for exercise in exercises:
        quiet = without_words(seen[exercise.id], len(exercise.public_calls()))
        verdict = judge(exercise, calls[exercise.id], quiet)
        broken = [name for name in exercise.depends_on if not found[name].passed]
        if broken and not verdict.passed:
            verdict = feedback.skipped(exercise.id, Fraction(exercise.points), broken[0])
        found[exercise.id] = verdict
    return list(found.values())


def without_words(seen: Sequence[Observation], public: int) -> list[Observation]:
    """The observations, those after the first `public` without words of the student's choosing: an
    exception's text or a type's name may hold the hidden inputs, and would be shown to him."""
    return [*seen[:public], *map(_without_words, seen[public:])]


def _without_words(seen: Observation) -> Observation:
    return replace(
        seen,
        error="",
        error_type=seen.error_type if seen.error_type in _NAMED else "Exception",
        parts=tuple(map(_plainly_named, seen.parts)),
        gradient_note=seen.gradient_note if seen.gradient_note.startswith("the result") else "",
        file="",
        line=None,
    )


def _plainly_named(part: Returned) -> Returned:
    return part if part.type in _NAMED else replace(part, type="object", text="")
