"""The two drawings of the teacher's page as SVG: the scores, and mistakes by student."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from bayeswd.homework.grading import outputs
from bayeswd.homework.grading.record import Record, points

_WIDTH = 940
_LABELS = 300  # of the rows, left of the matrix
_ROW = 18
_WIDEST, _MOST_ROWS, _MOST_NAMES = 18, 30, 45
_BAR = "#0072B2"
# what a square means -> its colour (Okabe and Ito 2008, and greys)
_KINDS = {
    "misconception": "#D55E00",
    "mistake": "#E69F00",
    "without a name": "#CC79A7",
    "did not run": "#56B4E9",
}

UNWRITTEN = ("missing", "skipped")

Finding = tuple[str, str, str]  # exercise, code, kind


def histogram(scores: Sequence[float], most: float, height: int = 120) -> str:
    """How many students have how many points, in at most 20 bars of equal, round width."""
    step = _round_step(most / 20)
    bars = math.ceil(most / step - 1e-9)
    counts = [0] * bars
    for score in scores:
        counts[min(bars - 1, int(score / step + 1e-9))] += 1
    wide, tall, axis = 600 / bars, height / max(counts), height + 34
    parts = [f'<rect x="10" y="{height + 18}" width="600" height="1" fill="#999"/>']
    for at, count in enumerate(counts):
        left, high = 10 + at * wide, count * tall
        said = f"[{at * step:g}, {(at + 1) * step:g}{']' if at == bars - 1 else ')'}: {count}"
        parts.append(
            f'<rect x="{left:.1f}" y="{height + 18 - high:.1f}" width="{wide - 2:.1f}"'
            f' height="{high:.1f}" fill="{_BAR}"><title>{said}</title></rect>'
        )
        if count:
            middle = left + wide / 2 - 1
            parts.append(_text(middle, height + 13 - high, str(count), "middle", quiet=True))
    for at in range(0, bars + 1, 5 if bars > 6 else 1):
        parts.append(_text(10 + at * wide, axis, f"{at * step:g}", "middle"))
    parts.append(_text(10 + 300, axis + 18, "points", "middle", quiet=True))
    return _svg(640, axis + 24, parts, "Histogram of the scores")


def _round_step(least: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is not below `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= least * (1 - 1e-9))


def matrix(graded: Sequence[tuple[str, Record]]) -> str:
    """A square for each finding of each student, but for what is not written; "" if none."""
    columns = sorted(graded, key=lambda each: -points(each[1]["score"]))
    where: dict[Finding, list[int]] = {}
    for column, (_, record) in enumerate(columns):
        for finding in _findings(record):
            where.setdefault(finding, []).append(column)
    if not where:
        return ""
    rows = sorted(where, key=lambda finding: (-len(where[finding]), finding))
    shown = rows[:_MOST_ROWS]
    step = min(_WIDEST, (_WIDTH - _LABELS - 50) / len(columns))
    names = [name for name, _ in columns]
    top = _top(names, step)
    parts = _legend({finding[2] for finding in shown})
    parts += _column_names(names, step, top)
    for number, finding in enumerate(shown):
        parts += _row(finding, where[finding], names, step, top + number * _ROW)
    bottom = top + len(shown) * _ROW + 8
    if len(rows) > len(shown):
        rest = f"and {len(rows) - len(shown)} rarer findings, in the records"
        parts.append(_text(0, bottom + 10, rest, quiet=True))
        bottom += 20
    return _svg(_WIDTH, bottom, parts, "Findings by student")


def _findings(record: Record) -> list[Finding]:
    if code := outputs.whole_file(record):
        return [(outputs.WHOLE_FILE, code, "did not run")]
    items = [item for item in record["items"] if item["status"] not in ("passed", *UNWRITTEN)]
    return [_finding(item) for item in items]


def _finding(item: Record) -> Finding:
    first = item["diagnosis"][0] if item["diagnosis"] else {"code": item["status"], "kind": ""}
    code = str(first["code"])
    if item["status"] != "failed":
        return item["id"], code, "did not run"
    if not any(found["confidence"] == "matched" for found in item["diagnosis"]):
        return item["id"], code, "without a name"
    return item["id"], code, "misconception" if first["kind"] == "misconception" else "mistake"


def _row(
    finding: Finding, columns: Sequence[int], names: Sequence[str], step: float, top: float
) -> list[str]:
    exercise, code, kind = finding
    label = f"{exercise}: {code.rpartition('.')[2]}"
    parts = [
        f'<rect x="{_LABELS}" y="{top + 1:.1f}" width="{step * len(names):.1f}"'
        f' height="{_ROW - 2}" fill="#F4F4F4"/>',
        _text(_LABELS - 8, top + 13, label if len(label) < 45 else label[:44] + "…", "end"),
        _text(_LABELS + step * len(names) + 6, top + 13, str(len(columns)), quiet=True),
    ]
    gap = 1 if step > 4 else 0
    for column in columns:
        said = escape(f"{names[column]}: {label}")
        parts.append(
            f'<rect x="{_LABELS + column * step:.2f}" y="{top + 1:.1f}" width="{step - gap:.2f}"'
            f' height="{_ROW - 2}" fill="{_KINDS[kind]}"><title>{said}</title></rect>'
        )
    return parts


def _legend(kinds: set[str]) -> list[str]:
    parts, left = [], float(_LABELS)
    for kind, colour in _KINDS.items():
        if kind in kinds:
            parts.append(f'<rect x="{left:.0f}" y="2" width="11" height="11" fill="{colour}"/>')
            parts.append(_text(left + 16, 12, kind))
            left += 40 + 6.6 * len(kind)
    return parts


def _top(names: Sequence[str], step: float) -> float:
    """Room for the legend and, where columns are wide enough for them, the names."""
    if len(names) > _MOST_NAMES or step < 12:
        return 26
    return 32 + 6.0 * min(18, max(map(len, names)))


def _column_names(names: Sequence[str], step: float, top: float) -> list[str]:
    if len(names) > _MOST_NAMES or step < 12:
        return []
    parts = []
    for column, name in enumerate(names):
        left, short = _LABELS + (column + 0.7) * step, name if len(name) < 18 else name[:17] + "…"
        parts.append(
            f'<text transform="translate({left:.1f} {top - 4:.1f}) rotate(-90)">'
            f"{escape(short)}</text>"
        )
    return parts


def _text(x: float, y: float, words: str, anchor: str = "start", quiet: bool = False) -> str:
    named = ' class="quiet"' if quiet else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{named}>{escape(words)}</text>'


def _svg(width: float, height: float, parts: Sequence[str], label: str) -> str:
    return (
        f'<svg role="img" aria-label="{escape(label)}" width="{width:.0f}" height="{height:.0f}"'
        f' viewBox="0 0 {width:.0f} {height:.0f}">' + "".join(parts) + "</svg>"
    )
