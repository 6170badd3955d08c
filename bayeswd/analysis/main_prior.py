"""The prior that speaks for a problem, as people write it: its reading and its strength."""

from __future__ import annotations

from typing import Any

from bayeswd.analysis.comparison import Penalty
from bayeswd.problem import conventions
from bayeswd.problem.conventions import Reading
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Prior


def main_prior(problem: Problem) -> Prior:
    """The prior of the weights: of a linear layer's weight, else of the first decayed parameter."""
    if problem.linear is not None:
        return problem.priors[problem.linear.weight]
    return next((problem.priors[name] for name in problem.penalized), Flat())


def reading_of(problem: Problem) -> Reading:
    """The main prior as `bayeswd.problem.conventions` states one."""
    prior = main_prior(problem)
    l1_scale = 1 / prior.l1_rate if prior.l1_rate else None
    l2_scale = prior.l2_rate**-0.5 if prior.l2_rate else None
    both = l1_scale is not None and l2_scale is not None
    layout = problem.linear
    return Reading(
        family=prior.family,
        scale=None if both else l1_scale or l2_scale or float("inf"),
        variance=float(prior.variance),
        l1_scale=l1_scale,
        l2_scale=l2_scale,
        bias_penalized=layout is not None and layout.bias in problem.penalized,
    )


def known_to(problem: Problem) -> dict[str, Any]:
    """The numbers of a problem that a convention may ask for."""
    noise = problem.likelihood.scale if isinstance(problem.likelihood, GaussianNoise) else None
    one_each = problem.targets.ndim == 1  # class indices: one target for each row
    return {
        "n": problem.n,
        "noise_scale": noise,
        "likelihood": problem.likelihood.family,
        "outputs": 1 if one_each else problem.targets.shape[1],
    }


def as_penalty(problem: Problem, convention: str = "d2l") -> Penalty:
    """The penalty a problem's main prior is, as a number in front of it in a convention."""
    reading = reading_of(problem)
    kinds = {"gaussian": "l2", "laplace": "l1", "elastic-net": "elastic-net", "flat": "l2"}
    strength = conventions.strength(convention, reading, **known_to(problem))
    return Penalty(kinds[reading.family], strength, convention)
