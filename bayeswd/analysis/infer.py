"""Which family holds each parameter: the simplest pull that leaves it at rest, and its rivals."""

from __future__ import annotations

from typing import Any

from bayeswd.analysis import strength_words
from bayeswd.analysis.forces import Forces
from bayeswd.analysis.pulls import APART, ROUNDING, Pull, pulls, same_pull
from bayeswd.analysis.strength_finding import NONE, GroupFinding, StrengthFinding
from bayeswd.problem import conventions
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem

BOOK = "d2l"  # its convention can say every prior of ours
Choice = tuple[Pull, bool, tuple[str, ...]]  # a pull, whether it holds, families as good


def finding(problem: Problem, forces: Forces, convention: str) -> StrengthFinding:
    """What each parameter is held by, and whether that is the whole objective."""
    chosen = _settled(forces, {name: _choose(problem, forces, name) for name in forces.params})
    groups = tuple(_group(problem, forces, name, *chosen[name], convention) for name in chosen)
    rates = {name: (pull.l1_rate, pull.l2_rate) for name, (pull, _, _) in chosen.items()}
    residual = forces.residual(rates)
    text = strength_words.said(problem, forces, groups, residual)
    return StrengthFinding(groups, residual, forces.tolerance, convention, text)


def _choose(problem: Problem, forces: Forces, name: str) -> Choice:
    """The simplest pull that holds the parameter, whether it does, and its rivals.

    A parameter that the problem does not penalise is asked for no more than rest without a pull.
    The simplest pull is taken whose residual is less than APART times the least; a least residual
    counts only if more weights than rates are there to bear it out.
    """
    candidates = pulls(forces, name)
    if name not in problem.penalized:
        return candidates[0], candidates[0].residual <= forces.tolerance, ()
    resting = [pull for pull in candidates if pull.residual <= forces.tolerance]
    if not resting:
        return min(candidates, key=lambda pull: pull.residual), False, ()
    count = forces.params[name].numel()
    borne_out = [pull for pull in resting if count > pull.unknowns] or resting
    least = max(min(pull.residual for pull in borne_out), ROUNDING)
    near = [pull for pull in borne_out if pull.residual < APART * least]
    best = near[0]
    rivals = [p for p in near[1:] if p.unknowns == best.unknowns]
    return best, True, tuple(pull.family for pull in rivals)


def _settled(forces: Forces, chosen: dict[str, Choice]) -> dict[str, Choice]:
    """Families that one parameter leaves open, settled where another has the very same pull."""
    sure = [pull for pull, at_rest, rivals in chosen.values() if at_rest and not rivals]
    settled = dict(chosen)
    for name, (_, _, rivals) in chosen.items():
        if rivals:
            for pull in pulls(forces, name):
                if any(same_pull(pull, other) for other in sure):
                    settled[name] = (pull, True, ())
    return settled


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
    elsewhere = conventions.elsewhere(convention, reading, **_known(problem))
    if elsewhere.strength is None:
        convention, elsewhere = BOOK, conventions.elsewhere(BOOK, reading, **_known(problem))
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


def _known(problem: Problem) -> dict[str, Any]:
    """What a convention may ask for beside the strength."""
    noise = problem.likelihood.scale if isinstance(problem.likelihood, GaussianNoise) else None
    one_target = noise is not None and problem.targets.shape[-1] == 1
    return {
        "n": problem.n,
        "noise_scale": noise,
        "likelihood": problem.likelihood.family,
        "outputs": problem.targets.shape[-1] if problem.targets.ndim > 1 else 1,
        "sd_y": float(problem.targets.std(correction=0)) if one_target else None,
    }
