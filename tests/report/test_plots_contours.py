"""Slices are the problem's own misfit and penalty; at the fit their lines touch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes

from bayeswd.analysis.comparison import Comparison, Comparisons
from bayeswd.errors import InputError
from bayeswd.problem.objective import Problem
from bayeswd.report import plots, slices, style
from bayeswd.report.contour_figure import levels
from bayeswd.report.weights import flat_weights, place, weight_name, weight_prior

Results = Callable[[str], Comparisons]
NAMES = ["d2l", "diabetes", "breast-cancer", "digits", "long-names", "network", "two-outputs"]


def with_weights(
    problem: Problem, params: dict, pair: tuple[int, int], values: list[float]
) -> dict:
    """`params` with two weights set, by the flat order that a reader would use."""
    moved = {name: value.clone() for name, value in params.items()}
    for index, value in zip(pair, values, strict=True):
        name, position = place(problem, index)
        moved[name].view(-1)[position] = value
    return moved


@pytest.mark.parametrize("name", NAMES)
def test_a_slice_is_misfit_and_penalty_of_the_problem(name: str, results: Results) -> None:
    one = results(name).comparisons[-1]
    problem, params = one.problem, one.reference.params
    pair = slices.choose_pair([one])
    cut, _ = slices.wide_and_close(problem, params, pair)
    first, second = cut.window.sides(len(cut.misfit))
    base_penalty = float(problem.penalty(params)) - cut.fit_penalty  # of all the other weights
    random = np.random.default_rng(0)
    for row, column in random.integers(0, len(first), (12, 2)):
        there = with_weights(problem, params, pair, [first[column], second[row]])
        with torch.no_grad():
            misfit, penalty = float(problem.misfit(there)), float(problem.penalty(there))
        height = cut.misfit.max() - cut.misfit.min()
        assert cut.misfit[row, column] == pytest.approx(misfit, rel=1e-9, abs=2e-3 * height)
        assert cut.penalty[row, column] + base_penalty == pytest.approx(penalty, rel=1e-9)
    if name in ("d2l", "diabetes", "long-names", "two-outputs"):  # quadratic: no spline
        assert cut.misfit[row, column] == pytest.approx(misfit, rel=1e-9)


@pytest.mark.parametrize("name", ["breast-cancer", "digits"])
def test_a_misfit_that_is_not_quadratic_is_drawn_as_it_is(name: str, results: Results) -> None:
    """A spline through 25 x 25 points or fewer misses by far less than a line's distance."""
    one = results(name).comparisons[0]
    pair = slices.choose_pair([one])
    cut, _ = slices.wide_and_close(one.problem, one.reference.params, pair)
    first, second = cut.window.sides(len(cut.misfit))
    across = [20, 61, 90]
    for column in across:
        there = with_weights(one.problem, one.reference.params, pair, [first[column], second[47]])
        assert cut.misfit[47, column] == pytest.approx(float(one.problem.misfit(there)), abs=0.02)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "network"])
def test_the_lines_through_the_mode_touch(name: str, results: Results) -> None:
    """-grad misfit is in the subdifferential of the penalty, in the two weights drawn."""
    one = results(name).comparisons[0]
    pair = list(slices.choose_pair([one]))
    fit = torch.from_numpy(flat_weights(one.problem, one.reference.params)[pair])
    slope = flat_weights(one.problem, one.problem.misfit_gradient(one.reference.params))[pair]
    left = weight_prior(one.problem).stationarity(fit, torch.from_numpy(slope))
    assert float(left.max()) <= 1e-6 * np.abs(slope).max()


@pytest.mark.parametrize("name", ["d2l", "diabetes", "long-names"])
def test_the_likelihoods_peak_is_where_its_slope_vanishes(name: str, results: Results) -> None:
    one = results(name).comparisons[0]
    pair = slices.choose_pair([one])
    cut, _ = slices.wide_and_close(one.problem, one.reference.params, pair)
    peak = with_weights(one.problem, one.reference.params, pair, cut.likelihood_mode.tolist())
    before = flat_weights(one.problem, one.problem.misfit_gradient(one.reference.params))
    after = flat_weights(one.problem, one.problem.misfit_gradient(peak))
    assert np.abs(after[list(pair)]).max() < 1e-8 * np.abs(before).max()


def test_curvature_is_that_of_the_gradient(results: Results) -> None:
    problem = results("network").comparisons[0].problem
    params = problem.initial
    row = slices.curvature_row(problem, params, 3)
    step = 1e-5
    name, position = place(problem, 3)
    moved = {key: value.clone() for key, value in params.items()}
    moved[name].view(-1)[position] += step
    change = flat_weights(problem, problem.misfit_gradient(moved))
    change -= flat_weights(problem, problem.misfit_gradient(params))
    np.testing.assert_allclose(row, change / step, rtol=1e-3, atol=1e-3 * np.abs(row).max())


@pytest.mark.parametrize("name", NAMES)
def test_markers_stand_at_the_mode_and_at_the_trained_weights(name: str, results: Results) -> None:
    result = results(name)
    panels = plots.contours(result).axes
    pair = slices.choose_pair(result.comparisons)
    for row, one in enumerate(result.comparisons):
        for panel in panels[3 * row : 3 * row + 3]:
            _check_markers(panel, one, pair)
        labels = [weight_name(result.data, one.problem, index) for index in pair]
        assert [panels[3 * row].get_xlabel(), panels[3 * row].get_ylabel()] == labels


def _check_markers(panel: Axes, one: Comparison, pair: tuple[int, int]) -> None:
    marker = style.KIND_MARKERS[one.penalty.kind]
    marks = [line for line in panel.lines if line.get_marker() == marker]
    drawn = [row for row in one.methods if row is one.reference or row.method == "penalized-sgd"]
    assert len(marks) == len(drawn)
    for mark, row in zip(marks, drawn, strict=True):
        weights = flat_weights(one.problem, row.params)[list(pair)]
        np.testing.assert_allclose(mark.get_xydata()[0], weights)


def test_the_second_weight_is_an_exact_zero_where_there_is_one(results: Results) -> None:
    sparse = results("d2l").comparisons[1]
    first, second = slices.choose_pair(results("d2l").comparisons)
    fit = flat_weights(sparse.problem, sparse.reference.params)
    assert abs(fit[first]) == np.abs(fit).max()
    assert fit[second] == 0


def test_a_small_posterior_is_magnified_and_framed(results: Results) -> None:
    panels = plots.contours(results("d2l")).axes[3:6]
    assert "magnified" in panels[2].get_title("left")
    (frame,) = panels[0].patches
    np.testing.assert_allclose([frame.get_x(), frame.get_width()], _left_and_width(panels[2]))


def _left_and_width(panel: Axes) -> list[float]:
    left, right = panel.get_xlim()
    return [left, right - left]


def test_weights_of_very_different_scales_have_their_own(results: Results) -> None:
    one = results("long-names").comparisons[0]
    scaled = replace_inputs(one.problem, torch.tensor([1.0, 1.0, 1.0, 1e4]))
    cut, _ = slices.wide_and_close(scaled, one.reference.params, (0, 3))
    assert not cut.window.even
    assert cut.window.half[0] > 100 * cut.window.half[1]
    sparse = results("d2l").comparisons[1]  # one weight far from 0, one at 0: still a diamond
    pair = slices.choose_pair([sparse])
    assert slices.wide_and_close(sparse.problem, sparse.reference.params, pair)[0].window.even


def replace_inputs(problem: Problem, factors: torch.Tensor) -> Problem:
    inputs = problem.inputs * factors
    return Problem(problem.model, problem.likelihood, problem.priors, inputs, problem.targets)


def test_lines_are_whole_standard_deviations() -> None:
    assert levels(0.4) == []
    assert levels(5.0) == [0.5, 2.0, 4.5]
    assert levels(200.0) == [0.5, 2.0, 8.0, 32.0, 128.0]  # 1, 2, 4, 8, 16 sd


def test_one_weight_has_no_contours(results: Results) -> None:
    with pytest.raises(InputError, match="one weight: contours need two"):
        plots.contours(results("single-weight"))
