"""The gradebook as CSV, one row per student, with nothing in it that a spreadsheet would run."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from bayeswd import files
from bayeswd.homework import assignment
from bayeswd.homework.grading.record import Record, points
from bayeswd.homework.grading.roster import Person
from bayeswd.homework.inert import cell

NOTHING = "nothing handed in"
_COLUMNS = ("student", "id", "file", "status", "score", "max_score", "percent")

Row = tuple[Person, Record | None]


def write(path: Path, rows: Sequence[Row]) -> None:
    """Students in the order given: of the roster, then the others."""
    ids = [exercise.id for exercise in assignment.EXERCISES]
    with (
        files.whole(path) as unfinished,
        unfinished.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        writer.writerow([*_COLUMNS, *ids])
        writer.writerows(_cells(person, record, ids) for person, record in rows)


def _cells(person: Person, record: Record | None, ids: Sequence[str]) -> list[object]:
    if record is None:
        return [cell(person.name), "", "", NOTHING, 0, "", 0, *[""] * len(ids)]
    about, score, most = record["submission"], points(record["score"]), points(record["max_score"])
    by_id = {item["id"]: points(item["score"]) for item in record["items"]}
    return [
        cell(person.name),
        cell(about["id"]),
        cell(about["file"]),
        cell(record["status"]),
        score,
        most,
        round(100 * score / most, 2),
        *(by_id.get(name, "") for name in ids),
    ]
