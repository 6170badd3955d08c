"""Plain values from decoded JSON that nobody vouches for: of this type and size, or ValueError."""

import math
from collections.abc import Mapping
from typing import Any

MAX_DIMENSIONS = 8
MAX_ITEMS = 64
MAX_TEXT = 500


def written(value: float) -> float | str:
    """JSON has no nan or inf: they travel as words."""
    return value if math.isfinite(value) else str(value)


def fields(found: Any, *names: str) -> Mapping[str, Any]:
    if type(found) is not dict or found.keys() != set(names):
        raise ValueError("a record without its fields")
    return found


def items(found: Any, length: int | None = None) -> list[Any]:
    if type(found) is not list or len(found) > MAX_ITEMS or length not in (None, len(found)):
        raise ValueError("a list of another length")
    return found


def text(found: Any) -> str:
    if type(found) is not str or len(found) > MAX_TEXT:
        raise ValueError("not a short text")
    found.encode()  # half a surrogate pair is a ValueError too
    return found


def count(found: Any) -> int:
    if type(found) is not int or not 0 <= found < 2**63:
        raise ValueError("not a count")
    return found


def number(found: Any) -> float:
    if type(found) is str and found in ("nan", "inf", "-inf"):
        return float(found)
    if type(found) is int and abs(found) < 2**1000:
        return float(found)
    if type(found) is not float:
        raise ValueError("not a number")
    return found


def numbers(found: Any, length: int, most: int) -> tuple[float, ...]:
    if type(found) is not list or len(found) != length or length > most:
        raise ValueError("numbers that do not fill their shape")
    return tuple(number(value) for value in found)


def shape(found: Any) -> tuple[int, ...]:
    if type(found) is not list or len(found) > MAX_DIMENSIONS:
        raise ValueError("not a shape")
    return tuple(count(size) for size in found)
