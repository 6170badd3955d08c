"""Weights by method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from bayeswd.analysis.comparison import Comparisons
from bayeswd.errors import InputError
from bayeswd.report import plots, style
from bayeswd.report.weights import flat_weights
from bayeswd.report.weights_figure import differences

Results = Callable[[str], Comparisons]


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
