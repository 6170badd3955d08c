"""The record of one submission, `bayeswd.homework/1`: plain JSON that every other output is
made from. It is for the teacher; `student_view` leaves out what a student must not see."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from bayeswd import __version__
from bayeswd.homework import assignment
from bayeswd.homework.feedback import Feedback
from bayeswd.homework.grading.examining import Examined
from bayeswd.homework.inert import lines, one_line
from bayeswd.homework.sandbox.fork_server import Tier
from bayeswd.homework.sandbox.limits import LIMITS
from bayeswd.homework.submissions.gathering import Handed

SCHEMA = "bayeswd.homework/1"
# graded: answers were received and compared. refused: the file cannot be run, and why. superseded:
# a later submission of the same student counts. not_graded: a fault of ours, or not reached.
STATUSES = ("graded", "refused", "superseded", "not_graded")

_LONGEST = 1000

Record = dict[str, Any]


@dataclass(frozen=True)
class Terms:
    """What the score of a submission depends on, beside the submission.

    secret_fingerprint: see seeds. seconds: the time limit of each exercise. points_total: what all
    exercises together are worth; None for the sum of their points.
    """

    secret_fingerprint: str
    seconds: float
    points_total: Fraction | None = None

    @property
    def key(self) -> str:
        """Records made under other terms, or by another version, are not taken over."""
        points = " ".join(f"{each.id}:{each.points}" for each in assignment.EXERCISES)
        parts = [__version__, points, self.secret_fingerprint, self.seconds]
        return " | ".join(map(str, [*parts, self.points_total]))

    @property
    def scale(self) -> Fraction:
        """What one point of an exercise is worth in the gradebook."""
        everything = sum(Fraction(each.points) for each in assignment.EXERCISES)
        return Fraction(1) if self.points_total is None else self.points_total / everything


def empty(handed: Handed, sha256: str, terms: Terms, status: str, reason: str) -> Record:
    """A record without a grade: no points, and why."""
    points = sum(Fraction(each.points) for each in assignment.EXERCISES) * terms.scale
    return {
        "schema": SCHEMA,
        "assignment": assignment.NAME,
        "submission": {
            "file": handed.source,
            "sha256": sha256,
            "student": handed.student,
            "id": handed.id,
        },
        "terms": terms.key,
        "environment": None,
        "sandbox": None,
        "seed": "",
        "status": status,
        "reason": one_line(reason),
        "score": "0",
        "max_score": str(points),
        "duration_s": 0.0,
        "cpu_s": 0.0,
        "items": [],
        "faults": [],
        "notes": [],
        "printed": "",
        "printed_later": "",
    }


@dataclass(frozen=True)
class Graded:
    """What a submission was asked (by its seed), did, and is worth, exercise by exercise."""

    seed: str
    examined: Examined
    feedback: Sequence[Feedback]


def graded(record: Record, terms: Terms, tier: Tier, found: Graded, seconds: float) -> Record:
    """An empty record with the grade in it."""
    examined, feedback = found.examined, found.feedback
    return record | {
        "status": "graded",
        "reason": "",
        "environment": environment(),
        "sandbox": sandbox(tier),
        "seed": found.seed,
        "score": str(sum((each.score for each in feedback), Fraction(0)) * terms.scale),
        "duration_s": round(seconds, 3),
        "cpu_s": round(examined.cpu_seconds, 3),
        "items": [_item(each, terms.scale) for each in feedback],
        "faults": _inert([fault.to_dict() for fault in examined.faults]),
        "notes": _inert(examined.notes),
        "printed": lines(examined.printed),
        "printed_later": lines(examined.printed_later),
    }


def student_view(record: Mapping[str, Any]) -> Record:
    """Without hidden inputs, expected values, the seed, fingerprints, and what was printed while
    hidden inputs were tried: built by listing what stays."""
    kept = ("schema", "assignment", "submission", "status", "reason", "score", "max_score")
    view = {name: record[name] for name in (*kept, "faults", "notes", "printed")}
    view["items"] = [_student_item(item) for item in record["items"]]
    return view


def environment() -> dict[str, str]:
    """The versions that took part."""
    from importlib.metadata import version

    torch = version("torch")
    return {
        "bayeswd": __version__,
        "torch": torch,
        "python": platform.python_version(),
    }


def sandbox(tier: Tier) -> dict[str, Any]:
    """What held the submission."""
    limits = {name: getattr(LIMITS, name) for name in LIMITS.__dataclass_fields__}
    return {"tier": tier.name, "landlock_abi": tier.landlock, "uid": tier.uid, "limits": limits}


def points(text: str) -> float:
    """A score of a record as a number for a gradebook."""
    return round(float(Fraction(text)), 4)


def as_json(record: Mapping[str, Any]) -> str:
    return json.dumps(record, indent=1, allow_nan=False) + "\n"


def _item(feedback: Feedback, scale: Fraction) -> Record:
    """One verdict, scaled, with nothing in it that does anything where it is shown."""
    item = feedback.to_dict()
    for name in ("score", "max_score"):
        item[name] = str(Fraction(item[name]) * scale)
    for found, told in zip(item["diagnosis"], feedback.diagnosis, strict=True):
        if told.evidence is not None:
            found["evidence"]["public"] = told.evidence.public
    return {name: _inert(value) for name, value in item.items()}


def _student_item(item: Mapping[str, Any]) -> Record:
    kept = ("id", "status", "score", "max_score", "accepted", "student_line", "student_file")
    view = {name: item[name] for name in kept}
    view["diagnosis"] = []
    for found in item["diagnosis"]:
        evidence = found["evidence"]
        seen = None
        if evidence and evidence["public"]:
            seen = {"input": evidence["input"], "got": evidence["got"]}
        named = {name: found[name] for name in ("code", "kind", "confidence", "message")}
        view["diagnosis"].append(named | {"evidence": seen})
    return view


def _inert(value: Any) -> Any:
    """Every text in it on one line, without control characters."""
    if isinstance(value, dict):
        return {name: _inert(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_inert(each) for each in value]
    return one_line(value, _LONGEST) if isinstance(value, str) else value
