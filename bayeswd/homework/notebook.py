"""Checking from a notebook, and inside other graders' test cells: `bw.homework`.

    bw.homework.check(l1_penalty)                  what is right or wrong, and why
    bw.homework.check("b", q="zero_function")      an answer that is a number or a letter
    bw.homework.check_all()                        everything that the notebook defines
    bw.homework.assert_correct("l1_penalty", l1_penalty)    for a test cell of otter or nbgrader
    bw.homework.score("l1_penalty", l1_penalty, points=2)   partial credit, for nbgrader

All of it runs in the notebook's own process, on inputs that are no secret.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any, NoReturn

from bayeswd.errors import InputError
from bayeswd.homework import assignment, self_check, told
from bayeswd.homework.feedback import Feedback


@dataclass(frozen=True)
class CheckReport:
    """The verdicts of one check. Prints as text; shows as a table in a notebook."""

    feedback: tuple[Feedback, ...]

    @property
    def passed(self) -> bool:
        """Whether every exercise is right."""
        return all(each.passed for each in self.feedback)

    @property
    def score(self) -> float:
        """Points of all exercises checked; a guide only, on public inputs."""
        return float(sum(each.score for each in self.feedback))

    @property
    def max_score(self) -> float:
        return float(sum(each.max_score for each in self.feedback))

    def to_dict(self) -> dict[str, Any]:
        """For the student: no expected values."""
        return {
            "schema": "bayeswd.homework.check/1",
            "assignment": assignment.NAME,
            "items": [each.to_dict(for_student=True) for each in self.feedback],
        }

    def __repr__(self) -> str:
        return told.as_text(self.feedback)

    def _repr_html_(self) -> str:
        return told.as_html(self.feedback)

    def __bool__(self) -> NoReturn:
        raise TypeError(
            "a check is neither true nor false: use check(...).passed, or assert_correct(...), "
            "which fails with the reason."
        )


def check(answer: Any, q: str | None = None) -> CheckReport:
    """Check one answer: a function by its own name, anything else as the exercise `q`.

    InputError where no exercise has that name.
    """
    name = q if q is not None else getattr(answer, "__name__", None)
    if not isinstance(name, str):
        raise InputError(
            f"check({answer!r:.60}): this has no name of its own; say which exercise it answers, "
            'as in check("b", q="zero_function").'
        )
    exercise = assignment.find(name)
    return CheckReport(tuple(self_check.of_namespace(_around(name, answer), [exercise])))


def check_all(namespace: Mapping[str, Any] | None = None) -> CheckReport:
    """Check every exercise; by default in the names of whoever calls this."""
    found = sys._getframe(1).f_globals if namespace is None else namespace
    return CheckReport(tuple(self_check.of_namespace(found, assignment.EXERCISES)))


def assert_correct(q: str, answer: Any) -> None:
    """Nothing if the answer is right; AssertionError with the reason if it is not."""
    (feedback,) = check(answer, q).feedback
    if not feedback.passed:
        raise AssertionError(f"{q}: {told.message(feedback)}")


def score(q: str, answer: Any, points: float | None = None) -> float:
    """The points that an answer earns, out of `points` or of those of the exercise."""
    (feedback,) = check(answer, q).feedback
    most = feedback.max_score if points is None else points
    return float(feedback.score / feedback.max_score * most)


def exercises() -> Sequence[str]:
    """The names that `check` knows."""
    return [exercise.id for exercise in assignment.EXERCISES]


def __getattr__(name: str) -> ModuleType:
    """The other modules of the sub-package, which goes by the same name as this one."""
    try:
        return import_module(f"bayeswd.homework.{name}")
    except ModuleNotFoundError:
        raise AttributeError(f"bayeswd.homework has no {name!r}") from None


def _around(name: str, answer: Any) -> Mapping[str, Any]:
    """The module that the function was written in, so that faults are shown with their line."""
    around = getattr(answer, "__globals__", None)
    if isinstance(around, dict) and around.get(name) is answer:
        return around
    return {name: answer}
