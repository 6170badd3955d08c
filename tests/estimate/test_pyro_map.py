"""MAP in Pyro: the same steps as SGD with weight_decay, the same end, and nothing left behind."""

import math
from typing import Any

import pyro
import pytest
import torch
from pyro.optim import PyroOptim
from torch import nn

from bayeswd import (
    ElasticNet,
    Flat,
    Gaussian,
    GaussianNoise,
    InputError,
    Laplace,
    Problem,
    descent,
    exact,
    pyro_map,
)

OPTIM: Any = pyro.optim  # its optimizers are made while it is loaded


def table(params):
    return torch.cat([params["weight"], params["bias"][:, None]], 1)


def apart(one, other):
    """Relative to the largest weight of the second."""
    difference = (table(one.params) - table(other.params)).abs().max()
    return float(difference / other.params["weight"].abs().max())


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.6, False), (0.6, True)])
@pytest.mark.parametrize("bias", [Flat(), Gaussian(0.1)])
def test_the_steps_are_those_of_sgd_with_weight_decay(momentum, nesterov, bias, problem_of):
    """lr_pyro = lr_torch sigma^2 / n, d2l, weight by weight after 1, 2, 3, 40 and 400 steps."""
    problem, lr = problem_of("d2l", Gaussian, bias), 0.03
    unit = 0.01**2 / 20
    options = {"momentum": momentum, "nesterov": nesterov}
    for steps in (1, 2, 3, 40, 400):
        in_torch = descent.train(
            problem,
            optimizer=lambda groups: torch.optim.SGD(groups, lr=lr, **options),
            steps=steps,
            tolerance=-1.0,
        )
        sgd = PyroOptim(torch.optim.SGD, {"lr": lr * unit, **options})
        in_pyro = pyro_map.fit(problem, optimizer=sgd, steps=steps, tolerance=-1.0)
        assert in_torch.steps == in_pyro.steps == steps
        for name, expected in in_torch.params.items():
            assert float((in_pyro.params[name] - expected).abs().max()) <= 1e-13 * float(
                expected.abs().max()
            )
        pairs = zip(in_torch.history, in_pyro.history, strict=True)
        assert all(one == pytest.approx(other, rel=1e-11) for one, other in pairs)


def test_a_given_lr_is_in_nats(problem_of):
    problem = problem_of("d2l", Gaussian)
    unit = 0.01**2 / 20
    in_torch = descent.train(problem, lr=0.02, momentum=0.3, steps=30)
    in_pyro = pyro_map.fit(problem, lr=0.02 * unit, momentum=0.3, steps=30)
    assert apart(in_pyro, in_torch) < 1e-13
    assert "lr 1e-07 in nats (0.02 for the training loss)" in in_pyro.note


@pytest.mark.parametrize("name", ["d2l", "diabetes", "breast-cancer", "digits"])
def test_the_default_ends_at_the_mode_where_sgd_does(name, problem_of):
    problem = problem_of(name, Gaussian)
    fit, in_torch = pyro_map.fit(problem), descent.train(problem)
    assert fit.converged
    assert fit.method == "pyro-map"
    assert abs(fit.steps - in_torch.steps) <= 10  # rounding may move the last look
    assert apart(fit, in_torch) <= 1e-10
    best = exact.solve(problem)
    assert float((fit.params["weight"] - best.params["weight"]).abs().max()) <= 1e-7 * float(
        best.params["weight"].abs().max()
    )
    assert fit.certificate.gap <= 1e-12


@pytest.mark.parametrize(
    ("name", "prior"),
    [
        ("d2l", Laplace),
        ("diabetes", Laplace),
        ("breast-cancer", Laplace),
        ("digits", Laplace),
        ("d2l", lambda scale: ElasticNet(scale, scale)),
    ],
)
def test_under_l1_it_comes_close_without_exact_zeros(name, prior, problem_of):
    problem = problem_of(name, prior)
    fit, best = pyro_map.fit(problem), exact.solve(problem)
    assert fit.steps == 2000
    assert -1e-9 <= fit.objective - best.objective <= 0.05
    assert fit.certificate.gap <= 0.06
    assert fit.converged
    assert int((fit.params["weight"] == 0).sum()) == 0 < int((best.params["weight"] == 0).sum())
    assert "no weight ends at exactly zero" in fit.note


def test_too_few_steps_under_l1_are_not_called_converged(problem_of):
    fit = pyro_map.fit(problem_of("d2l", Laplace), steps=60)
    assert not fit.converged
    assert fit.certificate.gap > 0.05


def test_a_network_trains_as_in_torch():
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(20, 10, generator=generator, dtype=torch.float64)
    targets = torch.tanh(inputs.sum(1)) + 0.1 * torch.randn(20, generator=generator).double()
    model = nn.Sequential(nn.Linear(10, 3), nn.Tanh(), nn.Linear(3, 1)).double()
    with torch.no_grad():
        for value in model.parameters():
            value.copy_(0.3 * torch.randn(value.shape, generator=generator))
    priors = {"0.weight": Gaussian(0.3), "2.weight": Gaussian(1.0), "*.bias": Gaussian(3.0)}
    problem = Problem(model, GaussianNoise(0.3), priors, inputs, targets)
    fit, in_torch = pyro_map.fit(problem, steps=300), descent.train(problem, steps=300)
    for name, expected in in_torch.params.items():
        torch.testing.assert_close(fit.params[name], expected, rtol=1e-10, atol=1e-12)
    assert list(fit.params) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert fit.certificate.gap is None


def test_the_users_pyro_is_left_as_it_was(problem_of):
    """Parameters with and without a constraint, the module, the flags and both random states."""
    problem, store = problem_of("d2l", Gaussian), pyro.get_param_store()
    store.clear()
    free: Any = pyro.param("free", torch.tensor([1.0, 2.0]))
    positive: Any = pyro.param(
        "AutoDelta.weight", torch.tensor(3.0), constraint=pyro.distributions.constraints.positive
    )
    random = torch.get_rng_state()
    validating = pyro.settings.get("validate_poutine")
    pyro_map.fit(problem, steps=20)
    assert sorted(store.keys()) == ["AutoDelta.weight", "free"]
    assert free.unconstrained() is free
    assert store["free"] is free
    assert float(store["AutoDelta.weight"].detach()) == pytest.approx(3.0)
    assert float(positive.unconstrained().detach()) == pytest.approx(math.log(3.0))
    assert torch.equal(torch.get_rng_state(), random)
    assert pyro.settings.get("validate_poutine") == validating
    assert all(p.grad is None for p in problem.model.parameters())
    with pytest.raises(InputError, match="diverged"):
        pyro_map.fit(problem, lr=1.0)
    assert sorted(store.keys()) == ["AutoDelta.weight", "free"]
    assert pyro.settings.get("validate_poutine") == validating
    store.clear()


def test_a_pyro_scheduler_is_stepped(problem_of):
    problem = problem_of("d2l", Gaussian)
    options = {"optimizer": torch.optim.SGD, "optim_args": {"lr": 1e-7}, "gamma": 0.9}
    fit = pyro_map.fit(problem, optimizer=OPTIM.ExponentialLR(options), steps=10)
    in_torch = descent.train(
        problem,
        lr=0.02,
        schedule=lambda made: torch.optim.lr_scheduler.ExponentialLR(made, 0.9),
        steps=10,
    )
    assert apart(fit, in_torch) < 1e-13


def test_start_and_history(problem_of):
    problem = problem_of("d2l", Gaussian)
    zero = {name: torch.zeros_like(value) for name, value in problem.initial.items()}
    fit = pyro_map.fit(problem, start=zero, steps=15)
    assert fit.history[0] == (0, pytest.approx(float(problem.objective(zero)), rel=1e-14))
    assert fit.history[-1] == (15, fit.objective)
    assert all(float(value.abs().max()) == 0 for value in zero.values())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": 1.0}, r"diverged: .* lr 1 with momentum 0, and stable is at most .* = \d.*e-0[67]"),
        ({"steps": 0}, r"pyro_map.fit\(steps=0\): give a whole number"),
        ({"lr": 0.0}, r"lr=0.0: give a finite number > 0"),
        ({"optimizer": OPTIM.Adam({"weight_decay": 0.1})}, r"the penalty would count twice"),
        ({"optimizer": OPTIM.AdamW({"lr": 0.1})}, r"weight_decay 0.01 on 'weight'"),
        (
            {"optimizer": PyroOptim(torch.optim.SGD, lambda name: {"lr": 0.1, "weight_decay": 3})},
            r"weight_decay 3 on 'weight', and the model has its prior already",
        ),
        ({"optimizer": OPTIM.Adam({}), "lr": 0.1}, r"give lr and momentum to the optimizer"),
        ({"start": {"w": torch.zeros(1)}}, r"start names 'w'"),
    ],
)
def test_faults_have_one_line(options, message, problem_of):
    with pytest.raises(InputError, match=message):
        pyro_map.fit(problem_of("d2l", Gaussian), **options)
