"""Choices in words. `name` writes a scale as the reader knows it: a strength, or a prior scale."""

from __future__ import annotations

from collections.abc import Callable

from bayeswd.analysis.choice import Choice, Selection
from bayeswd.tables import number

Name = Callable[[float], str]


def as_scale(scale: float) -> str:
    """A scale as it is: "prior scale 0.01"."""
    return f"prior scale {scale:.3g}"


def says(choice: Choice, name: Name = as_scale) -> str:
    """One sentence or two: the best, what cannot be told from it, and which end is open."""
    return f"{_subject(choice)}{_best(choice, name)}; {_extent(choice, name)}{_margin(choice)}."


def verdict(selection: Selection, name: Name = as_scale) -> str:
    """What the criteria say together: which settle a strength, and which cannot."""
    settled = [choice for choice in selection.choices if choice.identified]
    open_ = [choice for choice in selection.choices if not choice.identified]
    if not selection.choices:
        return "No criterion applies."
    parts = [says(choice, name) for choice in settled] + [_undecided(open_, name)] * bool(open_)
    if len(settled) > 1:
        parts.append(_agreement(settled, name))
    return " ".join(parts)


def _subject(choice: Choice) -> str:
    subjects = {
        "validation": "The validation loss is least at ",
        "cross-validation": "The cross-validated loss is least at ",
        "leave-one-out": "Leave-one-out is best at ",
        "evidence": "The evidence is highest at ",
        "hyperprior": "The posterior of the scale has its median at ",
    }
    return subjects[choice.by]


def _best(choice: Choice, name: Name) -> str:
    return f"{name(choice.scale)} (prior sd {choice.prior_sd:.3g})"


def _extent(choice: Choice, name: Name) -> str:
    """Which scales are left, an open end said as such."""
    low, high = choice.interval
    narrow, wide = choice.open_ends
    if narrow and wide:
        return "it cannot tell any scale of the grid from that one: not identified"
    if narrow:
        return f"every narrower prior than {name(high)} is as good: not identified"
    if wide:
        return f"every wider prior than {name(low)} is as good: not identified"
    word = "with 95 % it lies" if choice.by == "hyperprior" else "it cannot be told from those"
    return f"{word} from {name(low)} to {name(high)}"


def _margin(choice: Choice) -> str:
    """How far apart the untold losses are, against the standard error of one of them."""
    if choice.error is None or choice.difference is None or choice.higher_is_better:
        return ""
    low, high = choice.interval
    inside = [
        value
        for scale, value in zip(choice.scales, choice.curve, strict=True)
        if low <= scale <= high
    ]
    least = choice.curve[choice.best_index]
    if least <= 0:
        return ""
    spread = 100 * (max(inside) / least - 1)
    error = 100 * choice.error[choice.best_index] / least
    return f" (they differ by {number(spread, 2)} %, the standard error is {number(error, 2)} %)"


def _undecided(choices: list[Choice], name: Name) -> str:
    if len(choices) == 1:
        return says(choices[0], name)
    return " ".join(says(choice, name) for choice in choices)


def _agreement(settled: list[Choice], name: Name) -> str:
    """The strengths that no settled criterion rules out."""
    low = max(choice.interval[0] for choice in settled)
    high = min(choice.interval[1] for choice in settled)
    names = ", ".join(choice.by for choice in settled)
    if low > high:
        return f"The intervals of {names} do not meet: they measure different things."
    return f"None of {names} rules out {name(low)} to {name(high)}."
