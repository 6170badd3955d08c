"""Comparisons to draw: every likelihood and prior, fitted here by short loops of their own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from torch import Tensor, nn

from bayeswd.analysis.comparison import Comparison, Comparisons, DataSummary, Method, Penalty
from bayeswd.problem import conventions, readings
from bayeswd.problem.likelihoods import Bernoulli, Categorical, GaussianNoise, Likelihood
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import ElasticNet, Flat, Gaussian, Laplace, Prior
from bayeswd.results import GaussianPosterior, Verdict

Params = dict[str, Tensor]
STEPS = 150
KINDS = {"gaussian": "l2", "laplace": "l1", "elastic-net": "elastic-net", "flat": "l2"}


# ------------------------------------------------------------------------------- the three roads


def proximal(problem: Problem, steps: int) -> tuple[Params, list[tuple[int, float]]]:
    """Accelerated proximal gradient with restarts (O'Donoghue & Candes 2015), any prior."""
    params, step = problem.initial, 1 / curvature(problem)
    ahead, momentum, history = params, 1.0, []
    every = max(1, steps // 60)
    for count in range(steps):
        if count % every == 0:
            history.append((count, float(problem.objective(params))))
        gradient = problem.misfit_gradient(ahead)
        moved = {
            name: prior.prox(ahead[name] - step * gradient[name], step)
            for name, prior in problem.priors.items()
        }
        uphill = sum(
            float(((ahead[name] - moved[name]) * (moved[name] - params[name])).sum())
            for name in moved
        )
        following = 1.0 if uphill > 0 else (1 + math.sqrt(1 + 4 * momentum**2)) / 2
        share = 0.0 if uphill > 0 else (momentum - 1) / following
        ahead = {name: moved[name] + share * (moved[name] - params[name]) for name in moved}
        params, momentum = moved, following
    return params, [*history, (steps, float(problem.objective(params)))]


def adam(problem: Problem, steps: int) -> tuple[Params, list[tuple[int, float]]]:
    """Adam with a falling rate on the objective: what an AutoDelta guide does."""
    leaves = {name: value.requires_grad_() for name, value in problem.initial.items()}
    weight = next(iter(problem.priors.values()))
    rate = 0.03 * (1.0 if isinstance(weight, Flat) else math.sqrt(weight.variance))
    optimizer = torch.optim.Adam(leaves.values(), lr=20 * rate)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 1e-4 ** (1 / steps))
    history = []
    for count in range(steps):
        optimizer.zero_grad()
        objective = problem.objective(leaves)
        if count % max(1, steps // 60) == 0:
            history.append((count, objective.item()))
        objective.backward()
        optimizer.step()
        schedule.step()
    params = {name: value.detach() for name, value in leaves.items()}
    return params, [*history, (steps, float(problem.objective(params)))]


def curvature(problem: Problem) -> float:
    """An upper bound on the misfit's curvature: power iteration on gradient differences."""
    base = problem.misfit_gradient(problem.initial)
    generator = torch.Generator().manual_seed(0)
    direction = {
        name: torch.randn(value.shape, generator=generator, dtype=torch.float64).to(value)
        for name, value in problem.initial.items()
    }
    size = 1.0
    for _ in range(30):
        length = math.sqrt(sum(float((value**2).sum()) for value in direction.values()))
        unit = {name: value / length for name, value in direction.items()}
        moved = {name: value + 1e-4 * unit[name] for name, value in problem.initial.items()}
        gradient = problem.misfit_gradient(moved)
        direction = {name: (gradient[name] - base[name]) / 1e-4 for name in base}
        size = math.sqrt(sum(float((value**2).sum()) for value in direction.values()))
    return 1.3 * size


# ------------------------------------------------------------------------------- one comparison


def compared(problem: Problem, penalty: Penalty | None = None, steps: int = 0) -> Comparison:
    """Exact (or the best of two stationary points), training, Pyro, and the posterior's mean."""
    steps = steps or STEPS
    best, _ = proximal(problem, 4 * steps)
    trained, trained_history = proximal(problem, steps)
    guided, guided_history = adam(problem, steps)
    posterior = posterior_of(problem)
    rows = [("exact", best, ())] if problem.linear is not None else []
    rows += [("penalized-sgd", trained, trained_history), ("pyro-map", guided, guided_history)]
    if posterior is not None:
        rows.append(("posterior-mean", posterior.mean, ()))
    if problem.linear is None:
        rows.sort(key=lambda row: float(problem.objective(row[1])))
    reading = reading_of(problem)
    methods = tuple(row(problem, *one, rows[0][1]) for one in rows)
    written = penalty or Penalty(KINDS[reading.family], strength_of(problem), "d2l")
    return Comparison(
        problem, written, reading, methods, Verdict(True, "the same fit"), "", posterior
    )


def row(problem: Problem, name: str, params: Params, history: list, reference: Params) -> Method:
    apart = [float((params[key] - reference[key]).abs().max()) for key in problem.priors]
    zeros = sum(int((params[key] == 0).sum()) for key in problem.penalized)
    return Method(
        method=name,
        params=params,
        objective=float(problem.objective(params)),
        gap=None if problem.linear is None else 1e-10,
        kkt=1e-12,
        max_abs_difference=max(apart),
        max_sd_difference=None,
        exact_zeros=zeros,
        bias=(),
        train_loss=0.0,
        validation_loss=None,
        steps=history[-1][0] if history else None,
        seconds=0.0,
        converged=True,
        history=tuple(history),
    )


def posterior_of(problem: Problem) -> GaussianPosterior | None:
    """The exact posterior of a linear-Gaussian problem with one output and a flat bias."""
    prior = next(iter(problem.priors.values()))
    if problem.linear is None or not isinstance(problem.likelihood, GaussianNoise):
        return None
    if not isinstance(prior, Gaussian) or problem.targets.shape[1] > 1:
        return None
    x = torch.cat([problem.inputs, torch.ones(problem.n, 1, dtype=torch.float64)], dim=1)
    rates = torch.full((x.shape[1],), prior.l2_rate, dtype=torch.float64)
    rates[-1] = 0.0
    precision = x.T @ x / problem.likelihood.scale**2 + torch.diag(rates)
    covariance = torch.linalg.inv(precision)
    mean = covariance @ (x.T @ problem.targets[:, 0]) / problem.likelihood.scale**2
    sd = covariance.diagonal().sqrt()
    split = {"weight": slice(0, -1), "bias": slice(-1, None)}
    return GaussianPosterior(
        {"weight": mean[split["weight"]][None], "bias": mean[split["bias"]]},
        {"weight": sd[split["weight"]][None], "bias": sd[split["bias"]]},
        covariance,
        0.0,
    )


def reading_of(problem: Problem) -> readings.Reading:
    prior = next(iter(problem.priors.values()))
    if isinstance(prior, Gaussian):
        return readings.gaussian(prior.scale)
    if isinstance(prior, Laplace):
        return readings.laplace(prior.scale)
    if isinstance(prior, ElasticNet):
        return readings.elastic_net(prior.l1_scale, prior.l2_scale)
    return readings.FLAT


def strength_of(problem: Problem) -> float:
    """lambda as the book writes it."""
    noise = problem.likelihood.scale if isinstance(problem.likelihood, GaussianNoise) else None
    known = {"n": problem.n, "noise_scale": noise, "likelihood": problem.likelihood.family}
    return conventions.strength("d2l", reading_of(problem), **known)


# ------------------------------------------------------------------------------------- the data


def problem_of(
    x: np.ndarray, y: np.ndarray, likelihood: Likelihood, prior: Prior, outputs: int = 1
) -> Problem:
    model = nn.Linear(x.shape[1], outputs, dtype=torch.float64)
    with torch.no_grad():
        model.weight.zero_()
        model.bias.zero_()
    return Problem(model, likelihood, {"weight": prior, "bias": Flat()}, x, y)


def summary(name: str, x: np.ndarray, names: tuple[str, ...] | None = None) -> DataSummary:
    d = x.shape[1]
    names = names or tuple(f"x{column + 1}" for column in range(d))
    return DataSummary(name, names, len(x), 0, d, None, None, (0.0,) * d, (1.0,) * d)


def standardised(x: np.ndarray) -> np.ndarray:
    return (x - x.mean(0)) / x.std(0)


def d2l() -> Comparisons:
    random = np.random.default_rng(0)
    x = random.standard_normal((20, 200))
    y = 0.05 + x @ np.full(200, 0.01) + 0.01 * random.standard_normal(20)
    tau = math.sqrt(0.01**2 / (20 * 3))
    priors = (Gaussian(tau), Laplace(tau / math.sqrt(2)))
    both = tuple(compared(problem_of(x, y, GaussianNoise(0.01), prior)) for prior in priors)
    return Comparisons(summary("d2l", x), both)


def diabetes() -> Comparisons:
    bunch = load_diabetes(scaled=False)
    x, names = standardised(bunch.data), tuple(bunch.feature_names)
    priors = (Gaussian(20.0), Laplace(20.0 / math.sqrt(2)))
    both = tuple(compared(problem_of(x, bunch.target, GaussianNoise(54.0), p)) for p in priors)
    return Comparisons(summary("diabetes", x, names), both)


def breast_cancer() -> Comparisons:
    bunch = load_breast_cancer()
    x, names = standardised(bunch.data), tuple(bunch.feature_names)
    priors = (Gaussian(1.0), Laplace(1 / math.sqrt(2)))
    both = tuple(compared(problem_of(x, bunch.target, Bernoulli(), p)) for p in priors)
    return Comparisons(summary("breast-cancer", x, names), both)


def digits() -> Comparisons:
    bunch = load_digits()
    rows = slice(0, 600)
    varied = bunch.data[rows].std(0) > 0
    x = standardised(bunch.data[rows][:, varied])
    names = tuple(np.array(bunch.feature_names)[varied])
    problem = problem_of(x, bunch.target[rows], Categorical(), Gaussian(1.0), outputs=10)
    return Comparisons(summary("digits", x, names), (compared(problem, steps=60),))


def long_names() -> Comparisons:
    random = np.random.default_rng(1)
    x = standardised(random.standard_normal((60, 4)) @ random.standard_normal((4, 4)))
    y = 3 + x @ np.array([2.0, 0.0, -1.0, 0.05]) + random.standard_normal(60)
    names = (
        "monthly_household_income_after_tax_eur",
        "age",
        "distance_to_the_nearest_station_in_metres",
        "x (log, winsorised)",
    )
    problem = problem_of(x, y, GaussianNoise(1.0), ElasticNet(0.5, 1.0))
    return Comparisons(summary("survey.csv", x, names), (compared(problem),))


def network() -> Comparisons:
    random = np.random.default_rng(2)
    x = random.standard_normal((20, 30))
    y = 0.05 + x @ np.full(30, 0.1) + 0.1 * random.standard_normal(20)
    generator = torch.Generator().manual_seed(0)
    model = nn.Sequential(nn.Linear(30, 4), nn.Tanh(), nn.Linear(4, 1)).double()
    with torch.no_grad():
        for value in model.parameters():
            value.normal_(0, 0.3, generator=generator)
    priors = {"*.weight": Gaussian(0.3), "*.bias": Flat()}
    problem = Problem(model, GaussianNoise(0.1), priors, x, y)
    return Comparisons(summary("network", x), (compared(problem),))


BUILDERS: Mapping[str, Callable[[], Comparisons]] = {
    "d2l": d2l,
    "diabetes": diabetes,
    "breast-cancer": breast_cancer,
    "digits": digits,
    "long-names": long_names,
    "network": network,
}


@pytest.fixture(scope="session", params=list(BUILDERS))
def any_result(request: pytest.FixtureRequest) -> Comparisons:
    return BUILDERS[request.param]()
