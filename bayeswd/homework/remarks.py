"""Hints on a right answer; none of them costs anything."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from bayeswd.homework import answers
from bayeswd.homework.attempt import Attempt
from bayeswd.homework.calls import Argument
from bayeswd.homework.exercise import natural
from bayeswd.homework.feedback import Diagnosis

_CLOSE = 1e-3  # of a gradient, relative


def of_right(attempt: Attempt) -> tuple[Diagnosis, ...]:
    """What could be better about an answer that is right."""
    dtypes = {part.dtype for seen in attempt.observations for part in seen.parts}
    coarse = [
        _hint("COARSE", f"It has the few digits of {dtype}: use float32 or float64.")
        for dtype in sorted(dtypes & {"float16", "bfloat16"})
    ]
    return (*coarse, *changes(attempt), *_gradient(attempt))


def changes(attempt: Attempt) -> Iterator[Diagnosis]:
    """That an argument was changed in place: also where to look, if the answer is wrong."""
    if names := attempt.exercise.changed_names(*attempt.observations):
        yield _hint(
            "CHANGES_ARGUMENT",
            f"{attempt.exercise.id} changes its argument {names} in place: whoever calls it "
            "loses the old value.",
        )


def _hint(code: str, message: str) -> Diagnosis:
    return Diagnosis(code, "hint", "matched", message)


def _gradient(attempt: Attempt) -> Iterator[Diagnosis]:
    asked = attempt.exercise.gradient_of
    if asked is None:
        return
    seen = [observation.gradient for observation in attempt.observations]
    if all(gradient is None for gradient in seen):
        yield _hint(
            "NO_GRADIENT",
            f"No gradient flows through {attempt.exercise.id}: added to a loss it would change "
            "nothing. Stay with tensors, without .item(), .data or NumPy.",
        )
    elif not all(_gradient_agrees(attempt, at, asked) for at in _random_calls(attempt)):
        yield _hint("OTHER_GRADIENT", "Its gradient is another one: is a part of it detached?")


def _random_calls(attempt: Attempt) -> list[int]:
    """Away from the special inputs, where there may be no gradient."""
    return [at for at, call in enumerate(attempt.calls) if call.family == "random inputs"]


def _gradient_agrees(attempt: Attempt, at: int, asked: int) -> bool:
    seen = attempt.observations[at].gradient
    if seen is None:
        return False
    arguments: tuple[Argument, ...] = attempt.calls[at].arguments or ()
    given = [natural(argument) for argument in arguments]
    leaf = given[asked].requires_grad_()
    (wanted,) = torch.autograd.grad(attempt.exercise.accepted[0].formula(*given), leaf)
    return answers.part_agrees(
        seen,
        type(seen)("Tensor", "float64", tuple(wanted.shape), tuple(wanted.flatten().tolist())),
        _CLOSE,
    )
