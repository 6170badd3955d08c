"""What may have happened to the intercept: penalised, left out, or that of centred inputs."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from bayeswd.analysis.forces import Rates
from bayeswd.analysis.hypothesis import Hypothesis
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Params, Problem


def about_the_intercept(problem: Problem, rates: Rates, params: Params) -> Iterator[Hypothesis]:
    """Hypotheses on the bias of a linear problem; none where it has no bias."""
    layout = problem.linear
    if layout is None or layout.bias is None:
        return
    bias, weight = layout.bias, layout.weight
    if bias in problem.penalized:
        words = "does not penalise the intercept, which A does"
        yield Hypothesis("free intercept", words, {**rates, bias: (0.0, 0.0)}, params)
    elif weight in problem.penalized:
        words = "penalises the intercept too, as it does the weights"
        yield Hypothesis("penalised intercept", words, {**rates, bias: rates[weight]}, params)
    if not bool(params[bias].any()):
        words = "was fitted without an intercept"
        yield Hypothesis("no intercept", words, {**rates, bias: (math.inf, 0.0)}, params)
    shift = problem.inputs.flatten(1).mean(0) @ params[weight].T  # [K]
    for name, words, moved in (
        (
            "intercept of centred inputs",
            "has the intercept that belongs to centred inputs; take weights @ means off it",
            params[bias] - shift,
        ),
        (
            "intercept recentred twice",
            "has an intercept from which weights @ means was taken off once too often",
            params[bias] + shift,
        ),
    ):
        yield Hypothesis(name, words, rates, {**params, bias: moved})
    if bias not in problem.penalized:
        yield from _with_its_best(problem, rates, params, bias)


def _with_its_best(
    problem: Problem, rates: Rates, params: Params, bias: str
) -> Iterator[Hypothesis]:
    """The weights are right and the intercept alone is not."""
    best = {**params, bias: _best_bias(problem, params, bias)}
    if bool(params[bias].any()):
        words = "differs in its intercept alone: the weights are at rest once that is put right"
        fitted = params[bias].numel()
        yield Hypothesis("intercept alone", words, rates, best, fitted=fitted)
    else:
        words = "was fitted to centred data, and its intercept left at 0"
        yield Hypothesis("intercept left at 0", words, rates, best)


def _best_bias(problem: Problem, params: Params, bias: str) -> Tensor:
    """The flat bias that minimises the misfit, its weights being what they are, [K]."""
    without = problem.outputs({**params, bias: torch.zeros_like(params[bias])})
    if isinstance(problem.likelihood, GaussianNoise):
        return (problem.targets - without).mean(0)

    def misfit(value: Tensor) -> Tensor:
        return problem.likelihood.misfit(without + value, problem.targets)

    value = params[bias].clone()
    for _ in range(50):  # Newton steps on a convex function of K numbers
        slope = torch.func.grad(misfit)(value)
        curvature = torch.func.jacrev(torch.func.grad(misfit))(value)
        step = torch.linalg.pinv(curvature, hermitian=True) @ slope
        value = value - step.clamp(-2, 2)
        if float(step.abs().max()) < 1e-12:
            break
    return value
