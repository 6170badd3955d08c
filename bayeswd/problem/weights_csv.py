"""Weights in a CSV file, one row for each: `name,value`, one of them perhaps the intercept.

A file also says how exact its numbers are. Where no number has 15 digits the file was rounded:
to as many decimals as its longest number has, or to as many significant digits, whichever leaves
more room.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from bayeswd.errors import InputError
from bayeswd.problem import csv_text
from bayeswd.problem.csv_files import floats

INTERCEPTS = ("bias", "intercept", "(Intercept)", "const")
FULL_DIGITS = 15  # what a float64 is written with where nothing is rounded


@dataclass(frozen=True)
class WeightsFile:
    """One file: values by name, half a unit in the last digit of each, and its lines."""

    path: str
    values: dict[str, float]
    rounding: dict[str, float]

    def intercept_name(self, columns: Sequence[str]) -> str | None:
        """The name of its intercept, if it has one that is no column of the data."""
        found = [name for name in self.values if name in INTERCEPTS and name not in columns]
        if len(found) > 1:
            raise InputError(f"{self.path!r} has {' and '.join(map(repr, found))}: keep one.")
        return found[0] if found else None

    def require_columns(self, columns: Sequence[str]) -> None:
        """InputError, with the nearest names, unless there is one weight for each column."""
        known = {*columns, self.intercept_name(columns)}
        for name in self.values:
            if name not in known:
                hint = csv_text.did_you_mean(name, [c for c in columns if c not in self.values])
                raise InputError(
                    f"{self.path!r} names {name!r}{hint}, which is no column of the data: they "
                    f"have {csv_text.listed(columns)}; an intercept is called "
                    f"{' or '.join(INTERCEPTS[:2])}."
                )
        missing = [name for name in columns if name not in self.values]
        if missing:
            raise InputError(
                f"{self.path!r} has no weight for {csv_text.listed(missing, 4)}: give 0 where a "
                "fit left a column out."
            )


def read(path: str) -> WeightsFile:
    """Read the weights at `path`; InputError for a fault of the file, named by its line."""
    source = csv_text.open_text(path)
    for wanted in ("name", "value"):
        csv_text.require_column(path, source.header, wanted)
    at_name, at_value = source.header.index("name"), source.header.index("value")
    cells: dict[str, str] = {}
    for line, row in source.rows:
        name, cell = row[at_name].strip(), row[at_value].strip()
        if name in cells:
            raise InputError(f"{path!r} line {line}: {name!r} stands there a second time.")
        _require_number(cell, f"{path!r} line {line}, {name!r}")
        cells[name] = cell
    if not cells:
        raise InputError(f"{path!r} has a header but no weights.")
    values = {name: float(cell) for name, cell in cells.items()}
    return WeightsFile(path, values, _rounding(list(cells.values()), values))


def _require_number(cell: str, place: str) -> None:
    try:
        value = floats([cell])[0]
    except ValueError:
        shown = csv_text.shown(cell) if cell else "an empty cell"
        raise InputError(f"{place}: {shown} is not a number.") from None
    if not math.isfinite(value):
        raise InputError(f"{place}: {value} is no weight; a fit that ends there has failed.")


def _rounding(cells: Sequence[str], values: dict[str, float]) -> dict[str, float]:
    """Half a unit in the last digit of each weight, as far as the file shows where that is."""
    numbers = [Decimal(cell).as_tuple() for cell in cells]
    significant = max(len(number.digits) for number in numbers)
    if significant >= FULL_DIGITS:
        return {name: abs(value) * 2.0**-53 for name, value in values.items()}
    decimals = max(-int(number.exponent) for number in numbers)
    return {
        name: 0.5 * max(10.0**-decimals, _unit(value, significant))
        for name, value in values.items()
    }


def _unit(value: float, significant: int) -> float:
    return 10.0 ** (math.floor(math.log10(abs(value))) - significant + 1) if value else 0.0
