"""Strength against variance: every line and dot is what the conventions say."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from bayeswd.analysis.comparison import Comparisons
from bayeswd.problem import conventions
from bayeswd.report import plots, style
from bayeswd.report.letters import CLEAR, distance
from bayeswd.report.same_prior import as_reading, known_to, same_prior, variances
from bayeswd.report.weights import weight_prior

Results = Callable[[str], Comparisons]
Check = Callable[[str, Figure], None]
NAMES = ["d2l", "diabetes", "breast-cancer", "digits", "long-names", "network"]


def key(result: Comparisons) -> list[str]:
    """The lines beside the panel, each on one line."""
    legend = plots.strength_and_variance(result).axes[0].get_legend()
    return [" ".join(text.get_text().split()) for text in legend.get_texts()]


@pytest.mark.parametrize("name", [*NAMES, "single-weight", "two-outputs"])
def test_this_run_is_marked_at_its_strength_and_variance(name: str, results: Results) -> None:
    result = results(name)
    axes = plots.strength_and_variance(result).axes[0]
    for one in result.comparisons:
        marker = style.KIND_MARKERS[one.penalty.kind]
        (mark,) = [
            line
            for line in axes.lines
            if line.get_marker() == marker and str(line.get_label()).startswith("this run")
        ]
        assert mark.get_xydata()[0].tolist() == [one.penalty.strength, one.reading.variance]


@pytest.mark.parametrize("name", NAMES)
def test_this_run_lies_on_the_line_of_its_convention(name: str, results: Results) -> None:
    for one in results(name).comparisons:
        at = np.array([one.penalty.strength])
        drawn = variances(one.problem, one.reading, one.penalty.convention, at)
        assert drawn[0] == pytest.approx(one.reading.variance, rel=1e-12)


def test_the_books_strength_in_other_frameworks(results: Results) -> None:
    """lambda = 3 with n = 20: 6 for torch's MSELoss, 60 for Ridge (sums, no halves)."""
    one = results("d2l").comparisons[0]
    places = same_prior(one.problem, one.reading)
    assert {round(s, 9): names for s, names in places.items()} == {
        3.0: ["d2l", "keras.L2"],
        6.0: ["torch.SGD+MSELoss"],
        60.0: ["sklearn.Ridge"],
    }
    headline = plots.strength_and_variance(results("d2l")).get_suptitle()
    assert headline == (
        "L2, λ = 3 (d2l) is prior variance 1.67e-6; elsewhere 6 in torch.SGD+MSELoss, "
        "60 in sklearn.Ridge"
    )


@pytest.mark.parametrize("name", ["d2l", "breast-cancer"])
def test_gaussian_lines_fall_as_one_over_strength_laplace_twice_as_steeply(
    name: str, results: Results
) -> None:
    axes = plots.strength_and_variance(results(name)).axes[0]
    slopes = {"-": set(), "--": set()}
    for line in axes.lines:
        x, y = line.get_xdata(), line.get_ydata()
        if len(x) > 10:
            slope = np.diff(np.log(y)) / np.diff(np.log(x))
            assert np.ptp(slope) < 1e-9
            slopes[line.get_linestyle()].add(round(float(slope[0])))
    rising = {1} if name == "breast-cancer" else set()  # C multiplies the data term
    assert slopes == {"-": {-1} | rising, "--": {-2} | {2 * s for s in rising}}


@pytest.mark.parametrize("name", NAMES)
def test_every_dot_states_this_prior(name: str, results: Results) -> None:
    one = results(name).comparisons[0]
    kind = one.penalty.kind
    known = known_to(one.problem)
    for strength, names in same_prior(one.problem, one.reading).items():
        for convention in names:
            share = conventions.strength_and_ratio(convention, one.reading, **known)[1]
            ratio = {"l1_ratio": share} if kind == "elastic-net" else {}
            again = conventions.reading(convention, strength, penalty=kind, **known, **ratio)
            assert again.variance == pytest.approx(one.reading.variance, rel=1e-9)


def test_a_run_in_a_rarer_convention_has_its_line(results: Results) -> None:
    one = results("diabetes").comparisons[0]
    strength = conventions.strength("d2l.tensorflow", one.reading, **known_to(one.problem))
    penalty = replace(one.penalty, strength=strength, convention="d2l.tensorflow")
    result = replace(results("diabetes"), comparisons=(replace(one, penalty=penalty),))
    assert any("d2l.tensorflow = d2l" in said for said in key(result))


@pytest.mark.parametrize("name", NAMES)
def test_a_prior_is_read_as_the_comparison_reads_it(name: str, results: Results) -> None:
    for one in results(name).comparisons:
        reading = as_reading(weight_prior(one.problem))
        assert reading.family == one.reading.family
        assert math.isclose(reading.variance, one.reading.variance, rel_tol=1e-12)


@pytest.mark.parametrize("name", [*NAMES, "single-weight", "two-outputs"])
def test_no_letter_lies_on_a_line_and_the_key_is_beside_the_panel(
    name: str, results: Results
) -> None:
    figure = plots.strength_and_variance(results(name))
    (axes,) = figure.axes
    lines = [line for line in axes.lines if line.get_linestyle() != "None"]
    segments = [line.get_transform().transform(line.get_xydata())[[0, -1]] for line in lines]
    assert len(axes.texts) >= 3
    for letter in axes.texts:
        box = letter.get_window_extent()
        middle = np.array([(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2])
        nearest = min(distance(middle, *ends) for ends in segments) * 72 / figure.dpi
        assert nearest > 0.75 * CLEAR, letter.get_text()
    assert axes.get_legend().get_window_extent().x0 >= axes.bbox.x1


def test_the_key_has_each_letter_once_with_its_number(results: Results) -> None:
    lines = key(results("d2l"))
    assert lines[:3] == [
        "this run: L2, λ = 3 (d2l)",
        "this run: L1, λ = 0.00548 (d2l)",
        "Gaussian prior (L2)",
    ]
    assert lines[3:6] == ["a 3: d2l = keras.L2", "b 6: torch.SGD+MSELoss", "c 60: sklearn.Ridge"]
    letters = [
        text.get_text() for text in plots.strength_and_variance(results("d2l")).axes[0].texts
    ]
    assert letters == ["a", "b", "c", "d", "e"]


def test_the_longest_name_of_a_convention_stays_on_the_page(
    results: Results, check_page: Check
) -> None:
    one = results("breast-cancer").comparisons[0]
    convention = "spark.GeneralizedLinearRegression:gaussian"
    penalty = replace(one.penalty, convention=convention)
    result = replace(results("breast-cancer"), comparisons=(replace(one, penalty=penalty),) * 2)
    for draw in (plots.weights_by_method, plots.convergence):
        figure = draw(result)
        check_page("long", figure)


def test_the_headline_of_a_long_convention_is_not_clipped(
    results: Results, check_page: Check
) -> None:
    one = results("breast-cancer").comparisons[0]
    name = "sklearn.LogisticRegression:liblinear"
    strength = conventions.strength(name, one.reading, **known_to(one.problem))
    penalty = replace(one.penalty, strength=strength, convention=name)
    result = replace(results("breast-cancer"), comparisons=(replace(one, penalty=penalty),))
    figure = plots.strength_and_variance(result)
    check_page("long", figure)


def test_distance_is_to_the_nearest_point_of_the_segment() -> None:
    start, end = np.array([0.0, 0.0]), np.array([4.0, 0.0])
    assert distance(np.array([1.0, 3.0]), start, end) == pytest.approx(3.0)
    assert distance(np.array([7.0, 4.0]), start, end) == pytest.approx(5.0)
