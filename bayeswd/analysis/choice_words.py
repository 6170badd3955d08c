"""Choices in words. `name` writes a scale as the reader knows it: a strength, or a prior sd."""

from __future__ import annotations

from collections.abc import Callable

from bayeswd.analysis.choice import Choice, Selection

Name = Callable[[float], str]


def as_scale(scale: float) -> str:
    """A scale as it is: "prior scale 0.01"."""
    return f"prior scale {scale:.3g}"


def says(choice: Choice, name: Name = as_scale) -> str:
    """One sentence: the best, what cannot be told from it, and which end is open."""
    raise NotImplementedError


def verdict(selection: Selection, name: Name = as_scale) -> str:
    """What the criteria say together, a few sentences."""
    raise NotImplementedError
