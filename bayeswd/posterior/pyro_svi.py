"""The same problem through Pyro's SVI: the Gaussian that an autoguide finds, with its ELBO.

The guide works in units in which the posterior is about a standard normal, so that one step size
fits every weight: w = centre + unit * z, with the mode (or a start) as centre.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pyro
import torch
from pyro import distributions as dist
from pyro import poutine
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.autoguide import (
    AutoDiagonalNormal,
    AutoLowRankMultivariateNormal,
    AutoMultivariateNormal,
    AutoNormal,
)
from pyro.infer.autoguide.initialization import init_to_value
from pyro.optim import ClippedAdam
from torch import Tensor

from bayeswd.errors import InputError
from bayeswd.estimate import exact
from bayeswd.estimate.loop import live_start
from bayeswd.posterior import conjugate, curvature_of, gaussian_draws, propriety
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Gaussian
from bayeswd.problem.pyro_isolation import isolated
from bayeswd.problem.pyro_model import model_of
from bayeswd.results import Draws, GaussianPosterior

Params = Mapping[str, Tensor]
Progress = Callable[[int, int], object]

GUIDES = (AutoMultivariateNormal, AutoNormal, AutoDiagonalNormal, AutoLowRankMultivariateNormal)
_SITE = "weights"
_JUDGED = 4000  # draws from which the ELBO is estimated
_FADE = 0.01  # the last step size over the first


def fit(
    problem: Problem,
    *,
    guide: Callable[..., Any] = AutoMultivariateNormal,
    steps: int = 2000,
    lr: float = 0.02,
    seed: int = 0,
    start: Params | None = None,
    progress: Progress | None = None,
) -> GaussianPosterior:
    """The Gaussian with the highest ELBO that `steps` of SVI find.

    guide: AutoMultivariateNormal, AutoNormal or another Gaussian guide of pyro.infer.autoguide.
    lr: of ClippedAdam, in posterior sds; it fades to a hundredth.
    start: weights to begin from; default the mode of a linear model, any other model's own.
    progress: called as progress(step, steps) after each step.

    log_evidence is the ELBO, a lower bound; `note` says how far it is from the evidence where
    that is known, and what importance weighting of 4,000 draws adds to it otherwise. The global
    random numbers, Pyro's parameter store and settings are left as they were found.
    """
    _require_sensible(guide, steps, lr)
    propriety.require(problem, "pyro_svi.fit")
    weights = _centre(problem, start)
    centre, unit = curvature_of.flat(problem, weights), _unit(problem, weights)
    with isolated(seed, problem.inputs.device):
        model = _standardized(problem, centre, unit)
        values = {_SITE: torch.zeros_like(centre)}
        made = guide(model, init_loc_fn=init_to_value(values=values), init_scale=1.0)
        optimizer = ClippedAdam({"lr": lr, "lrd": _FADE ** (1 / steps)})
        svi = SVI(model, made, optimizer, loss=Trace_ELBO())
        for step in range(1, steps + 1):
            svi.step()
            if progress is not None:
                progress(step, steps)
        found = _moments(made)
    return _judged(problem, _in_own_units(problem, guide, centre, unit, found), seed)


def sample(
    problem: Problem, *, chains: int = 4, draws: int = 1000, seed: int = 0, **options: Any
) -> Draws:
    """Independent draws from that Gaussian; options as in `fit`. sample_stats lp: log joint."""
    began = time.perf_counter()
    gaussian = fit(problem, seed=seed, **options)
    params, joint = gaussian_draws.draw(problem, gaussian, chains, draws, seed)
    return Draws(
        params=params,
        engine="pyro-svi",
        why=f"the Gaussian that SVI finds, an approximation: {gaussian.note}",
        seconds=time.perf_counter() - began,
        sample_stats={"lp": joint},
    )


def _centre(problem: Problem, start: Params | None) -> Params:
    if start is None and problem.linear is not None:
        return exact.solve(problem).params
    return live_start(problem, start)


def _unit(problem: Problem, weights: Params) -> Tensor:
    """(curvature of the misfit + 1 / prior variance)^(-1/2) of each parameter, [D]."""
    values = problem.initial
    rates = {n: torch.full_like(values[n], 1 / p.variance) for n, p in problem.priors.items()}
    precision = curvature_of.diagonal(problem, weights) + curvature_of.flat(problem, rates)
    return torch.where(precision > 0, precision, 1.0).rsqrt()


def _standardized(problem: Problem, centre: Tensor, unit: Tensor) -> Callable[[], None]:
    """The Pyro model of the problem as a density of one standardized site, up to a constant."""
    model = model_of(problem)
    free = dist.ImproperUniform(dist.constraints.real, (), tuple(centre.shape))

    def standardized() -> None:
        params = curvature_of.named(problem, centre + unit * pyro.sample(_SITE, free))
        with poutine.block():
            trace = poutine.trace(poutine.condition(model, data=params)).get_trace()
        pyro.factor("log joint density", torch.as_tensor(trace.log_prob_sum()))

    return standardized


def _moments(guide: Any) -> tuple[Tensor, Tensor]:
    """Mean [D] and covariance [D, D] of a Gaussian guide, in its own units."""
    if isinstance(guide, AutoNormal):
        quantiles = guide.quantiles([0.5, 0.5 * math.erfc(-math.sqrt(0.5))])[_SITE]
        mean, above = quantiles[0].detach(), quantiles[1].detach()
        return mean, torch.diag((above - mean) ** 2)
    gaussian = guide.get_posterior()
    if hasattr(gaussian, "covariance_matrix"):
        return gaussian.mean.detach(), gaussian.covariance_matrix.detach()
    return gaussian.mean.detach(), torch.diag(gaussian.variance.detach())


def _in_own_units(
    problem: Problem,
    guide: Callable[..., Any],
    centre: Tensor,
    unit: Tensor,
    found: tuple[Tensor, Tensor],
) -> GaussianPosterior:
    mean, covariance = found[0] * unit + centre, (found[1] * unit * unit[:, None]).double()
    sd = covariance.diagonal().sqrt().to(mean)
    noise = problem.likelihood
    return GaussianPosterior(
        curvature_of.named(problem, mean),
        curvature_of.named(problem, sd),
        covariance,
        math.nan,
        noise.scale if isinstance(noise, GaussianNoise) else None,
        method=f"pyro-svi-{guide.__name__}",
    )


def _judged(problem: Problem, gaussian: GaussianPosterior, seed: int) -> GaussianPosterior:
    """With the ELBO as its log evidence, and a note on what the bound leaves out."""
    params, joint = gaussian_draws.draw(problem, gaussian, 1, _JUDGED, seed + 1)
    flat = {name: value[0] for name, value in params.items()}
    weights = joint[0].double() - gaussian_draws.log_density(problem, gaussian, flat)
    elbo, error = float(weights.mean()), float(weights.std()) / math.sqrt(_JUDGED)
    text = f"ELBO {elbo:.2f} nats (Monte Carlo error {error:.2g})"
    if _has_closed_form(problem):
        short = conjugate.posterior(problem).log_evidence - elbo
        text += f", {short:.2g} nats short of the exact log evidence"
    else:
        gain = float(weights.logsumexp(0)) - math.log(_JUDGED) - elbo
        text += f"; importance weighting adds {gain:.2g} nats, which the guide misses at least"
    return replace(gaussian, log_evidence=elbo, note="; ".join([text, *_doubts(problem)]))


def _doubts(problem: Problem) -> list[str]:
    doubt = propriety.doubt(problem)
    return [doubt] if doubt else []


def _has_closed_form(problem: Problem) -> bool:
    gaussian = all(isinstance(prior, (Gaussian, Flat)) for prior in problem.priors.values())
    return problem.linear is not None and isinstance(problem.likelihood, GaussianNoise) and gaussian


def _require_sensible(guide: Callable[..., Any], steps: int, lr: float) -> None:
    if guide not in GUIDES:
        names = ", ".join(each.__name__ for each in GUIDES)
        raise InputError(
            f"pyro_svi.fit(guide={getattr(guide, '__name__', guide)}): its result is a Gaussian; "
            f"give one of {names}."
        )
    if steps < 1 or not lr > 0:
        raise InputError(f"pyro_svi.fit(steps={steps}, lr={lr}): give steps >= 1 and lr > 0.")
