"""The verdict on what was observed: the ladder, up to the first rung that does not hold.

Runs where the references are, never where a student's code is, and believes nothing of an
observation but its plain numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fractions import Fraction

from bayeswd.homework import diagnosing, remarks, rungs
from bayeswd.homework.attempt import Attempt
from bayeswd.homework.calls import Call, Observation
from bayeswd.homework.exercise import Exercise
from bayeswd.homework.feedback import Diagnosis, Feedback
from bayeswd.homework.inert import one_line


def judge(
    exercise: Exercise,
    calls: Sequence[Call],
    observations: Sequence[Observation],
    *,
    hidden: bool = True,
) -> Feedback:
    """What to tell the student: `calls` are `exercise.calls(random)`, answered one by one.

    hidden: whether the calls beyond the public ones are secret and must not be shown.
    ValueError if the two are not equally many.
    """
    if len(calls) != len(observations):
        raise ValueError(f"{len(observations)} observations of {len(calls)} calls")
    attempt = Attempt(exercise, calls, observations, hidden)
    fault = rungs.first_fault(attempt)
    found = diagnosing.named(attempt) if fault is not None else ()
    if fault is not None and not found:
        status, diagnosis, seen = fault
        return _feedback(attempt, status, (diagnosis,), seen=seen)
    name = None if found else _right_answer(attempt)
    if name is not None:
        return _feedback(attempt, "passed", remarks.of_right(attempt), Fraction(1), name)
    found = found or diagnosing.diagnose(attempt)
    said = (*found, *remarks.changes(attempt))
    return _feedback(attempt, "failed", said, diagnosing.credit(attempt, found))


def _right_answer(attempt: Attempt) -> str | None:
    """The name of the right answer that this is on every call, None if it is none."""
    if attempt.exercise.check is not None:
        right = all(not attempt.broken(at) for at in range(len(attempt.calls)))
        return attempt.exercise.accepted[0].name if right else None
    for accepted in attempt.exercise.accepted:
        if all(
            attempt.one_agrees(given, attempt.formula_at(accepted.formula, at))
            for at, given in enumerate(attempt.given)
        ):
            return accepted.name
    return None


def _feedback(
    attempt: Attempt,
    status: str,
    diagnosis: tuple[Diagnosis, ...],
    share: Fraction = Fraction(0),
    accepted: str = "",
    seen: Observation | None = None,
) -> Feedback:
    points = Fraction(attempt.exercise.points)
    return Feedback(
        exercise=attempt.exercise.id,
        status=status,
        score=share * points,
        max_score=points,
        diagnosis=diagnosis,
        accepted=accepted,
        line=None if seen is None else seen.line,
        file="" if seen is None else one_line(seen.file),
        seconds=sum(observation.seconds for observation in attempt.observations),
        fingerprint=_fingerprint(attempt),
    )


def _fingerprint(attempt: Attempt) -> str:
    """Equal for answers that agree to three digits on the public inputs."""
    shown = [
        f"{seen.reached} {seen.error_type} "
        + "; ".join(
            " ".join([part.text, *(f"{value:.3g}" for value in part.values or ())])
            for part in seen.parts
        )
        for seen in attempt.observations[: attempt.public]
    ]
    return hashlib.sha256("\n".join(shown).encode()).hexdigest()[:12]
