"""The code cells of a notebook file, read as JSON: no kernel, no outputs, no magics."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

IGNORE_TAG = "bayeswd-ignore"
# `%magic`, `!command`, `?name`, `name?`, `files = !ls`
_NOT_PYTHON = re.compile(r"\s*([%!?]|[\w., ]+=\s*[%!])|\s*[\w.]+\?{1,2}\s*$")
_AROUND_PYTHON = ("time", "timeit", "capture", "prun")  # cell magics whose body is ordinary code


@dataclass(frozen=True)
class Cell:
    """Source with the name that a traceback shows, such as `hw.ipynb[cell 7]`."""

    name: str
    source: str


def cells(name: str, data: bytes, notes: list[str]) -> list[Cell]:
    """The code cells in order; ValueError if the file is no notebook. Adds to `notes` what was
    passed over."""
    try:
        found = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"this is no notebook: its JSON cannot be read ({error})") from None
    listed = [*_code_cells(found)]
    return [
        Cell(place, python_only(source, place, notes))
        for number, source in listed
        for place in [f"{name}[cell {number}]"]
    ]


def python_only(source: str, place: str, notes: list[str]) -> str:
    """The cell with each line that is not Python as a comment, on the same line numbers."""
    try:
        compile(source, place, "exec", dont_inherit=True)
        return source
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        pass
    lines = source.split("\n")
    magic = re.match(r"\s*%%(\w+)", source)
    if magic and magic[1] not in _AROUND_PYTHON:
        notes.append(f"{place}: %%{magic[1]} is not run here.")
        return "\n".join("# " + line for line in lines)
    for index, line in enumerate(lines):
        if _NOT_PYTHON.match(line):
            indent = line[: len(line) - len(line.lstrip())]
            lines[index] = f"{indent}pass  # {line.strip()}"
            notes.append(f"{place}: {line.strip()[:60]} is not run here.")
    return "\n".join(lines)


def _code_cells(found: Any) -> Iterator[tuple[int, str]]:
    """Numbers, counted from 1 over all cells, and sources; formats 4 and 3."""
    if not isinstance(found, dict):
        raise ValueError("this is no notebook: it has no cells")
    listed = found.get("cells")
    if listed is None and isinstance(found.get("worksheets"), list):
        sheets = [sheet for sheet in found["worksheets"] if isinstance(sheet, dict)]
        listed = [cell for sheet in sheets for cell in sheet.get("cells") or []]
    if not isinstance(listed, list):
        raise ValueError("this is no notebook: it has no cells")
    for number, cell in enumerate(listed, 1):
        if isinstance(cell, dict) and cell.get("cell_type") == "code" and not _ignored(cell):
            yield number, _joined(cell.get("source", cell.get("input", "")))


def _ignored(cell: dict[str, Any]) -> bool:
    about = cell.get("metadata")
    tags = about.get("tags") if isinstance(about, dict) else None
    return isinstance(tags, list) and IGNORE_TAG in tags


def _joined(source: Any) -> str:
    lines = source if isinstance(source, list) else [source]
    return "".join(line for line in lines if isinstance(line, str))
