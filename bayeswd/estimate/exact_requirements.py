"""Which exact method fits which problem; each refusal names the one that does."""

from __future__ import annotations

from bayeswd.errors import InputError
from bayeswd.estimate import linear_design
from bayeswd.estimate.linear_design import name_of
from bayeswd.problem.checks import require_unique_mode
from bayeswd.problem.likelihoods import Bernoulli, Categorical, GaussianNoise, Poisson
from bayeswd.problem.objective import Problem


def without_l1(problem: Problem) -> bool:
    """Whether no prior has an L1 part."""
    return all(prior.l1_rate == 0 for prior in problem.priors.values())


def require_ridge(problem: Problem, asked: str = "exact.ridge") -> None:
    """Refuse all but a linear model, GaussianNoise, and Gaussian or Flat priors."""
    _require_gaussian_noise(problem, asked)
    for name, prior in problem.priors.items():
        if prior.l1_rate > 0:
            raise InputError(
                f"{asked} has no closed form under {name_of(prior)} on {name!r}: use "
                f"{asked.replace('ridge', 'lasso')}."
            )
    _require_one_mode(problem)


def require_lasso(problem: Problem, asked: str = "exact.lasso") -> None:
    """Refuse all but a linear model, GaussianNoise, and a Laplace or ElasticNet prior."""
    _require_gaussian_noise(problem, asked)
    if without_l1(problem):
        prior, name = linear_design.weight_prior(problem), linear_design.layout(problem).weight
        raise InputError(
            f"{asked} needs a Laplace or ElasticNet prior, found {name_of(prior)} on {name!r}: "
            f"use {asked.replace('lasso', 'ridge')}."
        )
    _require_one_mode(problem)


def require_glm(problem: Problem) -> None:
    """Refuse all but a linear model with a Bernoulli, Categorical or Poisson likelihood."""
    linear_design.layout(problem)
    if not isinstance(problem.likelihood, (Bernoulli, Categorical, Poisson)):
        other = "exact.ridge" if without_l1(problem) else "exact.lasso"
        raise InputError(
            "exact.glm is for Bernoulli, Categorical and Poisson, found "
            f"{problem.likelihood}: use {other}."
        )
    _require_one_mode(problem)


def _require_gaussian_noise(problem: Problem, asked: str) -> None:
    linear_design.layout(problem)
    if not isinstance(problem.likelihood, GaussianNoise):
        raise InputError(
            f"{asked} is for GaussianNoise, found {problem.likelihood}: use exact.glm."
        )


def _require_one_mode(problem: Problem) -> None:
    require_unique_mode(problem)
    linear_design.require_full_rank(problem)
