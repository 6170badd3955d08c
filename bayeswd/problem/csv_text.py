"""The text of a CSV file: bytes -> header and rows of cells, and the words for what is wrong.

A file is read whole and refused at its first fault, which is named by the line that an editor
shows (the header is line 1). Three things are forgiven: commas may be semicolons or tabs where
the first lines leave no doubt, a byte-order mark is ignored, and a line without any content (a
spreadsheet writes bare delimiters) is no row.
"""

import csv
import io
import itertools
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from bayeswd.errors import InputError

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}


@dataclass(frozen=True, eq=False)
class Text:
    """A file cut into cells: `rows` gives (line on which the row starts, its cells), once."""

    path: str
    delimiter: str
    header: tuple[str, ...]
    rows: Iterator[tuple[int, list[str]]]


def open_text(path: str) -> Text:
    """Read the file at `path` up to its header.

    Raises InputError for what cannot be read or is not UTF-8 text, for an empty file, and for
    columns without a name or with one name; `rows` raises it for a row of another width.
    """
    raw = _bytes(path)
    delimiter = _delimiter(raw)
    records = _records(path, raw, delimiter)
    header = _header(path, next(records)[1])
    return Text(path, delimiter, header, _of_one_width(path, records, len(header)))


def require_column(path: str, names: Sequence[str], wanted: str) -> None:
    """InputError, with the nearest names and then all of them, unless `wanted` is a column."""
    if wanted not in names:
        hint = did_you_mean(wanted, names)
        raise InputError(f"{path!r} has no column {wanted!r}{hint}: it has {listed(names)}")


def did_you_mean(wanted: str, names: Iterable[str]) -> str:
    """` (did you mean 'age'?)` or nothing, by spelling without regard to case."""
    by_folded = {name.casefold(): name for name in names}
    near = [by_folded[key] for key in get_close_matches(wanted.casefold(), by_folded, n=2)]
    return f" (did you mean {' or '.join(map(repr, near))}?)" if near else ""


def listed(names: Sequence[str], most: int = 12) -> str:
    """Names for one line of text, the first `most` of them."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + rest


def shown(cell: str, most: int = 40) -> str:
    """A cell for one line of text, quoted and cut."""
    return repr(cell if len(cell) <= most else cell[:most] + "...")


def quoted(cell: str) -> str:
    """The cell as it is written, in quotes where any reader could trip over it."""
    if any(character in cell for character in ',;\t"\r\n'):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def _bytes(path: str) -> bytes:
    if os.path.isdir(path):
        raise InputError(f"{path!r} is a directory: name a CSV file")
    try:
        raw = Path(path).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot read {path!r}: {reason}") from None
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{path!r} is UTF-16 text: save it as CSV in UTF-8")
    if b"\0" in raw:
        raise InputError(f"{path!r} is a binary file, not text: export it as CSV in UTF-8")
    try:
        blank = not raw.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path!r} is not UTF-8 text (byte 0x{raw[error.start]:02x} in line {line}):"
            " save it as CSV in UTF-8"
        ) from None
    if blank:
        raise InputError(f"{path!r} is empty: it needs a header and rows")
    return raw


def _lines(raw: bytes) -> Iterator[str]:
    return io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8-sig", newline="")


def _delimiter(raw: bytes) -> str:
    """The delimiter that cuts the first lines into rows of one width; a comma where it does."""
    sample = list(itertools.islice(_lines(raw), 20))
    widths = {delimiter: _widths(sample, delimiter) for delimiter in DELIMITERS}
    steady = [d for d, width in widths.items() if len(set(width)) == 1 and width[0] > 1]
    return steady[0] if steady else max(widths, key=lambda d: widths[d][:1])


def _widths(sample: list[str], delimiter: str) -> list[int]:
    widths = []
    try:
        for row in _reader(sample, delimiter):
            if any(row):
                widths.append(len(row))
    except csv.Error:  # the sample may end inside a quoted cell
        pass
    return widths


def _reader(lines: Iterable[str], delimiter: str):
    # strict: a stray or an unclosed quote is a fault, not a guess
    return csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)


def _records(path: str, raw: bytes, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(line on which the row starts, its cells), for the header and every row with content."""
    reader = _reader(_lines(raw), delimiter)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(f"{path!r} line {line} cannot be read as CSV: {error}") from None
        if any(cell.strip() for cell in row):
            yield line, row


def _of_one_width(
    path: str, records: Iterator[tuple[int, list[str]]], width: int
) -> Iterator[tuple[int, list[str]]]:
    for line, row in records:
        if len(row) != width:
            fields = f"{len(row)} field{'s' if len(row) > 1 else ''}"
            raise InputError(f"{path!r} line {line} has {fields}, its header has {width}")
        yield line, row


def _header(path: str, row: list[str]) -> tuple[str, ...]:
    names = tuple(name.strip() for name in row)
    if "" in names:
        raise InputError(
            f"{path!r}: column {names.index('') + 1} has no name: name it, or remove it if it only"
            " numbers the rows"
        )
    name, times = Counter(names).most_common(1)[0]
    if times > 1:
        raise InputError(f"{path!r} has {times} columns named {name!r}: rename them")
    return names
