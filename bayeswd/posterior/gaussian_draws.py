"""Independent draws from a Gaussian that stands in for the posterior."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor
from torch.func import vmap

from bayeswd.errors import InputError
from bayeswd.posterior.curvature_of import flat, named
from bayeswd.problem.objective import Problem
from bayeswd.results import GaussianPosterior

_CHUNK = 2**22  # numbers in one chunk of outputs, 32 MiB in float64


def draw(
    problem: Problem, gaussian: GaussianPosterior, chains: int, draws: int, seed: int
) -> tuple[dict[str, Tensor], Tensor]:
    """(parameters [chain, draw, *parameter], the problem's log joint density [chain, draw])."""
    if chains < 1 or draws < 1:
        raise InputError(f"{chains} chains of {draws} draws; give at least 1 of each.")
    mean = flat(problem, gaussian.mean).double()
    generator = Generator(mean.device).manual_seed(seed)
    shape = (chains * draws, len(mean))
    normal = torch.randn(shape, generator=generator, dtype=torch.float64, device=mean.device)
    if gaussian.covariance is None:
        moved = normal * flat(problem, gaussian.sd).double()
    else:
        moved = normal @ torch.linalg.cholesky(gaussian.covariance).T
    params = named(problem, (mean + moved).to(problem.inputs.dtype))
    joint = log_joint(problem, params)
    both = (chains, draws)
    return {name: value.unflatten(0, both) for name, value in params.items()}, joint.view(both)


def log_joint(problem: Problem, params: dict[str, Tensor]) -> Tensor:
    """-objective of parameters [count, *parameter], nats, [count]."""
    widest = max(max(value.shape[1:2], default=1) for value in params.values())
    rows = max(1, _CHUNK // (problem.n * widest))
    return -vmap(problem.objective, chunk_size=rows)(params).detach()


def log_density(problem: Problem, gaussian: GaussianPosterior, params: dict[str, Tensor]) -> Tensor:
    """log of the Gaussian's own density at parameters [count, *parameter], nats, [count]."""
    together = torch.cat([params[name].flatten(1) for name in problem.priors], 1).double()
    centred = together - flat(problem, gaussian.mean).double()
    if gaussian.covariance is None:
        root = flat(problem, gaussian.sd).double()
        white = centred / root
    else:
        factor = torch.linalg.cholesky(gaussian.covariance)
        white = torch.linalg.solve_triangular(factor, centred.T, upper=False).T
        root = factor.diagonal()
    return -0.5 * ((white**2).sum(1) + len(root) * math.log(2 * math.pi)) - root.log().sum()
