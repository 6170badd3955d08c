"""What the groups of a DataTree hold: arrays of draws, densities and constants, by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import metadata
from typing import Any

import numpy as np
from torch import Generator, Tensor

from bayeswd import __version__
from bayeswd.errors import InputError
from bayeswd.posterior import tree_labels
from bayeswd.posterior.pointwise import MOST_NUMBERS
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.results import Draws

Arrays = dict[str, np.ndarray]


def posterior(draws: Draws, problem: Problem) -> Arrays:
    """Draws by parameter name, and of sigma as `noise_scale` where it was sampled."""
    arrays = _named(draws.params, problem)
    if draws.noise_scale is not None:
        arrays["noise_scale"] = array(draws.noise_scale)
    return arrays


def log_prior(draws: Draws, problem: Problem) -> Arrays:
    """log density of each penalised weight, in the shape of its draws."""
    densities = {
        name: problem.priors[name].log_density(draws.params[name]) for name in problem.penalized
    }
    return _named(densities, problem)


def prior(problem: Problem, count: int, generator: Generator) -> Arrays:
    """One chain of draws of each parameter under a proper prior."""
    values = {name: problem.initial[name] for name in problem.penalized}
    size = sum(value.numel() for value in values.values())
    if count * size > MOST_NUMBERS:
        raise InputError(
            f"prior_draws={count} of {size} parameters are too many numbers; "
            f"give at most {MOST_NUMBERS // size}, or 0 for no prior group."
        )
    drawn = {
        name: problem.priors[name].draw((1, count, *value.shape), generator, value.cpu())
        for name, value in values.items()
    }
    return _named(drawn, problem)


def constants(draws: Draws, problem: Problem, strength: float | None) -> Arrays:
    """Prior variances, the strength as it was written, the noise variance if it is known."""
    known: Arrays = {}
    if problem.penalized:
        variances = [problem.priors[name].variance for name in problem.penalized]
        known["prior_variance"] = np.array(variances)
    if strength is not None:
        known["strength"] = np.array(float(strength))
    if isinstance(problem.likelihood, GaussianNoise) and draws.noise_scale is None:
        known["noise_variance"] = np.array(problem.likelihood.scale**2)
    return known


def _named(values: Mapping[str, Tensor], problem: Problem) -> Arrays:
    """Arrays by parameter name, the single output of a linear model dropped."""
    arrays = {name: array(value) for name, value in values.items()}
    if problem.linear is None or not tree_labels.has_single_output(problem):
        return arrays
    weight = problem.linear.weight
    return {k: v.squeeze(-2 if k == weight else -1) for k, v in arrays.items()}


def attrs(draws: Draws, problem: Problem) -> dict[str, Any]:
    """Who drew, how, and under which priors."""
    by_pyro = draws.engine.startswith("pyro")
    return {
        "inference_library": "pyro" if by_pyro else "bayeswd",
        "inference_library_version": metadata.version("pyro-ppl") if by_pyro else __version__,
        "modeling_interface": "bayeswd",
        "modeling_interface_version": __version__,
        "sampling_time": draws.seconds,
        "engine": draws.engine,
        "engine_why": draws.why,
        "priors": json.dumps({name: str(prior) for name, prior in problem.priors.items()}),
    }


def array(value: Tensor) -> np.ndarray:
    return value.detach().cpu().numpy()


def without_single_output(values: np.ndarray, problem: Problem) -> np.ndarray:
    """Targets [..., n, 1] as [..., n]."""
    return values.squeeze(-1) if problem.targets.ndim > 1 and values.shape[-1] == 1 else values
