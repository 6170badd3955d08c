"""One problem under its prior made ever wider: estimates and posteriors at each scale.

    path.along(problem, scales)                        exact estimates, zeros, degrees of freedom
    path.along(problem, scales, posterior=path.exact)  and the posterior of each, with bands

A scale is the tau of a Gaussian prior, the b of a Laplace prior, the l1_scale of an elastic net;
every other proper scale keeps its proportion to it, Flat stays Flat.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from bayeswd.problem.objective import Problem
from bayeswd.results import Draws, Estimate, GaussianPosterior


@dataclass(frozen=True, eq=False)
class Bands:
    """Equal-tailed posterior intervals of the weights (not of the bias) at each of S scales.

    lower, median, upper: [S, *weight], [S, K, d] for a linear model; probability: 0.95, say.
    excludes_zero: how many intervals leave 0 out, [S].
    """

    probability: float
    lower: Tensor
    median: Tensor
    upper: Tensor
    excludes_zero: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Path:
    """A problem at each of S scales, ascending.

    problems: the problem under each prior. estimates: its mode, certified.
    weights: [S, K, d], the estimated weights without the bias.
    nonzero: how many weights are not exactly 0.
    effective_degrees: effective degrees of freedom of the weights, without a flat bias: the sum
        of v / (v + sigma^2/tau^2) over the eigenvalues v of the scatter matrix of the inputs whose
        weights are not 0 (under a Laplace prior the rank of that matrix); None for a model that
        is not linear.
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
    posteriors: tuple[GaussianPosterior, ...] | tuple[Draws, ...] | None = field(
        default=None, repr=False
    )
    bands: Bands | None = field(default=None, repr=False)
