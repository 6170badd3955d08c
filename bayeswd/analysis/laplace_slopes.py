"""The slope of the log evidence under a prior with an L1 part, from draws at one scale.

With every proper scale of the prior in proportion to one scale s, and t = log s,

    d log Z / dt = E[S] - m,    S = sum over the m penalised weights of |w| / b + w^2 / tau^2
    d^2 log Z / dt^2 = Var(S) - E[sum |w| / b + 2 w^2 / tau^2]

over the posterior at that scale; where scales are in proportion to sigma, which varies, w is
taken in units of sigma. The first mean is made quiet by functions of known mean (`zero_means`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bayeswd.analysis import zero_means
from bayeswd.estimate import linear_design
from bayeswd.posterior.gibbs_design import Design, Scatter
from bayeswd.problem.objective import Problem
from bayeswd.results import Draws

DIRECTIONS = 50  # that control variates are made along


@dataclass(frozen=True, eq=False)
class Slope:
    """values: the slope of log Z and the slope's slope by chain, [2, chains], CPU.

    noise: root of the posterior mean of sigma^2.
    """

    values: Tensor
    noise: float


def slope(design: Design, problem: Problem, draws: Draws) -> Slope:
    """The slope at the problem's scale, from draws of its posterior.

    design: of the same data, at any scale. Where sigma was drawn, all scales follow it.
    """
    weights = _penalised(problem, draws)  # [C, N, m]
    l1, l2 = (rates[: weights.shape[-1]] for rates in linear_design.rates(problem))
    sigma = torch.full_like(weights[..., 0], design.noise_scale)
    sigma = sigma if draws.noise_scale is None else draws.noise_scale.double()
    scaled = weights * (design.noise_scale / sigma)[..., None]  # scales vary with sigma
    absolute, squared = scaled.abs() * l1, scaled**2 * l2
    size = (absolute + squared).sum(-1)
    penalty = (scaled.sign() * l1 + scaled * l2) * (design.noise_scale / sigma)[..., None]
    push = _force(design, weights) / sigma[..., None] ** 2 + penalty
    zeros = [zero_means.of_weights(weights, push, _seen(design))]
    if draws.noise_scale is not None:
        squares = _residual_squares(design, weights) / sigma**2
        freedom = design.rows + weights.shape[-1]
        zeros.append(zero_means.of_noise(sigma, squares + size - freedom))
    quiet = zero_means.quieted(size - weights.shape[-1], torch.cat(zeros, -1))
    bend = (size - size.mean()) ** 2 - (absolute + 2 * squared).sum(-1)
    values = torch.stack([quiet.mean(1), bend.mean(1)]).cpu()
    return Slope(values, float(sigma.square().mean().sqrt()))


def _seen(design: Design) -> Tensor:
    """The directions of weights that the data see, the strongest of them, [m, r]."""
    data = design.data
    if isinstance(data, Scatter):
        return torch.linalg.eigh(data.gram).eigenvectors[:, -DIRECTIONS:]
    return torch.linalg.svd(data.columns, full_matrices=False).Vh[:DIRECTIONS].T


def _residual_squares(design: Design, weights: Tensor) -> Tensor:
    """|y - A w|^2 of weights [C, N, m], [C, N]."""
    flat = weights.flatten(0, 1).T
    return design.data.residual_squares(flat).unflatten(0, weights.shape[:2])


def _penalised(problem: Problem, draws: Draws) -> Tensor:
    """Draws of the penalised parameters, [chain, draw, m], float64."""
    parts = [draws.params[name].flatten(2).double() for name in problem.penalized]
    return torch.cat(parts, -1)


def _force(design: Design, weights: Tensor) -> Tensor:
    """sigma^2 times the gradient of the misfit, a flat bias integrated out, [C, N, m]."""
    data = design.data
    if isinstance(data, Scatter):
        return weights @ data.gram - data.cross
    return (weights @ data.columns.T - data.targets) @ data.columns
