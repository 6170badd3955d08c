"""The values `bw.summarize` returns, and their faces: text, HTML and a plain dictionary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import isnan
from typing import Any

from bayeswd import tables
from bayeswd.analysis import posterior_words
from bayeswd.analysis.coefficients import Coefficient
from bayeswd.analysis.comparison import DataSummary, Penalty
from bayeswd.analysis.mixing import MOST_DIVERGING, is_mixed
from bayeswd.posterior import stuck
from bayeswd.problem.objective import Problem
from bayeswd.results import Draws, Estimate

SCHEMA = "bayeswd.sample/1"
INDEPENDENT = ("conjugate", "normal-inverse-gamma", "pyro-svi", "laplace-")  # how names begin


@dataclass(frozen=True)
class Noise:
    """sigma, and where it is from: given, known, estimated or sampled; None without a sigma.

    Where it was sampled, `scale` is its posterior mean and `posterior` the rest.
    """

    scale: float | None
    source: str | None
    posterior: Coefficient | None = None


@dataclass(frozen=True, eq=False)
class PosteriorSummary:
    """One posterior in numbers, beside the penalised fit of the same problem.

    coefficients: all of them, weights first. asked: draws of each chain that were asked for; more
    than there are where an interrupt cut them short.
    """

    draws: Draws
    problem: Problem
    penalty: Penalty
    data: DataSummary
    fit: Estimate | None
    coefficients: tuple[Coefficient, ...]
    noise: Noise
    asked: int

    @property
    def size(self) -> tuple[int, int]:
        """(chains, draws of each)."""
        chains, draws = next(iter(self.draws.params.values())).shape[:2]
        return chains, draws

    @property
    def cut_short(self) -> bool:
        return self.size[1] < self.asked

    @property
    def independent(self) -> bool:
        """Whether draws follow from no chain that could still be on its way."""
        return self.draws.engine.startswith(INDEPENDENT)

    @property
    def diverging(self) -> float:
        """The share of draws that ended a diverging trajectory."""
        found = self.draws.sample_stats.get("diverging")
        return 0.0 if found is None else float(found.double().mean())

    @property
    def stuck(self) -> int:
        """Chains that hardly moved: among hundreds they do not raise R-hat."""
        return stuck.count(self.draws.sample_stats)

    @property
    def all_rows(self) -> tuple[Coefficient, ...]:
        """The coefficients, and sigma where it was sampled."""
        return self.coefficients + ((self.noise.posterior,) if self.noise.posterior else ())

    @property
    def r_hat(self) -> float:
        """The largest; nan where one is nan."""
        found = [row.r_hat for row in self.all_rows]
        return float("nan") if any(map(isnan, found)) else max(found)

    @property
    def ess_bulk(self) -> float:
        """The least; nan where one is nan."""
        found = [row.ess_bulk for row in self.all_rows]
        return float("nan") if any(map(isnan, found)) else min(found)

    @property
    def converged(self) -> bool:
        """Independent draws, or R-hat <= 1.01, ESS >= 400, few divergences and no stuck chain."""
        if self.independent:
            return True
        mixed = is_mixed(self.r_hat, self.ess_bulk) and self.diverging <= MOST_DIVERGING
        return mixed and self.stuck == 0

    def title(self) -> str:
        strength = tables.number(self.penalty.strength)
        return f"{self.penalty.kind} penalty {strength} ({self.penalty.convention})"

    def to_dict(self) -> dict[str, Any]:
        """The schema `bayeswd.sample/1`; numbers that do not exist are None."""
        return {
            "schema": SCHEMA,
            "engine": self.draws.engine,
            "engine_why": self.draws.why,
            "seconds": self.draws.seconds,
            "converged": self.converged,
            "noise": {"scale": self.noise.scale, "from": self.noise.source},
            "coefficients": [row.to_dict() for row in self.coefficients],
        }

    def warnings(self) -> list[str]:
        """What a reader must know before any number, with what to do."""
        return posterior_words.warnings(self)

    def body(self) -> str:
        """All the rest: who drew and why, sigma, the table, the rows that it has no room for."""
        table = tables.text(*posterior_words.table(self))
        return "\n".join([*posterior_words.heading(self), table, *posterior_words.below(self)])

    def __str__(self) -> str:
        return "\n".join([*self.warnings(), self.body()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows, header = posterior_words.table(self)
        above = [*self.warnings(), *posterior_words.heading(self)[1:]]
        paragraphs = [f"<p>{escape(line)}</p>" for line in above]
        further = [f"<p>{escape(line)}</p>" for line in posterior_words.below(self)]
        return "".join([*paragraphs, tables.html(rows, header, self.title()), *further])


@dataclass(frozen=True, eq=False)
class PosteriorSummaries:
    """Posteriors on the same data: what the command `bayeswd sample` prints."""

    posteriors: tuple[PosteriorSummary, ...]

    @property
    def converged(self) -> bool:
        return all(one.converged for one in self.posteriors)

    def to_json(self) -> dict[str, Any] | Sequence[dict[str, Any]]:
        """One record of `bayeswd.sample/1`; for several posteriors a list of them, in order."""
        records = [one.to_dict() for one in self.posteriors]
        return records[0] if len(records) == 1 else records

    def warnings(self) -> list[str]:
        """Those of all posteriors, each with its name where there are several."""
        if len(self.posteriors) == 1:
            return self.posteriors[0].warnings()
        return [f"{one.title()}: {line}" for one in self.posteriors for line in one.warnings()]

    def body(self) -> str:
        return "\n\n".join(one.body() for one in self.posteriors)

    def __str__(self) -> str:
        return "\n".join([*self.warnings(), self.body()])

    __repr__ = __str__
