"""Differences with a number in them that the weights themselves must give: a factor without a name.

Each has a pull of a known shape and one unknown rate, least squares over the weights that are not
zero; it is offered only where more weights than unknowns are there to bear it out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import torch

from bayeswd.analysis.forces import Forces, Rates, rates_of
from bayeswd.analysis.hypothesis import Hypothesis
from bayeswd.problem.objective import Problem
from bayeswd.tables import number


def fitted_differences(problem: Problem, forces: Forces) -> Iterator[Hypothesis]:
    """A's penalty times a free factor, and the other family at a strength of its own."""
    names = problem.penalized or _weights(problem)
    if sum(int((forces.params[name] != 0).sum()) for name in names) < 2:
        return
    families = {problem.priors[name].family for name in names}
    if problem.penalized:
        yield from _with_a_factor(problem, forces, names)
    for family, kind in (("gaussian", "L2"), ("laplace", "L1")):
        rates = None if families == {family} else _of_family(problem, forces, names, family)
        if rates is not None:
            words = f"has an {kind} penalty of a strength of its own"
            name = f"{kind} at its own strength"
            yield Hypothesis(name, words, rates, forces.params, fitted=1)


def _with_a_factor(problem: Problem, forces: Forces, names: list[str]) -> Iterator[Hypothesis]:
    rates = rates_of(problem)
    factor = _factor(forces, names, rates)
    if factor is not None:
        words = f"has {number(factor)} times A's penalty, a factor without a name here"
        scaled = {name: (factor * l1, factor * l2) for name, (l1, l2) in rates.items()}
        yield Hypothesis(
            "penalty x a free factor", words, scaled, forces.params, factor=factor, fitted=1
        )
    if problem.linear is None:
        return
    name, sd = problem.linear.weight, problem.inputs.flatten(1).std(0, correction=0)
    l1, l2 = rates[name]
    on_sd = {**rates, name: (l1 * sd, l2 * sd**2)}
    factor = _factor(forces, names, on_sd)
    if factor is not None:
        scaled = {key: (factor * one, factor * two) for key, (one, two) in on_sd.items()}
        words = f"was fitted to inputs divided by their sd, with {number(factor)} times A's penalty"
        name = "standardised inputs and a free factor"
        yield Hypothesis(name, words, scaled, forces.params, factor=factor, fitted=1)


def _factor(forces: Forces, names: list[str], rates: Rates) -> float | None:
    """The c for which -gradient is nearest to c times the pull; None where it is not > 0."""
    pulls, pushes = [], []
    for name in names:
        weights, (l1, l2) = forces.params[name], rates[name]
        moved = weights != 0
        pulls.append((l1 * weights.sign() + l2 * weights)[moved])
        pushes.append(-forces.gradient[name][moved])
    pull, push = torch.cat(pulls), torch.cat(pushes)
    size = float(pull @ pull)
    factor = float(push @ pull) / size if size > 0 else 0.0
    return factor if factor > 0 and math.isfinite(factor) else None


def _of_family(
    problem: Problem, forces: Forces, names: list[str], family: str
) -> Mapping[str, tuple[float, float]] | None:
    unit = (0.0, 1.0) if family == "gaussian" else (1.0, 0.0)
    rates = {name: unit if name in names else (0.0, 0.0) for name in problem.priors}
    factor = _factor(forces, names, rates)
    if factor is None:
        return None
    return {name: (factor * l1, factor * l2) for name, (l1, l2) in rates.items()}


def _weights(problem: Problem) -> list[str]:
    """What a penalty would be on where the problem has none: the weights, not the biases."""
    if problem.linear is not None:
        return [problem.linear.weight]
    return [name for name, value in problem.initial.items() if value.ndim > 1]
