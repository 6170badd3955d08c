"""The evidence under a prior with an L1 part, by integrating its slope along the path.

From the slope g = d log Z / d log scale and its own slope g' at nodes t_0 < t_1 < ...
(`laplace_slopes`) the curve is the integral by the Hermite rule, h/2 (g_0 + g_1) +
h^2/12 (g'_0 - g'_1) for each step h, started where the prior pins the weights to 0 and log Z is
known (`laplace_anchor`). Steps are halved where the rule over two of them in one says otherwise.

The nodes share their random numbers, so that errors add up along the path; the chains do not, and
leaving out one chain at a time gives the error of the integral itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from bayeswd.analysis.evidence_curves import EvidenceCurve, Scales, spline
from bayeswd.analysis.laplace_anchor import Anchor, known_anchor, uncertain_anchor
from bayeswd.analysis.laplace_slopes import Slope, slope
from bayeswd.errors import InputError
from bayeswd.estimate import prior_scales
from bayeswd.posterior import gibbs, gibbs_design
from bayeswd.posterior.gibbs_design import Design
from bayeswd.posterior.noise_models import NoiseModel
from bayeswd.problem.objective import Problem
from bayeswd.results import Draws

STEP = 0.35  # longest step between nodes, in log scale
TOLERANCE = 0.002  # nats that the integral over one step may err
ROUNDS = 3  # of halving steps
_NUMBERS = 2**25  # weights that are held at a time, 256 MiB


def known_noise(
    problem: Problem, scales: Scales, *, chains: int = 64, draws: int = 100, seed: int = 0
) -> EvidenceCurve:
    """log p(targets) at the problem's own sigma."""
    design = gibbs_design.of([problem], "evidence")
    anchor = known_anchor(problem, design, scales[0] / 2)
    return _integrated(problem, scales, design, anchor, gibbs.KNOWN, chains, draws, seed)


def park_casella(
    problem: Problem, scales: Scales, *, chains: int = 64, draws: int = 100, seed: int = 0
) -> EvidenceCurve:
    """The same with density 1 / sigma^2 and b / sigma fixed (Park & Casella 2008, eq. 4).

    Scales are stated at the problem's sigma: what is varied is b / sigma = 1 / lambda, and the
    slope is d log Z / d log lambda = d - lambda E[|w|_1 / sigma].
    """
    design = gibbs_design.of([problem], "evidence")
    anchor, noise = uncertain_anchor(problem, design, scales[0] / 2), gibbs.park_casella()
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
    if chains < 2:
        raise InputError(f"evidence from {chains} chain has no error: give at least 2.")

    def found_at(nodes: Tensor) -> list[Slope]:
        drawn = _drawn(problem, nodes, noise, chains, draws, seed)
        return [slope(design, each, made) for each, made in drawn]

    grid = torch.tensor(scales, dtype=torch.float64).log()
    nodes, found = _refined(_nodes(anchor.log_scale, float(grid[-1])), found_at)
    slopes = torch.stack([each.values for each in found])  # [N, 2, chains]
    own = slopes.mean(-1)
    left_out = (slopes.sum(-1, keepdim=True) - slopes) / (chains - 1)
    values = anchor.log_evidence + _cumulative(nodes, own)
    others = _cumulative(nodes, left_out)
    jackknife = (others - others.mean(-1, keepdim=True)).square().sum(-1)
    error = ((chains - 1) / chains * jackknife).sqrt()
    asked = torch.searchsorted(nodes, grid).clamp(max=len(nodes) - 1)  # errors grow slowly
    noises = torch.tensor([each.noise for each in found], dtype=torch.float64)
    return EvidenceCurve(
        spline(nodes, values, own[:, 0]),
        lambda log_scale: _between(nodes, noises, log_scale),
        tuple(error[asked].tolist()),
        f"evidence by integration, Monte Carlo standard error up to {float(error.max()):.2g} nats",
    )


def _nodes(start: float, end: float) -> Tensor:
    """Evenly from the anchor to the widest prior, no step longer than STEP."""
    count = max(1, math.ceil((end - start) / STEP - 1e-9))
    return torch.linspace(start, end, count + 1, dtype=torch.float64)


def _refined(
    nodes: Tensor, found_at: Callable[[Tensor], list[Slope]]
) -> tuple[Tensor, list[Slope]]:
    """Nodes with more between them wherever the integral needs them, and the slopes there."""
    found = found_at(nodes)
    for _ in range(ROUNDS):
        rough = _rough(nodes, torch.stack([each.values for each in found]))
        if not rough.any():
            break
        between = ((nodes[1:] + nodes[:-1]) / 2)[rough]
        nodes, order = torch.cat([nodes, between]).sort()
        both = [*found, *found_at(between)]
        found = [both[index] for index in order.tolist()]
    return nodes, found


def _rough(nodes: Tensor, slopes: Tensor) -> Tensor:
    """Which steps are too long, bool [N - 1], from slopes [N, 2, chains].

    Over two steps in one the rule errs about 16 times as much: the difference tells, where it
    is more than the noise of the chains.
    """
    rough = torch.zeros(len(nodes) - 1, dtype=torch.bool)
    if len(nodes) < 3:
        return ~rough
    areas = _areas(nodes, slopes)
    whole = _areas(nodes, slopes, 2)
    difference = areas[1:] + areas[:-1] - whole  # [N - 2, chains]
    mean = difference.mean(-1).abs()
    noise = difference.std(-1) / difference.shape[-1] ** 0.5
    large = (mean / 15 > TOLERANCE) & (mean > 3 * noise)
    rough[1:] |= large
    rough[:-1] |= large
    return rough


def _areas(nodes: Tensor, slopes: Tensor, apart: int = 1) -> Tensor:
    """The rule between nodes `apart` places apart, from slopes [N, 2, ...]."""
    step = (nodes[apart:] - nodes[:-apart])[(...,) + (None,) * (slopes.ndim - 2)]
    first, last = slopes[:-apart], slopes[apart:]
    return step / 2 * (first[:, 0] + last[:, 0]) + step**2 / 12 * (first[:, 1] - last[:, 1])


def _drawn(
    problem: Problem, nodes: Tensor, noise: NoiseModel, chains: int, draws: int, seed: int
) -> Iterator[tuple[Problem, Draws]]:
    """The problem and its draws at each node, a few nodes in a batch."""
    width = sum(value.numel() for value in problem.initial.values())
    batch = max(1, _NUMBERS // (chains * draws * width))
    for some in nodes.exp().split(batch):
        scales = some.tolist()
        problems = prior_scales.along(problem, scales, "evidence")
        drawn = gibbs.path(
            problem, scales, chains=chains, draws=draws, warmup=100, seed=seed, noise=noise
        )
        yield from zip(problems, drawn, strict=True)


def _cumulative(nodes: Tensor, slopes: Tensor) -> Tensor:
    """The integral from the first node to each, [N, ...]."""
    areas = _areas(nodes, slopes)
    return torch.cat([torch.zeros_like(areas[:1]), areas.cumsum(0)])


def _between(nodes: Tensor, values: Tensor, place: float) -> float:
    """Linear between the values at the nodes."""
    right = int(torch.searchsorted(nodes, place).clamp(1, len(nodes) - 1))
    share = (place - float(nodes[right - 1])) / float(nodes[right] - nodes[right - 1])
    return float(values[right - 1] + share * (values[right] - values[right - 1]))
