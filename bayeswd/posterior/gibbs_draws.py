"""From what the Gibbs sampler kept to named draws: the flat bias, and the log joint density."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bayeswd.estimate import linear_design
from bayeswd.posterior import pieces
from bayeswd.posterior.gibbs_design import Rows, Scatter
from bayeswd.posterior.noise_models import NoiseModel
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Prior
from bayeswd.results import Draws


@dataclass(frozen=True, eq=False)
class Kept:
    """What C chains under one prior went through.

    weights: [draw, m, C], penalised parameters. noise: sigma, and strength: sigma / b, each
    [draw, C]. bias_normal: [draw, C], standard normals for a flat bias; None for any other.
    """

    weights: Tensor
    noise: Tensor
    strength: Tensor
    bias_normal: Tensor | None

    def rows(self, start: int, stop: int) -> Kept:
        """Some of the draws."""
        part, normal = slice(start, stop), self.bias_normal
        return Kept(
            self.weights[part],
            self.noise[part],
            self.strength[part],
            None if normal is None else normal[part],
        )


def as_draws(problem: Problem, data: Scatter | Rows, belief: NoiseModel, kept: Kept) -> Draws:
    """`Draws` without a reason and a time."""
    stats = {"lp": log_joint(problem, data, belief, kept)}
    if belief.strength_prior is not None:
        stats["strength"] = kept.strength.T.contiguous()
    return Draws(
        params=params(problem, kept),
        engine="gibbs",
        why="",
        seconds=0.0,
        noise_scale=None if belief.addition is None else kept.noise.T.contiguous(),
        sample_stats=stats,
    )


def params(problem: Problem, kept: Kept) -> dict[str, Tensor]:
    """Draws by parameter name, [chain, draw, *parameter], in the dtype of the inputs."""
    names = linear_design.layout(problem)
    width = problem.initial[names.weight].shape[1]
    found = {names.weight: _chains_first(kept.weights[:, :width])[:, :, None]}
    if kept.bias_normal is not None and names.bias is not None:
        shift = linear_design.centre(problem) @ kept.weights  # [draw, C]
        deviation = kept.noise * kept.bias_normal / problem.n**0.5
        bias = linear_design.targets_mean(problem) - shift + deviation
        found[names.bias] = _chains_first(bias[:, None])
    elif names.bias is not None:
        found[names.bias] = _chains_first(kept.weights[:, width:])
    return {name: value.to(problem.inputs.dtype) for name, value in found.items()}


def log_joint(problem: Problem, data: Scatter | Rows, belief: NoiseModel, kept: Kept) -> Tensor:
    """log density of targets, parameters, sigma^2 and strength^2 where they vary, [chain, draw].

    An improper density of sigma^2 counts as sigma^-2 to the power shape + 1.
    """
    length = max(1, pieces.size(kept.weights.device) // kept.weights[0].numel())
    parts = [
        _log_joint(problem, data, belief, kept.rows(start, start + length))
        for start in range(0, len(kept.weights), length)
    ]
    return torch.cat(parts).T.contiguous()


def _log_joint(problem: Problem, data: Scatter | Rows, belief: NoiseModel, kept: Kept) -> Tensor:
    """[draw, C]."""
    squares = data.residual_squares(kept.weights) / kept.noise**2
    if kept.bias_normal is not None:
        squares = squares + kept.bias_normal**2
    joint = -0.5 * squares - problem.n * (kept.noise * math.sqrt(2 * math.pi)).log()
    start = 0
    for name in problem.penalized:
        count = problem.initial[name].numel()
        weights = kept.weights[:, start : start + count]
        joint = joint + _log_prior(problem, belief, problem.priors[name], weights, kept)
        start += count
    return joint + belief.log_density(kept.noise, kept.strength)


def _log_prior(
    problem: Problem, belief: NoiseModel, prior: Prior, weights: Tensor, kept: Kept
) -> Tensor:
    """log p(w / f) - log f, summed, where the scales of the prior are f times the stated ones."""
    at_zero = float(prior.log_density(torch.zeros(1, dtype=torch.float64)))
    total = torch.full_like(kept.noise, weights.shape[1] * at_zero)
    factor = _widening(problem, belief, prior, kept)
    if prior.l1_rate > 0:
        total = total - prior.l1_rate * weights.abs().sum(1) / factor
    if prior.l2_rate > 0:
        total = total - 0.5 * prior.l2_rate * (weights**2).sum(1) / factor**2
    return total - weights.shape[1] * factor.log()


def _widening(problem: Problem, belief: NoiseModel, prior: Prior, kept: Kept) -> Tensor:
    """The scale of a prior in units of its stated one, [draw, C]."""
    if prior.l1_rate > 0:
        return kept.noise / kept.strength * linear_design.weight_prior(problem).l1_rate
    assert isinstance(problem.likelihood, GaussianNoise)
    return (kept.noise / problem.likelihood.scale) ** min(belief.power, 1)


def _chains_first(values: Tensor) -> Tensor:
    """[draw, m, C] as [C, draw, m]; as a matrix it is turned five times as fast."""
    draws, size, chains = values.shape
    return values.reshape(draws * size, chains).T.contiguous().view(chains, draws, size)
