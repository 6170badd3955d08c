"""No number crosses from the device to the host while chains move: on a GPU each would stall it.

Told here on the CPU, by the operations that a step asks of torch.
"""

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from bayeswd.posterior import gibbs, gibbs_design, potentials, transition
from bayeswd.posterior.gibbs_kernel import Kernel
from bayeswd.posterior.leapfrog import Leapfrog
from bayeswd.posterior.random_numbers import RandomNumbers
from bayeswd.problem.likelihoods import Bernoulli, GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import ElasticNet, Flat, Gaussian, Laplace

CHAINS = 6


class Crossings(TorchDispatchMode):
    """Lists the operations that wait for the device: to read a number, or a shape it decides."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        name = operation.__name__.partition(".")[0]
        masked = name == "index" and any(
            index is not None and index.dtype == torch.bool for index in args[1]
        )
        if masked or name in ("_local_scalar_dense", "nonzero", "masked_select", "equal"):
            self.found.append(name)
        return operation(*args, **(kwargs or {}))


def crossings(act):
    with Crossings() as seen:
        act()
    return seen.found


def stated(prior, bias=None, likelihood=None, n=8, d=3):
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(n, d, generator=generator, dtype=torch.float64)
    model = nn.Linear(d, 1, bias=bias is not None)
    priors = {"weight": prior} | ({"bias": bias} if bias else {})
    targets = inputs.sum(1) if likelihood is None else (inputs.sum(1) > 0).double()
    return Problem(model, likelihood or GaussianNoise(0.5), priors, inputs, targets)


GIBBS = {
    "known": (stated(Laplace(0.3), Flat()), gibbs.KNOWN),
    "elastic net": (stated(ElasticNet(0.3, 0.5), Gaussian(1.0)), gibbs.KNOWN),
    "d > n": (stated(Laplace(0.3), n=3, d=5), gibbs.KNOWN),
    "park-casella": (
        stated(Laplace(0.3)),
        gibbs.park_casella(strength_prior=gibbs.StrengthPrior(1.0, 1.0)),
    ),
    "tied": (stated(Laplace(0.3), Flat()), gibbs.penalty_tied()),
    "fixed": (stated(Laplace(0.3), n=40), gibbs.fixed_scale()),
}


@pytest.mark.parametrize("name", GIBBS)
def test_a_sweep_of_gibbs_reads_nothing_back(name):
    problem, belief = GIBBS[name]
    design = gibbs_design.of([problem], "gibbs.sample")
    kernel = Kernel(design, belief, RandomNumbers(0, CHAINS, torch.device("cpu")))
    state = kernel.init()
    out = torch.empty_like(state.weights)
    assert crossings(lambda: kernel.step(state, out)) == []


HMC = {
    "gaussian": stated(Gaussian(0.3), Flat()),
    "laplace": stated(Laplace(0.3), Flat()),
    "logistic": stated(Gaussian(1.0), Gaussian(1.0), Bernoulli()),
    "logistic, laplace": stated(Laplace(0.3), Gaussian(1.0), Bernoulli()),
}


@pytest.mark.parametrize("name", HMC)
def test_a_transition_of_hmc_reads_nothing_back(name):
    random = RandomNumbers(0, CHAINS, torch.device("cpu"))
    setup = potentials.of(HMC[name], CHAINS, random)
    state = transition.init(setup.potential, setup.positions)
    leapfrog = Leapfrog(setup.potential, 0.1)
    assert crossings(lambda: transition.step(state, leapfrog, 3, random)) == []


def test_a_number_read_back_is_seen():
    values = torch.ones(3)
    assert crossings(lambda: float(values.sum())) == ["_local_scalar_dense"]
    assert crossings(lambda: values[values > 0]) == ["index"]
