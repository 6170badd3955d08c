"""Pyro's NUTS, its potential traced by TorchScript: measured by rate, being far from the target."""

import warnings

import numpy as np
import pyro
import pyro.distributions as dist
import torch
from pyro.infer import MCMC, NUTS

from benchmarks.posed import Posed

NAME = "Pyro NUTS"
PACKAGES = ("pyro-ppl", "torch")
HOW = "2 chains, jit, dense metric for 10 weights and diagonal for 200, 150 of warm-up"
THREADS = 1  # a second one slows tensors of this size
DRAWS = {"diabetes-laplace": 150, "d2l-laplace": 100, "d2l-gaussian": 100}
FIXED = ("diabetes-laplace", "d2l-laplace", "d2l-gaussian")  # these draws and no more
CHAINS, WARMUP = 2, 150


def sample(posed: Posed, draws: int, seed: int) -> np.ndarray:
    """Weights, [chain, draw, d]."""
    inputs, targets = torch.as_tensor(posed.inputs), torch.as_tensor(posed.targets)
    zeros = torch.zeros(inputs.shape[1], dtype=inputs.dtype)
    prior = {"laplace": dist.Laplace, "gaussian": dist.Normal}[posed.prior]

    def model():
        weights = pyro.sample("weights", prior(zeros, zeros + posed.scale).to_event(1))
        with pyro.plate("rows", len(inputs)):
            pyro.sample("y", dist.Normal(inputs @ weights, posed.noise_scale), obs=targets)

    pyro.set_rng_seed(seed)
    kernel = NUTS(model, jit_compile=True, ignore_jit_warnings=True, full_mass=len(zeros) <= 10)
    mcmc = MCMC(kernel, draws, warmup_steps=WARMUP, num_chains=CHAINS, disable_progbar=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of TorchScript, and of chains one after the other
        mcmc.run()
    return mcmc.get_samples(group_by_chain=True)["weights"].numpy()
