"""What `bw.explain_difference` returns, and its faces: text, HTML and a plain dictionary."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import Any

from bayeswd import tables

HEADER = ("hypothesis", "residual", "")
SHOWN = 8
NOT_CONVERGED = "not converged"
UNEXPLAINED = "none"


@dataclass(frozen=True)
class Tested:
    """One hypothesis about B, and the relative KKT residual that B has if it is true.

    words complete the sentence "B ...". factor: on A's penalty, relative to the data, where the
    hypothesis is one. fitted: numbers that it took from B's weights; 0 for a named difference.
    """

    name: str
    words: str
    residual: float
    factor: float | None = None
    fitted: int = 0


@dataclass(frozen=True)
class Cause:
    """What one fit is, measured against the stated objective.

    name: of the hypothesis that explains it, "not converged" or "none". ties: names of others
    that its weights cannot tell from it. tolerance: the residual up to which it is at rest.
    """

    name: str
    tests: tuple[Tested, ...]
    ties: tuple[str, ...]
    tolerance: float
    best: Tested

    @property
    def same(self) -> Tested:
        """How the fit stands to the stated objective itself."""
        return next(test for test in self.tests if test.factor == 1.0 and not test.fitted)


@dataclass(frozen=True)
class Explanation:
    """Which single difference explains two fits that should agree, every hypothesis ranked.

    cause: of B against A's objective; cause_a: of A against it, "same objective" as it should be.
    difference: the largest |A - B| over the weights. gap: nats by which B may lie above the
    optimum of A's objective, certified; None where the problem has no dual.
    verdict: the answer in a sentence or two.
    """

    cause: str
    verdict: str
    tests: tuple[Tested, ...]
    ties: tuple[str, ...]
    tolerance: float
    cause_a: str
    residual_a: float
    difference: float
    gap: float | None

    @property
    def best(self) -> Tested:
        """The hypothesis of least residual among those without a fitted number."""
        return min((t for t in self.tests if not t.fitted), key=lambda test: test.residual)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers; what is infinite or unknown is None."""
        return {
            "cause": self.cause,
            "verdict": self.verdict,
            "ties": list(self.ties),
            "tolerance": self.tolerance,
            "cause_a": self.cause_a,
            "residual_a": _finite(self.residual_a),
            "difference": self.difference,
            "gap": _finite(self.gap),
            "hypotheses": [
                {**vars(test), "residual": _finite(test.residual)} for test in self.tests
            ],
        }

    def __str__(self) -> str:
        return f"{tables.text(self._rows(), HEADER)}{self._hidden()}\nVerdict: {self.verdict}"

    def _repr_html_(self) -> str:
        table = tables.html(self._rows(), HEADER)
        return f"{table}<p>{escape(self.verdict)}</p>"

    def _rows(self) -> list[list[str]]:
        own = [test for test in self.tests[SHOWN:] if test.factor == 1.0 and not test.fitted]
        return [
            [test.name, _residual(test.residual), self._remark(test)]
            for test in [*self.tests[:SHOWN], *own]
        ]

    def _remark(self, test: Tested) -> str:
        if test.name == self.cause:
            return "<- explains it"
        if test.name in self.ties:
            return "cannot be told from it"
        return "a number fitted to B" if test.fitted else ""

    def _hidden(self) -> str:
        rest = len(self.tests) - len(self._rows())
        return f"\n({rest} more leave as much or more)" if rest > 0 else ""


def _residual(value: float) -> str:
    return tables.number(value, 2) if math.isfinite(value) else "inf"


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
