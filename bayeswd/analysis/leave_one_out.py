"""Leave-one-out: what each row's posterior without it says of it, in closed form or from draws.

Exact, for a linear-Gaussian problem under Gaussian priors: with H the matrix that takes targets
to posterior mean outputs, and e the residuals,

    target_i | all other rows ~ N(target_i - e_i / (1 - H_ii), sigma^2 / (1 - H_ii))

whatever the prior of the bias, flat included (Rasmussen & Williams 2006, eq. 5.12). Elsewhere the
draws are reweighted by Pareto-smoothed importance sampling (Vehtari, Gelman & Gabry 2017), ArviZ's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bayeswd.analysis import held_out
from bayeswd.analysis.bands import Posterior
from bayeswd.analysis.choice import Choice
from bayeswd.analysis.path import PosteriorPath, checked, posteriors
from bayeswd.errors import InputError
from bayeswd.estimate import linear_design, prior_scales
from bayeswd.posterior import conjugate, spectrum, with_arviz
from bayeswd.problem.objective import Problem
from bayeswd.results import Draws

GOOD_K = 0.7  # Pareto k up to which the estimate is reliable (Vehtari et al. 2024)
_MOST = 4000  # draws that are reweighted at each scale


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Each row as the others see it: residual / (1 - H_ii) [n, K], variance [n] of the target."""

    residuals: Tensor
    variances: Tensor

    @property
    def log_densities(self) -> Tensor:
        """log p(targets_i | other rows), nats, [n]."""
        outputs = self.residuals.shape[1]
        squares = (self.residuals**2).sum(1) / self.variances
        return -0.5 * (squares + outputs * (2 * math.pi * self.variances).log())


def by_loo(
    problem: Problem, scales: Sequence[float], *, posterior: PosteriorPath = posteriors
) -> Choice:
    """The scale of highest expected log predictive density (elpd, nats), rows left out singly.

    In closed form where there is one; else from the draws of posterior(problem, scales), with
    the largest Pareto k of each scale in `k_hat`; where it is above 0.7 at the best scale, nothing
    is identified. sigma is the problem's own.
    """
    grid = checked(scales, "by_loo")
    if conjugate.applies_to(problem):
        densities = torch.stack([left.log_densities for left in exact(problem, grid)])
        return _choice(problem, grid, densities)
    drawn = posterior(problem, grid)
    problems = prior_scales.along(problem, grid, "by_loo")
    found = [smoothed(each, draws) for each, draws in zip(problems, drawn, strict=True)]
    k_hat = tuple(largest for _, largest in found)
    bad = sum(not largest <= GOOD_K for largest in k_hat)
    note = f"at {bad} of {len(grid)} scales some row has Pareto k above {GOOD_K}" if bad else ""
    choice = _choice(problem, grid, torch.stack([each for each, _ in found]), note)
    reliable = k_hat[choice.best_index] <= GOOD_K
    return replace(choice, k_hat=k_hat, identified=choice.identified and reliable)


def exact(problem: Problem, scales: Sequence[float]) -> list[LeftOut]:
    """Every row left out, at each scale; one factorisation unless the bias has a Gaussian prior."""
    spectrum.require_gaussian_weights(problem, "leave_one_out.exact")
    shared = 0 < spectrum.bias_variance(problem) < math.inf
    noise_variance = spectrum.noise_scale(problem) ** 2
    parts: _Parts | None = None
    found = []
    for each in prior_scales.along(problem, scales, "leave_one_out.exact"):
        parts = _parts_of(each) if parts is None or shared else parts
        ratio = noise_variance * linear_design.weight_prior(each).l2_rate
        found.append(parts.left_out(ratio, noise_variance))
    return found


def smoothed(problem: Problem, draws: Posterior) -> tuple[Tensor, float]:
    """(log p(targets_i | other rows) [n] by PSIS, the largest Pareto k)."""
    if not isinstance(draws, Draws):
        raise InputError("by_loo without a closed form needs draws: give gibbs.path or the like.")
    found = with_arviz.leave_one_out(_thinned(draws), problem)
    return torch.from_numpy(found.elpd), float(found.pareto_k.max())


@dataclass(frozen=True, eq=False)
class _Parts:
    """I - H = outside + U diag(r / (v + r)) U' at ratio r = sigma^2/tau^2.

    left: U [n, q], left singular vectors of the inputs; values: v [q]. scores: U' targets [q, K].
    rest: targets off U [n, K], and outside: [n], the diagonal of the projection there.
    """

    left: Tensor
    values: Tensor
    scores: Tensor
    rest: Tensor
    outside: Tensor

    def left_out(self, ratio: float, noise_variance: float) -> LeftOut:
        share = ratio / (self.values + ratio)
        residuals = self.rest + self.left @ (share[:, None] * self.scores)
        remaining = self.outside + self.left**2 @ share
        return LeftOut(residuals / remaining[:, None], noise_variance / remaining)


def _parts_of(problem: Problem) -> _Parts:
    """With a bias of finite prior variance the white data have their means shrunk, not removed.

    The whitening W leaves I - H = W (outside + U diag U') W, with W = I - (1 - sqrt(kept)) 11'/n.
    """
    inputs, targets = problem.inputs.flatten(1).double(), problem.targets.double()
    kept = spectrum.kept(problem)

    def whiten(table: Tensor) -> Tensor:
        return table - (1 - math.sqrt(kept)) * table.mean(0)

    left, singular, _ = torch.linalg.svd(whiten(inputs), full_matrices=False)
    floor = singular.max() * max(inputs.shape) * torch.finfo(torch.float64).eps
    left, singular = left[:, singular > floor], singular[singular > floor]
    white = whiten(targets)
    scores = left.T @ white
    directions = problem.n - (kept == 0)
    if len(singular) == directions:  # the inputs reach every direction: nothing is off U
        rest, outside = torch.zeros_like(white), torch.zeros_like(white[:, 0])
    else:
        rest = whiten(white - left @ scores)
        outside = 1 - (1 - kept) / problem.n - (whiten(left) ** 2).sum(1)
    return _Parts(whiten(left), singular**2, scores, rest, outside.clamp(min=0))


def _choice(problem: Problem, grid: tuple[float, ...], densities: Tensor, note: str = "") -> Choice:
    """From log densities [S, n]: sums over rows, their error sqrt(n) times that of a row's mean."""
    n = densities.shape[1]
    found = held_out.choice("leave-one-out", problem, grid, -densities, held_out.NATS, note)

    def summed(values: Sequence[float] | None, factor: float) -> tuple[float, ...]:
        return tuple(factor * value for value in values or ())

    return replace(
        found,
        curve=summed(found.curve, -n),
        error=summed(found.error, n),
        difference=summed(found.difference, -n),
        difference_error=summed(found.difference_error, n),
        higher_is_better=True,
    )


def _thinned(draws: Draws) -> Draws:
    """No more draws than PSIS has use for, evenly from every chain."""
    chains, length = next(iter(draws.params.values())).shape[:2]
    step = max(1, chains * length // _MOST)
    return replace(
        draws,
        params={name: value[:, ::step] for name, value in draws.params.items()},
        noise_scale=None if draws.noise_scale is None else draws.noise_scale[:, ::step],
        sample_stats={},
    )
