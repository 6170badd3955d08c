"""Comparisons to draw, one for each kind of problem; trainings are short, some not converged."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache, partial
from itertools import combinations

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.text import Text
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


@pytest.fixture(scope="session")
def compared_ridge() -> Callable[..., Comparisons]:
    """Names of columns, x, y, noise scale, prior scale -> the comparison of that ridge."""

    def fitted(
        names: tuple[str, ...], x: np.ndarray, y: np.ndarray, sigma: float, tau: float
    ) -> Comparisons:
        return compared("ridge", names, [problem_of(x, y, GaussianNoise(sigma), Gaussian(tau))])

    return fitted


@pytest.fixture(scope="session")
def check_page() -> Callable[[str, Figure], None]:
    """All words of a figure are on the page, and no two overlap."""

    def check(name: str, figure: Figure) -> None:
        figure.draw_without_rendering()  # only then labels know how wide the numbers are
        _assert_on_page(name, figure)
        _assert_no_overlap(name, figure)

    return check


def _assert_on_page(name: str, figure: Figure) -> None:
    page = figure.bbox
    for text in _texts(figure) + _tick_labels(figure):
        box = text.get_window_extent()
        words = f"{name}: {text.get_text()}"
        assert 0 <= box.x0 < box.x1 <= page.x1, words
        assert 0 <= box.y0 < box.y1 <= page.y1, words


def _assert_no_overlap(name: str, figure: Figure) -> None:
    """Headlines, titles, labels, legends and numbers."""
    texts = _texts(figure) + _tick_labels(figure)
    boxes = [(text, text.get_window_extent()) for text in texts]
    for (one, box), (other, beside) in combinations(boxes, 2):
        apart_across = box.x1 <= beside.x0 + 1 or beside.x1 <= box.x0 + 1
        apart_up = box.y1 <= beside.y0 + 1 or beside.y1 <= box.y0 + 1
        assert apart_across or apart_up, f"{name}: {one.get_text()!r}, {other.get_text()!r}"


def _texts(figure: Figure) -> list[Text]:
    """The texts that are on the picture, those along the axes aside."""
    ticks = {
        label
        for axes in figure.axes
        for label in [*axes.get_xticklabels(which="both"), *axes.get_yticklabels(which="both")]
    }
    shown = [text for text in figure.findobj(Text) if text.get_visible() and text not in ticks]
    return [text for text in shown if text.get_text().strip()]


def _tick_labels(figure: Figure) -> list[Text]:
    """Those within the view: matplotlib keeps more of them than it draws."""
    labels: list[Text] = []
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        low, high = sorted(axis.get_view_interval())
        ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
        labels += [label for tick in ticks for label in (tick.label1, tick.label2)]
    return [label for label in labels if label.get_visible() and label.get_text()]
