"""The teacher's page: who made which mistake, what nobody recognised, how the scores lie.

One HTML file without scripts or anything from elsewhere; whatever comes from a student is escaped,
and the page forbids itself to load or run anything.
"""

from __future__ import annotations

import os
import statistics
from collections import Counter
from collections.abc import Sequence
from html import escape

from bayeswd import files, tables
from bayeswd.homework import assignment
from bayeswd.homework.grading.gradebook import Row
from bayeswd.homework.grading.record import Record, points
from bayeswd.report import homework_clusters, homework_drawings

_MOST_CLUSTERS = 20

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #222; max-width: 62rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .4rem; }
p { margin: .3rem 0 .8rem; max-width: 46rem; } .quiet { color: #666; }
table { border-collapse: collapse; font-size: 13px; }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid #e4e4e4;
  vertical-align: top; overflow-wrap: anywhere; } th { color: #666; font-weight: 600; }
td:nth-child(-n+2) { white-space: nowrap; }
svg { display: block; max-width: 100%; height: auto; } svg text { font: 12px system-ui, sans-serif;
  fill: #222; } svg .quiet { fill: #666; }
"""


def write(path: str | os.PathLike[str], rows: Sequence[Row]) -> None:
    """The page at `path`, whole or not at all."""
    with files.whole(path) as unfinished:
        unfinished.write_text(page(rows), encoding="utf-8", errors="replace")


def page(rows: Sequence[Row]) -> str:
    """The page as HTML."""
    title = f"Homework {assignment.NAME}"
    found = [(person.name, record) for person, record in rows if record is not None]
    graded = [(name, record) for name, record in found if record["status"] == "graded"]
    sections = [
        f"<h1>{escape(title)}</h1>",
        f"<p class=quiet>{escape(_in_one_sentence(rows, graded))}</p>",
        _scores(graded),
        _matrix(graded),
        _clusters(graded),
        _ungraded(rows),
        _students(graded),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>\n"
        + "\n".join(section for section in sections if section)
        + "\n</body></html>\n"
    )


def _in_one_sentence(rows: Sequence[Row], graded: Sequence[tuple[str, Record]]) -> str:
    said = f"{_count(len(graded), 'submission')} graded"
    if graded:
        scores = [points(record["score"]) for _, record in graded]
        most = points(graded[0][1]["max_score"])
        said += f", median {statistics.median(scores):g} of {most:g} points"
    others = len(rows) - len(graded)
    return said + (f"; {others} without a grade, listed below." if others else ".")


def _scores(graded: Sequence[tuple[str, Record]]) -> str:
    if not graded:
        return ""
    scores = [points(record["score"]) for _, record in graded]
    drawing = homework_drawings.histogram(scores, points(graded[0][1]["max_score"]))
    return f"<h2>Scores</h2>\n{drawing}"


def _matrix(graded: Sequence[tuple[str, Record]]) -> str:
    drawing = homework_drawings.matrix(graded)
    if not drawing:
        return ""
    return (
        "<h2>Who made which mistake</h2>\n<p class=quiet>A row is a finding, most frequent first;"
        " a column is a student, best score on the left. Point at a square for the name.</p>\n"
        + drawing
        + _unwritten(graded)
    )


def _unwritten(graded: Sequence[tuple[str, Record]]) -> str:
    """How many have no answer to which exercise, in one paragraph."""
    counts = Counter(
        item["id"]
        for _, record in graded
        for item in record["items"]
        if item["status"] in homework_drawings.UNWRITTEN
    )
    if not counts:
        return ""
    listed = ", ".join(f"{exercise} {count}" for exercise, count in counts.most_common())
    return f"<p class=quiet>Not written, by how many: {escape(listed)}.</p>"


def _clusters(graded: Sequence[tuple[str, Record]]) -> str:
    found = homework_clusters.unrecognised(graded)
    if not found:
        return ""
    rows = [
        [cluster.exercise, len(cluster.students), cluster.example, cluster.names()]
        for cluster in found[:_MOST_CLUSTERS]
    ]
    rest = len(found) - len(rows)
    more = f"<p class=quiet>and {_count(rest, 'rarer one')}.</p>" if rest else ""
    return (
        "<h2>Wrong answers without a name</h2>\n<p class=quiet>Students in one row gave the same"
        " numbers on the same inputs: most likely one mistake, and worth a name.</p>\n"
        + tables.html(rows, ["exercise", "students", "on one input", "who"])
        + more
    )


def _ungraded(rows: Sequence[Row]) -> str:
    listed = [
        [person.name, "nothing handed in", ""]
        if record is None
        else [person.name, record["status"].replace("_", " "), record["reason"]]
        for person, record in rows
        if record is None or record["status"] != "graded"
    ]
    if not listed:
        return ""
    return "<h2>Without a grade</h2>\n" + tables.html(listed, ["student", "status", "why"])


def _students(graded: Sequence[tuple[str, Record]]) -> str:
    if not graded:
        return ""
    rows = [
        [name, f"{points(record['score']):g}", _not_passed(record)]
        for name, record in sorted(graded, key=lambda each: each[0].casefold())
    ]
    listing = tables.html(rows, ["student", "score", "not passed"])
    return (
        f"<h2>All students</h2>\n<details><summary>{len(rows)} scores</summary>{listing}</details>"
    )


def _not_passed(record: Record) -> str:
    return ", ".join(item["id"] for item in record["items"] if item["status"] != "passed") or "—"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
