"""A student's own check: in process, on inputs that are no secret, with no score that counts."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from bayeswd.errors import InputError
from bayeswd.homework.exercise import Exercise
from bayeswd.homework.feedback import Feedback
from bayeswd.homework.judging import judge
from bayeswd.homework.probe import observe
from bayeswd.homework.submissions import loading
from bayeswd.homework.submissions.loading import Loaded


def of_namespace(namespace: Mapping[str, Any], exercises: Sequence[Exercise]) -> list[Feedback]:
    """The verdict on each exercise, in order, on what a namespace defines."""
    return [_checked(namespace, exercise) for exercise in exercises]


def of_file(path: Path, exercises: Sequence[Exercise]) -> tuple[list[Feedback], Loaded]:
    """Run a script or a notebook here, unprotected; the verdicts, and what went wrong on the way.

    Modules beside the file can be imported. InputError for a file that cannot be read.
    """
    if path.suffix not in (".py", ".ipynb"):
        raise InputError(f"{str(path)!r} is no .py and no .ipynb file.")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {error.strerror or error}") from error
    with _importable(path.resolve().parent):
        loaded = loading.run(path.name, data)
        return of_namespace(loaded.namespace, exercises), loaded


def _checked(namespace: Mapping[str, Any], exercise: Exercise) -> Feedback:
    calls = exercise.calls(Random(f"check {exercise.id}"))
    return judge(exercise, calls, observe(namespace, calls), hidden=False)


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """A folder last on the import path, so that it shadows nothing; its modules are forgotten."""
    known = set(sys.modules)
    sys.path.append(str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - known:
            file = getattr(sys.modules[name], "__file__", None)
            if isinstance(file, str) and Path(file).parent == folder:
                del sys.modules[name]
