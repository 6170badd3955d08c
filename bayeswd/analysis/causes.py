"""From residuals to a cause: which hypothesis about a fit wins, and what comes too near to it."""

from __future__ import annotations

from bayeswd.analysis.differences import hypotheses
from bayeswd.analysis.explanation import NOT_CONVERGED, UNEXPLAINED, Cause, Tested
from bayeswd.analysis.forces import Forces, forces
from bayeswd.analysis.hypothesis import SAME, START, Hypothesis
from bayeswd.analysis.pulls import APART, ROUNDING
from bayeswd.problem.objective import Params, Problem


def cause_of(
    problem: Problem, found: Forces, rounding: Params, at_zero: float, batch_size: int | None
) -> Cause:
    """What explains these weights: a named difference, else a fitted one, else none.

    A named difference wins with a residual within the tolerance and APART times smaller than that
    of the next one; where another comes nearer than that, both are given.
    """

    def residual(claim: Hypothesis) -> float:
        if claim.params is found.params:
            return found.residual(claim.rates)
        return forces(problem, claim.params, rounding, at_zero).residual(claim.rates)

    tests = sorted(
        (
            Tested(claim.name, claim.words, residual(claim), claim.factor, claim.fitted)
            for claim in hypotheses(problem, found, batch_size)
        ),
        key=lambda test: (test.residual, test.fitted),
    )
    best, ties = _winner(tests, found)
    name = best.name if best.residual <= found.tolerance else UNEXPLAINED
    if name == START:
        name = NOT_CONVERGED
    return Cause(name, tuple(tests), ties, found.tolerance, best)


def _winner(tests: list[Tested], found: Forces) -> tuple[Tested, tuple[str, ...]]:
    """The hypothesis of least residual, named ones first, and those too near to be told from it.

    Where the stated objective is among these, no difference need be claimed.
    """
    for rivals in ([t for t in tests if not t.fitted], [t for t in tests if t.fitted]):
        if rivals and rivals[0].residual <= found.tolerance:
            reach = APART * max(rivals[0].residual, ROUNDING)
            near = [test for test in rivals if test.residual < reach]
            best = next((test for test in near if test.name == SAME), near[0])
            return best, tuple(test.name for test in near if test is not best)
    return tests[0], ()
