"""The evidence under a prior with an L1 part, by integrating its slope along the path.

With every proper scale of the prior in proportion to one scale s, and t = log s,

    d log Z / dt = E[S] - m,    S = sum over the m penalised weights of |w| / b + w^2 / tau^2
    d^2 log Z / dt^2 = Var(S) - E[sum |w| / b + 2 w^2 / tau^2]

over the posterior at that scale. From draws at nodes t_0 < t_1 < ... the curve is the integral of
the slope by the Hermite rule, h/2 (g_0 + g_1) + h^2/12 (g'_0 - g'_1) for each step h, started
where the prior pins the weights to 0 and log Z is known to second order in their scale.

The nodes share their random numbers, so that errors add up along the path;
the chains do not, and leaving out one chain at a time gives the error of the integral itself. The
slopes are made quiet by functions of known mean (`zero_means`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from bayeswd.analysis import zero_means
from bayeswd.analysis.evidence_curves import EvidenceCurve, Scales, spline
from bayeswd.analysis.laplace_anchor import Anchor, known_anchor, uncertain_anchor
from bayeswd.estimate import linear_design, prior_scales
from bayeswd.posterior import gibbs, gibbs_design, spectrum
from bayeswd.posterior.gibbs_design import Design, Scatter
from bayeswd.posterior.noise_models import NoiseModel
from bayeswd.problem.objective import Problem
from bayeswd.results import Draws

STEP = 0.35  # longest step between nodes, in log scale
_NUMBERS = 2**25  # weights that are held at a time, 256 MiB


def known_noise(
    problem: Problem, scales: Scales, *, chains: int = 64, draws: int = 200, seed: int = 0
) -> EvidenceCurve:
    """log p(targets) at the problem's own sigma."""
    design = gibbs_design.of([problem], "evidence")
    anchor = known_anchor(problem, design, scales[0])
    return _integrated(problem, scales, design, anchor, gibbs.KNOWN, chains, draws, seed)


def park_casella(
    problem: Problem, scales: Scales, *, chains: int = 64, draws: int = 200, seed: int = 0
) -> EvidenceCurve:
    """The same with density 1 / sigma^2 and b / sigma fixed (Park & Casella 2008, eq. 4).

    Scales are stated at the problem's sigma: what is varied is b / sigma = 1 / lambda, and the
    slope is d log Z / d log lambda = d - lambda E[|w|_1 / sigma].
    """
    design = gibbs_design.of([problem], "evidence")
    anchor, noise = uncertain_anchor(problem, design, scales[0]), gibbs.park_casella()
    return _integrated(problem, scales, design, anchor, noise, chains, draws, seed)


def _integrated(
    problem: Problem,
    scales: Scales,
    design: Design,
    anchor: Anchor,
    noise: NoiseModel,
    chains: int,
    draws: int,
    seed: int,
) -> EvidenceCurve:
    grid = torch.tensor(scales, dtype=torch.float64).log()
    nodes = _nodes(grid, anchor.log_scale)
    found = [
        _slope(design, each, drawn)
        for each, drawn in _drawn(problem, nodes, noise, chains, draws, seed)
    ]
    slopes = torch.stack([each.values for each in found])  # [N, 2, chains]
    own = slopes.mean(-1)
    left_out = (slopes.sum(-1, keepdim=True) - slopes) / max(chains - 1, 1)
    values = anchor.log_evidence + _cumulative(nodes, own[:, 0], own[:, 1])
    others = _cumulative(nodes, left_out[:, 0], left_out[:, 1])
    jackknife = (others - others.mean(-1, keepdim=True)).square().sum(-1)
    error = ((chains - 1) / chains * jackknife).sqrt()
    asked = torch.searchsorted(nodes, grid - 1e-12).clamp(max=len(nodes) - 1)
    noises = torch.tensor([each.noise for each in found], dtype=torch.float64)
    return EvidenceCurve(
        spline(nodes, values, own[:, 0]),
        lambda log_scale: _between(nodes, noises, log_scale),
        tuple(error[asked].tolist()),
    )


def _nodes(grid: Tensor, start: float) -> Tensor:
    """The grid and what lies between, from the anchor on; no step is longer than STEP."""
    ends = torch.cat([torch.tensor([start], dtype=grid.dtype), grid])
    parts = [ends[:1]]
    for left, right in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
        if right > left:
            count = math.ceil((right - left) / STEP)
            parts.append(torch.linspace(left, right, count + 1, dtype=grid.dtype)[1:])
    return torch.cat(parts)


def _drawn(
    problem: Problem, nodes: Tensor, noise: NoiseModel, chains: int, draws: int, seed: int
) -> Iterator[tuple[Problem, Draws]]:
    """The problem and its draws at each node, a few nodes in a batch."""
    width = sum(value.numel() for value in problem.initial.values())
    batch = max(1, _NUMBERS // (chains * draws * width))
    for some in nodes.exp().split(batch):
        scales = some.tolist()
        problems = prior_scales.along(problem, scales, "evidence")
        options = {"chains": chains, "draws": draws, "warmup": 100, "seed": seed}
        yield from zip(problems, gibbs.path(problem, scales, noise=noise, **options), strict=True)


@dataclass(frozen=True, eq=False)
class _Slope:
    """values: the slope of log Z and the slope's slope by chain, [2, chains]. noise: mean sigma."""

    values: Tensor
    noise: float


def _slope(design: Design, problem: Problem, draws: Draws) -> _Slope:
    weights = _penalised(problem, draws)  # [C, N, m]
    l1, l2 = (rates[: weights.shape[-1]] for rates in linear_design.rates(problem))
    sigma = torch.full(weights.shape[:2], design.noise_scale, dtype=torch.float64)
    sigma = sigma if draws.noise_scale is None else draws.noise_scale.double()
    scaled = weights * (design.noise_scale / sigma)[..., None]  # scales vary with sigma
    absolute, squared = scaled.abs() * l1, scaled**2 * l2
    size = (absolute + squared).sum(-1)
    penalty = (scaled.sign() * l1 + scaled * l2) * (design.noise_scale / sigma)[..., None]
    push = _force(design, weights) / sigma[..., None] ** 2 + penalty
    zeros = [zero_means.of_weights(weights, push)]
    if draws.noise_scale is not None:
        squares = _residual_squares(design, weights) / sigma**2
        freedom = design.rows + weights.shape[-1]
        zeros.append(zero_means.of_noise(sigma, squares + size - freedom))
    quiet = zero_means.quieted(size - weights.shape[-1], torch.cat(zeros, -1))
    bend = (size - size.mean()) ** 2 - (absolute + 2 * squared).sum(-1)
    values = torch.stack([quiet.mean(1), bend.mean(1)])
    return _Slope(values, float(sigma.square().mean().sqrt()))


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


def _cumulative(nodes: Tensor, slope: Tensor, bend: Tensor) -> Tensor:
    """The integral of the slope from the first node to each, [N, ...], by the Hermite rule."""
    step = nodes.diff()[(...,) + (None,) * (slope.ndim - 1)]
    areas = step / 2 * (slope[1:] + slope[:-1]) - step**2 / 12 * bend.diff(dim=0)
    return torch.cat([torch.zeros_like(slope[:1]), areas.cumsum(0)])


def _between(nodes: Tensor, values: Tensor, place: float) -> float:
    right = int(torch.searchsorted(nodes, place).clamp(1, max(len(nodes) - 1, 1)))
    if len(nodes) == 1:
        return float(values[0])
    share = (place - float(nodes[right - 1])) / float(nodes[right] - nodes[right - 1])
    return float(values[right - 1] + share * (values[right] - values[right - 1]))
