"""From what the Gibbs sampler kept to named draws: the flat bias, and the log joint density."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bayeswd.estimate import linear_design
from bayeswd.posterior.gibbs_design import Rows, Scatter
from bayeswd.posterior.noise_models import NoiseModel
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Prior
from bayeswd.results import Draws

_CHUNK = 2**20  # numbers in one piece of a product of matrices


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
    weights = kept.weights.permute(2, 0, 1)
    found = {names.weight: weights[:, :, None, :width]}
    if kept.bias_normal is not None and names.bias is not None:
        shift = linear_design.centre(problem) @ kept.weights  # [draw, C]
        deviation = kept.noise * kept.bias_normal / problem.n**0.5
        bias = problem.targets.double().mean() - shift + deviation
        found[names.bias] = bias.T[..., None]
    elif names.bias is not None:
        found[names.bias] = weights[:, :, width:]
    return {name: value.to(problem.inputs.dtype).contiguous() for name, value in found.items()}


def log_joint(problem: Problem, data: Scatter | Rows, belief: NoiseModel, kept: Kept) -> Tensor:
    """log density of targets, parameters, sigma^2 and strength^2 where they vary, [chain, draw].

    An improper density of sigma^2 counts as sigma^-2 to the power shape + 1.
    """
    squares = _residual_squares(data, kept.weights) / kept.noise**2
    if kept.bias_normal is not None:
        squares = squares + kept.bias_normal**2
    joint = -0.5 * squares - problem.n * (kept.noise * math.sqrt(2 * math.pi)).log()
    joint = (
        joint + _log_prior(problem, belief, kept) + belief.log_density(kept.noise, kept.strength)
    )
    return joint.T.contiguous()


def _residual_squares(data: Scatter | Rows, weights: Tensor) -> Tensor:
    """|y - A w|^2 of weights [draw, m, C], [draw, C]."""
    pieces = weights.split(max(1, _CHUNK // weights[0].numel()))
    return torch.cat([data.residual_squares(piece) for piece in pieces])


def _log_prior(problem: Problem, belief: NoiseModel, kept: Kept) -> Tensor:
    """Each prior at its scale of the moment: log p(w; f b) = log p(w / f; b) - log f."""
    total, start = torch.zeros_like(kept.noise), 0
    for name in problem.penalized:
        prior, count = problem.priors[name], problem.initial[name].numel()
        weights = kept.weights[:, start : start + count]
        start += count
        if belief.varies:
            factor = _widening(problem, belief, prior, kept)
            weights, total = weights / factor[:, None], total - count * factor.log()
        total = total + prior.log_density(weights).sum(1)
    return total


def _widening(problem: Problem, belief: NoiseModel, prior: Prior, kept: Kept) -> Tensor:
    """The scale of a prior in units of its stated one, [draw, C]."""
    if prior.l1_rate > 0:
        return kept.noise / kept.strength * linear_design.weight_prior(problem).l1_rate
    assert isinstance(problem.likelihood, GaussianNoise)
    return (kept.noise / problem.likelihood.scale) ** min(belief.power, 1)
