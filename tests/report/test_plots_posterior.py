"""The figures of a posterior: each on every kind of problem, and what they claim."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib import pyplot
from matplotlib.figure import Figure

import bayeswd as bw
from bayeswd.analysis.comparison import Comparison, Comparisons
from bayeswd.analysis.posterior_summary import PosteriorSummaries
from bayeswd.errors import InputError
from bayeswd.report import plots, posterior_rows, rank_figure, style
from bayeswd.results import Draws

Results = Callable[[str], Comparisons]
Check = Callable[[str, Figure], None]
NAMES = list(plots.POSTERIOR_FIGURES)
SKIPPED = {
    "d2l": set(),
    "breast-cancer": {"predictive-check"},
    "long-names": set(),
    "single-weight": {"mode-and-posterior"},
    "two-outputs": {"mode-and-posterior"},
    "network": {"mode-and-posterior"},
}


def drawn_of(one: Comparison) -> Draws:
    """A few draws; of a network, where they take long, numbers around its fit."""
    if one.problem.linear is not None:
        return bw.sample(one.problem, chains=4, draws=60, warmup=60)
    generator = torch.Generator().manual_seed(0)
    around = {
        name: value + 0.1 * torch.randn((4, 60, *value.shape), generator=generator).to(value)
        for name, value in one.reference.params.items()
    }
    return Draws(around, "by hand", "for a figure", 0.0)


@pytest.fixture(scope="module")
def posteriors(results: Results) -> Callable[[str], PosteriorSummaries]:
    """The posteriors of a comparison's problems, of few draws, made once."""

    @cache
    def drawn(name: str) -> PosteriorSummaries:
        result = results(name)
        sampled = [
            bw.summarize(drawn_of(one), one.problem, penalty=one.penalty, data=result.data)
            for one in result.comparisons
        ]
        return PosteriorSummaries(tuple(sampled))

    return drawn


@pytest.mark.parametrize("name", list(SKIPPED))
def test_what_applies_is_drawn_on_its_page(
    posteriors: Callable[[str], PosteriorSummaries],
    check_page: Check,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(style, "DPI", Figure().dpi)
    before = dict(matplotlib.rcParams)
    figures = plots.posterior(posteriors(name), tmp_path)
    assert dict(matplotlib.rcParams) == before
    assert set(figures.skipped) == SKIPPED[name]
    assert [each for each, _ in figures] == [n for n in NAMES if n not in SKIPPED[name]]
    assert {path.name for path in tmp_path.iterdir()} == {f"{each}.png" for each, _ in figures}
    for each, figure in figures:
        assert any(letter.isdigit() for letter in figure.get_suptitle())
        assert all(axes.get_xlabel() for axes in figure.axes[-1:])
        check_page(f"{name}: {each}", figure)
    assert pyplot.get_fignums() == []


def test_one_posterior_is_drawn_as_two_are(
    posteriors: Callable[[str], PosteriorSummaries], check_page: Check
) -> None:
    single = posteriors("diabetes").posteriors[1]
    for name, figure in plots.posterior(single):
        check_page(name, figure)
    assert plots.posterior_forest(single).get_suptitle().startswith("Weights whose 95 % interval")


def test_the_mode_has_zeros_and_the_posterior_none(
    posteriors: Callable[[str], PosteriorSummaries],
) -> None:
    result = posteriors("d2l")
    figure = plots.mode_and_posterior(result)
    zeros = int((posterior_rows.fitted(result.posteriors[1]) == 0).sum())
    assert f"L1 puts {zeros} of 200 weights at exactly 0" in figure.get_suptitle()
    assert "P(w = 0) = 0" in figure.axes[1].get_title("left")
    assert all(row.mean != 0 for row in result.posteriors[1].coefficients)


def test_200_weights_are_20_rows_those_farthest_from_0(
    posteriors: Callable[[str], PosteriorSummaries],
) -> None:
    several = posteriors("d2l").posteriors
    chosen = posterior_rows.farthest(several)
    rows = posterior_rows.weight_rows(several[0]), posterior_rows.weight_rows(several[1])
    apart = np.array([[abs(row.mean) / row.sd for row in each] for each in rows]).max(0)
    assert len(chosen) == 20
    assert set(chosen) == set(np.argsort(-apart)[:20].tolist())


def test_weights_shown_close_up_reach_from_the_largest_to_a_zero(
    posteriors: Callable[[str], PosteriorSummaries],
) -> None:
    one = posteriors("d2l").posteriors[1]
    fit = np.abs(posterior_rows.fitted(one))
    first, *_, far, near = posterior_rows.telling(one)
    assert fit[first] == fit.max()
    assert fit[far] == fit[near] == 0


def test_many_chains_are_drawn_as_eight_groups_of_neighbours() -> None:
    values = np.arange(20)[:, None, None] + np.zeros((20, 5, 2))
    groups = rank_figure.grouped(values)
    assert groups.shape == (8, 10, 2)
    assert groups[3, :, 0].tolist() == [6.0] * 5 + [7.0] * 5


def test_a_single_chain_has_no_rank_plot(results: Results) -> None:
    problem = results("single-weight").comparisons[0].problem
    one = bw.summarize(bw.sample(problem, chains=1, draws=50), problem)
    with pytest.raises(InputError, match="a single chain has no other to agree with"):
        plots.posterior_ranks(one)


def test_chains_apart_are_said_to_be(results: Results) -> None:
    problem = results("single-weight").comparisons[0].problem
    draws = bw.sample(problem, chains=4, draws=100)
    draws.params["weight"][0] += 3
    figure = plots.posterior_ranks(bw.summarize(draws, problem))
    assert "do not agree" in figure.get_suptitle()
