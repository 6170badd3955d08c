"""ArviZ along a path: draws, forests, ridges, model comparison, power scaling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import arviz_stats
import numpy as np
import pytest
import torch
from matplotlib import pyplot
from matplotlib.figure import Figure
from torch import nn

from bayeswd.analysis import leave_one_out, selection, swift
from bayeswd.analysis.in_strengths import InStrengths
from bayeswd.errors import InputError
from bayeswd.posterior import conjugate
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Gaussian, Laplace
from bayeswd.report import path_comparison, path_draws, plots, power_scaling

Check = Callable[[str, Figure], None]
N, D, SIGMA = 40, 4, 0.5
GRID = tuple(np.geomspace(0.05, 5, 9))


@cache
def found(kind: str) -> InStrengths:
    """A selection with posteriors, of each kind once."""
    random = np.random.default_rng(7)
    x = random.standard_normal((N, D))
    y = 0.2 + x @ np.array([1.0, -0.5, 0.0, 0.2]) + SIGMA * random.standard_normal(N)
    model = nn.Linear(D, 1, dtype=torch.float64)
    prior = Laplace(1.0) if kind == "l1" else Gaussian(1.0)
    problem = Problem(model, GaussianNoise(SIGMA), {"weight": prior, "bias": Flat()}, x, y)
    selected = selection.select(
        problem, GRID, by=("evidence",) if kind == "l2" else ("cross-validation",)
    )
    return InStrengths(swift.with_posteriors(selected), "d2l", None, ("a", "b", "c", "d"))


def within_errors(draws: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> None:
    """Independent draws [weight, sample]: means and squares within 4.5 standard errors."""
    error = 4.5 / draws.shape[1] ** 0.5
    assert (np.abs(draws.mean(1) - mean) / sd).max() < error
    squares = (((draws - mean[:, None]) / sd[:, None]) ** 2).mean(1)
    assert np.abs(squares - 1).max() < error * 2**0.5


def test_draws_are_those_of_the_prior_and_of_the_posterior() -> None:
    one = found("l2")
    for place in (1, 7):
        problem, posterior = one.selection.path.problems[place], path_draws.posterior_at(one, place)
        prior, drawn = path_draws.weights_of(problem, posterior, range(D), 4000)
        assert prior.shape == drawn.shape == (D, 4000)
        within_errors(drawn, posterior.mean["weight"][0].numpy(), posterior.sd["weight"][0].numpy())
        within_errors(prior, np.zeros(D), np.full(D, one.selection.path.prior_sds[place]))


def test_many_short_chains_become_four_long_ones() -> None:
    one = found("l1")
    posterior = path_draws.posterior_at(one, 4)
    problem = one.selection.path.problems[4]
    chains, length = posterior.params["weight"].shape[:2]
    assert chains > 4
    everything = path_draws.draws_of(problem, posterior, chains * length // 4, 0).params["weight"]
    assert everything.shape == (4, chains * length // 4, 1, D)
    same = torch.sort(everything.flatten(), 0).values
    assert torch.equal(same, torch.sort(posterior.params["weight"].flatten(), 0).values)
    few = path_draws.draws_of(problem, posterior, 50, 0)
    assert few.params["weight"].shape == (4, 50, 1, D)
    assert few.sample_stats["lp"].shape == (4, 50)


def test_labels_take_the_digits_they_need() -> None:
    assert path_draws.labels_of([0.1, 1.0, 123.4]) == ["λ=0.1", "λ=1", "λ=120"]
    assert path_draws.labels_of([1.001, 1.002]) == ["λ=1.001", "λ=1.002"]
    with pytest.raises(InputError, match="are the same"):
        path_draws.labels_of([1.0, 1.0])


def test_arviz_takes_the_trees_as_they_are() -> None:
    """A path is ArviZ's own dict of models: `compare` ranks it, `psense` reads its log_prior."""
    one = found("l2")
    trees = path_draws.trees(one, path_draws.around(one, (0.05, 1.0, 20.0)), draws=250)
    exact = leave_one_out.exact(one.selection.problem, one.selection.path.scales)
    by_label = dict(zip(path_draws.labels_of(one.strengths), exact, strict=True))
    elpds = {label: arviz_stats.loo(tree).elpd for label, tree in trees.items()}
    for label, elpd in elpds.items():
        assert elpd == pytest.approx(float(by_label[label].log_densities.sum()), abs=0.5)
    assert max(elpds, key=elpds.__getitem__) != list(trees)[-1]
    index = arviz_stats.psense(list(trees.values())[-1], var_names=["weight"])
    assert float(index["weight"].max()) > 0.05  # a narrow prior is felt


@pytest.mark.parametrize("kind", ["l2", "l1"])
def test_forest_and_ridges_are_on_the_page(kind: str, check_page: Check) -> None:
    one = found(kind)
    before = pyplot.get_fignums()
    for draw in (plots.path_forest, plots.path_ridge):
        figure = draw(one)
        labels = [text.get_text() for text in figure.axes[0].texts]
        assert {"a", "b", "c", "d"} <= set(labels)
        strengths = [label for label in labels if " → " in label]
        assert len(strengths) == 5 * D
        check_page(kind, figure)
    assert pyplot.get_fignums() == before


def test_ridges_stand_where_the_draws_are() -> None:
    one = found("l2")
    figure = plots.path_ridge(one)
    lines = [line for line in figure.axes[1].lines if len(line.get_xdata()) > 10]
    assert len(lines) == 5 * D
    place = path_draws.around(one, (1 / 9,))[0]
    mean = one.selection.path.posteriors[place].mean["weight"][0].numpy()
    sd = one.selection.path.posteriors[place].sd["weight"][0].numpy()
    peaks = [line.get_xdata()[np.argmax(line.get_ydata())] for line in lines]
    biggest = int(np.abs(one.selection.path.weights[place].numpy()).argmax())
    assert min(abs(peak - mean[biggest]) for peak in peaks) < sd[biggest]


def test_the_comparison_is_exact_where_it_can_be(check_page: Check) -> None:
    one = found("l2")
    before = pyplot.get_fignums()
    figure = plots.path_comparison(one)
    assert pyplot.get_fignums() == before
    check_page("comparison", figure)
    places = path_draws.around(one, path_comparison.FACTORS)
    table, how = path_comparison.compared(one, places)
    exact = leave_one_out.exact(
        one.selection.problem, [one.selection.path.scales[p] for p in places]
    )
    rows = np.stack([each.log_densities.numpy() for each in exact])
    best = rows[rows.sum(1).argmax()]
    for place, row in zip(places, rows, strict=True):
        said = table.loc[path_draws.strength_label(one, place)]
        assert said["elpd"] == pytest.approx(row.sum(), rel=1e-12)
        error = (row - best).std(ddof=1) * N**0.5
        assert said["se"] == pytest.approx(error, rel=1e-9, abs=1e-12)
    assert how == "In closed form."


def test_the_comparison_from_draws_says_how_far_they_reach(check_page: Check) -> None:
    one = found("l1")
    table, how = path_comparison.compared(one, path_draws.around(one, (0.5, 1.0, 2.0)))
    assert how.startswith("From draws by PSIS; the largest Pareto k is ")
    assert table["elpd"].is_monotonic_decreasing
    check_page("comparison", plots.path_comparison(one))


def test_reweighted_draws_are_draws_at_another_strength(check_page: Check) -> None:
    """p(w)^α is α λ: within the errors of 4000 draws of the closed form, mean by mean."""
    one = found("l2")
    (place,) = path_draws.around(one, (1.0,))
    problem = one.selection.path.problems[place]
    tree = power_scaling.sampled(problem, one.names)
    found_means = power_scaling.reweighted_means(tree, problem, range(D))
    assert (found_means.k_hat < 0.7).all()
    scale = one.selection.path.scales[place]
    for power, means in zip(power_scaling.POWERS, found_means.means, strict=True):
        (exact,) = conjugate.path(problem, [scale / power**0.5])
        error = np.abs(means - exact.mean["weight"][0].numpy()) / exact.sd["weight"][0].numpy()
        assert error.max() < 4.5 / 4000**0.5 * 2  # at α = 2 half of the draws' worth is left
    refits = power_scaling.refitted_means(problem, scale, range(D))
    assert refits.shape == found_means.means.shape
    np.testing.assert_allclose(
        refits[0], conjugate.path(problem, [scale * 2**0.5])[0].mean["weight"][0].numpy()
    )
    check_page("power scaling", plots.power_scaling(one))


def test_a_laplace_prior_scales_by_its_b() -> None:
    one = found("l1")
    (place,) = path_draws.around(one, (5.0,))
    problem = one.selection.path.problems[place]
    tree = power_scaling.sampled(problem, one.names)
    reweighted = power_scaling.reweighted_means(tree, problem, range(D))
    refits = power_scaling.refitted_means(problem, one.selection.path.scales[place], range(D))
    assert np.abs((reweighted.means - refits) / reweighted.sd).max() < 0.15
    moved = np.abs((refits[0] - refits[-1]) / reweighted.sd).max()
    assert moved > 0.3  # there is something to agree on


def test_without_posteriors_there_is_nothing_to_draw() -> None:
    one = found("l1")
    bare_path = replace(one.selection.path, posteriors=None, bands=None)
    bare = replace(one, selection=replace(one.selection, path=bare_path))
    with pytest.raises(InputError, match="select with posterior=True"):
        path_draws.trees(bare)
