"""Answers as plain numbers: what a formula gives on a call, and whether two answers agree."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from bayeswd.errors import InputError
from bayeswd.homework.calls import Call, Returned
from bayeswd.homework.exercise import Formula, natural
from bayeswd.homework.probe import described

Parts = tuple[Returned, ...]

# how far rounding moves an answer that was computed in few digits, relative
_COARSE = {"float16": 5e-3, "bfloat16": 3e-2}
_NEAR_ZERO = 1e-6  # allowed where the answer is exactly 0


@lru_cache(maxsize=4096)  # public calls are the same for everybody
def of_formula(formula: Formula, call: Call) -> Parts | None:
    """What a formula gives; None where it has no finite value, such as a norm's gradient at 0."""
    try:
        result = formula(*(natural(argument) for argument in call.arguments or ()))
    except (ArithmeticError, RuntimeError, InputError):  # such as shapes that do not fit
        return None
    parts = described(result, call.parts).parts
    return parts if all(is_finite(part) for part in parts) else None


def compared(answers: Sequence[Parts | None], paired: bool) -> list[Parts | None]:
    """The answers themselves; or, where a constant is free, the difference within each pair."""
    if not paired:
        return list(answers)
    pairs = zip(answers[::2], answers[1::2], strict=True)
    return [difference for pair in pairs for difference in [_difference(*pair)] * 2]


def agree(got: Parts | None, want: Parts | None, tolerance: float) -> bool:
    """Whether every part agrees."""
    if got is None or want is None or len(got) != len(want):
        return False
    return all(part_agrees(*pair, tolerance) for pair in zip(got, want, strict=True))


def part_agrees(got: Returned, want: Returned, tolerance: float) -> bool:
    """Same shape but for axes of length 1, and no number further off than `tolerance` allows.

    The tolerance is relative to the largest number that is wanted, never to what was given.
    """
    if want.values is None or got.values is None:
        return want.text != "" and letter(got.text) == letter(want.text)
    if not same_shape(got, want):
        return False
    largest = max((abs(value) for value in want.values), default=0.0)
    allowed = max(tolerance, _COARSE.get(got.dtype, 0.0)) * largest or _NEAR_ZERO
    return all(
        abs(mine - theirs) <= allowed  # False for nan and inf
        for mine, theirs in zip(got.values, want.values, strict=True)
    )


def same_shape(got: Returned, want: Returned) -> bool:
    return got.shape == want.shape or _squeezed(got.shape) == _squeezed(want.shape)


def is_finite(part: Returned) -> bool:
    return part.values is None or all(math.isfinite(value) for value in part.values)


def letter(text: str) -> str:
    """The letter of a multiple-choice answer: " (B) " is b."""
    return text.strip().strip("().:").lower()


def in_words(value: Any) -> str:
    """A part, or an argument, for a person: few digits, long rows cut."""
    if getattr(value, "text", ""):
        return repr(value.text[:60])
    if value.values is None:
        return f"an object of type {value.type}"
    shown = [f"{number:.5g}" for number in value.values]
    if not value.shape:
        return shown[0]
    width = value.shape[-1]
    if len(value.shape) == 1 or not width:
        return _row(shown)
    rows = [_row(shown[i : i + width]) for i in range(0, len(shown), width)]
    return _row(rows)


def _row(cells: list[str], most: int = 6) -> str:
    return "[" + ", ".join(cells[:most] + ["..."] * (len(cells) > most)) + "]"


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def _difference(first: Parts | None, second: Parts | None) -> Parts | None:
    """Second minus first, part by part; None where they are no numbers of one shape."""
    if first is None or second is None or len(first) != len(second):
        return None
    parts = []
    for one, other in zip(first, second, strict=True):
        if one.values is None or other.values is None or one.shape != other.shape:
            return None
        values = tuple(b - a for a, b in zip(one.values, other.values, strict=True))
        parts.append(Returned(other.type, other.dtype, other.shape, values))
    return tuple(parts)
