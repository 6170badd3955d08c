"""The exact optimum of a linear model: the mode to rounding, with its certificate.

Linear-Gaussian problems have a closed form under Gaussian priors and a finite search under
Laplace ones; logistic, softmax and Poisson regression are convex. `solve` picks among them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from bayeswd.estimate import exact_glm, exact_lasso, exact_ridge, linear_design, prior_scales
from bayeswd.estimate.certificate import certify
from bayeswd.estimate.exact_requirements import (
    require_glm,
    require_lasso,
    require_ridge,
    without_l1,
)
from bayeswd.estimate.proximal_newton import Minimum
from bayeswd.problem.likelihoods import Categorical, GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat
from bayeswd.results import Estimate

# KKT residual up to which a fit has converged: what rounding the parameters to a dtype leaves
SETTLED = {torch.float64: 1e-9, torch.float32: 1e-4}
SETTLED_COARSE = 0.1


def solve(problem: Problem) -> Estimate:
    """The mode of any linear problem, by `ridge`, `lasso` or `glm`."""
    linear_design.layout(problem)
    if not isinstance(problem.likelihood, GaussianNoise):
        return glm(problem)
    return ridge(problem) if without_l1(problem) else lasso(problem)


def ridge(problem: Problem) -> Estimate:
    """The linear-Gaussian mode under Gaussian weights, in closed form.

    Any n and d, K outputs; the bias Flat, Gaussian with a scale of its own, or absent. Flat
    weights (least squares) need columns of full rank, no more than rows.
    """
    require_ridge(problem)
    started = time.perf_counter()
    if isinstance(linear_design.weight_prior(problem), Flat):
        coefficients = exact_ridge.least_squares(problem)
    else:
        (coefficients,) = exact_ridge.modes(problem, [_strength(problem)])
    return _estimate(problem, coefficients, time.perf_counter() - started)


def ridge_path(problem: Problem, scales: Sequence[float]) -> list[Estimate]:
    """`ridge` for each prior scale tau of the weights, in the order given, one factorisation.

    A Gaussian bias keeps its scale in proportion to tau; a Flat one stays Flat. `seconds` shares
    the factorisation out evenly.
    """
    require_ridge(problem, "exact.ridge_path")
    problems = prior_scales.along(problem, scales, "exact.ridge_path")
    started = time.perf_counter()
    modes = exact_ridge.modes(problem, [_strength(each) for each in problems])
    seconds = (time.perf_counter() - started) / max(len(problems), 1)
    return [
        _estimate(each, coefficients, seconds)
        for each, coefficients in zip(problems, modes, strict=True)
    ]


def lasso(problem: Problem) -> Estimate:
    """The linear-Gaussian mode under Laplace or ElasticNet weights, with exact zeros.

    The bias may have any prior or be absent. Where columns are linearly dependent the mode may
    not be unique; one of the modes is returned.
    """
    require_lasso(problem)
    return _lasso(problem, None)[0]


def lasso_path(problem: Problem, scales: Sequence[float]) -> list[Estimate]:
    """`lasso` for each scale of the weights' prior, in the order given, each from its neighbour.

    A scale is the b of a Laplace prior and the l1_scale of an ElasticNet; every other scale, the
    l2_scale and those of the bias, is kept in proportion to it. A Flat bias stays Flat.
    """
    require_lasso(problem, "exact.lasso_path")
    problems = prior_scales.along(problem, scales, "exact.lasso_path")
    estimates: dict[int, Estimate] = {}
    start: Tensor | None = None
    for index in sorted(range(len(problems)), key=lambda i: scales[i]):
        estimates[index], start = _lasso(problems[index], start)
    return [estimates[index] for index in range(len(problems))]


def glm(problem: Problem) -> Estimate:
    """The mode of logistic, softmax or Poisson regression under any of the priors.

    With L1 the zeros are exact. Softmax under a Flat bias: the shift common to all classes is
    not identified, and the biases returned sum to zero; likewise Flat weights, in each column.
    Under L1 the softmax weights of a column may not be unique: one of the modes is returned.
    Where Flat parameters have no mode (separable classes, a class without examples), the
    estimate is not converged and its note says so.
    """
    require_glm(problem)
    started = time.perf_counter()
    found = exact_glm.mode(problem)
    coefficients = _without_common_shift(problem, found.minimum.weights)
    seconds = time.perf_counter() - started
    estimate = _estimate(problem, coefficients, seconds, found.minimum)
    if found.exists:
        return replace(estimate, note=_softmax_note(problem))
    note = (
        "no mode: under a Flat prior the objective falls for ever (separable classes, a class "
        "without examples, or counts all 0); give the Flat parameters a proper prior"
    )
    return replace(estimate, converged=False, note=note)


def _lasso(problem: Problem, start: Tensor | None) -> tuple[Estimate, Tensor]:
    started = time.perf_counter()
    minimum = exact_lasso.mode(problem, start)
    seconds = time.perf_counter() - started
    return _estimate(problem, minimum.weights, seconds, minimum), minimum.weights


def _estimate(
    problem: Problem, coefficients: Tensor, seconds: float, minimum: Minimum | None = None
) -> Estimate:
    params = linear_design.params(problem, coefficients)
    certificate = certify(problem, params)
    objective = float(problem.objective(params))
    return Estimate(
        method="exact",
        params=params,
        objective=objective,
        certificate=certificate,
        converged=certificate.kkt <= SETTLED.get(problem.inputs.dtype, SETTLED_COARSE),
        seconds=seconds,
        steps=None if minimum is None else minimum.steps,
        history=() if minimum is None else _in_nats(minimum, objective),
    )


def _in_nats(minimum: Minimum, last: float) -> tuple[tuple[int, float], ...]:
    """The values of a descent, which lack normalising constants, shifted to end at `last`."""
    missing = last - minimum.history[-1][1]
    return tuple((step, value + missing) for step, value in minimum.history)


def _strength(problem: Problem) -> float:
    """lambda = sigma^2/tau^2."""
    return problem.likelihood.loss_scale * linear_design.weight_prior(problem).l2_rate


def _without_common_shift(problem: Problem, coefficients: Tensor) -> Tensor:
    """Softmax coefficients [K, p] that sum to zero over classes in each Flat column."""
    if not isinstance(problem.likelihood, Categorical):
        return coefficients
    l1, l2 = linear_design.rates(problem)
    return coefficients - coefficients.mean(0) * (l1 + l2 == 0)


def _softmax_note(problem: Problem) -> str:
    if not isinstance(problem.likelihood, Categorical):
        return ""
    flat = [repr(name) for name in problem.priors if name not in problem.penalized]
    shift = f"a shift common to all classes of {', '.join(flat)} is not identified: it is set to 0"
    unique = "under L1 the weights of a softmax may not be unique"
    return "; ".join([shift] * bool(flat) + [unique] * (not without_l1(problem)))
