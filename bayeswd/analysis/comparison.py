"""The values `bw.compare` returns, and their faces: text, HTML and a plain dictionary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from math import isfinite
from typing import Any

from torch import Tensor

from bayeswd import tables
from bayeswd.problem.conventions import Reading
from bayeswd.problem.objective import Problem
from bayeswd.results import Draws, GaussianPosterior, Verdict

SCHEMA = "bayeswd.compare/1"
HEADER = (
    "method",
    "objective",
    "gap",
    "max|Δw|",
    "in sd",
    "KKT",
    "zeros",
    "bias",
    "train",
    "valid.",
    "steps",
    "seconds",
)
LEGEND = (
    "objective and gap in nats (the gap is certified: no weights are better by more); Δw against "
    "the first row; losses without the penalty"
)


@dataclass(frozen=True, eq=False)
class Method:
    """One road to the weights, and how far it got.

    objective, gap: nats. max_abs_difference: largest distance of a penalised weight to the
    reference row; max_sd_difference: the same in posterior standard deviations.
    train_loss, validation_loss: half the mean squared error or mean negative log likelihood,
    without the penalty. history: (step, objective) pairs. is_mode: whether this road means to
    find the mode; the mean of a posterior that is not Gaussian does not.
    """

    method: str
    params: Mapping[str, Tensor]
    objective: float
    gap: float | None
    kkt: float
    max_abs_difference: float
    max_sd_difference: float | None
    exact_zeros: int
    bias: tuple[float, ...]
    train_loss: float
    validation_loss: float | None
    steps: int | None
    seconds: float
    converged: bool
    history: tuple[tuple[int, float], ...] = ()
    note: str = ""
    is_mode: bool = True

    def cells(self) -> list[str]:
        """One row of the table, in the order of HEADER."""
        bias = tables.number(self.bias[0]) if len(self.bias) == 1 else f"({len(self.bias)})"
        return [
            self.method if self.converged else f"{self.method} *",
            f"{self.objective:.6g}",
            tables.number(self.gap, 2),
            tables.number(self.max_abs_difference, 2),
            tables.number(self.max_sd_difference, 2),
            tables.number(self.kkt, 2),
            str(self.exact_zeros),
            bias if self.bias else "—",
            tables.number(self.train_loss),
            tables.number(self.validation_loss),
            "—" if self.steps is None else str(self.steps),
            f"{self.seconds:.2f}",
        ]

    def to_dict(self, weights: Any) -> dict[str, Any]:
        """The row as `bayeswd.compare/1` has it; `weights` are nested lists."""
        names = (
            "method",
            "objective",
            "gap",
            "kkt",
            "max_abs_difference",
            "max_sd_difference",
            "exact_zeros",
            "train_loss",
            "validation_loss",
            "steps",
            "seconds",
            "converged",
        )
        row = {name: getattr(self, name) for name in names}
        return {**row, "bias": list(self.bias), "weights": weights}


@dataclass(frozen=True)
class Penalty:
    """A penalty as people write it: kind, the number in front, and whose convention it is."""

    kind: str
    strength: float
    convention: str


@dataclass(frozen=True, eq=False)
class Comparison:
    """One problem, the methods that solved it, and what they say together."""

    problem: Problem
    penalty: Penalty
    reading: Reading
    methods: tuple[Method, ...]
    verdict: Verdict
    chain: str
    posterior: GaussianPosterior | None = None
    draws: Draws | None = None

    @property
    def reference(self) -> Method:
        """The row that the others are measured against: the exact optimum where there is one."""
        return self.methods[0]

    @property
    def converged(self) -> bool:
        """Whether every road to the mode has arrived."""
        return all(method.converged for method in self.methods if method.is_mode)

    def title(self) -> str:
        strength = tables.number(self.penalty.strength)
        return f"{self.penalty.kind} penalty {strength} ({self.penalty.convention})"

    def to_dict(self) -> dict[str, Any]:
        prior: dict[str, Any] = {  # a flat prior has neither scale nor variance
            "family": self.reading.family,
            "scale": self.reading.scale,
            "variance": self.reading.variance,
        }
        if self.reading.family == "elastic-net":
            prior |= {"l1_scale": self.reading.l1_scale, "l2_scale": self.reading.l2_scale}
        return {
            "penalty": vars(self.penalty).copy(),
            "prior": prior,
            "methods": [row.to_dict(self.weights_of(row)) for row in self.methods],
            "verdict": {"equivalent": self.verdict.equivalent, "text": self.verdict.text},
        }

    def weights_of(self, row: Method) -> Any:
        """[d] for one output, [K][d] for several; by parameter name for a non-linear model."""
        layout = self.problem.linear
        if layout is None:
            return {name: row.params[name].tolist() for name in self.problem.penalized}
        weight = row.params[layout.weight]
        return (weight[0] if len(weight) == 1 else weight).tolist()

    def notes(self) -> list[str]:
        """One line for each row that needs one: not converged, or how it was fitted."""
        late = [f"* {row.method}: not converged" for row in self.methods if not row.converged]
        return late + [f"{row.method}: {row.note}" for row in self.methods if row.note]

    def __str__(self) -> str:
        table = tables.text([row.cells() for row in self.methods], HEADER)
        notes = [f"  {note}" for note in self.notes()]
        verdict = f"Verdict: {self.verdict.text}"
        return "\n".join([self.title(), table, *notes, verdict, self.chain])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        table = tables.html([row.cells() for row in self.methods], HEADER, self.title())
        lines = [self.verdict.text, self.chain, *self.notes()]
        return table + "".join(f"<p>{escape(line)}</p>" for line in lines)


@dataclass(frozen=True)
class DataSummary:
    """What the methods were given. `noise_from` is given, known, estimated, or None."""

    name: str
    names: tuple[str, ...]
    n_train: int
    n_validation: int
    d: int
    noise_scale: float | None
    noise_from: str | None
    inputs_mean: tuple[float, ...]
    inputs_sd: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in vars(self).items()
        }


@dataclass(frozen=True, eq=False)
class Comparisons:
    """Comparisons on the same data: what the command `bayeswd compare` prints."""

    data: DataSummary
    comparisons: tuple[Comparison, ...]

    @property
    def equivalent(self) -> bool:
        return all(one.verdict.equivalent for one in self.comparisons)

    @property
    def converged(self) -> bool:
        return all(one.converged for one in self.comparisons)

    def to_dict(self) -> dict[str, Any]:
        """The schema `bayeswd.compare/1`; numbers that do not exist are None."""
        record = {
            "schema": SCHEMA,
            "data": self.data.to_dict(),
            "comparisons": [one.to_dict() for one in self.comparisons],
        }
        return _without_infinities(record)

    def __str__(self) -> str:
        return "\n\n".join([*map(str, self.comparisons), LEGEND])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        body = "".join(one._repr_html_() for one in self.comparisons)
        return f"{body}<p><small>{escape(LEGEND)}</small></p>"


def _without_infinities(value: Any) -> Any:
    """The same nested record with None for every number that JSON cannot say."""
    if isinstance(value, dict):
        return {key: _without_infinities(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_infinities(each) for each in value]
    return None if isinstance(value, float) and not isfinite(value) else value
