"""Density and penalty: the curves are the prior's own, the marks are the fitted weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from bayeswd.analysis.comparison import Comparisons
from bayeswd.errors import InputError
from bayeswd.problem.priors import ElasticNet, Gaussian, Laplace
from bayeswd.report import plots, style
from bayeswd.report.prior_figure import both_families
from bayeswd.report.weights import flat_weights, weight_prior

Results = Callable[[str], Comparisons]
NAMES = ["d2l", "breast-cancer", "digits", "long-names", "network", "single-weight"]


@pytest.mark.parametrize("name", NAMES)
def test_the_penalty_drawn_is_minus_the_log_of_the_density_drawn(
    name: str, results: Results
) -> None:
    result = results(name)
    density, penalty = plots.prior_and_penalty(result).axes[:2]
    prior = weight_prior(result.comparisons[0].problem)
    believed, paid = density.lines[0], penalty.lines[0]
    weights = torch.from_numpy(believed.get_xdata())
    expected = prior.log_density(weights).numpy()
    np.testing.assert_allclose(np.log(believed.get_ydata()), expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(paid.get_ydata(), -expected, rtol=1e-12)
    assert (weights == 0).any()  # the corner of a Laplace density is on the line
    assert believed.get_linestyle() == style.FAMILY_LINES[prior.family]


@pytest.mark.parametrize("name", NAMES)
def test_ticks_and_markers_stand_at_the_fitted_weights(name: str, results: Results) -> None:
    result = results(name)
    axes = plots.prior_and_penalty(result).axes
    for one, rug in zip(result.comparisons, axes[2:], strict=True):
        fitted = flat_weights(one.problem, one.reference.params)
        ticks = [segment[0, 0] for segment in rug.collections[0].get_segments()]
        np.testing.assert_allclose(ticks, fitted)
        marker = style.KIND_MARKERS[one.penalty.kind]
        (marks,) = [line for line in axes[1].lines if line.get_marker() == marker]
        inside = fitted[np.abs(fitted) <= axes[1].get_xlim()[1]]
        np.testing.assert_allclose(marks.get_xdata(), inside)
        cost = -weight_prior(one.problem).log_density(torch.from_numpy(inside)).numpy()
        np.testing.assert_allclose(marks.get_ydata(), cost)


def test_weights_beyond_the_axis_and_zeros_are_counted(results: Results) -> None:
    result = results("d2l")
    axes = plots.prior_and_penalty(result).axes
    fitted = flat_weights(result.comparisons[1].problem, result.comparisons[1].reference.params)
    beyond = int((np.abs(fitted) > axes[0].get_xlim()[1]).sum())
    zeros = int((fitted == 0).sum())
    assert beyond > 0
    assert zeros > 150
    assert f"{zeros} zero, {beyond} beyond" in axes[3].get_ylabel()


def test_the_shaded_part_has_95_percent_of_the_mass(results: Results) -> None:
    density = plots.prior_and_penalty(results("long-names")).axes[0]
    outline = density.collections[0].get_paths()[0].vertices
    area = 0.5 * abs(np.sum(outline[:-1, 0] * outline[1:, 1] - outline[1:, 0] * outline[:-1, 1]))
    assert area == pytest.approx(0.95, abs=5e-3)


def test_the_headline_of_the_book(results: Results) -> None:
    headline = plots.prior_and_penalty(results("d2l")).get_suptitle()
    assert headline.startswith("L2, λ = 3 (d2l) says: 95 % of weights within ±0.0025;")


def test_the_missing_family_is_added_at_the_same_variance() -> None:
    pairs = both_families([ElasticNet(0.5, 1.0)])
    assert [own for _, own in pairs] == [True, False, False]
    assert {prior.family for prior, _ in pairs} == {"elastic-net", "gaussian", "laplace"}
    variances = [prior.variance for prior, _ in pairs]
    np.testing.assert_allclose(variances, variances[0])


def test_two_strengths_are_drawn_as_they_are() -> None:
    own = [Gaussian(1.0), Laplace(3.0)]
    assert both_families(own) == [(own[0], True), (own[1], True)]
    assert both_families([own[0], own[0]])[0] == (own[0], True)
    assert len(both_families([own[0], own[0]])) == 2


def test_no_penalty_has_no_figure(results: Results) -> None:
    with pytest.raises(InputError, match="improper flat prior: no density, no penalty"):
        plots.prior_and_penalty(results("unpenalised"))
