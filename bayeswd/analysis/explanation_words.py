"""The verdict on two fits in words: the same, a difference with a name, unfinished, or none."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from bayeswd.analysis.differences import null_space_part
from bayeswd.analysis.explanation import NOT_CONVERGED, UNEXPLAINED, Cause
from bayeswd.analysis.hypothesis import SAME
from bayeswd.analysis.verdicts import NATS
from bayeswd.problem.objective import Params, Problem
from bayeswd.tables import number

CLOSE = 1e-3  # of the largest weight: fits as near as this are the same for any purpose
HALFWAY = 0.3  # of A's norm: nearer than this, where the data speak, a fit is on its way to A
NEARLY_DOWN = 0.99  # of the way from zero weights down to A, in the objective


@dataclass(frozen=True, eq=False)
class Pair:
    """Two fits and the objective stated for A. gap: nats, how far B may lie above its optimum."""

    problem: Problem
    a: Params
    b: Params
    gap: float | None

    @property
    def apart(self) -> float:
        """The largest |A - B| over all weights."""
        return max(float((self.a[name] - self.b[name]).abs().max()) for name in self.a)

    @property
    def way_down(self) -> float:
        """How much of the fall of the objective from zero weights to A the weights B have made."""
        zero = {name: torch.zeros_like(value) for name, value in self.a.items()}
        start, end, here = (
            float(self.problem.objective(params)) for params in (zero, self.a, self.b)
        )
        return (start - here) / (start - end) if start > end else 0.0

    @property
    def share_of_start(self) -> float:
        """The share of the norm of B's weights where the data have no say, if B nears A else."""
        families = {self.problem.priors[name].family for name in self.problem.penalized}
        left, layout = null_space_part(self.problem, self.b), self.problem.linear
        if families != {"gaussian"} or left is None or layout is None:
            return 0.0
        if self.distance_on_rows > HALFWAY:
            return 0.0
        return float(left.norm() / self.b[layout.weight].norm())

    @property
    def distance_on_rows(self) -> float:
        """|A - B| where the data speak, relative to |A|; inf where that means nothing."""
        step = {name: self.a[name] - self.b[name] for name in self.a}
        left, layout = null_space_part(self.problem, step), self.problem.linear
        if left is None or layout is None or not bool(self.a[layout.weight].any()):
            return math.inf
        on_rows = step[layout.weight] - left
        return float(on_rows.norm() / self.a[layout.weight].norm())


def judge(pair: Pair, cause_a: Cause, cause: Cause) -> tuple[str, str]:
    """(the cause of the difference, the sentence on it)."""
    if cause_a.name != SAME:
        return cause.name, _where_a_is_not(cause_a, cause)
    if cause.name == SAME:
        return _the_same(pair, cause)
    if cause.name == UNEXPLAINED:
        return _unexplained(pair, cause)
    words = f"B {cause.best.words} ({_residuals(cause)}"
    if cause.name == NOT_CONVERGED:
        return NOT_CONVERGED, f"not converged: {words}{_above(pair)})."
    return cause.name, f"{_lead(cause)}{words}).{_ties(cause)}"


def _where_a_is_not(cause_a: Cause, cause: Cause) -> str:
    """A is not the optimum of the objective stated for it: what A is, and what B is."""
    fits = {
        UNEXPLAINED: "no variant of it here explains A",
        NOT_CONVERGED: "A has not converged",
    }.get(cause_a.name, f"A fits {cause_a.name!r} instead")
    first = (
        "A itself is not the optimum of the objective stated for it (residual "
        f"{number(cause_a.same.residual, 2)}): {fits}"
    )
    residual = f"residual {number(cause.best.residual, 2)}"
    if cause.name == UNEXPLAINED:
        return f"{first}. Nor does any explain B: the nearest, {_nearest(cause)}."
    if cause.name == cause_a.name:
        return f"{first}, and so does B ({residual}): state A's objective anew."
    words = cause.best.words.replace("A's", "the stated")
    return f"{first}. B {words} ({residual}).{_ties(cause)}"


def _unexplained(pair: Pair, cause: Cause) -> tuple[str, str]:
    """No hypothesis holds: a start not yet decayed, an unfinished run, or nothing of the kind."""
    share = pair.share_of_start
    if share > CLOSE:
        return NOT_CONVERGED, (
            f"not converged: {share:.0%} of the norm of B's weights lies where the data have no "
            "say, a start that the decay has not yet taken away; where they have, B is within "
            f"{pair.distance_on_rows:.0%} of A{_above(pair)}."
        )
    if pair.way_down > NEARLY_DOWN:
        return NOT_CONVERGED, (
            f"not converged, or several differences at once: B has come {pair.way_down:.2%} of the "
            "way from zero weights down to A, but is at rest under neither A's objective (residual "
            f"{number(cause.same.residual, 2)}) nor any variant of it; the nearest, "
            f"{_nearest(cause)}{_above(pair)}."
        )
    return UNEXPLAINED, (
        "none of these: B is the optimum neither of A's objective nor of any variant of it here; "
        f"the nearest, {_nearest(cause)}{_above(pair)}."
    )


def _the_same(pair: Pair, cause: Cause) -> tuple[str, str]:
    """B at rest under A's objective: the same fit, another mode of it, or not quite there."""
    residual = f"residual {number(cause.best.residual, 2)}"
    largest = max(float(value.abs().max()) for value in pair.a.values())
    if pair.apart == 0:
        return SAME, f"the same: A and B hold the very same weights ({residual})."
    if pair.apart <= CLOSE * largest:
        return SAME, (
            f"the same: B is the optimum of A's objective ({residual}), weights within "
            f"{number(pair.apart, 2)} of each other.{_ties(cause)}"
        )
    if pair.gap is not None and pair.gap > NATS:
        return NOT_CONVERGED, f"not converged: B nears A's optimum ({residual}{_above(pair)})."
    return SAME, (
        f"the same objective at another place: B is at rest under it too ({residual}), yet a "
        f"weight differs by {number(pair.apart, 2)}; its mode is not unique, or the data hardly "
        f"tell one from the other.{_ties(cause)}"
    )


def _lead(cause: Cause) -> str:
    return "none of the named differences: " if cause.best.fitted else ""


def _nearest(cause: Cause) -> str:
    nearest = min((t for t in cause.tests if not t.fitted), key=lambda test: test.residual)
    return f"{nearest.name!r}, leaves {number(nearest.residual, 2)}"


def _residuals(cause: Cause) -> str:
    own, stated = number(cause.best.residual, 2), number(cause.same.residual, 2)
    if cause.best is cause.same:
        return f"residual {own}"
    return f"residual {own}; A's own objective leaves {stated}"


def _ties(cause: Cause) -> str:
    if not cause.ties:
        return ""
    rest = f" and {len(cause.ties) - 3} more" if len(cause.ties) > 4 else ""
    listed = ", ".join(map(repr, cause.ties[: 3 if rest else 4]))
    return f" These weights cannot tell it from {listed}{rest}."


def _above(pair: Pair) -> str:
    if pair.gap is None or not math.isfinite(pair.gap):
        return ""
    return f"; B lies up to {number(pair.gap, 2)} nats above the optimum of A's objective"
