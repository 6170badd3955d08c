"""One problem under its prior made ever wider: estimates and posteriors at each scale.

    path.along(problem, scales)                             exact estimates, zeros, degrees
    path.along(problem, scales, posterior=path.posteriors)  and the posterior of each, with bands

A scale is the tau of a Gaussian prior, the b of a Laplace prior, the l1_scale of an elastic net;
every other proper scale keeps its proportion to it, Flat stays Flat.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bayeswd.analysis import bands as intervals
from bayeswd.analysis import default_scales as grids
from bayeswd.analysis import effective_degrees, main_prior
from bayeswd.analysis.bands import Bands, Posterior
from bayeswd.errors import InputError
from bayeswd.estimate import exact, linear_design, prior_scales
from bayeswd.estimate.exact_requirements import without_l1
from bayeswd.posterior import choose, conjugate, gibbs
from bayeswd.problem.checks import is_positive_number
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.results import Estimate

Solve = Callable[[Problem], Estimate]
PosteriorPath = Callable[[Problem, Sequence[float]], Sequence[Posterior]]

# solvers that take a whole path in one go
_TOGETHER = {exact.ridge: exact.ridge_path, exact.lasso: exact.lasso_path}


@dataclass(frozen=True, eq=False)
class Path:
    """A problem at each of S scales, ascending.

    problems: the problem under each prior. estimates: its mode, certified.
    weights: [S, K, d], the estimated weights without the bias.
    nonzero: how many weights are not exactly 0.
    effective_degrees: effective degrees of freedom of the penalised parameters, see
        `effective_degrees.of`; None for a model that is not linear.
    train_losses: half the mean squared error or mean negative log likelihood, without penalty.
    prior_sds: standard deviation of a weight under each prior.
    posteriors, bands: at each scale, where they were asked for.
    """

    scales: tuple[float, ...]
    problems: tuple[Problem, ...] = field(repr=False)
    estimates: tuple[Estimate, ...] = field(repr=False)
    weights: Tensor = field(repr=False)
    nonzero: tuple[int, ...]
    effective_degrees: tuple[float | None, ...]
    train_losses: tuple[float, ...]
    prior_sds: tuple[float, ...]
    posteriors: tuple[Posterior, ...] | None = field(default=None, repr=False)
    bands: Bands | None = field(default=None, repr=False)


def along(
    problem: Problem,
    scales: Sequence[float] | None = None,
    *,
    solve: Solve = exact.solve,
    posterior: PosteriorPath | None = None,
    probability: float = 0.95,
) -> Path:
    """The path along `scales`, sorted; default those of `default_scales`.

    solve: the estimate at each scale; `exact.ridge` and `exact.lasso` (and `exact.solve`, which
    picks them) share their work along the path. posterior: called as posterior(problem, scales),
    such as `posteriors`, `conjugate.path` or `gibbs.path`; the bands are of `probability`.
    """
    grid = checked(grids.of(problem) if scales is None else scales, "path.along")
    problems = prior_scales.along(problem, grid, "path.along")
    found = estimates(problem, grid, solve)
    name = linear_design.layout(problem).weight
    weights = torch.stack([estimate.params[name] for estimate in found])
    drawn = None if posterior is None else tuple(posterior(problem, grid))
    return Path(
        scales=grid,
        problems=tuple(problems),
        estimates=tuple(found),
        weights=weights,
        nonzero=tuple((weights != 0).flatten(1).sum(1).tolist()),
        effective_degrees=tuple(
            effective_degrees.of(each, estimate.params)
            for each, estimate in zip(problems, found, strict=True)
        ),
        train_losses=tuple(
            float(each.likelihood.loss(each.outputs(estimate.params), each.targets))
            for each, estimate in zip(problems, found, strict=True)
        ),
        prior_sds=prior_sds(problem, grid),
        posteriors=drawn,
        bands=None if drawn is None else intervals.of(drawn, name, probability),
    )


def estimates(problem: Problem, scales: Sequence[float], solve: Solve) -> list[Estimate]:
    """`solve` at each scale, all in one go where the solver knows how."""
    if solve is exact.solve and isinstance(problem.likelihood, GaussianNoise):
        solve = exact.ridge if without_l1(problem) else exact.lasso
    if solve in _TOGETHER:
        return _TOGETHER[solve](problem, scales)
    return [solve(each) for each in prior_scales.along(problem, scales, "path")]


def posteriors(
    problem: Problem,
    scales: Sequence[float],
    *,
    chains: int | None = None,
    draws: int = 100,
    seed: int = 0,
) -> list[Posterior]:
    """The posterior at each scale: in closed form, else drawn by Gibbs in one batch, else by HMC.

    chains, draws: at each scale, where there is no closed form; default `chains_for`.
    """
    chains = chains_for(problem) if chains is None else chains
    if conjugate.applies_to(problem):
        return list(conjugate.path(problem, scales))
    if choose.pick(problem)[0] is gibbs.sample:
        drawn = gibbs.path(problem, scales, chains=chains, draws=draws, warmup=50, seed=seed)
        return list(drawn)
    return [
        choose.sample(each, chains=chains, draws=draws, seed=seed)
        for each in prior_scales.along(problem, scales, "path.posteriors")
    ]


def chains_for(problem: Problem) -> int:
    """How many chains a path is worth: seconds for few weights and for many."""
    return 64 if sum(value.numel() for value in problem.initial.values()) <= 50 else 16


def prior_sds(problem: Problem, scales: Sequence[float]) -> tuple[float, ...]:
    """The standard deviation of a weight under the prior at each scale."""
    problems = prior_scales.along(problem, scales, "path.prior_sds")
    return tuple(math.sqrt(main_prior.main_prior(each).variance) for each in problems)


def checked(scales: Sequence[float], asked: str) -> tuple[float, ...]:
    """Scales as plain floats, ascending, each once; InputError where there are none or bad ones."""
    values = [float(scale) for scale in scales]
    if not values or not all(is_positive_number(value) for value in values):
        raise InputError(f"{asked}: prior scales must be finite numbers > 0; found {values}.")
    return tuple(sorted(set(values)))
