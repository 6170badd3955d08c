"""Curvature against dense Hessians, heavy ball against its rate, and the plans on the way."""

import math

import pytest
import torch
from torch import nn

from bayeswd import (
    Bernoulli,
    Categorical,
    ElasticNet,
    Flat,
    Gaussian,
    GaussianNoise,
    InputError,
    Laplace,
    Poisson,
    Problem,
)
from bayeswd.estimate import curvature, step_size

N, D = 30, 4


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def linear(likelihood, prior=Gaussian(0.5), outputs=1, bias=True):  # noqa: B008
    inputs = normal(N, D) + 0.3
    targets = {
        "gaussian": normal(N, outputs, seed=1),
        "bernoulli": (normal(N, outputs, seed=1) > 0).double(),
        "categorical": torch.arange(N) % outputs,
        "poisson": (2 * normal(N, outputs, seed=1)).round().abs(),
    }[likelihood.family]
    priors = {"weight": prior, **({"bias": Gaussian(2.0)} if bias else {})}
    model = nn.Linear(D, outputs, bias=bias)
    return Problem(model, likelihood, priors, inputs, targets)


def network(prior=Gaussian(0.5)):  # noqa: B008
    model = nn.Sequential(nn.Linear(D, 3), nn.Tanh(), nn.Linear(3, 1)).double()
    priors = {"*.weight": prior, "*.bias": Flat()}
    return Problem(model, GaussianNoise(0.7), priors, normal(N, D), normal(N, seed=1))


def params_of(problem, seed=5):
    return {
        name: 0.3 * normal(*value.shape, seed=seed + i)
        for i, (name, value) in enumerate(problem.initial.items())
    }


def hessian(problem, params):
    """Of c * (misfit + (l2_rate / 2) |w|^2), flattened in the order of the parameters."""
    shapes = [value.shape for value in params.values()]
    sizes = [value.numel() for value in params.values()]

    def loss(flat):
        parts = [p.view(shape) for p, shape in zip(flat.split(sizes), shapes, strict=True)]
        named = dict(zip(params, parts, strict=True))
        quadratic = sum(problem.priors[k].l2_rate / 2 * (v**2).sum() for k, v in named.items())
        return problem.likelihood.loss_scale / problem.n * (problem.misfit(named) + quadratic)

    flat = torch.cat([value.flatten() for value in params.values()])
    return torch.autograd.functional.hessian(loss, flat)


LINEAR = [
    linear(GaussianNoise(0.7)),
    linear(GaussianNoise(0.7), outputs=3, bias=False),
    linear(GaussianNoise(0.7), ElasticNet(0.2, 0.5)),
    linear(Bernoulli()),
    linear(Bernoulli(), outputs=2, prior=Laplace(0.3)),
    linear(Categorical(), outputs=3),
    linear(Poisson()),
]


@pytest.mark.parametrize("problem", LINEAR, ids=str)
def test_spectrum_is_that_of_the_dense_hessian(problem):
    params = params_of(problem)
    expected = torch.linalg.eigvalsh(hessian(problem, params))
    smallest, largest = curvature.spectrum(problem, params)
    assert smallest == pytest.approx(float(expected[expected > 1e-10 * expected[-1]][0]), rel=1e-9)
    assert largest == pytest.approx(float(expected[-1]), rel=1e-9)


@pytest.mark.parametrize("problem", LINEAR[:-1], ids=str)
def test_largest_bounds_the_curvature_everywhere(problem):
    """Exactly the curvature for squared error; for the others at any weights, here a few."""
    bound = curvature.largest(problem, problem.initial)
    for seed in range(5):
        params = {k: (seed / 2) * v for k, v in params_of(problem, seed).items()}
        found = curvature.spectrum(problem, params)[1]
        assert found <= bound * (1 + 1e-12)
        if curvature.is_quadratic(problem):
            assert found == pytest.approx(bound, rel=1e-2)
    assert curvature.is_bounded(problem)


@pytest.mark.parametrize("size", [1, 4, 29])
def test_largest_bounds_the_curvature_of_each_batch(size):
    problem = LINEAR[0]
    bound = curvature.largest(problem, problem.initial, size)
    rows = torch.cat([problem.inputs, torch.ones(N, 1).double()], 1)
    decay = problem.likelihood.loss_scale / N * torch.tensor([4.0] * D + [0.25]).double()
    for seed in range(20):
        batch = rows[torch.randperm(N, generator=torch.Generator().manual_seed(seed))[:size]]
        of_batch = torch.linalg.eigvalsh(batch.T @ batch / size + torch.diag(decay))[-1]
        assert float(of_batch) <= bound * (1 + 1e-12)
    assert bound < 40 * curvature.largest(problem, problem.initial)


def test_weights_held_at_zero_are_left_out_of_the_smallest_curvature():
    problem = linear(GaussianNoise(0.7), Laplace(0.3), bias=False)
    params = params_of(problem)
    params["weight"][0, [0, 2]] = 0.0
    dense = hessian(problem, params)
    kept = torch.linalg.eigvalsh(dense[[1, 3]][:, [1, 3]])
    expected = (float(kept[0]), float(torch.linalg.eigvalsh(dense)[-1]))
    assert curvature.spectrum(problem, params) == pytest.approx(expected, rel=1e-10)
    nothing = {"weight": torch.zeros(1, D).double()}
    assert curvature.spectrum(problem, nothing) == pytest.approx((expected[1],) * 2, rel=1e-10)


def test_lanczos_finds_both_ends_for_a_network():
    """Nineteen weights: forty rounds are all of them."""
    problem = network()
    params = params_of(problem)
    expected = torch.linalg.eigvalsh(hessian(problem, params))
    smallest, _ = curvature.spectrum(problem, params)
    assert smallest == pytest.approx(float(expected[0]), rel=1e-7, abs=1e-10)
    assert curvature.largest(problem, params) == pytest.approx(
        float(expected.abs().max()), rel=1e-9
    )
    held = network(Laplace(0.2))
    zero = {**params, "0.weight": torch.zeros(3, D).double()}
    dense = hessian(held, zero)[3 * D :, 3 * D :]
    expected = torch.linalg.eigvalsh(dense)
    assert curvature.spectrum(held, zero)[0] == pytest.approx(float(expected[0]), rel=1e-7)


def test_wide_data_use_the_smaller_of_the_two_products(monkeypatch):
    inputs = normal(8, 40)
    problem = Problem(
        nn.Linear(40, 1),
        GaussianNoise(0.5),
        {"weight": Gaussian(1.0), "bias": Flat()},
        inputs,
        normal(8, seed=2),
    )
    dense = torch.linalg.eigvalsh(hessian(problem, problem.initial))[-1]
    found = curvature.largest(problem, problem.initial)
    assert found == pytest.approx(float(dense), rel=1e-3)
    assert found >= float(dense)  # the decay of the weights is added for the bias as well
    monkeypatch.setattr(curvature, "DENSE_COEFFICIENTS", 4)
    assert not curvature.has_spectrum(problem)
    assert curvature.largest(problem, problem.initial) == pytest.approx(found, rel=1e-6)


@pytest.mark.parametrize(("smallest", "largest"), [(1.0, 1.0), (0.1, 2.0), (1e-4, 3.0)])
def test_heavy_ball_shrinks_every_error_by_the_root_of_the_momentum(smallest, largest):
    """Roots of z^2 - (1 + m - lr h) z + m have modulus sqrt(m) for h in [smallest, largest]."""
    size = step_size.heavy_ball(smallest, largest)
    for curve in torch.linspace(smallest, largest, 7, dtype=torch.float64).tolist():
        middle = (1 + size.momentum - size.lr * curve) / 2
        below = complex(middle**2 - size.momentum) ** 0.5
        moduli = [abs(middle + below), abs(middle - below)]
        # at both ends the roots meet, and rounding enters under a square root
        assert max(moduli) == pytest.approx(math.sqrt(size.momentum), rel=1e-6, abs=1e-7)


def test_a_growing_lr_gives_no_kick():
    weights = nn.Parameter(torch.tensor([1.0, 2.0]))
    optimizer = torch.optim.SGD([weights], 0.1, 0.9)
    weights.grad = torch.tensor([1.0, -1.0])
    optimizer.step()
    step_size.put_into(optimizer, step_size.StepSize(0.4, 0.5), unit=2.0)
    (group,) = optimizer.param_groups
    assert (group["lr"], group["momentum"], group["nesterov"]) == (0.8, 0.5, False)
    torch.testing.assert_close(
        optimizer.state[weights]["momentum_buffer"], torch.tensor([1.0, -1.0]) / 8
    )
    step_size.put_into(optimizer, step_size.StepSize(0.1, 0.5))
    torch.testing.assert_close(
        optimizer.state[weights]["momentum_buffer"], torch.tensor([1.0, -1.0]) / 8
    )


def test_back_off_where_the_local_curvature_fails():
    problem = linear(Bernoulli())
    plan = step_size.plan_for(problem, problem.initial)
    bound = plan.size
    plan.observe(40, problem.initial, 1e-5)
    assert plan.size is bound
    plan.observe(50, problem.initial, 1e-5)
    local = plan.size
    assert plan.remark == "tuned on the way"
    plan.observe(60, problem.initial, 2e-5)
    assert plan.size is local
    plan.observe(70, problem.initial, 4e-5)
    assert plan.size.lr < local.lr
    assert plan.size.lr == pytest.approx(bound.lr, rel=0.5)


def test_fading_ends_at_nothing_and_a_given_lr_stays():
    problem = linear(GaussianNoise(0.7), Laplace(0.3))
    plan = step_size.plan_for(problem, problem.initial, subgradient=True, steps=100)
    start = plan.size.lr
    seen = []
    for step in range(0, 100, 5):
        plan.observe(step, problem.initial, 1.0)
        seen.append(plan.size.lr)
    assert seen[:4] == [start] * 4
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] == pytest.approx(start * (0.05 / 0.85) ** 4)
    fixed = step_size.plan_for(problem, problem.initial, lr=0.3, subgradient=True)
    fixed.observe(50, problem.initial, 1.0)
    assert fixed.size == step_size.StepSize(0.3, 0.0)


def test_an_unknown_likelihood_needs_an_lr():
    class Huber(GaussianNoise):
        pass

    problem = linear(Huber(0.5))
    with pytest.raises(InputError, match="has no known curvature: give lr"):
        curvature.largest(problem, problem.initial)
