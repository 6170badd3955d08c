"""What may be different about a fit: one factor at a time, each a claim that its weights test.

A hypothesis names the pulls (and, where the intercept was moved, the weights) for which the fit
would be at rest if it were true. `fitted` counts the numbers that it takes from the weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from bayeswd.analysis.fitted_differences import fitted_differences
from bayeswd.analysis.forces import Forces, Rates, rates_of
from bayeswd.analysis.hypothesis import SAME, START, Hypothesis
from bayeswd.analysis.intercepts import about_the_intercept
from bayeswd.analysis.penalty_factors import named_factors, sd_of_target
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Params, Problem

Change = Callable[[float, float], tuple[float, float]]


def hypotheses(problem: Problem, forces: Forces, batch_size: int | None = None) -> list[Hypothesis]:
    """Every hypothesis about these weights that is no other one in disguise."""
    found: list[Hypothesis] = []
    for hypothesis in _all(problem, forces, batch_size):
        if not any(hypothesis.is_like(other) for other in found):
            found.append(hypothesis)
    return found


def null_space_part(problem: Problem, params: Params) -> Tensor | None:
    """The part of a linear problem's weights on which the data have no say; None without one."""
    inputs = problem.inputs.flatten(1)
    if problem.linear is None or inputs.shape[1] <= problem.n:
        return None
    weight = params[problem.linear.weight]
    rows = torch.linalg.qr(inputs.T).Q  # [d, n], orthonormal
    return weight - (weight @ rows) @ rows.T


def _all(problem: Problem, forces: Forces, batch_size: int | None) -> Iterator[Hypothesis]:
    rates, params = rates_of(problem), forces.params
    yield Hypothesis(SAME, "minimises A's objective", rates, params, factor=1.0)
    if problem.penalized:
        for factor in named_factors(problem, batch_size):
            value = factor.value
            yield Hypothesis(
                f"penalty x {factor.name}",
                f"has {factor.written} times A's penalty, relative to the data: {factor.why}",
                _scaled(problem, value, value),
                params,
                factor=value,
            )
        yield from _of_one_part(problem, params)
        yield from _standardized(problem, rates, params)
        yield from _of_the_other_family(problem, params)
        yield from _with_the_start(problem, rates, params)
    yield from about_the_intercept(problem, rates, params)
    yield from fitted_differences(problem, forces)


def _of_one_part(problem: Problem, params: Params) -> Iterator[Hypothesis]:
    """Of an elastic net, one part alone or under sd_y."""
    priors = [problem.priors[name] for name in problem.penalized]
    if not all(prior.l1_rate and prior.l2_rate for prior in priors):
        return
    yield Hypothesis("L1 part alone", "has A's L1 part alone", _scaled(problem, 1, 0), params)
    yield Hypothesis("L2 part alone", "has A's L2 part alone", _scaled(problem, 0, 1), params)
    if _one_target(problem):
        sd = sd_of_target(problem, 0)
        words = "has 1/sd_y times A's L2 part and the same L1 part, as glmnet has"
        yield Hypothesis("L2 part x 1/sd_y", words, _scaled(problem, 1, 1 / sd), params)
        words = "has sd_y times A's L1 part and the same L2 part: its target was divided by sd_y"
        yield Hypothesis("L1 part x sd_y", words, _scaled(problem, sd, 1), params)


def _standardized(problem: Problem, rates: Rates, params: Params) -> Iterator[Hypothesis]:
    """The penalty on sd_j w_j: what a fit to standardised inputs has on the scale of these."""
    if problem.linear is None or problem.n < 2:
        return
    name = problem.linear.weight
    l1_rate, l2_rate = rates[name]
    for correction, below in ((0, "n"), (1, "n-1")):
        sd = problem.inputs.flatten(1).std(0, correction=correction)
        words = f"was fitted to inputs divided by their sd (with {below} below), the penalty being "
        words += "on that scale"
        changed = {**rates, name: (l1_rate * sd, l2_rate * sd**2)}
        yield Hypothesis(f"standardised inputs ({below})", words, changed, params)
        if _one_target(problem) and problem.priors[name].l2_rate:
            over = l2_rate / sd_of_target(problem, correction)
            words += ", and its L2 strength divided by sd_y: glmnet's and Spark's default"
            changed = {**rates, name: (l1_rate * sd, over * sd**2)}
            both = f"standardised inputs and L2 x 1/sd_y ({below})"
            yield Hypothesis(both, words, changed, params)


def _of_the_other_family(problem: Problem, params: Params) -> Iterator[Hypothesis]:
    """L1 for L2 or L2 for L1, at the same number or at the same variance of the prior."""
    families = {problem.priors[name].family for name in problem.penalized}
    swaps: dict[str, Change] = {}
    if families == {"gaussian"}:
        name = "L1 for L2"
        swaps = {
            "at the same strength": lambda l1, l2: (l2, 0.0),
            "at half the strength": lambda l1, l2: (l2 / 2, 0.0),
            "of the same prior variance": lambda l1, l2: (math.sqrt(2 * l2), 0.0),
        }
    elif families == {"laplace"}:
        name = "L2 for L1"
        swaps = {
            "at the same strength": lambda l1, l2: (0.0, l1),
            "at twice the strength": lambda l1, l2: (0.0, 2 * l1),
            "of the same prior variance": lambda l1, l2: (0.0, l1**2 / 2),
        }
    for how, change in swaps.items():
        first, _, second = name.partition(" for ")
        words = f"has {first} in place of {second}, {how}"
        yield Hypothesis(f"{name}, {how}", words, _changed(problem, change), params)


def _with_the_start(problem: Problem, rates: Rates, params: Params) -> Iterator[Hypothesis]:
    """At rest where the data speak; elsewhere only decay moves weights, and it has not done."""
    families = {problem.priors[name].family for name in problem.penalized}
    left = null_space_part(problem, params) if families == {"gaussian"} else None
    if left is None or problem.linear is None:
        return
    name = problem.linear.weight
    share = float(left.norm() / params[name].norm()) if params[name].norm() > 0 else 0.0
    if share > 1e-6:
        words = f"is at rest where the data speak, but {share:.0%} of its norm lies where they "
        words += "have no say: a start that the decay has not yet taken away"
        yield Hypothesis(START, words, rates, {**params, name: params[name] - left})


def _scaled(problem: Problem, of_l1: float, of_l2: float) -> Rates:
    return _changed(problem, lambda l1, l2: (l1 * of_l1, l2 * of_l2))


def _changed(problem: Problem, change: Change) -> Rates:
    """The problem's pulls with those of every penalised parameter changed."""
    return {
        name: change(prior.l1_rate, prior.l2_rate) if name in problem.penalized else (0.0, 0.0)
        for name, prior in problem.priors.items()
    }


def _one_target(problem: Problem) -> bool:
    return isinstance(problem.likelihood, GaussianNoise) and problem.targets.shape[-1] == 1
