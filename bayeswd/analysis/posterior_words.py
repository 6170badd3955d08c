"""Words on a posterior: doubts first, what it is, a table of some of it, the rest counted."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING

from bayeswd.analysis.coefficients import Coefficient, weight_count
from bayeswd.analysis.mixing import LARGEST_R_HAT, LEAST_ESS, MOST_DIVERGING
from bayeswd.tables import number

if TYPE_CHECKING:
    from bayeswd.analysis.posterior_summary import PosteriorSummary

MOST_ROWS, ROWS = 30, 20  # up to 30 weights all are shown, of more the 20 farthest from 0
LONGEST_NAME = 32  # letters


def warnings(one: PosteriorSummary) -> list[str]:
    """What a reader must know before any number, with what to do."""
    lines = []
    if not one.converged:
        lines.append(f"NOT CONVERGED: {'; '.join(_complaints(one))}. {_remedy(one)}")
    if one.fit is not None and not one.fit.converged:
        lines.append(f"The penalised fit has not converged: {one.fit.note}")
    if one.cut_short:
        chains, draws = one.size
        lines.append(
            f"INTERRUPTED: {draws} of {one.asked} draws of each of {chains} chains are done; all "
            "below is from these."
        )
    return lines


def heading(one: PosteriorSummary) -> list[str]:
    """The penalty, who drew and why, and sigma."""
    chains, draws = one.size
    made = f"{chains} {'chain' if chains == 1 else 'chains'} of {draws} draws"
    lines = [
        one.title(),
        f"posterior by {one.draws.engine}, {made} in {one.draws.seconds:.2f} s: {one.draws.why}",
    ]
    noise = one.noise
    if noise.posterior is not None:
        low, high = noise.posterior.interval
        lines.append(
            f"sigma is sampled: mean {number(noise.scale)}, {_percent(noise.posterior)} % interval "
            f"{number(low)} to {number(high)} (stated: {number(noise.posterior.penalized_fit)})"
        )
    elif noise.scale is not None:
        lines.append(f"sigma = {number(noise.scale)} ({noise.source})")
    return lines


def table(one: PosteriorSummary) -> tuple[list[list[str]], list[str]]:
    """(rows, header): all weights of a few, else those farthest from 0 in posterior sd."""
    share = _percent(one.coefficients[0])
    header = ["coefficient", "penalised fit", "mean", "sd", "median"]
    header += [f"{share} % from", "to", "ESS", "R-hat"]
    return [_cells(row) for row in shown(one)], header


def shown(one: PosteriorSummary) -> list[Coefficient]:
    """The rows of the table, in their own order where all are shown; the bias last."""
    count = weight_count(one.problem)
    weights, bias = one.coefficients[:count], one.coefficients[count:]
    if count > MOST_ROWS:
        weights = tuple(sorted(weights, key=from_zero, reverse=True)[:ROWS])
    return [*weights, *(bias if len(bias) <= MOST_ROWS else ())]


def from_zero(row: Coefficient) -> float:
    """How far the posterior mean is from 0, in posterior sd."""
    return abs(row.mean) / row.sd if row.sd > 0 else 0.0


def below(one: PosteriorSummary) -> list[str]:
    """The rows that are not shown, and how the penalised fit lies in the posterior."""
    return [line for line in (_rest(one), _mode_and_mean(one)) if line]


def _rest(one: PosteriorSummary) -> str:
    rows = shown(one)
    names = {row.name for row in rows}
    rest = [row for row in one.coefficients if row.name not in names]
    if not rest:
        return ""
    r_hats = [row.r_hat for row in rest]
    mixing = "" if any(map(isnan, r_hats)) else f", R-hat at most {max(r_hats):.4f}"
    return (
        f"{len(rest)} more, nearer to 0: |mean| at most {number(max(map(from_zero, rest)), 2)} "
        f"posterior sd, ESS at least {_whole(min(row.ess_bulk for row in rest))}{mixing}; the "
        "record (--json) has them all"
    )


def _mode_and_mean(one: PosteriorSummary) -> str:
    """What the one point of the penalised fit leaves out."""
    weights = one.coefficients[: weight_count(one.problem)]
    fitted = [row.penalized_fit for row in weights]
    if one.fit is None or not one.problem.penalized:
        return ""
    zeros = sum(value == 0 for value in fitted)
    apart = max(
        abs(row.mean - row.penalized_fit) / row.sd
        for row in weights
        if row.penalized_fit is not None and row.sd > 0
    )
    distance = f"the penalised fit is within {number(apart, 2)} posterior sd of the posterior mean"
    if not zeros:
        return f"{distance[0].upper()}{distance[1:]}."
    return (
        f"The mode is not the posterior: {zeros} of {len(weights)} weights are exactly 0 in the "
        f"penalised fit, no posterior mean is, and P(w = 0) is 0; {distance}."
    )


def _complaints(one: PosteriorSummary) -> list[str]:
    found = []
    if isnan(one.r_hat) and one.size[0] == 1:
        found.append("a single chain has no R-hat")
    elif isnan(one.r_hat):
        found.append("R-hat does not exist for so few draws, or for draws that are not finite")
    late = [row for row in one.all_rows if row.r_hat > LARGEST_R_HAT]
    if late:
        worst = max(late, key=lambda row: row.r_hat)
        found.append(
            f"R-hat above {LARGEST_R_HAT} for {len(late)} of {len(one.all_rows)} "
            f"coefficients, {worst.r_hat:.3f} for {worst.name}"
        )
    if one.ess_bulk < LEAST_ESS:
        found.append(f"ESS {_whole(one.ess_bulk)}, below {LEAST_ESS}")
    if one.diverging > MOST_DIVERGING:
        found.append(f"{100 * one.diverging:.2g} % of the draws diverged")
    if one.stuck:
        found.append(f"{one.stuck} of {one.size[0]} chains hardly moved")
    return found


def _remedy(one: PosteriorSummary) -> str:
    if one.size[0] == 1:
        return "Draw several chains (--chains 4), and believe nothing below before."
    return (
        "Draw longer (--warmup, --draws) or with another engine (--engine), and believe nothing "
        "below before."
    )


def _cells(row: Coefficient) -> list[str]:
    low, high = row.interval
    numbers = [row.penalized_fit, row.mean, row.sd, row.median, low, high]
    r_hat = "—" if isnan(row.r_hat) else f"{row.r_hat:.3f}"
    return [_short(row.name), *map(number, numbers), _whole(row.ess_bulk), r_hat]


def _short(name: str) -> str:
    text = " ".join(name.split())
    return text if len(text) <= LONGEST_NAME else f"{text[:20]}…{text[-11:]}"


def _whole(value: float) -> str:
    return "—" if isnan(value) else str(round(value))


def _percent(row: Coefficient) -> str:
    return f"{100 * row.interval_probability:g}"
