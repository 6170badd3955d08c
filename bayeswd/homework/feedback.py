"""What a student is told about one answer, and what a teacher can see behind it: plain records."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

STATUSES = (
    "passed",
    "failed",  # ran, and is wrong
    "error",  # raised, or gave back no numbers
    "timeout",
    "crashed",
    "missing",
    "skipped",  # rests on an exercise that was not passed
)


@dataclass(frozen=True)
class Evidence:
    """One call in words; `expected` and calls on hidden inputs are for the teacher alone."""

    input: str
    got: str
    expected: str
    public: bool


@dataclass(frozen=True)
class Diagnosis:
    """One finding: what was seen, what it equals, where to look.

    code: such as "L2.NO_HALF". kind: "misconception", "mistake", "format" or "hint"; a hint costs
    nothing. confidence: "matched" (one named mistake fits every input), "likely" or "unknown".
    """

    code: str
    kind: str
    confidence: str
    message: str
    evidence: Evidence | None = None

    def to_dict(self, for_student: bool = False) -> dict[str, Any]:
        return {
            "code": self.code,
            "kind": self.kind,
            "confidence": self.confidence,
            "message": self.message,
            "evidence": self._evidence(for_student),
        }

    def _evidence(self, for_student: bool) -> dict[str, str] | None:
        shown = self.evidence
        if shown is None or (for_student and not shown.public):
            return None
        seen = {"input": shown.input, "got": shown.got}
        return seen if for_student else seen | {"expected": shown.expected}


@dataclass(frozen=True)
class Feedback:
    """The verdict on one exercise.

    status: one of STATUSES. score: of max_score points. accepted: which right answer it is, where
    there are several. diagnosis: most telling first. line, file: where the student's code raised.
    fingerprint: what the code gave on the public inputs, rounded; equal for equal mistakes.
    """

    exercise: str
    status: str
    score: Fraction
    max_score: Fraction
    diagnosis: tuple[Diagnosis, ...] = ()
    accepted: str = ""
    line: int | None = None
    file: str = ""
    seconds: float = 0.0
    fingerprint: str = ""

    @property
    def passed(self) -> bool:
        return self.status == "passed"

    def to_dict(self, for_student: bool = False) -> dict[str, Any]:
        """As JSON; for the student without expected values, hidden inputs and the fingerprint."""
        record = {
            "id": self.exercise,
            "status": self.status,
            "score": str(self.score),
            "max_score": str(self.max_score),
            "accepted": self.accepted,
            "diagnosis": [each.to_dict(for_student) for each in self.diagnosis],
            "student_line": self.line,
            "student_file": self.file,
            "duration_s": round(self.seconds, 3),
        }
        return record if for_student else record | {"fingerprint": self.fingerprint}


def skipped(exercise: str, max_score: Fraction, depends_on: str) -> Feedback:
    """The verdict on an answer that rests on another one which was not passed."""
    message = f"Not looked at: it uses {depends_on}, which is not right yet."
    return Feedback(
        exercise,
        "skipped",
        Fraction(0),
        max_score,
        (Diagnosis("SKIPPED", "hint", "matched", message),),
    )
