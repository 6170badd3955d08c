"""Weights by method, and the way down to the optimum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from bayeswd.analysis.comparison import Comparison, Comparisons
from bayeswd.errors import InputError
from bayeswd.report import plots, style
from bayeswd.report.convergence_figure import above_optimum, floor_of, steps_until, trainings
from bayeswd.report.weights import flat_weights
from bayeswd.report.weights_figure import differences

Results = Callable[[str], Comparisons]


def with_history(one: Comparison, above: list[float]) -> Comparison:
    """A comparison whose training was this many nats above the reference, every tenth step."""
    lowest = min(row.objective for row in one.methods)
    history = tuple((10 * place, lowest + value) for place, value in enumerate(above))
    methods = [
        replace(row, history=history if row.method == "penalized-sgd" else ())
        for row in one.methods
    ]
    return replace(one, methods=tuple(methods))


@pytest.mark.parametrize("name", ["d2l", "digits", "network", "two-outputs"])
def test_each_method_is_drawn_against_the_reference(name: str, results: Results) -> None:
    result = results(name)
    axes = plots.weights_by_method(result).axes
    for column, one in enumerate(result.comparisons):
        reference = flat_weights(one.problem, one.reference.params)
        marks = [line for line in axes[column].lines if line.get_marker() not in ("None", "")]
        assert len(marks) == len(one.methods) - 1
        for mark, row in zip(marks, one.methods[1:], strict=True):
            np.testing.assert_array_equal(mark.get_xdata(), reference)
            own = flat_weights(one.problem, row.params)
            np.testing.assert_allclose(mark.get_ydata(), own, rtol=1e-12, atol=1e-12)
            assert mark.get_color() == style.METHOD_COLOURS[row.method]


def test_differences_are_magnified_by_a_log_scale_down_to_rounding(results: Results) -> None:
    result = results("d2l")
    axes = plots.weights_by_method(result).axes
    below, one = axes[2], result.comparisons[0]
    assert below.get_yscale() == "log"
    apart = differences(one)
    reference = flat_weights(one.problem, one.reference.params)
    rounding = np.finfo(float).eps * np.abs(reference).max()
    for mark, difference in zip(below.lines, apart.values(), strict=False):
        np.testing.assert_allclose(mark.get_ydata(), np.maximum(np.abs(difference), rounding))


def test_the_tolerance_is_a_hundredth_of_a_posterior_sd(results: Results) -> None:
    result = results("diabetes")
    below = plots.weights_by_method(result).axes[2]
    one = result.comparisons[0]
    sd = np.median(flat_weights(one.problem, one.posterior.sd))
    heights = [line.get_ydata()[0] for line in below.lines if line.get_linestyle() == ":"]
    assert pytest.approx(0.01 * sd) in heights


def test_float32_weights_are_told_apart_by_their_own_rounding(results: Results) -> None:
    one = results("single-weight").comparisons[0]
    assert style.rounding(one) == pytest.approx(1.19e-7, rel=0.01)


def test_a_fit_of_ones_own_has_its_name_and_a_colour_of_its_own(results: Results) -> None:
    one = results("two-outputs").comparisons[0]
    mine = replace(one.methods[1], method="my loop")
    result = replace(
        results("two-outputs"), comparisons=(replace(one, methods=(*one.methods, mine)),)
    )
    figure = plots.weights_by_method(result)
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels[-1].startswith("my loop: ")
    colours = [line.get_color() for line in figure.axes[0].lines[1:]]
    assert len(set(colours)) == len(colours)


def test_one_method_has_nothing_to_be_set_against(results: Results) -> None:
    one = results("two-outputs").comparisons[0]
    alone = replace(one, methods=one.methods[:1])
    result = replace(results("two-outputs"), comparisons=(alone,))
    with pytest.raises(InputError, match="one method"):
        plots.weights_by_method(result)
    with pytest.raises(InputError, match="no method recorded its steps"):
        plots.convergence(result)


def test_the_curve_is_the_objective_above_the_lowest_one(results: Results) -> None:
    one = with_history(results("d2l").comparisons[0], [100.0, 1.0, 0.04, 0.06, 0.01, 1e-30])
    row = next(row for row in one.methods if row.method == "penalized-sgd")
    steps, above = above_optimum(one, row)
    assert steps.tolist() == [0, 10, 20, 30, 40, 50]
    np.testing.assert_allclose(above[:5], [100.0, 1.0, 0.04, 0.06, 0.01], rtol=1e-9)
    assert above[5] == floor_of(one)
    result = replace(results("d2l"), comparisons=(one,))
    curve = plots.convergence(result).axes[0].lines[0]
    np.testing.assert_array_equal(curve.get_xydata(), np.column_stack([steps, above]))


def test_the_same_fit_is_dated_from_the_last_time_outside(results: Results) -> None:
    one = with_history(results("d2l").comparisons[0], [100.0, 0.04, 0.06, 0.01, 0.0])
    (row,) = trainings(one)
    assert steps_until(one, row) == 30
    assert steps_until(one, row, nats=1e3) == 0
    assert steps_until(one, row, nats=0.0) is None
    figure = plots.convergence(replace(results("d2l"), comparisons=(one,)))
    assert figure.get_suptitle() == (
        "Every training came within 0.05 nats of the optimum, the first at step 30"
    )


def test_the_floor_is_the_certified_gap_or_what_rounding_hides(results: Results) -> None:
    one = results("d2l").comparisons[0]
    loose = replace(one.methods[0], gap=1e-3)
    assert floor_of(replace(one, methods=(loose, *one.methods[1:]))) == 1e-3
    assert 1e-14 < floor_of(one) < 1e-11
    axes = plots.convergence(results("d2l")).axes[0]
    heights = [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == "-"]
    assert floor_of(one) in heights


def test_a_network_claims_no_optimum(results: Results) -> None:
    figure = plots.convergence(results("network"))
    assert "lowest objective found" in figure.get_suptitle()
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert "lowest found: not convex, no certificate" in labels


def test_an_exact_solvers_sweeps_are_no_training(results: Results) -> None:
    for one in results("d2l").comparisons:
        assert [row.method for row in trainings(one)] == ["penalized-sgd", "pyro-map"]
