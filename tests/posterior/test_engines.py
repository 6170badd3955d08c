"""Every engine against every problem it accepts: one row for an engine, one for a problem.

First and second moments within 4 Monte Carlo standard errors, the errors ArviZ's, of the exact
posterior or of a quadrature; effective sample size and rank R-hat are gates before that.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import arviz_stats
import numpy as np
import pytest
import torch
import xarray
from torch import nn

from bayeswd.posterior import (
    conjugate,
    gibbs,
    hmc,
    laplace_approximation,
    normal_inverse_gamma,
    pyro_nuts,
    with_arviz,
)
from bayeswd.problem.likelihoods import Bernoulli, Categorical, GaussianNoise, Poisson
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import ElasticNet, Flat, Gaussian, Laplace
from bayeswd.results import Draws

NOISE = 0.8


def linear(n, d, prior, bias=None):
    """Correlated columns, few rows: priors that matter and posteriors that lean."""
    random = np.random.default_rng(10 * n + d)
    inputs = random.normal(size=(n, d)) + 0.7 * random.normal(size=(n, 1))
    targets = inputs @ np.linspace(0.8, -0.4, d) + 0.5 + NOISE * random.normal(size=n)
    return state_of(GaussianNoise(NOISE), inputs, targets, prior, bias)


def state_of(likelihood, inputs, targets, prior, bias=None, outputs=1):
    model = nn.Linear(inputs.shape[1], outputs, bias=bias is not None, dtype=torch.float64)
    priors = {"weight": prior} | ({"bias": bias} if bias else {})
    return Problem(model, likelihood, priors, inputs, targets)


def generalised(likelihood, targets, prior, bias=None, outputs=1):
    inputs = np.array([[-1.1], [-0.4], [0.1], [0.3], [0.9], [1.6]])
    return state_of(likelihood, inputs, np.array(targets), prior, bias, outputs)


def fixed(model: nn.Module) -> nn.Module:
    """The model with weights that do not depend on the global random numbers."""
    with torch.no_grad():
        for value in model.parameters():
            value.copy_(torch.linspace(0.4, -0.6, value.numel()).view(value.shape))
    return model


def curve() -> Problem:
    """A network of two weights, so that its truth is known."""
    model = fixed(nn.Sequential(nn.Linear(1, 1), nn.Tanh()))
    inputs, targets = np.array([[-1.1, -0.4, 0.1, 0.9], [-0.9, -0.1, 0.7, 0.6]])[..., None]
    return Problem(model, GaussianNoise(0.4), {"*": Gaussian(1.5)}, inputs, targets)


def two_outputs() -> Problem:
    inputs, model = np.array([[-1.1], [-0.4], [0.6]]), nn.Linear(1, 2, bias=False)
    targets = inputs * (0.8, 0.1) + np.array([[0.3, -0.5], [0.2, 0.4], [-0.6, 0.5]])
    return Problem(model, GaussianNoise(NOISE), {"*": Laplace(0.4)}, inputs, targets)


PROBLEMS: dict[str, Callable[[], Problem]] = {
    "gaussian, n > d": lambda: linear(10, 3, Gaussian(0.6), Flat()),
    "gaussian, d > n": lambda: linear(3, 5, Gaussian(0.6)),
    "gaussian, penalised bias": lambda: linear(6, 2, Gaussian(0.6), Gaussian(0.3)),
    "laplace": lambda: linear(4, 2, Laplace(0.4)),
    "laplace and flat bias": lambda: linear(6, 1, Laplace(0.3), Flat()),
    "laplace, d > n": lambda: linear(3, 5, Laplace(0.4), Flat()),
    "laplace, penalised bias": lambda: linear(6, 1, Laplace(0.3), Laplace(0.2)),
    "laplace, two outputs": two_outputs,
    "elastic net": lambda: linear(4, 2, ElasticNet(0.5, 0.7)),
    "logistic, few data": lambda: generalised(
        Bernoulli(), [0.0, 1, 0, 1, 1, 1], Gaussian(3.0), Gaussian(3.0)
    ),
    "softmax, laplace": lambda: generalised(
        Categorical(), [0, 1, 0, 1, 1, 1], Laplace(1.0), outputs=2
    ),
    "softmax, gaussian": lambda: generalised(
        Categorical(), [0, 1, 0, 1, 1, 1], Gaussian(2.0), outputs=2
    ),
    "counts": lambda: generalised(Poisson(), [0.0, 1, 0, 2, 1, 6], Gaussian(1.0), Flat()),
    "network": curve,
}
# sigma has density 1 / sigma^2 and widens the prior by sigma / NOISE to the power given here
UNKNOWN_NOISE: dict[str, tuple[Callable[[], Problem], int]] = {
    "gaussian, noise unknown": (lambda: linear(6, 1, Gaussian(0.6)), 1),
    "laplace, noise of Park and Casella": (lambda: linear(6, 1, Laplace(0.4)), 1),
    "laplace, noise tied": (lambda: linear(6, 1, Laplace(0.4)), 2),
    "elastic net, noise of Park and Casella": (lambda: linear(6, 1, ElasticNet(0.5, 0.7)), 1),
}
LINEAR_GAUSSIAN = ("gaussian, n > d", "gaussian, d > n", "gaussian, penalised bias")
BY_GIBBS = "laplace, d > n"  # too many weights for a grid: two samplers must meet


@dataclass(frozen=True)
class Row:
    """An engine, the problems it accepts, and the gates: least ESS, largest rank R-hat."""

    name: str
    sample: Callable[[Problem], Draws]
    accepts: tuple[str, ...]
    ess_bulk: float = 1000
    r_hat: float = 1.01
    slow: tuple[str, ...] = ()


ENGINES = [
    Row("conjugate", partial(conjugate.sample, seed=1), LINEAR_GAUSSIAN, ess_bulk=3000),
    Row("laplace", partial(laplace_approximation.sample, seed=2), LINEAR_GAUSSIAN, ess_bulk=3000),
    Row(
        "gibbs",
        partial(gibbs.sample, chains=16, draws=400, warmup=50, seed=3),
        ("laplace", "laplace and flat bias", "laplace, penalised bias", "elastic net"),
    ),
    Row(
        "gibbs, Park and Casella",
        partial(gibbs.sample, chains=16, draws=400, seed=7, noise=gibbs.park_casella()),
        ("laplace, noise of Park and Casella", "elastic net, noise of Park and Casella"),
    ),
    Row(
        "gibbs, tied",
        partial(gibbs.sample, chains=16, draws=400, seed=8, noise=gibbs.penalty_tied()),
        ("laplace, noise tied",),
    ),
    Row(
        "normal-inverse-gamma",
        partial(normal_inverse_gamma.sample, seed=9),
        ("gaussian, noise unknown",),
        ess_bulk=3000,
    ),
    Row("hmc", partial(hmc.sample, chains=16, draws=800, warmup=200, seed=4), tuple(PROBLEMS)),
    Row(
        "nuts",
        partial(pyro_nuts.sample, chains=2, draws=120, warmup=80, seed=5, max_tree_depth=6),
        tuple(PROBLEMS),
        ess_bulk=60,
        r_hat=1.1,
        slow=tuple(
            name for name in PROBLEMS if name not in ("gaussian, n > d", "logistic, few data")
        ),
    ),
]


@cache
def truth(problem: str, moments: Any) -> Any:
    """Moments of the posterior: `mean` and `variance` by name."""
    if problem in UNKNOWN_NOISE:
        state, power = UNKNOWN_NOISE[problem]
        return moments.by_quadrature_with_noise(state(), power)
    stated = PROBLEMS[problem]()
    if problem in LINEAR_GAUSSIAN:
        exact = conjugate.posterior(stated)
        return moments(exact.mean, {name: sd**2 for name, sd in exact.sd.items()})
    if problem == BY_GIBBS:
        return moments.by_draws(gibbs.sample(stated, chains=512, draws=500, warmup=100, seed=6))
    return moments.by_quadrature(stated)


def farthest(draws: Draws, known: Any) -> float:
    """The largest distance of a mean, or mean square about the known mean, in standard errors."""
    found = dict(draws.params)
    if draws.noise_scale is not None:
        found["noise_scale"] = draws.noise_scale
    squares = {name: (value - known.mean[name]) ** 2 for name, value in found.items()}
    return max(deviation(found, known.mean), deviation(squares, known.variance))


def deviation(found: dict[str, torch.Tensor], known: dict[str, torch.Tensor]) -> float:
    arrays = {name: value.flatten(2).numpy() for name, value in found.items() if value.ndim > 2}
    arrays |= {name: value[..., None].numpy() for name, value in found.items() if value.ndim == 2}
    data = xarray.Dataset({k: (("chain", "draw", f"{k} part"), v) for k, v in arrays.items()})
    means, errors = data.mean(["chain", "draw"]), arviz_stats.mcse(data, method="mean")
    away = [
        abs(means[name].to_numpy() - known[name].flatten().numpy()) / errors[name].to_numpy()
        for name in known
    ]
    return max(float(each.max()) for each in away)


def pairs():
    for row in ENGINES:
        for name in row.accepts:
            marks = [pytest.mark.slow] if name in row.slow else []
            yield pytest.param(row, name, id=f"{row.name}: {name}", marks=marks)


@pytest.mark.parametrize(("engine", "problem"), list(pairs()))
def test_moments_are_those_of_the_posterior(engine: Row, problem: str, moments) -> None:
    stated = (UNKNOWN_NOISE[problem][0] if problem in UNKNOWN_NOISE else PROBLEMS[problem])()
    draws = engine.sample(stated)
    tree = with_arviz.to_datatree(draws, stated, pointwise=False, prior_draws=0)
    found = with_arviz.convergence(tree)
    assert found.ess_bulk > engine.ess_bulk
    assert found.r_hat < engine.r_hat
    assert farthest(draws, truth(problem, moments)) < 4


@pytest.mark.parametrize("change", [lambda w: w + 0.1, lambda w: 1.1 * w])
def test_the_table_sees_a_shift_and_a_stretch_of_a_tenth(change, moments) -> None:
    problem = PROBLEMS["gaussian, d > n"]()
    draws, known = conjugate.sample(problem), truth("gaussian, d > n", moments)
    mean = known.mean["weight"]
    moved = replace(draws, params={"weight": mean + change(draws.params["weight"] - mean)})
    assert farthest(draws, known) < 4 < farthest(moved, known)


def test_the_quadrature_agrees_with_the_closed_form(moments) -> None:
    problem = linear(4, 2, Gaussian(0.6))
    exact, found = conjugate.posterior(problem), moments.by_quadrature(problem)
    torch.testing.assert_close(found.mean["weight"], exact.mean["weight"], rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(found.variance["weight"], exact.sd["weight"] ** 2, rtol=1e-8, atol=0)


def network() -> Problem:
    inputs = torch.linspace(-2, 2, 8, dtype=torch.float64)[:, None]
    model = fixed(nn.Sequential(nn.Linear(1, 2), nn.Tanh(), nn.Linear(2, 1)))
    return Problem(model, GaussianNoise(0.3), {"*": Gaussian(1.0)}, inputs, inputs.sin())


@pytest.mark.parametrize(
    "sample",
    [
        partial(hmc.sample, chains=16, draws=20, warmup=50, seed=1),
        partial(pyro_nuts.sample, chains=2, draws=10, warmup=15, seed=1, max_tree_depth=3),
    ],
    ids=["hmc", "nuts"],
)
def test_a_network_is_sampled_where_its_density_is_high(sample) -> None:
    """A multimodal posterior has no short answer: finite, and more probable than the start."""
    problem = network()
    draws = sample(problem)
    lp = draws.sample_stats["lp"]
    assert all(torch.isfinite(value).all() for value in (lp, *draws.params.values()))
    assert float(lp.std()) > 0
    assert float(lp.mean()) > -float(problem.objective(problem.initial))
