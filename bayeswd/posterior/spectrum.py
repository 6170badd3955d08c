"""A linear-Gaussian problem in the basis where its posterior falls apart into single numbers.

With a bias ~ N(0, s^2) integrated out, targets - inputs @ weight.T is noise of variance sigma^2
in every direction but that of (1, ..., 1), where the variance is sigma^2 + n s^2. Shrinking the
means of inputs and targets by sqrt(kept), kept = sigma^2 / (sigma^2 + n s^2), makes it white:
kept = 0 centres the data (a flat bias), kept = 1 leaves them (no bias).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from bayeswd.errors import InputError
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.matching import LinearLayout
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Gaussian


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Singular value decomposition of the inputs, means shrunk by sqrt(kept); float64.

    inputs_mean [d] and targets_mean [K] are the means of the data as given, count is n.
    basis: [d, r], orthonormal; r = d where it spans everything.
    values: [r], squared singular values, 0 below the rounding error of the largest.
    scores: [r, K], the targets along the left singular vectors.
    rest: [K], squared length of the targets off these vectors.
    """

    kept: float
    count: int
    inputs_mean: Tensor
    targets_mean: Tensor
    basis: Tensor
    values: Tensor
    scores: Tensor
    rest: Tensor

    @cached_property
    def squares(self) -> Tensor:
        """Squared entries of the basis, [d, r]."""
        return self.basis**2

    @cached_property
    def outside(self) -> Tensor:
        """Squared length of each coordinate axis off the basis, [d]."""
        return (1 - self.squares.sum(1)).clamp(min=0)

    @property
    def complete(self) -> bool:
        """Whether the basis spans all weights, so that the prior alone rules no direction."""
        return self.basis.shape[0] == self.basis.shape[1]

    def coordinates(self, ratio: float | Tensor) -> Tensor:
        """Posterior mean of the weights in the basis, [..., r, K], at ratio = sigma^2 / tau^2."""
        ratio = torch.as_tensor(ratio, dtype=torch.float64, device=self.values.device)
        pull = self.values.sqrt() / (self.values + ratio[..., None])
        return pull[..., None] * self.scores


def of(problem: Problem, kept: float) -> Spectrum:
    """The spectrum of a problem: from moments where n > d, else from the rows, O(n^2 d)."""
    wide = problem.n <= problem.initial[layout(problem).weight].shape[1]
    by_rows = wide and problem.has_rows
    return _of_rows(problem, kept) if by_rows else _of_moments(problem, kept)


def kept(problem: Problem) -> float:
    """sigma^2 / (sigma^2 + n s^2): the share of the squared means that is left to the weights."""
    noise_variance = noise_scale(problem) ** 2
    return noise_variance / (noise_variance + problem.n * bias_variance(problem))


def bias_share(problem: Problem) -> float:
    """1 - kept, to full precision: how far the bias goes to the mean residual."""
    variance = problem.n * bias_variance(problem)
    return 1.0 if math.isinf(variance) else variance / (noise_scale(problem) ** 2 + variance)


def bias_variance(problem: Problem) -> float:
    """Prior variance of the bias: infinite under Flat, 0 without a bias."""
    bias = layout(problem).bias
    return 0.0 if bias is None else problem.priors[bias].variance


def noise_scale(problem: Problem) -> float:
    """sigma of a problem that `require` let pass."""
    assert isinstance(problem.likelihood, GaussianNoise)
    return problem.likelihood.scale


def layout(problem: Problem) -> LinearLayout:
    """Parameter names of a problem that `require` let pass."""
    assert problem.linear is not None
    return problem.linear


def require(problem: Problem, asked: str) -> None:
    """Refuse a problem whose posterior is not a Gaussian in closed form."""
    if problem.linear is None or not isinstance(problem.likelihood, GaussianNoise):
        raise InputError(
            f"{asked} has a closed form for one linear layer with GaussianNoise; found {problem}: "
            "use a sampler, or a Gaussian approximation at the mode."
        )
    for name, prior in problem.priors.items():
        if not isinstance(prior, (Gaussian, Flat)):
            raise InputError(
                f"{asked} has no closed form under {prior} on {name!r}: the posterior is not a "
                "Gaussian; use a sampler, or a Gaussian prior of the same variance "
                f"(scale {prior.variance**0.5:.4g})."
            )


def require_gaussian_weights(problem: Problem, asked: str) -> float:
    """The scale tau of the weights' prior; refuses weights that have none."""
    require(problem, asked)
    name = layout(problem).weight
    prior = problem.priors[name]
    if not isinstance(prior, Gaussian):
        raise InputError(f"{asked} needs a Gaussian prior on {name!r}; found {prior}.")
    return prior.scale


def require_determined(problem: Problem, spectrum: Spectrum) -> None:
    """Refuse flat weights that the inputs do not determine: their posterior is improper."""
    name = layout(problem).weight
    rank = int((spectrum.values > 0).sum())
    if isinstance(problem.priors[name], Flat) and rank < spectrum.basis.shape[0]:
        raise InputError(
            f"the posterior of {name!r} under Flat() is improper: the inputs have rank {rank} for "
            f"{spectrum.basis.shape[0]} weights; give a strength > 0 or more rows."
        )


def _of_moments(problem: Problem, kept: float) -> Spectrum:
    moments = problem.moments
    n, mean_x, mean_y = moments.count, moments.inputs_mean, moments.targets_mean
    values, basis = torch.linalg.eigh(moments.xx + n * kept * torch.outer(mean_x, mean_x))
    values = _without_rounding(values, 10 * len(values))
    along = basis.T @ (moments.xy + n * kept * torch.outer(mean_x, mean_y))
    scores = along * torch.where(values > 0, values, torch.inf).rsqrt()[:, None]
    rest = moments.yy + n * kept * mean_y**2 - (scores**2).sum(0)
    return Spectrum(kept, n, mean_x, mean_y, basis, values, scores, rest.clamp(min=0))


def _of_rows(problem: Problem, kept: float) -> Spectrum:
    inputs, targets = problem.inputs.flatten(1).double(), problem.targets.double()
    mean_x, mean_y = inputs.mean(0), targets.mean(0)
    rows, aims = (table - (1 - kept**0.5) * table.mean(0) for table in (inputs, targets))
    left, singular, right = torch.linalg.svd(rows, full_matrices=False)
    values = _without_rounding(singular, rows.shape[1]) ** 2
    found = values > 0
    left, right = left[:, found], right[found]
    scores = left.T @ aims
    rest = ((aims - left @ scores) ** 2).sum(0)
    return Spectrum(kept, len(rows), mean_x, mean_y, right.T, values[found], scores, rest)


def _without_rounding(values: Tensor, size: int) -> Tensor:
    """Zero what is below the rounding error of the largest value."""
    floor = values.max() * size * torch.finfo(values.dtype).eps
    return torch.where(values > floor, values, 0.0)
