"""A submission's results.json as Gradescope's autograder reads it, and the same as plain text.

Fields: gradescope-autograders.readthedocs.io, "Output Format". Everything is of the student's
view, and `output_format` is "text": nothing of a student's is ever rendered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bayeswd.homework.grading.record import Record, points

_TEXT = {"output_format": "text", "visibility": "visible"}


def results(view: Mapping[str, Any], seconds: float) -> Record:
    """results.json of a `record.student_view`. The score is the sum of the tests' scores."""
    return {
        "score": points(view["score"]),
        "execution_time": seconds,
        "output": summary(view),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [_test(number, item) for number, item in enumerate(view["items"], 1)],
        "extra_data": {"schema": view["schema"], "sha256": view["submission"]["sha256"]},
    }


def feedback(view: Mapping[str, Any]) -> str:
    """Everything a student is told, as plain text."""
    parts = [summary(view)]
    for item in view["items"]:
        share = f"{points(item['score']):g} of {points(item['max_score']):g}"
        parts.append(f"{item['id']}: {item['status']} ({share})\n{_output(item)}".rstrip())
    if view["printed"].strip():
        parts.append("Printed:\n" + view["printed"].rstrip())
    return "\n\n".join(parts) + "\n"


def summary(view: Mapping[str, Any]) -> str:
    """The score, or why there is none, and what failed while the file was being run."""
    total = f"{points(view['score']):g} of {points(view['max_score']):g} points"
    head = total if view["status"] == "graded" else f"Not graded: {view['reason']}"
    return "\n".join([head, *map(_fault, view["faults"]), *view["notes"]])


def _fault(fault: Mapping[str, Any]) -> str:
    line = f", line {fault['line']}" if fault["line"] is not None else ""
    return f"{fault['file']}{line}: {fault['type']}: {fault['text']}"


def _test(number: int, item: Mapping[str, Any]) -> Record:
    passed = "passed" if item["status"] == "passed" else "failed"
    return {
        "number": str(number),
        "name": item["id"],
        "score": points(item["score"]),
        "max_score": points(item["max_score"]),
        "status": passed,
        "output": _output(item),
        "tags": [found["code"] for found in item["diagnosis"]],
        **_TEXT,
    }


def _output(item: Mapping[str, Any]) -> str:
    said = [f"This is {item['accepted']}."] if item["accepted"] else []
    for found in item["diagnosis"]:
        said.append(found["message"])
        if found["evidence"]:
            evidence = found["evidence"]
            said.append(f"For example {evidence['input']}: yours gives {evidence['got']}.")
    return "\n".join(said)
