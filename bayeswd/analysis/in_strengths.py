"""A selection as people read it: scales written as the strengths of a convention.

Its faces are a table in text, sentences, and a plain dictionary; the figures take it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import Any

from bayeswd import tables
from bayeswd.analysis import main_prior, strength_verdict
from bayeswd.analysis.choice import Choice, Selection
from bayeswd.analysis.comparison import Penalty
from bayeswd.estimate import prior_scales
from bayeswd.problem import conventions
from bayeswd.problem.objective import Problem

SCHEMA = "bayeswd.select/1"
MOST_ROWS = 14
HEADER = ("λ", "prior sd", "train", "valid.", "±", "LOO", "log evid.", "not 0", "edf", "best by")
LEGEND = (
    "losses are without the penalty, ± their standard error; LOO and log evidence in nats, more "
    "is better; not 0: weights; edf: effective degrees of freedom"
)
CHOICES = ("criterion", "λ", "prior sd", "not to be told from it", "identified")


@dataclass(frozen=True, eq=False)
class InStrengths:
    """A selection, the convention that its strengths belong to, and the strength asked about.

    names: of the input columns, for figures. Raises InputError where the convention cannot state
    these priors.
    """

    selection: Selection
    convention: str = "d2l"
    asked: float | None = None
    names: tuple[str, ...] = ()

    def strength(self, scale: float) -> float:
        """The number that states the prior of this scale, at the problem's own sigma."""
        (problem,) = prior_scales.along(self.selection.problem, [scale], "select")
        return main_prior.as_penalty(problem, self.convention).strength

    @cached_property
    def strengths(self) -> tuple[float, ...]:
        """Of the grid, in the order of its scales."""
        return tuple(map(self.strength, self.selection.path.scales))

    def strengths_of(self, choice: Choice) -> tuple[float, ...]:
        """Of the scales where this criterion was worked out: of the grid, or of some of it."""
        known = dict(zip(self.selection.path.scales, self.strengths, strict=True))
        return tuple(known[scale] for scale in choice.scales)

    def best_place(self, choice: Choice) -> int:
        """Position in the grid of the best value of the criterion's curve."""
        return self.selection.path.scales.index(choice.scales[choice.best_index])

    def interval(self, choice: Choice) -> tuple[float, float]:
        """The strengths that the criterion cannot tell from its best, ascending."""
        low, high = sorted(map(self.strength, choice.interval))
        return low, high

    def open_ends(self, choice: Choice) -> tuple[bool, bool]:
        """Whether the interval is bounded by the grid alone: (at low strengths, at high ones)."""
        narrow, wide = choice.open_ends
        return (narrow, wide) if self._rises else (wide, narrow)

    def name(self, scale: float) -> str:
        """`λ = 0.05`."""
        return f"λ = {tables.number(self.strength(scale), 3)}"

    @property
    def verdict(self) -> str:
        return strength_verdict.verdict(self)

    @property
    def converged(self) -> bool:
        return all(estimate.converged for estimate in self.selection.path.estimates)

    def to_dict(self) -> dict[str, Any]:
        """The record `bayeswd.select/1`, by ascending strength; null where there is no number."""
        rows = [self._record(index) for index in range(len(self.strengths))]
        return {
            "schema": SCHEMA,
            "grid": sorted(rows, key=lambda row: row["strength"]),
            "choices": [self._chosen(choice) for choice in self.selection.choices],
            "verdict": self.verdict,
        }

    def __str__(self) -> str:
        rows = [self._cells(index) for index in self._shown()]
        choices = [self._choice_cells(choice) for choice in self.selection.choices]
        skipped = [f"No {by}: {reason}" for by, reason in self.selection.skipped.items()]
        notes = [f"{choice.by}: {choice.note}" for choice in self.selection.choices if choice.note]
        title = f"λ as in {self.convention}; {LEGEND}"
        parts = [tables.text(rows, HEADER), title]
        parts += [tables.text(choices, CHOICES)] if choices else []
        parts += ["\n".join([*notes, *skipped])] if notes or skipped else []
        return "\n\n".join([*parts, f"Verdict: {self.verdict}"])

    @property
    def _rises(self) -> bool:
        """Whether a larger number is a wider prior, as for C."""
        return self.strengths[0] < self.strengths[-1]

    def _record(self, index: int) -> dict[str, Any]:
        path = self.selection.path
        return {
            "strength": self.strengths[index],
            "prior_scale": path.scales[index],
            "train_loss": _finite(path.train_losses[index]),
            "validation_loss": self._value("validation", index),
            "validation_se": self._value("validation", index, error=True),
            "loo": self._value("leave-one-out", index),
            "log_evidence": self._value("evidence", index),
            "nonzero": path.nonzero[index],
            "edf": _finite(path.effective_degrees[index]),
        }

    def _value(self, by: str, index: int, error: bool = False) -> float | None:
        """A criterion's curve, or its standard error, at one place of the grid."""
        choice, scale = self.selection.choice(by), self.selection.path.scales[index]
        if choice is None or scale not in choice.scales:
            return None
        values = choice.error if error else choice.curve
        return None if values is None else _finite(values[choice.scales.index(scale)])

    def _chosen(self, choice: Choice) -> dict[str, Any]:
        return {
            "by": choice.by,
            "strength": self.strength(choice.scale),
            "prior_scale": choice.scale,
            "interval": list(self.interval(choice)),
            "identified": choice.identified,
        }

    def _shown(self) -> list[int]:
        """Rows of the table, by ascending strength: the best of each criterion, and some more."""
        last, rows = len(self.strengths) - 1, min(MOST_ROWS, len(self.strengths))
        some = {round(step * last / max(rows - 1, 1)) for step in range(rows)}
        best = {self.best_place(choice) for choice in self.selection.choices}
        return sorted({*some, *best}, key=lambda index: self.strengths[index])

    def _cells(self, index: int) -> list[str]:
        row = self._record(index)
        best = [choice.by for choice in self.selection.choices if self.best_place(choice) == index]
        return [
            tables.number(row["strength"], 3),
            tables.number(self.selection.path.prior_sds[index], 3),
            tables.number(row["train_loss"]),
            tables.number(row["validation_loss"]),
            tables.number(row["validation_se"], 2),
            _fixed(row["loo"]),
            _fixed(row["log_evidence"]),
            str(row["nonzero"]),
            "—" if row["edf"] is None else f"{row['edf']:.1f}",
            ", ".join(best),
        ]

    def _choice_cells(self, choice: Choice) -> list[str]:
        return [
            choice.by,
            tables.number(self.strength(choice.scale), 3),
            tables.number(choice.prior_sd, 3),
            self.span(choice),
            "yes" if choice.identified else "no",
        ]

    def span(self, choice: Choice) -> str:
        """`0.03 to 0.08`, `up to 0.08`, `0.03 and above`, or `all of the grid`."""
        low, high = (tables.number(end, 2) for end in self.interval(choice))
        return {
            (False, False): f"{low} to {high}",
            (True, False): f"up to {high}",
            (False, True): f"{low} and above",
            (True, True): "all of the grid",
        }[self.open_ends(choice)]


def scales_of(problem: Problem, penalty: Penalty, strengths: Sequence[float]) -> list[float]:
    """The prior scales that these strengths of a penalty's convention mean."""
    known = main_prior.known_to(problem)
    readings = [
        conventions.reading(penalty.convention, strength, penalty=penalty.kind, **known)
        for strength in strengths
    ]
    return [reading.scale for reading in readings if reading.scale is not None]


def _finite(value: float | None) -> float | None:
    return None if value is None or not isfinite(value) else float(value)


def _fixed(value: float | None) -> str:
    return "—" if value is None else f"{value:.2f}"
