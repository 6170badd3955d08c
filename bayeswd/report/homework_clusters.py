"""Wrong answers that no named mistake explains, put together where they are the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bayeswd.homework.grading.record import Record

_MOST_NAMES = 6


@dataclass(frozen=True)
class Cluster:
    """Students whose answers gave the same numbers; `example` is one input and what it gave."""

    exercise: str
    students: tuple[str, ...]
    example: str

    def names(self) -> str:
        more = len(self.students) - _MOST_NAMES
        return ", ".join(self.students[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def unrecognised(graded: Sequence[tuple[str, Record]]) -> list[Cluster]:
    """The largest first; an answer that one student alone gave is a cluster too."""
    groups: dict[tuple[str, str], list[tuple[str, Record]]] = {}
    for name, record in graded:
        for item in record["items"]:
            if item["status"] == "failed" and _is_unknown(item):
                groups.setdefault((item["id"], item["fingerprint"]), []).append((name, item))
    found = [
        Cluster(exercise, tuple(name for name, _ in members), _example(members[0][1]))
        for (exercise, _), members in groups.items()
    ]
    return sorted(found, key=lambda cluster: (-len(cluster.students), cluster.exercise))


def _is_unknown(item: Record) -> bool:
    return not any(found["confidence"] == "matched" for found in item["diagnosis"])


def _example(item: Record) -> str:
    for found in item["diagnosis"]:
        if found["evidence"]:
            seen = found["evidence"]
            return f"{seen['input']}: {seen['got']} instead of {seen['expected']}"
    return item["diagnosis"][0]["message"] if item["diagnosis"] else ""
