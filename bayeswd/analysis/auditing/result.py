"""What an audit returns, and its faces: text, HTML and a plain dictionary."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

from bayeswd import tables

SCHEMA = "bayeswd.audit/1"
MEASURED, CANNOT_TELL, NOT_TRAINED = "measured", "cannot tell", "not trained"
HEADER = ("parameter", "weights", "role", "prior", "strength", "scale", "status")
LONGEST = 3  # names before "and so many more"
ORDER = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True)
class PriorFound:
    """The prior of one parameter.

    family: "flat", "gaussian", "laplace", "elastic-net", "spherical-exponential" (the norm of the
        tensor without its square), "group-lasso", "box", "max-norm", "decoupled" (a decay that is
        no prior), "tilt" (a constant force), several joined by " x ", or "unknown".
    scale: tau, b, 1/k, half-width or radius; None where the family has no one scale, or where it
        hangs on a noise scale that was not given. relative: the same in units of sigma (of sigma^2
        for Laplace and norms), where the data term is Gaussian. variance: of one weight.
    centre: "0", "the initial value" or "a given value".
    """

    family: str
    scale: float | None
    variance: float | None
    proper: bool
    relative: float | None = None
    centre: str = "0"

    def to_dict(self) -> dict[str, Any]:
        return {
            "family": self.family,
            "scale": finite(self.scale),
            "variance": finite(self.variance),
            "proper": self.proper,
        }


@dataclass(frozen=True)
class Measured:
    """A force as it was measured: points (|w|, force towards the centre), and what was matched.

    source: "loss", "update" or "hook". strengths: slope name -> strength; empty where none fits.
    uniform: whether every weight has these strengths. whole: |w| is that of the whole tensor.
    """

    source: str
    strengths: Mapping[str, float]
    points: tuple[tuple[float, float], ...]
    uniform: bool
    whole: bool


@dataclass(frozen=True)
class ParameterFinding:
    """What pulls one parameter. strength: in front of (1/2)|w|^2, |w|_1 or |w|, in the loss as
    one update sees it; None where it differs between weights. strengths: of each part.
    precision: strength in nats (times sigma^2 under Gaussian noise), over the n examples.
    residual: share of the force that the family leaves.
    """

    name: str
    count: int
    shape: tuple[int, ...]
    role: str
    prior: PriorFound
    strength: float | None
    status: str
    reason: str = ""
    strengths: Mapping[str, float] = field(default_factory=dict)
    precision: float | None = None
    residual: float = 0.0
    sources: tuple[str, ...] = ()
    measured: tuple[Measured, ...] = ()
    shown: str = ""

    @property
    def is_penalised(self) -> bool:
        return self.status == MEASURED and self.prior.family != "flat"

    def cells(self) -> list[str]:
        """One row of the table, in the order of HEADER."""
        family = self.prior.family + ("" if self.prior.proper else ", improper")
        if self.prior.family == "flat":
            family = "flat"
        if self.status != MEASURED:
            family = "—"
        return [
            self.name,
            str(self.count),
            self.role,
            family,
            self.shown or (tables.number(self.strength, 6) if self.is_penalised else "—"),
            _scale(self.prior) if self.status == MEASURED else "—",
            self.status + (f": {self.reason}" if self.reason else ""),
        ]

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "prior": self.prior.to_dict(),
            "strength": finite(self.strength),
            "status": self.status,
        }


@dataclass(frozen=True)
class Finding:
    """Something a reviewer would say. severity: "error", "warning" or "note"."""

    code: str
    severity: str
    message: str
    parameter: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "severity": self.severity,
            "parameter": self.parameter,
            "message": self.message,
            "evidence": {key: finite(value) for key, value in self.evidence.items()},
        }


@dataclass(frozen=True)
class Audit:
    """The prior that a loop trains, parameter by parameter, and what is wrong with it.

    n: training examples; rows: those behind one update. likelihood, reduction, half, data_scale:
    the data term as the loop wrote it (data_scale 1: exactly the mean or sum of it).
    converged: where training ended; empty where no training was watched.
    """

    sentence: str
    parameters: tuple[ParameterFinding, ...]
    findings: tuple[Finding, ...]
    likelihood: str
    reduction: str
    half: bool | None
    data_scale: float | None
    n: int
    rows: int
    noise_scale: float | None = None
    converged: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> ParameterFinding:
        """The finding on one parameter, by name."""
        return next(one for one in self.parameters if one.name == name)

    @property
    def codes(self) -> set[str]:
        return {one.code for one in self.findings}

    def has(self, code: str, parameter: str | None = None) -> bool:
        """Whether something was found (on this parameter)."""
        return any(one.code == code and parameter in (None, one.parameter) for one in self.findings)

    @property
    def remarks(self) -> list[tuple[str, str]]:
        """(severity, words) of the findings; the same words on several parameters are said once."""
        names: dict[tuple[str, str], list[str]] = {}
        for one in self.findings:
            names.setdefault((one.severity, one.message), []).append(one.parameter or "")
        return [
            (severity, f"{listed(where)}: {message}" if where[0] else message)
            for (severity, message), where in names.items()
        ]

    def to_dict(self) -> dict[str, Any]:
        """The schema bayeswd.audit/1; what is infinite or unknown is None."""
        return {
            "schema": SCHEMA,
            "parameters": [one.to_dict() for one in self.parameters],
            "data_term": {
                "reduction": self.reduction,
                "half": self.half,
                "scale": finite(self.data_scale),
            },
            "findings": [one.to_dict() for one in self.findings],
            "converged": {key: finite(value) for key, value in self.converged.items()},
            "sentence": self.sentence,
        }

    def __str__(self) -> str:
        table = tables.text([one.cells() for one in self.parameters], HEADER)
        found = "\n".join(f"{severity}: {words}" for severity, words in self.remarks)
        return "\n\n".join(part for part in (self.sentence, table, found) if part)

    def _repr_html_(self) -> str:
        table = tables.html([one.cells() for one in self.parameters], HEADER)
        items = "".join(
            f"<li><b>{severity}</b>: {escape(words)}</li>" for severity, words in self.remarks
        )
        return f"<p>{escape(self.sentence)}</p>{table}<ul>{items}</ul>"


def finite(value: Any) -> Any:
    """None for a number that JSON cannot hold."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def listed(names: list[str]) -> str:
    """A few names, and how many more."""
    if len(names) <= LONGEST:
        return ", ".join(names)
    return f"{', '.join(names[:LONGEST])} and {len(names) - LONGEST} more"


def _scale(prior: PriorFound) -> str:
    if prior.family == "flat":
        return "—"
    if prior.scale is not None:
        return tables.number(prior.scale)
    if prior.relative is None:
        return "—"
    unit = "sigma" if prior.family == "gaussian" else "sigma^2"
    return f"{tables.number(prior.relative)} {unit}"
