"""Hamiltonian Monte Carlo as a reader uses it: names, seeds, starts, steps by hand, refusals."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from bayeswd.errors import InputError
from bayeswd.posterior import hmc, module_columns, potentials, stuck
from bayeswd.posterior.leapfrog import Leapfrog
from bayeswd.posterior.random_numbers import RandomNumbers
from bayeswd.problem.likelihoods import Bernoulli, Categorical, GaussianNoise, Poisson
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import ElasticNet, Flat, Gaussian, Laplace

SHORT = {"chains": 6, "draws": 5, "warmup": 10, "seed": 4}
INPUTS = np.array([[-1.1, 0.2], [-0.4, 1.0], [0.1, -0.7], [0.3, 0.4], [0.9, -1.2], [1.6, 0.1]])


def stated(likelihood, targets, priors, model=None, dtype=torch.float64):
    model = model or nn.Linear(2, 1, bias="bias" in priors)
    inputs = torch.tensor(INPUTS, dtype=dtype)
    return Problem(model, likelihood, priors, inputs, np.array(targets))


def network(*layers, likelihood=None, targets=(0.3, 0.9, -0.2, 0.1, -0.8, 0.4), prior=None):
    """Weights that do not depend on the global random numbers."""
    model = nn.Sequential(*layers)
    with torch.no_grad():
        for value in model.parameters():
            value.copy_(torch.linspace(-0.7, 0.8, value.numel()).view(value.shape))
    targets = np.array(targets)[:, None]
    return stated(likelihood or GaussianNoise(0.5), targets, {"*": prior or Gaussian(1.0)}, model)


NOISY, LABELS, COUNTS = [0.3, 0.9, -0.2, 0.1, -0.8, 0.4], [0.0, 1, 0, 1, 1, 1], [0.0, 1, 0, 2, 1, 6]
CLASSES = [0, 1, 2, 1, 0, 1]
PROBLEMS = {
    "gaussian": lambda: stated(
        GaussianNoise(0.5), NOISY, {"weight": Gaussian(0.6), "bias": Gaussian(2.0)}
    ),
    "laplace, flat bias": lambda: stated(
        GaussianNoise(0.5), NOISY, {"weight": Laplace(0.4), "bias": Flat()}
    ),
    "laplace on both": lambda: stated(
        GaussianNoise(0.5), NOISY, {"weight": Laplace(0.4), "bias": Laplace(0.9)}
    ),
    "logistic": lambda: stated(Bernoulli(), LABELS, {"weight": Gaussian(1.0), "bias": Flat()}),
    "logistic, elastic net": lambda: stated(
        Bernoulli(), LABELS, {"weight": ElasticNet(0.5, 0.7), "bias": Flat()}
    ),
    "softmax": lambda: stated(
        Categorical(), CLASSES, {"weight": Gaussian(1.0), "bias": Laplace(2.0)}, nn.Linear(2, 3)
    ),
    "counts": lambda: stated(Poisson(), COUNTS, {"weight": Gaussian(1.0), "bias": Flat()}),
    "counts, float32": lambda: stated(
        Poisson(), COUNTS, {"weight": Gaussian(1.0), "bias": Flat()}, dtype=torch.float32
    ),
    "network": lambda: network(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1)),
    "network, laplace": lambda: network(nn.Linear(2, 2), nn.Linear(2, 1), prior=Laplace(0.5)),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_draws_are_named_and_shaped_and_their_density_is_the_objective(name):
    problem = PROBLEMS[name]()
    draws = hmc.sample(problem, **SHORT)
    assert draws.engine == "hmc"
    assert list(draws.params) == list(problem.priors)
    assert set(draws.sample_stats) == {
        "lp", "acceptance_rate", "diverging", "n_steps", "step_size"
    }  # fmt: skip
    for name, value in draws.params.items():
        assert value.shape == (6, 5, *problem.initial[name].shape)
        assert value.dtype == problem.inputs.dtype
    exact = problem.inputs.dtype == torch.float64
    for chain in range(6):
        params = {name: value[chain, 4] for name, value in draws.params.items()}
        objective = float(problem.objective(params))
        lp = float(draws.sample_stats["lp"][chain, 4])
        assert lp == pytest.approx(-objective, rel=1e-9 if exact else 1e-5)


def test_a_seed_is_a_result():
    problem = PROBLEMS["counts"]()
    one, same = hmc.sample(problem, **SHORT), hmc.sample(problem, **SHORT)
    other = hmc.sample(problem, **SHORT | {"seed": 5})
    assert torch.equal(one.params["weight"], same.params["weight"])
    assert not torch.equal(one.params["weight"], other.params["weight"])


def test_no_global_random_number_is_used_or_changed():
    problem = PROBLEMS["network"]()
    before = torch.random.get_rng_state()
    hmc.sample(problem, **SHORT)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("name", ["gaussian", "laplace, flat bias", "counts"])
def test_init_and_step_are_all_that_is_needed(name):
    """Transitions by hand: reversible, and with an error that falls as the square of the step."""
    random = RandomNumbers(1, 32, torch.device("cpu"))
    setup = potentials.of(PROBLEMS[name](), 32, random)
    state = hmc.init(setup.potential, setup.positions)
    errors = []
    for size, steps in ((0.2, 4), (0.05, 16)):
        leapfrog = Leapfrog(setup.potential, size)
        position = state.position.clone()
        momentum = torch.ones_like(position)
        leapfrog.follow_(position, momentum, steps)
        energy = setup.potential.energy(position) + 0.5 * (momentum**2).sum(0)
        errors.append((energy - state.energy - 0.5 * len(position)).abs().mean())
        momentum.neg_()
        leapfrog.follow_(position, momentum, steps)
        torch.testing.assert_close(position, state.position, rtol=0, atol=1e-9)
    assert errors[1] < 0.15 * errors[0] + 1e-12
    after, info = hmc.step(state, leapfrog, 16, random)
    moved = (after.position != state.position).any(0)
    assert float(info.acceptance_rate.min()) > 0.9
    assert moved.sum() > 20
    torch.testing.assert_close(after.energy, setup.potential.energy(after.position))


def test_progress_is_told_after_transitions():
    told = []
    hmc.sample(PROBLEMS["counts"](), **SHORT, progress=lambda *now: told.append(now))
    assert told[-1] == (15, 15)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_a_start_for_all_chains_or_for_each():
    problem = PROBLEMS["counts"]()
    weight, bias = torch.full((1, 2), 0.2), torch.zeros(1)
    own = {"weight": weight.expand(6, 1, 2) + torch.arange(6.0)[:, None, None] / 100, "bias": bias}
    for start in ({"weight": weight, "bias": bias}, own):
        assert torch.isfinite(hmc.sample(problem, **SHORT, start=start).params["weight"]).all()
    with pytest.raises(InputError, match=r"'weight' has shape \(2,\); give \(1, 2\), or one for"):
        hmc.sample(problem, **SHORT, start={"weight": torch.zeros(2), "bias": bias})
    with pytest.raises(InputError, match="'bias' has shape None"):
        hmc.sample(problem, **SHORT, start={"weight": weight})
    with pytest.raises(InputError, match="not finite at the start of 6 of 6 chains"):
        hmc.sample(problem, **SHORT, start={"weight": 1e6 * weight, "bias": bias})


@pytest.mark.parametrize("few", [{"chains": 0}, {"draws": 0}, {"warmup": -1}])
def test_numbers_that_make_no_sense_are_refused(few):
    with pytest.raises(InputError, match="give at least 1 chain, 1 draw and no less than 0"):
        hmc.sample(PROBLEMS["counts"](), **SHORT | few)


def test_a_stuck_chain_is_told():
    problem = PROBLEMS["counts"]()
    assert "stuck" not in hmc.sample(problem, **SHORT).why
    weight = torch.zeros(16, 1, 2, dtype=torch.float64)
    weight[3] = 12.0  # exp(12 * 1.7): no step that suits the others is short enough
    start = {"weight": weight, "bias": torch.zeros(1)}
    drawn = hmc.sample(problem, chains=16, draws=10, warmup=0, start=start)
    assert "1 of 16 chains are stuck (mean acceptance below 0.2)" in drawn.why
    assert stuck.count(drawn.sample_stats) == 1
    healed = hmc.sample(problem, chains=16, draws=10, warmup=20, start=start)
    assert stuck.count(healed.sample_stats) == 0
    assert stuck.count({}) == 0


class Positive(nn.Linear):
    """Its way depends on a number: torch.func.vmap refuses that."""

    def forward(self, inputs):
        found = super().forward(inputs)
        return found if bool(found.abs().max() < 1e9) else torch.zeros_like(found)


def test_what_vmap_refuses_is_run_chain_by_chain():
    """The same draws: only the way the gradients are made differs."""
    one = hmc.sample(network(nn.Linear(2, 2), nn.Linear(2, 1)), **SHORT)
    other = hmc.sample(network(Positive(2, 2), nn.Linear(2, 1)), **SHORT)
    assert "gradients by torch.func;" in one.why
    assert "chain by chain, as torch.func.vmap refuses it (" in other.why
    for name, value in one.params.items():
        torch.testing.assert_close(other.params[name], value, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "layer",
    [nn.BatchNorm1d(2).eval(), nn.Dropout(0.5).eval(), nn.LayerNorm(2), nn.GELU()],
    ids=lambda layer: type(layer).__name__,
)
def test_layers_that_are_functions_of_their_weights_are_sampled(layer):
    draws = hmc.sample(network(nn.Linear(2, 2), layer, nn.Linear(2, 1)), **SHORT)
    assert "by torch.func;" in draws.why
    assert float(draws.sample_stats["acceptance_rate"].mean()) > 0.3


@pytest.mark.parametrize("layer", [nn.BatchNorm1d(2), nn.Dropout(0.5)])
def test_layers_that_are_not_are_refused_with_the_reason(layer):
    with pytest.raises(InputError, match=r"is in training mode, so the objective is not a func"):
        network(nn.Linear(2, 2), layer, nn.Linear(2, 1))


def test_starts_of_a_model_are_spread_as_the_curvature_has_it():
    """Two layers that make a linear model of one weight vector: the Hessian is known."""
    problem = network(nn.Linear(2, 1, bias=False), nn.Identity())
    columns, _ = module_columns.of(problem)
    random = RandomNumbers(1, 512, torch.device("cpu"))
    weights, unit = module_columns.starts(problem, columns, 512, random)
    precision = problem.inputs.T @ problem.inputs / 0.5**2 + torch.eye(2)
    mode = torch.linalg.solve(precision, problem.inputs.T @ problem.targets / 0.5**2)
    torch.testing.assert_close(unit[:, 0], precision.diagonal().rsqrt(), rtol=0.02, atol=0)
    away = (weights - mode) / unit
    assert float(away.mean(1).abs().max()) < 0.2
    assert 1.3 < float(away.std()) < 1.6
    flat = Problem(problem.model, problem.likelihood, {"*": Flat()}, INPUTS, problem.targets)
    columns, _ = module_columns.of(flat)
    _, unit = module_columns.starts(flat, columns, 512, random)
    expected = (precision - torch.eye(2)).diagonal().rsqrt()
    torch.testing.assert_close(unit[:, 0], expected, rtol=0.02, atol=0)


def test_starts_that_overflow_are_drawn_in():
    """Rates exp(1000 w): most of the random starts have an infinite objective."""

    class Times(nn.Module):
        def forward(self, inputs):
            return 1000 * inputs

    problem = network(
        nn.Linear(2, 2), Times(), nn.Linear(2, 1), likelihood=Poisson(), targets=COUNTS
    )
    columns, _ = module_columns.of(problem)
    random = RandomNumbers(1, 16, torch.device("cpu"))
    weights, _ = module_columns.starts(problem, columns, 16, random)
    assert torch.isfinite(columns.smooth(weights)).all()


def test_a_problem_without_a_finite_start_is_refused():
    class Nowhere(nn.Module):
        def forward(self, inputs):
            return inputs * math.inf

    problem = network(nn.Linear(2, 1), Nowhere())
    with pytest.raises(InputError, match="no finite objective at any of 6 random starts"):
        hmc.sample(problem, **SHORT)
