"""What weights alone say: the penalty they are the optimum of, and why two fits do not agree.

No trust in either fit is needed. At a mode the data push each weight as hard as the penalty pulls
it, so that every claim about the penalty is a claim about one gradient; the relative KKT residual
that is left is the evidence for it.
"""

from __future__ import annotations

from bayeswd.analysis import infer
from bayeswd.analysis.causes import cause_of
from bayeswd.analysis.explanation import Explanation
from bayeswd.analysis.explanation_words import Pair, judge
from bayeswd.analysis.forces import Weights, forces, read
from bayeswd.analysis.strength_finding import StrengthFinding
from bayeswd.estimate import certificate
from bayeswd.problem.objective import Problem
from bayeswd.problem.stationarity import in_double, largest_force


def infer_strength(
    weights: Weights, problem: Problem, *, convention: str = "d2l"
) -> StrengthFinding:
    """The strength and the family of the penalty that these weights are the optimum of.

    weights: by parameter name, or a module. problem: the data, the likelihood, and by its priors
    which parameters are penalised at all; the scales of those priors play no part. Strengths are
    given in `convention`, for each parameter by itself. "none" is an answer: the weights are then
    the optimum of no Gaussian, Laplace, elastic-net or absent penalty (or of one that differs
    between the weights of a parameter).

    Sigma fixes the scale of the prior, not the strength in front of a penalty.
    """
    problem = in_double(problem)
    params, rounding = read(weights, problem)
    return infer.finding(problem, forces(problem, params, rounding), convention)


def explain_difference(
    weights_a: Weights, weights_b: Weights, problem: Problem, *, batch_size: int | None = None
) -> Explanation:
    """Which single difference explains that fit B is not fit A.

    problem: A's objective, priors and scales included. For each hypothesis (a factor 2, n, K,
    batch size, sd_y, sigma^2 on the penalty, standardised inputs, a penalised, missing or centred
    intercept, L1 for L2, a start not yet decayed, ...) the relative KKT residual of B is taken as
    if it were true. A named one wins with at most 1e-4 (more only where the digits of B demand
    it) and 30 times less than the next. Where none does, a factor fitted to B is tried, and an
    unfinished run; "none" is an answer.
    """
    problem = in_double(problem)
    at_zero = largest_force(problem)
    (a, off_a), (b, off_b) = (
        read(weights, problem, f"weights {name}")
        for name, weights in (("A", weights_a), ("B", weights_b))
    )
    cause_a, cause_b = (
        cause_of(problem, forces(problem, params, off, at_zero), off, at_zero, batch_size)
        for params, off in ((a, off_a), (b, off_b))
    )
    pair = Pair(problem, a, b, certificate.duality_gap(problem, b, witness=a))
    name, verdict = judge(pair, cause_a, cause_b)
    return Explanation(
        cause=name,
        verdict=verdict,
        tests=cause_b.tests,
        ties=cause_b.ties,
        tolerance=cause_b.tolerance,
        cause_a=cause_a.name,
        residual_a=cause_a.same.residual,
        difference=pair.apart,
        gap=pair.gap,
    )
