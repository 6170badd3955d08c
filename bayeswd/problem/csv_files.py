"""CSV files: columns of finite numbers and columns of text, and back without losing a bit."""

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bayeswd import files
from bayeswd.errors import InputError
from bayeswd.problem.csv_text import DELIMITERS, open_text, quoted, require_column, shown

TRAINING_MARKS = {"1", "1.0", "true", "train", "training"}
VALIDATION_MARKS = {"0", "0.0", "false", "validation", "valid", "val", "test"}


@dataclass(frozen=True, eq=False)
class Table:
    """One file: `numbers` [row, column] under `names`, and the columns that were kept as text."""

    path: str
    names: tuple[str, ...]
    numbers: np.ndarray
    text: dict[str, list[str]]
    lines: list[int]
    notes: tuple[str, ...] = ()

    def place(self, row: int, column: str) -> str:
        """Where a cell stands, as an editor shows it: `'a.csv' line 7, column 'age'`."""
        return _place(self.path, self.lines[row], column)


def column_names(path: str) -> tuple[str, ...]:
    """The names in the header of the file at `path`."""
    return open_text(path).header


def read(path: str, text_columns: Sequence[str]) -> Table:
    """Read the file at `path`; `text_columns` stay text, all others must be finite numbers.

    Raises InputError for a file that is no CSV text (see csv_text), for a column not there, for
    a header without rows, and for a cell that is empty, not finite or not a number.
    """
    source = open_text(path)
    for name in text_columns:
        require_column(path, source.header, name)
    kept = {name: source.header.index(name) for name in text_columns}
    numeric = {name: at for at, name in enumerate(source.header) if name not in kept}
    positions = list(numeric.values())
    text: dict[str, list[str]] = {name: [] for name in kept}
    buffer, lines = array("d"), []
    for line, row in source.rows:
        for name, at in kept.items():
            text[name].append(_text(row[at], path, line, name))
        try:
            buffer.extend(floats([row[at] for at in positions]))
        except ValueError:
            raise _first_fault(path, line, row, numeric) from None
        lines.append(line)
    if not lines:
        raise InputError(f"{path!r} has a header but no rows")
    notes = (
        ()
        if source.delimiter == ","
        else (f"columns are separated by {DELIMITERS[source.delimiter]}",)
    )
    numbers = np.array(buffer, dtype=np.float64).reshape(len(lines), len(numeric))
    table = Table(path, tuple(numeric), numbers, text, lines, notes)
    _require_finite(table)
    return table


def floats(cells: Sequence[str]) -> list[float]:
    """The cells as numbers; ValueError where one is not (Python's own 1_000 is text here)."""
    if "_" in "".join(cells):
        raise ValueError("a digit separator")
    return [float(cell) for cell in cells]


def training_marks(table: Table, column: str) -> np.ndarray:
    """The bool mask [row] written in `column`: 1/0, true/false or train/validation (val, test)."""
    marks = [mark.lower() for mark in table.text[column]]
    for row, mark in enumerate(marks):
        if mark not in TRAINING_MARKS | VALIDATION_MARKS:
            raise InputError(
                f"{table.place(row, column)}: {shown(table.text[column][row])} does not say whether"
                " the row trains: write 1/0, true/false or train/validation"
            )
    mask = np.array([mark in TRAINING_MARKS for mark in marks])
    if not mask.any():
        raise InputError(f"{table.path!r}: column {column!r} marks no row for training")
    return mask


def write(
    path: str | Path, header: Sequence[str], numbers: np.ndarray, last: Sequence[str]
) -> None:
    """Write `numbers` [row, column] and one last column of text, whole or not at all.

    17 significant digits identify a float64. Raises InputError where `path` cannot be written.
    """
    row_format = "%.17g," * numbers.shape[1]
    with files.whole(path) as unfinished, open(unfinished, "w", encoding="utf-8", newline="") as to:
        to.write(",".join(map(quoted, header)) + "\n")
        for row, cell in zip(numbers.tolist(), last, strict=True):
            to.write(row_format % tuple(row) + quoted(cell) + "\n")


def _place(path: str, line: int, column: str) -> str:
    return f"{path!r} line {line}, column {column!r}"


def _text(cell: str, path: str, line: int, column: str) -> str:
    """The cell without its margins; a missing value is a fault in a column of text, too."""
    cell = cell.strip()
    try:
        missing = not cell or not math.isfinite(float(cell))
    except ValueError:
        missing = False
    if missing:
        raise _fault(cell, path, line, column)
    return cell


def _first_fault(path: str, line: int, row: list[str], numeric: dict[str, int]) -> InputError:
    """The fault of the first cell of the row that is no number."""
    for name, at in numeric.items():
        try:
            floats([row[at]])
        except ValueError:
            return _fault(row[at].strip(), path, line, name)
    raise AssertionError("every cell is a number")


def _fault(cell: str, path: str, line: int, column: str) -> InputError:
    place = _place(path, line, column)
    if not cell:
        return InputError(f"{place} is empty: fill it in or remove the row")
    try:
        number = floats([cell])[0]
    except ValueError:
        comma = cell.count(",") == 1 and cell.replace(",", "").lstrip("+-").isdigit()
        advice = "write a decimal point" if comma else "write it as a number or remove the column"
        return InputError(f"{place}: {shown(cell)} is not a number: {advice}")
    return InputError(f"{place}: {number} is not finite: fill it in or remove the row")


def _require_finite(table: Table) -> None:
    bad = np.argwhere(~np.isfinite(table.numbers))
    if len(bad):
        row, column = bad[0]
        cell = str(table.numbers[row, column])
        raise _fault(cell, table.path, table.lines[row], table.names[column])
