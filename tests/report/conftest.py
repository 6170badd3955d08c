"""Comparisons to draw, one for each kind of problem; trainings are short, some not converged."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache, partial

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from torch import nn

from bayeswd.analysis import equivalence, main_prior
from bayeswd.analysis.comparison import Comparisons, DataSummary
from bayeswd.estimate import descent, pyro_map
from bayeswd.problem.likelihoods import Bernoulli, Categorical, GaussianNoise, Likelihood
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import ElasticNet, Flat, Gaussian, Laplace, Prior


def compared(
    name: str, names: tuple[str, ...], problems: list[Problem], convention: str = "d2l"
) -> Comparisons:
    d = problems[0].inputs.shape[1]
    names = names or tuple(f"x{column + 1}" for column in range(d))
    data = DataSummary(name, names, problems[0].n, 0, d, None, None, (0.0,) * d, (1.0,) * d)
    return equivalence.compare(
        *problems,
        train=partial(descent.train, steps=120),
        fit_pyro=partial(pyro_map.fit, steps=60),
        penalties=[main_prior.as_penalty(problem, convention) for problem in problems],
        data=data,
    )


def problem_of(
    x: np.ndarray, y: np.ndarray, likelihood: Likelihood, prior: Prior, outputs: int = 1
) -> Problem:
    model = nn.Linear(x.shape[1], outputs, dtype=torch.float64)
    with torch.no_grad():
        model.weight.zero_()
        model.bias.zero_()
    return Problem(model, likelihood, {"weight": prior, "bias": Flat()}, x, y)


def standardised(x: np.ndarray) -> np.ndarray:
    return (x - x.mean(0)) / x.std(0)


def d2l() -> Comparisons:
    random = np.random.default_rng(0)
    x = random.standard_normal((20, 200))
    y = 0.05 + x @ np.full(200, 0.01) + 0.01 * random.standard_normal(20)
    tau = math.sqrt(0.01**2 / (20 * 3))
    priors = (Gaussian(tau), Laplace(tau / math.sqrt(2)))
    return compared("d2l", (), [problem_of(x, y, GaussianNoise(0.01), p) for p in priors])


def diabetes() -> Comparisons:
    bunch = load_diabetes(scaled=False)
    x, names = standardised(bunch.data), tuple(bunch.feature_names)
    priors = (Gaussian(20.0), Laplace(20.0 / math.sqrt(2)))
    problems = [problem_of(x, bunch.target, GaussianNoise(54.0), prior) for prior in priors]
    return compared("diabetes", names, problems, "torch.SGD+MSELoss")


def breast_cancer() -> Comparisons:
    bunch = load_breast_cancer()
    x, names = standardised(bunch.data[:200]), tuple(map(str, bunch.feature_names))
    problem = problem_of(x, bunch.target[:200], Bernoulli(), Laplace(1 / math.sqrt(2)))
    return compared("breast-cancer", names, [problem], "torch.SGD+BCEWithLogitsLoss")


def digits() -> Comparisons:
    bunch = load_digits()
    varied = bunch.data[:300].std(0) > 0
    x = standardised(bunch.data[:300][:, varied])
    names = tuple(np.array(bunch.feature_names)[varied].tolist())
    problem = problem_of(x, bunch.target[:300], Categorical(), Gaussian(1.0), outputs=10)
    return compared("digits", names, [problem], "torch.SGD+CrossEntropyLoss")


def long_names() -> Comparisons:
    random = np.random.default_rng(1)
    x = standardised(random.standard_normal((60, 4)) @ random.standard_normal((4, 4)))
    y = 3 + x @ np.array([2.0, 0.0, -1.0, 0.05]) + random.standard_normal(60)
    names = (
        "monthly_household_income_after_tax_eur",
        "distance_to_the_nearest_station_in_metres",
        "age",
        "x (log, winsorised)",
    )
    problem = problem_of(x, y, GaussianNoise(1.0), ElasticNet(0.5, 1.0))
    return compared("survey.csv", names, [problem])


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
    return compared("network", (), [Problem(model, GaussianNoise(0.1), priors, x, y)], "keras.L2")


def unpenalised() -> Comparisons:
    """Strength 0 with more rows than weights, two outputs."""
    random = np.random.default_rng(3)
    x = random.standard_normal((30, 3))
    y = x @ random.standard_normal((3, 2)) + random.standard_normal((30, 2))
    problem = problem_of(x, y, GaussianNoise(1.0), Flat(), outputs=2)
    return compared("unpenalised", (), [problem])


def single_weight() -> Comparisons:
    """One input, no bias, float32."""
    x = torch.linspace(-1, 1, 30)[:, None]
    model = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.zero_()
    problem = Problem(model, GaussianNoise(1.0), {"weight": Gaussian(1.0)}, x, 2 * x + x.cos())
    return compared("single", (), [problem])


def two_outputs() -> Comparisons:
    """Several outputs with a posterior, the bias under the prior of the weights."""
    random = np.random.default_rng(5)
    x = random.standard_normal((40, 3))
    y = x @ random.standard_normal((3, 2)) + random.standard_normal((40, 2))
    model = nn.Linear(3, 2, dtype=torch.float64)
    problem = Problem(model, GaussianNoise(1.0), {"*": Gaussian(0.7)}, x, y)
    return compared("two outputs", (), [problem])


BUILDERS: Mapping[str, Callable[[], Comparisons]] = {
    "d2l": d2l,
    "diabetes": diabetes,
    "breast-cancer": breast_cancer,
    "digits": digits,
    "long-names": long_names,
    "network": network,
    "unpenalised": unpenalised,
    "single-weight": single_weight,
    "two-outputs": two_outputs,
}


@pytest.fixture(scope="session")
def results() -> Callable[[str], Comparisons]:
    """The comparison of each name, fitted once."""
    return cache(lambda name: BUILDERS[name]())


@pytest.fixture(scope="session", params=list(BUILDERS))
def any_result(
    request: pytest.FixtureRequest, results: Callable[[str], Comparisons]
) -> Comparisons:
    return results(request.param)
