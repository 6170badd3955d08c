"""The Gaussian at the mode: mean the mode, precision the curvature of the objective there.

    log p(targets) is about -objective(mode) + D/2 log 2 pi - 1/2 log det(curvature)

(MacKay 1992, eq. 2.5; Bishop 2006, section 4.4). Exact for a linear model with GaussianNoise and
Gaussian or Flat priors. The structure of the curvature is a function: `full`, the Hessian; `ggn`,
which is never indefinite, for networks; `diagonal`, for large ones.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

import torch
from torch import Tensor

from bayeswd.errors import InputError
from bayeswd.estimate import exact
from bayeswd.estimate.certificate import kkt_residual
from bayeswd.posterior import propriety
from bayeswd.posterior.curvature_of import Structure, diagonal, flat, full, ggn, named
from bayeswd.posterior.gaussian_draws import draw
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.stationarity import checked, finite, in_double
from bayeswd.results import Draws, GaussianPosterior

__all__ = ["diagonal", "full", "ggn", "posterior", "sample"]

Params = Mapping[str, Tensor]

NEAR = 0.1  # posterior sds from where the gradient vanishes within which weights are a mode
_ZERO = 1e-11  # curvature of a direction, in units of its parameters' own, that is rounding
_ENTRIES = 3000**2  # of a covariance that says nothing beyond its diagonal


def posterior(
    problem: Problem, params: Params | None = None, *, structure: Structure = full
) -> GaussianPosterior:
    """The Gaussian at `params`, a mode; default the exact mode of a linear model.

    structure: `full`, `ggn`, `diagonal`, or any function of (problem in float64, params) that
        returns second derivatives of the misfit in nats, [D, D], or [D] for a diagonal. With a
        diagonal, sd is that of each weight given all the others, never more than its own.

    mean and sd have the dtype of the inputs, the covariance is float64. Raises InputError for
    weights that are no mode, an indefinite or singular curvature, and any L1 part in a prior.
    """
    _require_smooth(problem)
    propriety.require(problem, "laplace_approximation.posterior")
    double = in_double(problem)
    weights = _mode(double, params)
    rates = _rates(double)
    curvature = structure(double, weights)
    precision = curvature + (rates if curvature.ndim == 1 else torch.diag(rates))
    covariance, log_volume = _inverse(double, weights, precision)
    _require_mode(double, weights, covariance)
    constant = 0.5 * (len(rates) * math.log(2 * math.pi) - log_volume)
    variance = covariance if covariance.ndim == 1 else covariance.diagonal()
    sd = named(problem, variance.sqrt().to(problem.inputs.dtype))
    return GaussianPosterior(
        {name: value.to(problem.inputs.dtype) for name, value in weights.items()},
        sd,
        _as_matrix(covariance),
        constant - float(double.objective(weights)),
        problem.likelihood.scale if isinstance(problem.likelihood, GaussianNoise) else None,
        method=f"laplace-{_name(structure)}",
    )


def sample(
    problem: Problem,
    params: Params | None = None,
    *,
    structure: Structure = full,
    chains: int = 4,
    draws: int = 1000,
    seed: int = 0,
) -> Draws:
    """Independent draws from that Gaussian; sample_stats lp = the problem's own log joint, nats."""
    began = time.perf_counter()
    gaussian = posterior(problem, params, structure=structure)
    drawn, joint = draw(problem, gaussian, chains, draws, seed)
    return Draws(
        params=drawn,
        engine=gaussian.method,
        why=f"the Gaussian at the mode, by its {_name(structure)} curvature: an approximation "
        "unless the model is linear and noise and priors are Gaussian",
        seconds=time.perf_counter() - began,
        sample_stats={"lp": joint},
    )


def _mode(problem: Problem, params: Params | None) -> dict[str, Tensor]:
    if params is not None:
        weights = checked(problem, params)
        if not finite(weights):
            raise InputError("laplace_approximation: these weights are not finite, so not a mode.")
        return weights
    if problem.linear is None:
        raise InputError(
            f"laplace_approximation: {problem} has no exact mode; give params, such as "
            "descent.train(problem).params."
        )
    return dict(exact.solve(problem).params)


def _rates(problem: Problem) -> Tensor:
    """1/tau^2 of each parameter, [D]: the curvature of the penalty."""
    values = problem.initial
    rates = {n: torch.full_like(values[n], p.l2_rate) for n, p in problem.priors.items()}
    return flat(problem, rates)


def _inverse(problem: Problem, params: Params, precision: Tensor) -> tuple[Tensor, float]:
    """(covariance in the shape of the precision, log determinant of the precision).

    Worked out in units in which each parameter has curvature 1, whatever its own unit.
    """
    own = (precision if precision.ndim == 1 else precision.diagonal()).abs()
    unit = torch.where(own > 0, own, 1.0).rsqrt()
    if precision.ndim == 1:
        _require_positive(problem, params, precision, precision * unit**2)
        return 1 / precision, float(precision.log().sum())
    scaled = precision * unit * unit[:, None]
    root, failed = torch.linalg.cholesky_ex(scaled)
    if failed or float(root.diagonal().min()) ** 2 < len(unit) * _ZERO:
        _require_positive(problem, params, precision, scaled)
    covariance = torch.cholesky_inverse(root) * unit * unit[:, None]
    return covariance, 2 * float((root.diagonal() / unit).log().sum())


def _require_positive(problem: Problem, params: Params, precision: Tensor, scaled: Tensor) -> None:
    """Refuse a curvature that is negative or 0 in some direction, with its eigenvalues."""
    values, vectors = _eigen(scaled)
    size, below, null = len(values), int((values < -_ZERO).sum()), values <= _ZERO
    if below:
        ends = _eigen(precision)[0]
        raise InputError(
            f"laplace_approximation: the curvature has {below} negative of {size} eigenvalues "
            f"(from {float(ends.min()):.3g} to {float(ends.max()):.3g}), so these weights are no "
            f"minimum (KKT residual {kkt_residual(problem, params):.1e}); train on, from other "
            "weights where it is 0, or give structure=laplace_approximation.ggn."
        )
    if null.any():
        shares = null.double() if vectors is None else (vectors[:, null] ** 2).sum(1)
        found = named(problem, shares).items()
        where = ", ".join(repr(name) for name, share in found if float(share.sum()) > 0.01)
        raise InputError(
            f"laplace_approximation: the curvature is 0 to rounding along {int(null.sum())} of "
            f"{size} directions, in {where}: neither data nor prior determine them; give {where} "
            "a proper prior of a scale that matters."
        )


def _eigen(curvature: Tensor) -> tuple[Tensor, Tensor | None]:
    """Eigenvalues, and eigenvectors as columns; None where these are the axes."""
    if curvature.ndim == 1:
        return curvature, None
    values, vectors = torch.linalg.eigh(curvature)
    return values, vectors


def _require_mode(problem: Problem, params: Params, covariance: Tensor) -> None:
    """Refuse weights from which the gradient still leads away: sqrt(g' covariance g) sds."""
    pulls = problem.misfit_gradient(params)
    gradient = flat(problem, pulls) + _rates(problem) * flat(problem, params)
    image = covariance * gradient if covariance.ndim == 1 else covariance @ gradient
    distance = math.sqrt(max(0.0, float(gradient @ image)))
    if not distance <= NEAR:
        raise InputError(
            f"laplace_approximation: these weights are not a mode: KKT residual "
            f"{kkt_residual(problem, params):.1e}, {distance:.2g} posterior sds from where the "
            "gradient vanishes; train on with descent.train(problem, start=params)."
        )


def _require_smooth(problem: Problem) -> None:
    for name, prior in problem.priors.items():
        if prior.l1_rate > 0:
            raise InputError(
                f"laplace_approximation under {prior} on {name!r}: the second derivative of |w| is "
                "0 away from 0, so the Gaussian at the mode would have the covariance of a flat "
                "prior; use gibbs.sample or hmc.sample."
            )


def _as_matrix(covariance: Tensor) -> Tensor | None:
    if covariance.ndim == 2:
        return covariance
    return torch.diag(covariance) if len(covariance) ** 2 <= _ENTRIES else None


def _name(structure: Structure) -> str:
    return getattr(structure, "__name__", "own")
