"""The Bayesian lasso by Gibbs sampling: many chains, at many strengths, in one tensor.

A Laplace prior is a mixture of normals of random variance. In turn, given the rest, the variances
are renewed and the weights drawn, for every chain at once. A flat bias is integrated out on the
way and drawn afterwards. The same sweep serves an elastic net, whose Gaussian part adds to the
precision. What is believed about the noise is passed in: `KNOWN`, `park_casella()`,
`penalty_tied()`, `fixed_scale()`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from bayeswd.errors import InputError
from bayeswd.estimate import linear_design, prior_scales
from bayeswd.posterior import gibbs_design, gibbs_draws, noise_models
from bayeswd.posterior.gibbs_draws import Kept
from bayeswd.posterior.gibbs_kernel import Kernel, State
from bayeswd.posterior.interruption import Made
from bayeswd.posterior.noise_models import (
    KNOWN,
    NoiseModel,
    StrengthPrior,
    fixed_scale,
    known,
    park_casella,
    penalty_tied,
)
from bayeswd.posterior.random_numbers import RandomNumbers
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat
from bayeswd.results import Draws

__all__ = [
    "KNOWN",
    "StrengthPrior",
    "fixed_scale",
    "known",
    "park_casella",
    "path",
    "penalty_tied",
    "sample",
]

Progress = Callable[[int, int], object]


def sample(
    problem: Problem,
    *,
    chains: int = 256,
    draws: int = 250,
    warmup: int = 100,
    seed: int = 0,
    noise: NoiseModel = KNOWN,
    progress: Progress | None = None,
) -> Draws:
    """Draws from the posterior of a linear-Gaussian problem whose weights have an L1 part.

    noise: what is believed about sigma. Where it is not known, Draws.noise_scale holds its
        draws, and the problem's own sigma only says what ratio of scales is kept.
    progress: called as progress(done, total) after each sweep, warm-up included.

    sample_stats: lp, the log joint density of all that varies, nats; and strength (sigma / b)
    where it has a prior. On the CPU chain c is the same whatever the number of chains.
    Ctrl-C, or memory running out, leaves the draws that every chain has made; `why` says so.
    """
    return _run([problem], "gibbs.sample", chains, draws, warmup, seed, noise, progress)[0]


def path(
    problem: Problem,
    scales: Sequence[float],
    *,
    chains: int = 64,
    draws: int = 250,
    warmup: int = 100,
    seed: int = 0,
    noise: NoiseModel = KNOWN,
    progress: Progress | None = None,
) -> list[Draws]:
    """`sample` at each scale b of the weights' prior, all strengths in one batch.

    The strengths share their random numbers: each result is the one that `sample` gives alone
    with the same seed, differences along the path are smooth, and results of different strengths
    are not independent. Draws.seconds is an equal share of the time of the batch.
    """
    problems = prior_scales.along(problem, list(scales), "gibbs.path")
    return _run(problems, "gibbs.path", chains, draws, warmup, seed, noise, progress)


def _run(
    problems: Sequence[Problem],
    asked: str,
    chains: int,
    draws: int,
    warmup: int,
    seed: int,
    belief: NoiseModel,
    progress: Progress | None,
) -> list[Draws]:
    if chains < 1 or draws < 1 or warmup < 0:
        raise InputError(
            f"{asked}: {chains} chains of {draws} draws after {warmup}; give at least 1, 1 and 0."
        )
    start = time.perf_counter()
    design = gibbs_design.of(problems, asked)
    noise_models.require(belief, design, asked)
    random = RandomNumbers(seed, chains, problems[0].inputs.device)
    kernel = Kernel(design, belief, random)
    weights, noise, strength, made = _moved(kernel, warmup, draws, progress)
    flat = isinstance(linear_design.bias_prior(problems[0]), Flat)
    bias_normal = random.normal(len(weights)) if flat else None
    results = []
    for index, problem in enumerate(problems):
        kept = Kept(weights[:, :, index], noise[:, index], strength[:, index], bias_normal)
        results.append(gibbs_draws.as_draws(problem, design.data, belief, kept))
    seconds = (time.perf_counter() - start) / len(problems)
    reason = "a Laplace prior is a mixture of normals, so that every sweep is exact"
    why = "; ".join(filter(None, [reason, belief.label, made.clause]))
    return [replace(result, why=why, seconds=seconds) for result in results]


def _moved(
    kernel: Kernel, warmup: int, draws: int, progress: Progress | None
) -> tuple[Tensor, Tensor, Tensor, Made]:
    """Weights [draw, m, S, C], sigma and strength [draw, S, C], of the draws that are made."""
    total = warmup + draws
    with Made(draws) as made:
        state = kernel.init()
        aside = torch.stack([state.weights, state.weights])
        weights = state.weights.new_empty(draws, *state.weights.shape)
        scales = [_scales(state)] * total
        for index in range(total):
            kernel.step(state, aside[index % 2] if index < warmup else weights[index - warmup])
            if kernel.belief.varies:
                scales[index] = _scales(state)
            made.done = max(0, index + 1 - warmup)
            if progress is not None:
                progress(index + 1, total)
    noise, strength = torch.stack(scales[warmup : warmup + made.done], 1)
    return weights[: made.done], noise, strength, made


def _scales(state: State) -> Tensor:
    """sigma and strength, [2, S, C]."""
    return torch.stack(torch.broadcast_tensors(state.noise, state.strength))
