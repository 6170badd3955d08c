"""A finding on a strength in words: what holds the weights, or why nothing does."""

from __future__ import annotations

import math

from bayeswd.analysis.forces import Forces
from bayeswd.analysis.pulls import pulls
from bayeswd.analysis.strength_finding import PENALTIES, GroupFinding
from bayeswd.problem.objective import Problem
from bayeswd.tables import number


def said(
    problem: Problem, forces: Forces, groups: tuple[GroupFinding, ...], residual: float
) -> str:
    """One sentence on every parameter, with the residual that bears it out."""
    late = [group for group in groups if not group.found]
    if late:
        return _none(problem, forces, late)
    held = [group for group in groups if group.family != "flat"]
    free = [group.name for group in groups if group.family == "flat" and len(groups) > 1]
    if not held:
        at_rest = f"the loss itself is at rest (residual {number(residual, 2)})"
        return f"no penalty, or one too weak to be seen: {at_rest}."
    said = dict.fromkeys(group.says() for group in held)
    if len(said) == 1:
        parts = [f"{next(iter(said))}{_on(held) if len(groups) > 1 else ''}"]
    else:
        parts = [f"{group.name}: {group.says()}" for group in held]
    parts += [f"no penalty on {', '.join(free)}"] if free else []
    words = f"these weights are the optimum under {'; '.join(parts)}"
    doubts = [_doubt(group) for group in held if group.alternatives]
    return f"{words} (residual {number(residual, 2)}).{''.join(dict.fromkeys(doubts))}"


def _on(groups: list[GroupFinding]) -> str:
    return f" on {', '.join(group.name for group in groups)}"


def _doubt(group: GroupFinding) -> str:
    others = " or ".join(PENALTIES[family] for family in group.alternatives)
    few = "one weight" if group.count - group.zeros == 1 else "these weights"
    return f" On {group.name} it could as well be {others}: {few} cannot tell them apart."


def _none(problem: Problem, forces: Forces, late: list[GroupFinding]) -> str:
    """Why nothing holds these weights, and what comes nearest."""
    worst = max(late, key=lambda group: group.residual)
    words = "none: these weights are not the optimum of any Gaussian, Laplace, elastic-net or no "
    words += f"penalty; on {worst.name!r} the nearest, {worst.says()}, leaves a residual of "
    words += f"{number(worst.residual, 2)} (a mode has less than {forces.tolerance:g})."
    unheld = [group.name for group in late if group.name not in problem.penalized]
    if len(unheld) == len(late):
        words = f"none: nothing is said to hold {', '.join(map(repr, unheld))}, which the data "
        words += f"still push (residual {number(worst.residual, 2)})"
        rate = _shared_rate(problem, forces, unheld)
        words += f"; {rate}." if rate else "."
    if math.isclose(forces.tolerance, 1e-2):
        words += " The weights are written with few digits: give more."
    return words


def _shared_rate(problem: Problem, forces: Forces, unheld: list[str]) -> str:
    """Whether the parameters taken as free are held by the L2 penalty of the others."""
    rates = [
        pull.l2_rate
        for name in [*problem.penalized, *unheld]
        for pull in pulls(forces, name)
        if pull.family == "gaussian" and pull.residual <= forces.tolerance
    ]
    same = len(rates) == len(problem.penalized) + len(unheld)
    if not same or not rates or max(rates) > 1.01 * min(rates):
        return ""
    return (
        "they are at rest if the penalty of the others is on them too: give them a prior in the "
        "problem (--penalize-bias)"
    )
