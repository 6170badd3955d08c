"""The figures of a selection along its path: what they draw is what the selection says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import nn

from bayeswd.analysis import selection, swift
from bayeswd.analysis.in_strengths import InStrengths
from bayeswd.errors import InputError
from bayeswd.problem.likelihoods import Bernoulli, GaussianNoise, Likelihood
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Gaussian, Laplace, Prior
from bayeswd.report import plots, select_figure, strength_axes

Check = Callable[[str, Figure], None]

N, D, SIGMA = 40, 8, 0.5
GRID = tuple(np.geomspace(0.02, 20, 13))
BY = ("validation", "cross-validation", "leave-one-out", "evidence")
NAMES = tuple(f"the column called {letter}" for letter in "abcdefgh")


def problem(prior: Prior, likelihood: Likelihood) -> tuple[Problem, tuple[np.ndarray, ...]]:
    random = np.random.default_rng(3)
    x = random.standard_normal((2 * N, D))
    y = x @ np.linspace(-1, 1, D) + SIGMA * random.standard_normal(2 * N)
    y = (y > 0).astype(float) if isinstance(likelihood, Bernoulli) else y
    model = nn.Linear(D, 1, dtype=torch.float64)
    made = Problem(model, likelihood, {"weight": prior, "bias": Flat()}, x[:N], y[:N])
    return made, (x[N:], y[N:])


@cache
def found(kind: str) -> InStrengths:
    """A selection with posteriors, of each kind once."""
    prior, likelihood = {
        "l2": (Gaussian(1.0), GaussianNoise(SIGMA)),
        "l1": (Laplace(1.0), GaussianNoise(SIGMA)),
        "logistic": (Gaussian(1.0), Bernoulli()),
    }[kind]
    one, rows = problem(prior, likelihood)
    by = BY if kind == "l2" else ("validation", "cross-validation")
    selected = selection.select(one, GRID, validation=rows, by=by, folds=4)
    return InStrengths(swift.with_posteriors(selected), "d2l", 0.5, NAMES)


def labelled(figure: Figure) -> dict[str, np.ndarray]:
    """Every line with a name: its x and y, [2, points]."""
    lines = [line for axes in figure.axes for line in axes.lines]
    return {
        str(line.get_label()): np.array(line.get_data(), dtype=float)
        for line in lines
        if not str(line.get_label()).startswith("_")
    }


@pytest.mark.parametrize("kind", ["l2", "l1", "logistic"])
def test_curves_are_those_of_the_criteria(kind: str, check_page: Check) -> None:
    one = found(kind)
    figure = plots.select(one)
    lines = labelled(figure)
    np.testing.assert_allclose(
        lines["training rows"], [one.strengths, one.selection.path.train_losses]
    )
    validation = one.selection.choice("validation")
    assert validation is not None
    np.testing.assert_allclose(lines["validation"], [one.strengths, validation.curve])
    if kind == "l2":
        evidence = one.selection.choice("evidence")
        assert evidence is not None
        below = np.array(evidence.curve) - max(evidence.curve)
        np.testing.assert_allclose(lines["log evidence"][1], below, atol=1e-12)
        assert "weights not 0" not in lines
    if kind == "l1":
        np.testing.assert_allclose(lines["weights not 0"][1], one.selection.path.nonzero)
        assert "log evidence" not in lines
    check_page(kind, figure)


def test_each_criterion_has_its_row_with_its_interval() -> None:
    one = found("l2")
    figure = plots.select(one)
    rows: Axes = next(
        a for a in figure.axes if "evidence" in [t.get_text() for t in a.get_yticklabels()]
    )
    names = [text.get_text() for text in rows.get_yticklabels()]
    assert names == [choice.by for choice in reversed(one.selection.choices)]
    thick = {
        line.get_ydata()[0]: line.get_xdata() for line in rows.lines if line.get_linewidth() == 3
    }
    for row, choice in enumerate(reversed(one.selection.choices)):
        np.testing.assert_allclose(thick[row], one.interval(choice))
    assert any("0.5" in text.get_text() for text in figure.texts)  # the strength asked about


def test_the_axis_above_is_the_prior_sd() -> None:
    one = found("l1")
    to_sd, to_strength = strength_axes._to_sd_and_back(one)
    np.testing.assert_allclose(to_sd(np.array(one.strengths)), one.selection.path.prior_sds)
    np.testing.assert_allclose(to_strength(np.array(one.selection.path.prior_sds)), one.strengths)


def test_an_estimate_not_to_be_trusted_is_drawn_as_one() -> None:
    one = found("l2")
    loo = one.selection.choice("leave-one-out")
    assert loo is not None
    bad = replace(loo, k_hat=(0.9,) * len(loo.scales))
    unsound = replace(one, selection=replace(one.selection, choices=(bad,)))
    lines = [line for axes in plots.select(unsound).axes for line in axes.lines]
    (curve,) = [line for line in lines if line.get_label() == "LOO elpd, not reliable"]
    assert curve.get_linestyle() == ":"
    assert select_figure.finding(unsound).startswith("No criterion can be relied on")


def test_without_any_criterion_the_path_is_still_drawn(check_page: Check) -> None:
    one = found("l2")
    bare = replace(one, selection=replace(one.selection, choices=()))
    figure = plots.select(bare)
    assert len(figure.axes) == 2
    check_page("bare", figure)


def test_the_window_is_what_cannot_be_told_apart_and_some_more() -> None:
    one = found("l2")
    low, high = strength_axes.window(one)
    assert low == min(one.strengths)  # within two decades of what is left
    wide = InStrengths(one.selection, "d2l", None)
    ends = [end for choice in one.selection.choices for end in one.interval(choice)]
    expected = max(min(wide.strengths), min(ends) / 100), min(max(wide.strengths), max(ends) * 100)
    assert strength_axes.window(wide) == pytest.approx(expected)
    assert high <= max(one.strengths)


@pytest.mark.parametrize("kind", ["l2", "l1", "logistic"])
def test_the_path_figure_draws_modes_bands_and_counts(kind: str, check_page: Check) -> None:
    one = found(kind)
    figure = plots.path(one)
    lines, path = labelled(figure), one.selection.path
    assert path.bands is not None
    np.testing.assert_allclose(lines["weight is not 0"][1], path.nonzero)
    np.testing.assert_allclose(lines["95 % interval\nis without 0"][1], path.bands.excludes_zero)
    modes = lines["mode, the trained weight"][1]
    every = path.weights.flatten(1).numpy()
    assert any(np.allclose(modes, every[:, column]) for column in range(D))
    assert (figure.axes[0].get_legend().get_texts()[0].get_text() == "posterior, 95 %") == (
        kind != "logistic"
    )
    check_page(kind, figure)


def test_without_posteriors_the_path_is_the_estimates() -> None:
    one = found("l2")
    bare_path = replace(one.selection.path, posteriors=None, bands=None)
    bare = replace(one, selection=replace(one.selection, path=bare_path))
    assert "posterior median" not in labelled(plots.path(bare))
    for draw in (plots.path_forest, plots.path_ridge):
        with pytest.raises(InputError, match="no posteriors"):
            draw(bare)
