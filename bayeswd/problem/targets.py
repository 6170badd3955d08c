"""A target column -> its likelihood, said with the reason, and the numbers that it needs.

The guess asks no more of a column than it shows. Text is labels. Two values are two classes.
Whole numbers from 0 on are labels only where each has many rows, none far fewer than another:
a sample of counts thins out in its tail and fails that, and counts themselves are not guessed,
since a Poisson likelihood claims more (variance = mean) than a column of whole numbers shows.
All other numbers are amounts with Gaussian noise.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bayeswd.errors import InputError
from bayeswd.problem.csv_files import floats
from bayeswd.problem.csv_text import did_you_mean, shown

LIKELIHOODS = ("gaussian", "bernoulli", "categorical", "poisson")

MOST_NUMBERED_CLASSES = 20
FEWEST_ROWS_PER_CLASS = 10
SMALLEST_CLASS_SHARE = 0.25  # of the largest class


@dataclass(frozen=True, eq=False)
class Target:
    """`values` [n]: float64, or int64 class indices into `classes` (sorted labels)."""

    values: np.ndarray
    likelihood: str
    why: str
    classes: tuple[str, ...] | None


def encode(
    cells: Sequence[str] | np.ndarray,
    name: str,
    likelihood: str | None,
    place: Callable[[int], str],
) -> Target:
    """Read the target column `name`; `likelihood` None means the one that its values suggest.

    Classes are in ascending order, of numbers where all labels are numbers, else of text.
    `place(row)` says where a cell stands. Raises InputError where the values do not suit.
    """
    _require_known(likelihood)
    numbers, first_text = _numbers(cells)
    keys = list(cells) if numbers is None else numbers.tolist()
    rows_of = Counter(keys)
    if len(rows_of) == 1:
        raise InputError(f"the target {name!r} is {shown(str(cells[0]))} in every row")
    if likelihood is not None:
        chosen, why = likelihood, "asked for"
    elif numbers is None:
        odd = f"{place(first_text)}: {shown(cells[first_text])}"
        chosen, why = _suggested_by_text(rows_of, name, odd)
    else:
        chosen, why = _suggested_by_numbers(rows_of)
    if chosen in ("bernoulli", "categorical"):
        return _classes(keys, sorted(rows_of), name, chosen, why)
    if numbers is None:
        raise _not_a_number(cells[first_text], name, chosen, place(first_text))
    if chosen == "poisson":
        _require_counts(numbers, place)
    return Target(numbers, chosen, why, None)


def _numbers(cells: Sequence[str] | np.ndarray) -> tuple[np.ndarray | None, int]:
    """The column as float64, or None and the first row that is not a number."""
    if isinstance(cells, np.ndarray):
        return cells.astype(np.float64), 0
    try:
        return np.array(floats(cells), dtype=np.float64), 0
    except ValueError:
        return None, next(row for row, cell in enumerate(cells) if not _is_number(cell))


def _classes(keys: list, labels: list, name: str, likelihood: str, why: str) -> Target:
    _require_classes(len(labels), len(keys), name, likelihood)
    index = {label: position for position, label in enumerate(labels)}
    values = np.array([index[key] for key in keys], dtype=np.int64)
    return Target(values, likelihood, why, tuple(map(_label, labels)))


def _is_number(cell: str) -> bool:
    try:
        floats([cell])
    except ValueError:
        return False
    return True


def _suggested_by_numbers(rows_of: Counter[float]) -> tuple[str, str]:
    distinct = len(rows_of)
    if distinct == 2:
        return "bernoulli", "the target has 2 distinct values"
    whole = all(value.is_integer() for value in rows_of)
    low, high = min(rows_of), max(rows_of)
    if whole and low == 0 and high == distinct - 1 and distinct <= MOST_NUMBERED_CLASSES:
        fewest, most = min(rows_of.values()), max(rows_of.values())
        if fewest >= max(FEWEST_ROWS_PER_CLASS, SMALLEST_CLASS_SHARE * most):
            why = (
                f"the target holds the whole numbers 0 to {high:.0f}, each in {fewest} rows or more"
            )
            return "categorical", why
    kind = "whole numbers" if whole else "numbers"
    why = f"the target holds {distinct} distinct {kind} in {rows_of.total()} rows"
    if whole and low in (0, 1):
        why += " (if they are counts ask for poisson, if labels for categorical)"
    return "gaussian", why


def _suggested_by_text(rows_of: Counter[str], name: str, odd: str) -> tuple[str, str]:
    """Text is labels, unless most of it is numbers or hardly a label occurs twice.

    `odd` is the first cell that is no number, and its place.
    """
    rows = rows_of.total()
    if 2 * sum(times for label, times in rows_of.items() if _is_number(label)) > rows:
        raise InputError(
            f"{odd} is not a number as most of the target {name!r} is: correct it, or ask for the"
            " likelihood categorical if these are labels"
        )
    _require_classes(len(rows_of), rows, name, "categorical")
    likelihood = "bernoulli" if len(rows_of) == 2 else "categorical"
    return likelihood, f"the target holds text, {len(rows_of)} labels"


def _not_a_number(cell: str, name: str, likelihood: str, place: str) -> InputError:
    return InputError(
        f"{place}: {shown(cell)} is not a number, which the likelihood {likelihood} needs of the"
        f" target {name!r}: ask for bernoulli or categorical if it holds labels"
    )


def _require_known(likelihood: str | None) -> None:
    if likelihood is not None and likelihood not in LIKELIHOODS:
        hint = did_you_mean(likelihood, LIKELIHOODS)
        raise InputError(f"no likelihood {likelihood!r}{hint}: there are {', '.join(LIKELIHOODS)}")


def _require_counts(numbers: np.ndarray, place: Callable[[int], str]) -> None:
    bad = np.flatnonzero((numbers < 0) | (numbers != np.floor(numbers)))
    if len(bad):
        raise InputError(
            f"{place(int(bad[0]))}: {numbers[bad[0]]:g} is not a count, which the likelihood"
            " poisson needs: whole numbers from 0 on"
        )


def _require_classes(classes: int, rows: int, name: str, likelihood: str) -> None:
    if likelihood == "bernoulli" and classes != 2:
        raise InputError(
            f"the likelihood bernoulli needs two distinct values, the target {name!r} has"
            f" {classes}: ask for categorical or gaussian"
        )
    if classes > 2 and 2 * classes > rows:
        raise InputError(
            f"the target {name!r} has {classes} distinct values in {rows} rows, too many for"
            " classes: is it the right column?"
        )


def _label(key: str | float) -> str:
    """The label of a class; a number's shortest text that gives the number back."""
    if isinstance(key, str):
        return key
    return str(int(key)) if key.is_integer() and abs(key) < 1e15 else repr(key)
