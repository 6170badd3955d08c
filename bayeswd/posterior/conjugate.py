"""The posterior of a linear-Gaussian problem with known noise, exactly: a Gaussian.

n > d works from moments; d >= n from the rows' thin decomposition, in O(n^2 d) and without any
d x d matrix but the covariance, which is built only when it is small.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import torch
from torch import Tensor

from bayeswd.errors import InputError
from bayeswd.estimate import prior_scales
from bayeswd.posterior import evidence, pieces, spectrum
from bayeswd.posterior.random_numbers import RandomNumbers
from bayeswd.posterior.solution import Solution, as_posterior, decompose, solve
from bayeswd.problem import checks
from bayeswd.problem.objective import Problem
from bayeswd.results import Draws, GaussianPosterior

_WIDTH = 128  # random numbers in a row
_ENTRIES = 3000**2  # of all covariance matrices of one answer; beyond it none is built


def posterior(problem: Problem) -> GaussianPosterior:
    """Mean, sd and covariance of all weights and the bias, and the log evidence.

    mean and sd have the dtype of the inputs; the covariance of the flattened parameters (weight,
    then bias) is float64, None beyond 3000 of them. Raises InputError where the posterior is
    improper or not Gaussian.
    """
    spectrum.require(problem, "conjugate.posterior")
    solution = solve(problem)
    return as_posterior(solution, _log_evidence(solution), _ENTRIES)


def applies_to(problem: Problem) -> bool:
    """Whether the posterior of this problem is a Gaussian in closed form."""
    try:
        spectrum.require(problem, "the posterior")
    except InputError:
        return False
    return True


def path(problem: Problem, scales: Sequence[float] | Tensor) -> list[GaussianPosterior]:
    """The posterior at each scale of the weights' prior, from one factorisation.

    A Gaussian bias keeps its scale in proportion to that of the weights (and then each scale has
    a factorisation of its own); a flat one stays flat. Covariances are left out where together
    they are too large.
    """
    spectrum.require_gaussian_weights(problem, "conjugate.path")
    values = [float(scale) for scale in scales]
    shared = None if 0 < spectrum.bias_variance(problem) < math.inf else decompose(problem)
    log_evidences = evidence.log_evidence_path(problem, values, shared).tolist()
    along = prior_scales.along(problem, values, "conjugate.path")
    solutions = (solve(each, shared) for each in along)
    room = _ENTRIES // max(len(values), 1)
    return [as_posterior(*pair, room) for pair in zip(solutions, log_evidences, strict=True)]


def sample(problem: Problem, *, chains: int = 4, draws: int = 1000, seed: int = 0) -> Draws:
    """Independent exact draws, [chain, draw, *parameter]; sample_stats lp = log joint, nats."""
    spectrum.require(problem, "conjugate.sample")
    if chains < 1 or draws < 1:
        raise InputError(f"conjugate.sample: {chains} chains of {draws} draws; give at least 1.")
    start = time.perf_counter()
    solution = solve(problem)
    random = RandomNumbers(seed, _WIDTH, problem.inputs.device)
    flat, log_density = _draw(solution, chains * draws, random)
    shaped = {
        name: value.to(problem.inputs.dtype).reshape(chains, draws, *value.shape[1:])
        for name, value in flat.items()
    }
    return Draws(
        params=shaped,
        engine="conjugate",
        why="the posterior is a Gaussian in closed form: every draw is exact and independent",
        seconds=time.perf_counter() - start,
        sample_stats={"lp": (log_density + _log_evidence(solution)).reshape(chains, draws)},
    )


def predictive(
    problem: Problem, posterior: GaussianPosterior, inputs: Tensor
) -> tuple[Tensor, Tensor]:
    """Mean and sd of noisy targets at new inputs, both [m, K], weights and noise uncertain."""
    spectrum.require(problem, "conjugate.predictive")
    rows = checks.as_inputs(inputs).to(problem.inputs)
    if rows.shape[1:] != problem.inputs.shape[1:]:
        raise InputError(
            f"conjugate.predictive: inputs of shape {tuple(rows.shape)} for a problem whose rows "
            f"have shape {tuple(problem.inputs.shape[1:])}; make them equal."
        )
    mean = problem.outputs(posterior.mean, rows)
    flat = rows.flatten(1).double()
    if posterior.covariance is None:
        variance = _spread_of_own(problem, posterior, flat)
    else:
        variance = _spread(problem, posterior.covariance, flat)
    noise = posterior.noise_scale or spectrum.noise_scale(problem)
    return mean, (variance + noise**2).sqrt().to(mean)


def _log_evidence(solution: Solution) -> float:
    return evidence.log_evidence(solution.problem, solution.spectrum)


def _draw(
    solution: Solution, count: int, random: RandomNumbers
) -> tuple[dict[str, Tensor], Tensor]:
    """`count` draws of each parameter, and their log posterior density [count]."""
    names, weight = spectrum.layout(solution.problem), solution.weight
    params = {names.weight: weight.new_empty(count, *weight.shape)}
    if names.bias is not None and solution.bias is not None:
        params[names.bias] = solution.bias.new_empty(count, len(solution.bias))
    quadratic = weight.new_empty(count)
    rows = max(1, pieces.size(weight.device) // weight.numel())
    for start in range(0, count, rows):
        piece = slice(start, start + rows)
        parts = [value[piece] for value in params.values()]
        quadratic[piece] = _fill(solution, random, *parts)
    return params, -0.5 * (quadratic + _log_volume(solution))


def _fill(
    solution: Solution, random: RandomNumbers, weight: Tensor, bias: Tensor | None = None
) -> Tensor:
    """Write draws to [count, K, d] and [count, K]; the squared length of their deviations.

    S^(1/2) e = tau e + V (sd - tau) V'e: no more than the thin basis, for any d (an equal in law
    of Bhattacharya, Chakraborty & Mallick 2016, algorithm 1).
    """
    found, beside = solution.spectrum, math.sqrt(solution.off)
    deviation = _normal(random, weight.shape)
    quadratic = (deviation * deviation).flatten(1).sum(1)
    along = deviation @ found.basis
    torch.matmul(along.mul_(solution.variances.sqrt() - beside), found.basis.T, out=weight)
    weight.add_(deviation, alpha=beside).add_(solution.weight)
    if bias is None:
        return quadratic
    deviation = _normal(random, bias.shape)
    follows = solution.bias_share * (found.targets_mean - weight @ found.inputs_mean)
    torch.add(follows, deviation, alpha=math.sqrt(solution.bias_variance), out=bias)
    return quadratic + (deviation * deviation).sum(1)


def _log_volume(solution: Solution) -> float:
    """log det (2 pi covariance) of all parameters."""
    outputs, d = solution.weight.shape
    log_volume = float(solution.variances.log().sum()) + d * math.log(2 * math.pi)
    if solution.off:
        log_volume += (d - len(solution.variances)) * math.log(solution.off)
    if solution.bias is not None:
        log_volume += math.log(2 * math.pi * solution.bias_variance)
    return outputs * log_volume


def _normal(random: RandomNumbers, shape: torch.Size) -> Tensor:
    """Standard normals, float64."""
    count = shape.numel()
    return random.fleeting_normal(-(-count // random.chains)).flatten()[:count].view(shape)


def _spread(problem: Problem, covariance: Tensor, rows: Tensor) -> Tensor:
    """Variance of each output at [m, d] rows under a covariance of (weight, bias), [m, K]."""
    names = spectrum.layout(problem)
    outputs, d = problem.initial[names.weight].shape
    if names.bias is not None:
        rows = torch.cat([rows, torch.ones_like(rows[:, :1])], 1)
    spreads = []
    for output in range(outputs):
        index = torch.arange(output * d, output * d + d)
        if names.bias is not None:
            index = torch.cat([index, torch.tensor([outputs * d + output])])
        block = covariance[index][:, index].to(rows)
        spreads.append(((rows @ block) * rows).sum(1))
    return torch.stack(spreads, 1)


def _spread_of_own(problem: Problem, posterior: GaussianPosterior, rows: Tensor) -> Tensor:
    """The same without the covariance, for the problem's own posterior only."""
    solution = solve(problem)
    own = solution.weight.to(problem.inputs)
    given = posterior.mean[spectrum.layout(problem).weight]
    if not torch.allclose(own, given, rtol=1e-3, atol=1e-3 * float(own.abs().max())):
        raise InputError(
            "conjugate.predictive: this posterior has no covariance and is not that of the "
            "problem; give the problem the prior that the posterior belongs to."
        )
    spread = solution.spread(rows - solution.bias_share * solution.spectrum.inputs_mean)
    return (spread + solution.bias_variance)[:, None].expand(-1, len(own))
