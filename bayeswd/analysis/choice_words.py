"""Choices in words. `name` writes a scale as the reader knows it: a strength, or a prior scale."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bayeswd.analysis.choice import Choice, Selection
from bayeswd.tables import number

Name = Callable[[float], str]

# criterion -> (what is best, its short name)
_SUBJECTS = {
    "validation": ("The validation loss is least", "validation"),
    "cross-validation": ("The cross-validated loss is least", "cross-validation"),
    "leave-one-out": ("Leave-one-out is best", "leave-one-out"),
    "evidence": ("The evidence is highest", "the evidence"),
    "hyperprior": ("The posterior of the prior scale has its median", "its posterior"),
}


def as_scale(scale: float) -> str:
    """A scale as it is: "prior scale 0.01"."""
    return f"prior scale {scale:.3g}"


def says(choice: Choice, name: Name = as_scale) -> str:
    """A few sentences on one criterion: the best, what is as good, which end is open, a note."""
    subject, _ = _SUBJECTS[choice.by]
    first = f"{subject} at {name(choice.scale)} (prior sd {choice.prior_sd:.3g})"
    note = f" Note: {choice.note}." if choice.note else ""
    return f"{first}; {_extent(choice, name)}{_margin(choice)}.{note}"


def verdict(selection: Selection, name: Name = as_scale) -> str:
    """What the criteria say together: which settle on a strength, and which cannot."""
    if not selection.choices:
        return "No criterion applies."
    settled = [choice for choice in selection.choices if choice.identified]
    rest = [choice for choice in selection.choices if not choice.identified]
    sentences = [_settled(choice, name) for choice in settled]
    if len(settled) > 1:
        sentences.append(_together(settled, name))
    sentences += [says(choice, name) for choice in rest]
    if not settled:
        sentences.append("No criterion identifies a strength on this grid: name a prior instead.")
    return " ".join(sentences)


def _settled(choice: Choice, name: Name) -> str:
    low, high = choice.interval
    subject, _ = _SUBJECTS[choice.by]
    return (
        f"{subject} at {name(choice.scale)}, identified from {name(low)} to {name(high)}"
        f"{_margin(choice)}."
    )


def _extent(choice: Choice, name: Name) -> str:
    """Which scales are left; an open end is said as such."""
    low, high = choice.interval
    narrow, wide = choice.open_ends
    if narrow and wide:
        return "it tells no scale of the grid from that one: not identified"
    if narrow:
        return f"it tells none up to {name(high)} from that one: not identified"
    if wide:
        return f"it tells none from {name(low)} on from that one: not identified"
    if choice.by == "hyperprior":
        return f"with 95 % it lies from {name(low)} to {name(high)}"
    return f"those from {name(low)} to {name(high)} cannot be told from it"


def _margin(choice: Choice) -> str:
    """How far apart the losses in the interval are, and the standard error of one of them."""
    least = choice.curve[choice.best_index]
    if choice.error is None or choice.difference is None or choice.higher_is_better or least <= 0:
        return ""
    low, high = choice.interval
    pairs = zip(choice.scales, choice.curve, strict=True)
    most = max(value for scale, value in pairs if low <= scale <= high)
    spread = number(100 * (most / least - 1), 2)
    error = number(100 * choice.error[choice.best_index] / least, 2)
    return f" (they differ by {spread} %, the standard error of the loss is {error} %)"


def _together(settled: Sequence[Choice], name: Name) -> str:
    """The strengths that no identified criterion rules out."""
    low = max(choice.interval[0] for choice in settled)
    high = min(choice.interval[1] for choice in settled)
    names = " and ".join(_SUBJECTS[choice.by][1] for choice in settled)
    if low > high:
        return f"The intervals of {names} do not meet: they do not measure the same thing."
    return f"All of them allow {name(low)} to {name(high)}."
