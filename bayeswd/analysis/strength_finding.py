"""What `bw.infer_strength` returns, and its faces: text, HTML and a plain dictionary."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from bayeswd import tables
from bayeswd.problem.conventions import Reading
from bayeswd.problem.priors import Prior, from_reading

NONE = "none"
PENALTIES = {
    "flat": "no penalty",
    "gaussian": "Gaussian (L2)",
    "laplace": "Laplace (L1)",
    "elastic-net": "elastic net",
    NONE: "none",
}
HEADER = ("parameter", "weights", "zeros", "prior", "strength", "scale", "residual")


@dataclass(frozen=True)
class GroupFinding:
    """The penalty under which one parameter is at rest, or the nearest one if there is none.

    family: "flat", "gaussian", "laplace", "elastic-net", or "none" where no penalty holds these
        weights; `reading` and `strength` are then those of the nearest one.
    strength: the number in front of it in `convention`, None where that cannot say it; it does
        not depend on sigma where that scales the data term. l1_ratio: of an elastic net.
    at_least: every weight is exactly 0, so any greater strength holds them too.
    residual: what is left, relative to the force of the data. alternatives: families that these
        weights cannot be told apart from.
    """

    name: str
    count: int
    zeros: int
    family: str
    reading: Reading
    strength: float | None
    l1_ratio: float | None
    convention: str
    residual: float
    at_least: bool = False
    alternatives: tuple[str, ...] = ()

    @property
    def found(self) -> bool:
        return self.family != NONE

    def says(self) -> str:
        """The prior and its strength: `Gaussian (L2), strength 3 (d2l)`."""
        family = PENALTIES[self.reading.family]
        if self.reading.family == "flat":
            return family
        bound = "at least " if self.at_least else ""
        number = tables.number(self.strength, 6)
        share = f", l1_ratio {tables.number(self.l1_ratio)}" if self.l1_ratio is not None else ""
        return f"{family}, strength {bound}{number}{share} ({self.convention})"

    def cells(self) -> list[str]:
        """One row of the table, in the order of HEADER."""
        flat = self.reading.family == "flat"
        return [
            self.name,
            str(self.count),
            str(self.zeros),
            PENALTIES[self.family],
            "—" if flat else (">= " if self.at_least else "") + tables.number(self.strength, 6),
            "—" if flat else _scales(self.reading),
            tables.number(self.residual, 2),
        ]

    def to_dict(self) -> dict[str, Any]:
        """A row of JSON; what is infinite or unknown is None."""
        reading = self.reading
        return {
            "name": self.name,
            "weights": self.count,
            "zeros": self.zeros,
            "family": self.family,
            "nearest": reading.family,
            "strength": self.strength,
            "l1_ratio": self.l1_ratio,
            "at_least": self.at_least,
            "scale": _finite(reading.scale),
            "l1_scale": reading.l1_scale,
            "l2_scale": reading.l2_scale,
            "residual": _finite(self.residual),
            "alternatives": list(self.alternatives),
        }


@dataclass(frozen=True)
class StrengthFinding:
    """The strength and family under which weights are the optimum, parameter by parameter.

    residual: the relative KKT residual of all weights under the priors found, the evidence.
    tolerance: up to which they count as at rest. text: the finding in words.
    """

    groups: tuple[GroupFinding, ...]
    residual: float
    tolerance: float
    convention: str
    text: str

    @property
    def found(self) -> bool:
        """Whether the weights are the optimum of any penalty of these families."""
        return all(group.found for group in self.groups)

    @property
    def family(self) -> str:
        """The family of the penalised weights; "none" where nothing holds all parameters."""
        return self.main.family if self.found else NONE

    @property
    def strength(self) -> float | None:
        """The strength of the penalised weights, in `convention`; None where none was found."""
        return self.main.strength if self.found else None

    @property
    def main(self) -> GroupFinding:
        """The largest parameter that has a penalty, or the largest one."""
        penalized = [group for group in self.groups if group.reading.family != "flat"]
        return max(penalized or self.groups, key=lambda group: group.count)

    @property
    def priors(self) -> Mapping[str, Prior]:
        """The priors found (the nearest ones where none was), by parameter name."""
        return {group.name: from_reading(group.reading) for group in self.groups}

    def to_dict(self) -> dict[str, Any]:
        return {
            "family": self.family,
            "strength": self.strength,
            "convention": self.convention,
            "residual": _finite(self.residual),
            "tolerance": self.tolerance,
            "found": self.found,
            "text": self.text,
            "parameters": [group.to_dict() for group in self.groups],
        }

    def __str__(self) -> str:
        return f"{tables.text([group.cells() for group in self.groups], HEADER)}\n{self.text}"

    def _repr_html_(self) -> str:
        table = tables.html([group.cells() for group in self.groups], HEADER)
        return f"{table}<p>{escape(self.text)}</p>"


def _scales(reading: Reading) -> str:
    if reading.family == "elastic-net":
        return f"b {tables.number(reading.l1_scale)}, tau {tables.number(reading.l2_scale)}"
    return f"{'b' if reading.family == 'laplace' else 'tau'} {tables.number(reading.scale)}"


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
