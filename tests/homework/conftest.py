"""How the tests of this floor let an answer be given and judged."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
import torch

from bayeswd.homework import answers, assignment
from bayeswd.homework.calls import Observation
from bayeswd.homework.feedback import Feedback
from bayeswd.homework.judging import judge
from bayeswd.homework.probe import observe


@pytest.fixture(scope="session")
def graded() -> Callable[..., Feedback]:
    """graded(name, answer, seed=0): the verdict on an object, as if a module defined it."""
    return _graded


@pytest.fixture(scope="session")
def graded_source() -> Callable[..., Feedback]:
    """graded_source(name, text, seed=0): the verdict on a student's source text."""
    return _graded_source


@pytest.fixture
def full_marks() -> Callable[[str, str], None]:
    """full_marks(name, source): fails unless a student's source text is right in every way."""

    def require(name: str, source: str) -> None:
        torch.manual_seed(0)
        feedback = _graded_source(name, source, seed=5)
        assert feedback.passed, feedback.diagnosis
        assert feedback.score == feedback.max_score

    return require


@pytest.fixture(scope="session")
def by_formula() -> Callable[..., Feedback]:
    """by_formula(exercise, formula, calls): the verdict on a student who gives this formula."""
    return _by_formula


def _graded(name: str, answer: Any, seed: int = 0) -> Feedback:
    return _judged(name, {name: answer}, seed)


def _graded_source(name: str, source: str, seed: int = 0) -> Feedback:
    namespace: dict[str, Any] = {"__name__": "submission"}
    exec(compile(source, "hw.py", "exec"), namespace)
    return _judged(name, namespace, seed)


def _judged(name: str, namespace: dict[str, Any], seed: int) -> Feedback:
    exercise = assignment.find(name)
    calls = exercise.calls(Random(seed))
    return judge(exercise, calls, observe(namespace, calls))


def _by_formula(exercise, formula, calls) -> Feedback:
    given = [answers.of_formula(formula, call) for call in calls]
    failed = Observation("callable", error_type="RuntimeError")
    seen = [failed if parts is None else Observation("type", parts) for parts in given]
    return judge(exercise, calls, seen)
