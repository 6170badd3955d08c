"""ESS and R-hat through batched ranks are ArviZ's own, tied draws and odd lengths included."""

import numpy as np
import pytest
from arviz_stats.base import array_stats

from bayeswd.posterior import rank_normal, with_arviz

AXES = {"chain_axis": -2, "draw_axis": -1}


def correlated(chains: int, draws: int, count: int = 3) -> np.ndarray:
    """[chain, draw, k] random walks that forget, the first one tied as rejections tie draws."""
    random = np.random.default_rng(chains + 1000 * draws)
    values = random.standard_normal((chains, draws, count))
    for draw in range(1, draws):
        values[:, draw] += 0.7 * values[:, draw - 1]
        stays = random.random(chains) < 0.3
        values[stays, draw, 0] = values[stays, draw - 1, 0]
    return values


@pytest.mark.parametrize(("chains", "draws"), [(2, 8), (4, 101), (64, 40), (3, 7), (5, 4)])
def test_ess_and_r_hat_are_those_of_arviz(chains, draws):
    values = correlated(chains, draws)
    each = np.moveaxis(values, -1, 0)
    ess, r_hat = with_arviz.ess_and_r_hat(values)
    np.testing.assert_allclose(ess, array_stats.ess(each, method="bulk", **AXES), rtol=1e-10)
    np.testing.assert_allclose(r_hat, array_stats.rhat(each, method="rank", **AXES), rtol=1e-12)


def test_chains_apart_only_in_spread_show_in_the_folded_scores():
    values = np.random.default_rng(0).standard_normal((4, 200, 1))
    values[0] *= 3
    scores, folded = rank_normal.scores(rank_normal.split(np.moveaxis(values, -1, 0)))
    assert array_stats.rhat(scores, method="identity", **AXES)[0] < 1.01
    assert array_stats.rhat(folded, method="identity", **AXES)[0] > 1.05
    assert with_arviz.ess_and_r_hat(values)[1][0] > 1.05


def test_one_chain_has_an_ess_and_no_r_hat():
    ess, r_hat = with_arviz.ess_and_r_hat(correlated(1, 300))
    assert np.isfinite(ess).all()
    assert np.isnan(r_hat).all()


def test_what_is_not_finite_has_neither():
    values = correlated(4, 50)
    values[2, 3, 1] = np.nan
    ess, r_hat = with_arviz.ess_and_r_hat(values)
    assert np.isnan(ess).tolist() == np.isnan(r_hat).tolist() == [False, True, False]


def test_intervals_are_equal_tailed():
    values = np.linspace(0, 1, 1001).reshape(7, 143, 1)
    np.testing.assert_allclose(with_arviz.interval(values, 0.95), [[0.025, 0.975]], atol=1e-12)
