"""The forest of prior and posterior along the strengths."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from bayeswd.analysis.comparison import Comparisons
from bayeswd.errors import InputError
from bayeswd.estimate import exact
from bayeswd.problem.priors import Gaussian
from bayeswd.report import plots, style
from bayeswd.report.forest_figure import (
    DRAWS,
    FACTORS,
    at_strength,
    choose_weights,
    draws_of,
    strength_label,
)
from bayeswd.report.forest_plot import draw_forest, heights
from bayeswd.report.weights import flat_weights

Results = Callable[[str], Comparisons]


@pytest.mark.parametrize("name", ["d2l", "diabetes", "two-outputs", "single-weight"])
def test_draws_are_those_of_the_prior_and_of_the_posterior(name: str, results: Results) -> None:
    """Means and standard deviations, in standard errors, at this strength and at 16 times it."""
    one = results(name).comparisons[0]
    chosen = choose_weights(flat_weights(one.problem, one.reference.params))
    prior, posterior = draws_of(one.problem, chosen)
    assert prior.shape == posterior.shape == (len(chosen), DRAWS)
    sd = flat_weights(one.problem, one.posterior.sd)[chosen]
    mean = flat_weights(one.problem, one.posterior.mean)[chosen]
    error = 4.5 / DRAWS**0.5
    assert (np.abs(posterior.mean(1) - mean) / sd).max() < error
    assert np.abs(posterior.std(1) / sd - 1).max() < error
    assert np.abs(prior.std(1) / one.reading.variance**0.5 - 1).max() < error
    strong, stronger = draws_of(at_strength(one.problem, 16.0), chosen)
    np.testing.assert_allclose(strong, prior / 4, rtol=1e-12)  # the same random numbers
    mode = flat_weights(one.problem, exact.solve(at_strength(one.problem, 16.0)).params)[chosen]
    assert (np.abs(stronger.mean(1) - mode) / stronger.std(1)).max() < error


def test_a_bias_under_the_same_prior_follows_the_strength(results: Results) -> None:
    problem = results("two-outputs").comparisons[0].problem
    priors = at_strength(problem, 4.0).priors
    assert priors == {"weight": Gaussian(0.35), "bias": Gaussian(0.35)}
    flat = results("diabetes").comparisons[0].problem
    assert at_strength(flat, 4.0).priors == {**flat.priors, "weight": Gaussian(10.0)}


def test_many_weights_are_represented_by_five() -> None:
    fitted = np.array([0.1, -9.0, 0.0, 3.0, -2.0, 1.0, 5.0])
    assert choose_weights(fitted) == [1, 6, 3, 4, 2]
    assert choose_weights(fitted[:3]) == [1, 0, 2]


def test_labels_go_from_strength_to_variance(results: Results) -> None:
    one = results("d2l").comparisons[0]
    assert strength_label("d2l", one.problem) == "3 → 1.7e-6"
    assert strength_label("sklearn.Ridge", at_strength(one.problem, 4.0)) == "240 → 4.2e-7"


@pytest.mark.parametrize("name", ["d2l", "two-outputs"])
def test_every_weight_has_two_lines_at_every_strength(name: str, results: Results) -> None:
    figure = plots.forest(results(name))
    labels, forest = figure.axes
    for colour in (style.PRIOR, style.POSTERIOR):
        lines = [line for line in forest.lines if line.get_color() == colour]
        assert len(lines) == 2 * 5 * len(FACTORS)  # a thin and a thick one
    words = [text.get_text() for text in labels.texts]
    assert sum("●" in word for word in words) == 5
    assert len(words) == 5 + 5 * len(FACTORS)


def test_lines_are_the_intervals_of_the_draws() -> None:
    generator = np.random.default_rng(0)
    draws = {name: generator.standard_normal((2, 3, 4000)) for name in ("prior", "posterior")}
    draws["posterior"] += 5.0
    forest = draw_forest(draws, ["a", "b"], ["1 → 4", "2 → 2", "4 → 1"]).axes[1]
    rows = heights(2, 3, 2)
    thin = [line for line in forest.lines if line.get_linewidth() == 1.2]
    ends = {round(float(line.get_ydata()[0]), 6): line.get_xdata() for line in thin}
    for place in np.ndindex(2, 3):
        for model, name in enumerate(draws):
            low, high = ends[round(float(rows[(*place, model)]), 6)]
            expected = np.quantile(draws[name][place], [0.055, 0.945])
            np.testing.assert_allclose([low, high], expected, atol=0.01)


def test_rows_go_down_the_page_and_are_apart() -> None:
    rows = heights(2, 3, 2)
    assert (np.diff(rows.ravel()) < 0).all()
    assert rows[0, 2].min() - rows[1, 0].max() > rows[0, 0].min() - rows[0, 1].max()


@pytest.mark.parametrize("name", ["breast-cancer", "long-names", "network", "unpenalised"])
def test_without_an_exact_posterior_there_is_none(name: str, results: Results) -> None:
    with pytest.raises(InputError, match="no exact posterior to draw from"):
        plots.forest(results(name))


def test_global_random_state_is_not_touched(results: Results) -> None:
    one = results("single-weight").comparisons[0]
    before = torch.random.get_rng_state()
    draws_of(one.problem, [0])
    assert torch.equal(before, torch.random.get_rng_state())
