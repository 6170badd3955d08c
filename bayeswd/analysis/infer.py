"""The pull that holds weights: least squares of the force of the data on w and sign(w).

At a mode -grad misfit = w/tau^2 + sign(w)/b on the weights that are not zero, and at most 1/b in
size on those that are. The two rates are two numbers for all weights of a parameter, so that
fitting them to many weights leaves evidence: the residual.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from bayeswd.analysis.forces import Forces
from bayeswd.analysis.strength_finding import NONE, PENALTIES, GroupFinding, StrengthFinding
from bayeswd.problem import conventions
from bayeswd.problem.conventions import FLAT, Reading
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.tables import number

APART = 30.0  # a residual so many times smaller tells two explanations apart


@dataclass(frozen=True)
class Pull:
    """The best rates of one family on one parameter, and what they leave."""

    family: str
    l1_rate: float
    l2_rate: float
    residual: float
    unknowns: int
    at_least: bool = False

    def reading(self) -> Reading:
        if self.family == "flat":
            return FLAT
        if self.family == "laplace":
            return conventions.laplace(1 / self.l1_rate)
        if self.family == "gaussian":
            return conventions.gaussian(self.l2_rate**-0.5)
        return conventions.elastic_net(1 / self.l1_rate, self.l2_rate**-0.5)


Choice = tuple[Pull, bool, tuple[str, ...]]  # a pull, whether it holds, families as good


def finding(problem: Problem, forces: Forces, convention: str) -> StrengthFinding:
    """What each parameter is held by, and whether that is the whole objective."""
    chosen = _settled(forces, {name: _choose(problem, forces, name) for name in forces.params})
    groups = tuple(_group(problem, forces, name, *chosen[name], convention) for name in chosen)
    rates = {name: (pull.l1_rate, pull.l2_rate) for name, (pull, _, _) in chosen.items()}
    residual = forces.residual(rates)
    text = _text(problem, forces, groups, residual)
    return StrengthFinding(groups, residual, forces.tolerance, convention, text)


def pulls(forces: Forces, name: str) -> list[Pull]:
    """The best pull of each family that can hold this parameter at all, the simplest first."""
    weights, force = forces.params[name], -forces.gradient[name]
    moved = weights != 0
    w, f = weights[moved], force[moved]
    found = [_pull(forces, name, "flat", 0.0, 0.0)]
    if len(w) == 0:
        largest = float(force.abs().max())
        held = _pull(forces, name, "laplace", largest, 0.0, at_least=True)
        return [*found, held] if largest > 0 else found
    l2_rate, l1_rate = float(f @ w / (w @ w)), float((f * w.sign()).mean())
    if l2_rate > 0:
        found.append(_pull(forces, name, "gaussian", 0.0, l2_rate))
    if l1_rate > 0:
        found.append(_pull(forces, name, "laplace", l1_rate, 0.0))
    both = _both(w, f)
    if both is not None:
        found.append(_pull(forces, name, "elastic-net", *both))
    return found


def _pull(
    forces: Forces, name: str, family: str, l1_rate: float, l2_rate: float, at_least: bool = False
) -> Pull:
    residual = forces.residual_of(name, l1_rate, l2_rate)
    unknowns = (l1_rate > 0) + (l2_rate > 0)
    return Pull(family, l1_rate, l2_rate, residual, unknowns, at_least)


def _both(w: Tensor, f: Tensor) -> tuple[float, float] | None:
    """(1/b, 1/tau^2) by least squares, where both are positive and the weights tell them apart."""
    size = w.abs()
    if len(w) < 2 or float(size.max() - size.min()) <= 1e-6 * float(size.max()):
        return None
    unit = float(size.max())
    columns = torch.stack([w.sign(), w / unit], 1)
    rates = torch.linalg.lstsq(columns, f[:, None], driver="gelsd").solution[:, 0]
    l1_rate, l2_rate = float(rates[0]), float(rates[1]) / unit
    return (l1_rate, l2_rate) if l1_rate > 0 and l2_rate > 0 else None


def _choose(problem: Problem, forces: Forces, name: str) -> Choice:
    """The simplest pull that holds the parameter, whether it does, and its rivals.

    A parameter that the problem does not penalise is asked for no more than rest without a pull.
    A pull with more rates is taken only for a residual that is APART times smaller, and only if
    more weights than rates are there to bear it out.
    """
    candidates = pulls(forces, name)
    if name not in problem.penalized:
        return candidates[0], candidates[0].residual <= forces.tolerance, ()
    resting = [pull for pull in candidates if pull.residual <= forces.tolerance]
    if not resting:
        return min(candidates, key=lambda pull: pull.residual), False, ()
    best = resting[0]
    for pull in resting[1:]:
        borne_out = forces.params[name].numel() > pull.unknowns
        if borne_out and APART * max(pull.residual, forces.floor) < best.residual:
            best = pull
    rivals = [
        pull.family
        for pull in resting
        if pull.unknowns == best.unknowns > 0 and pull.family != best.family
        if max(pull.residual, forces.floor) < APART * max(best.residual, forces.floor)
    ]
    return best, True, tuple(rivals)


def _settled(forces: Forces, chosen: dict[str, Choice]) -> dict[str, Choice]:
    """Families that one parameter leaves open, settled where another has the very same pull."""
    sure = [pull for pull, at_rest, rivals in chosen.values() if at_rest and not rivals]
    settled = dict(chosen)
    for name, (_, _, rivals) in chosen.items():
        if rivals:
            for pull in pulls(forces, name):
                if any(_same_pull(pull, other) for other in sure):
                    settled[name] = (pull, True, ())
    return settled


def _same_pull(one: Pull, other: Pull) -> bool:
    close = math.isclose(one.l1_rate, other.l1_rate, rel_tol=1e-3)
    close = close and math.isclose(one.l2_rate, other.l2_rate, rel_tol=1e-3)
    return close and one.family == other.family != "flat" and not other.at_least


def _group(
    problem: Problem,
    forces: Forces,
    name: str,
    pull: Pull,
    at_rest: bool,
    rivals: tuple[str, ...],
    convention: str,
) -> GroupFinding:
    weights, reading = forces.params[name], pull.reading()
    elsewhere = conventions.elsewhere(convention, reading, **_known(problem))  # type: ignore[arg-type]
    return GroupFinding(
        name=name,
        count=weights.numel(),
        zeros=int((weights == 0).sum()),
        family=pull.family if at_rest else NONE,
        reading=reading,
        strength=elsewhere.strength,
        l1_ratio=elsewhere.l1_ratio,
        convention=convention,
        residual=pull.residual,
        at_least=pull.at_least,
        alternatives=rivals,
    )


def _known(problem: Problem) -> Mapping[str, object]:
    """What a convention may ask for beside the strength."""
    gaussian = isinstance(problem.likelihood, GaussianNoise)
    one_target = gaussian and problem.targets.shape[-1] == 1
    return {
        "n": problem.n,
        "noise_scale": problem.likelihood.scale if gaussian else None,
        "likelihood": problem.likelihood.family,
        "outputs": problem.targets.shape[-1] if problem.targets.ndim > 1 else 1,
        "sd_y": float(problem.targets.std(correction=0)) if one_target else None,
    }


def _text(
    problem: Problem, forces: Forces, groups: tuple[GroupFinding, ...], residual: float
) -> str:
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
    parts += [f"none on {', '.join(free)}"] if free else []
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
    return "they are at rest if the penalty of the others is on them too: state it so"
