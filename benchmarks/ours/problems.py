"""A posed posterior as a `Problem`."""

import torch
from torch import nn

from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Gaussian, Laplace
from benchmarks.posed import Posed


def problem_of(posed: Posed, device: str = "cpu") -> Problem:
    """Linear regression without a bias, float64."""
    prior = {"laplace": Laplace, "gaussian": Gaussian}[posed.prior](posed.scale)
    model = nn.Linear(posed.inputs.shape[1], 1, bias=False)
    inputs = torch.as_tensor(posed.inputs, device=device)
    targets = torch.as_tensor(posed.targets, device=device)
    return Problem(model, GaussianNoise(posed.noise_scale), {"weight": prior}, inputs, targets)
