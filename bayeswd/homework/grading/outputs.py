"""Everything a class run leaves behind, made from the records: text, JSON, Gradescope, CSV."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bayeswd import files
from bayeswd.homework import assignment
from bayeswd.homework.grading import gradescope
from bayeswd.homework.grading.gradebook import Row
from bayeswd.homework.grading.record import Record, points, student_view
from bayeswd.tables import text as table

WHOLE_FILE = "the whole file"  # stands where an exercise would
_OPENED = (("timeout", "out of time"), ("crashed", "crashed"), ("error", "error"))


def write_student_files(folder: Path, name: str, record: Record) -> None:
    """`gradescope/NAME/results.json` and `feedback/NAME.txt`: what the student may see."""
    view = student_view(record)
    results = json.dumps(gradescope.results(view, record["duration_s"]), indent=1)
    for path, content in (
        (folder / "gradescope" / name / "results.json", results + "\n"),
        (folder / "feedback" / f"{name}.txt", gradescope.feedback(view)),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.whole(path) as unfinished:
            unfinished.write_text(content, encoding="utf-8")


def text(rows: Sequence[Row]) -> str:
    """The class in the terminal: a line per student, then the mistakes that were made often."""
    most = sum(exercise.points for exercise in assignment.EXERCISES)
    graded = [record for _, record in rows if record and record["items"]]
    lines = [[person.name, _score(record), _in_short(record)] for person, record in rows]
    parts = [table(lines, ["student", "score", "what was found"])]
    if graded:
        parts.append(_mistakes(graded))
    return "\n\n".join(part for part in parts if part) if lines else f"Nothing to grade ({most})."


def mistakes(records: Iterable[Record]) -> Counter[tuple[str, str]]:
    """(exercise, code) -> how many submissions have it; what is missing is no mistake."""
    return Counter(key for record in records for key in _mistakes_of(record))


def _mistakes_of(record: Record) -> list[tuple[str, str]]:
    if code := whole_file(record):
        return [(WHOLE_FILE, code)]
    return [
        (item["id"], found["code"])
        for item in record["items"]
        for found in item["diagnosis"][:1]
        if item["status"] not in ("passed", "missing", "skipped")
    ]


def whole_file(record: Record) -> str:
    """The code of a fault that all exercises share, such as a file that never ends; else ""."""
    faults = {
        found["code"]
        for item in record["items"]
        for found in item["diagnosis"][:1]
        if item["status"] in ("timeout", "crashed", "error")
    }
    alike = len({item["status"] for item in record["items"]}) == 1 and len(record["items"]) > 1
    return str(faults.pop()) if alike and len(faults) == 1 else ""


def class_record(rows: Sequence[Row]) -> dict[str, Any]:
    """The whole class as one JSON object, for --json."""
    return {
        "schema": "bayeswd.homework.class/1",
        "assignment": assignment.NAME,
        "students": [{"student": person.name, "record": record} for person, record in rows],
    }


def _score(record: Record | None) -> str:
    if record is None:
        return "—"
    return f"{points(record['score']):g}/{points(record['max_score']):g}"


def _in_short(record: Record | None) -> str:
    if record is None:
        return "nothing handed in"
    if record["status"] != "graded":
        return f"{record['status'].replace('_', ' ')}: {record['reason']}"
    if code := whole_file(record):
        return f"{WHOLE_FILE}: {code}"
    unwritten = sum(item["status"] in ("missing", "skipped") for item in record["items"])
    wrong = [
        f"{item['id']} {_finding(item)}"
        for item in record["items"]
        if item["status"] not in ("passed", "missing", "skipped")
    ]
    said = ", ".join(wrong[:3]) + (f" and {len(wrong) - 3} more" if len(wrong) > 3 else "")
    counted = [f"{unwritten} not written"] if unwritten else []
    return "; ".join(filter(None, [said, *counted])) or "all right"


def _finding(item: Record) -> str:
    named = [found["code"] for found in item["diagnosis"] if item["status"] == "failed"]
    return str(named[0] if named else dict(_OPENED).get(item["status"], item["status"]))


def _mistakes(records: Sequence[Record]) -> str:
    frequent = mistakes(records).most_common(10)
    lines = [[f"{count} of {len(records)}", *key] for key, count in frequent]
    return table(lines, ["how many", "exercise", "mistake"]) if lines else ""
