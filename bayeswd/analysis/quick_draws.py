"""Draws of a posterior beside a comparison: exact ones, or what Gibbs draws in a second."""

from __future__ import annotations

from bayeswd.posterior import choose, conjugate, gibbs
from bayeswd.problem.objective import Problem
from bayeswd.results import Draws

CHAINS, LENGTH = 32, 300


def draw(problem: Problem) -> Draws | None:
    """Draws for linear models with Gaussian noise; None for all others, which take longer."""
    if conjugate.applies_to(problem):
        return conjugate.sample(problem)
    if choose.is_mixture(problem):
        return gibbs.sample(problem, chains=CHAINS, draws=LENGTH)
    return None
