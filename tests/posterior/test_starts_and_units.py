"""Where chains start, whose place a lost one takes, and units learnt from where they were."""

import pytest
import torch

from bayeswd.posterior import metric as metrics
from bayeswd.posterior import nearest_gaussian, starts, units
from bayeswd.posterior.columns import Columns
from bayeswd.posterior.metric import Dense, Diagonal, Thin
from bayeswd.posterior.nearest_gaussian import Quadratic
from bayeswd.posterior.potentials import Potential

GENERATOR = torch.Generator().manual_seed(1)
NORMAL = torch.randn(3, 4000, generator=GENERATOR, dtype=torch.float64)
MIX = torch.tensor([[2.0, 0.3, 0], [0, 0.5, -0.1], [0, 0, 4]], dtype=torch.float64)
CENTRE = torch.tensor([[1.0], [-2], [0.5]], dtype=torch.float64)
PREDICTED = 0.5 * (NORMAL**2).sum(0)


def test_where_a_gaussian_is_right_no_start_is_moved():
    def energy(at):
        return 0.5 * ((at - CENTRE) ** 2).sum(0) + 7

    found = starts.pulled_in(energy, CENTRE, NORMAL, PREDICTED)
    torch.testing.assert_close(found, CENTRE + NORMAL, rtol=0, atol=0)


@pytest.mark.parametrize("wall", [torch.exp, lambda x: (1 - x).log().neg()], ids=["exp", "nan"])
def test_no_start_is_high_on_a_wall(wall):
    """Twice the rise that a Gaussian predicts, and a nat: others stay, and none ends higher."""

    def energy(at):
        return wall(3 * at).sum(0)

    centre = torch.zeros(3, 1, dtype=torch.float64)
    found = starts.pulled_in(energy, centre, NORMAL, PREDICTED)
    share = (found / NORMAL)[0]
    rise = energy(found) - energy(centre)
    assert (rise <= 2 * share**2 * PREDICTED + 1 + 1e-9).all()
    low = energy(NORMAL) - energy(centre) <= 2 * PREDICTED + 1
    assert 0.1 < float(low.double().mean()) < 0.9
    assert torch.equal(found[:, low], NORMAL[:, low])


def test_the_worst_takes_the_place_of_the_best():
    merit = torch.tensor([0.9, torch.nan, 0.8, 0.05, 0.7, 0.95])
    source = starts.substitutes(merit.nan_to_num(0.0) < 0.1, merit)
    assert source.tolist() == [0, 5, 2, 0, 4, 5]
    assert starts.substitutes(merit > 2, merit).tolist() == [0, 1, 2, 3, 4, 5]


def columns(l1):
    zero = torch.zeros(3, dtype=torch.float64)
    return Columns(lambda w: w.sum(0), torch.ones_like, zero + l1, zero, 0.0, None, None)


def potential(metric, l1=0.0):
    slopes = torch.full((3, 1), l1, dtype=torch.float64) if l1 else None
    return Potential(columns(l1), metric, None, 2.0, slopes)


@pytest.mark.parametrize("dense", [True, False])
def test_units_that_are_learnt_make_the_posterior_round(dense):
    start = Diagonal(CENTRE, torch.ones_like(CENTRE))
    before = potential(Dense(CENTRE, MIX.T.contiguous().triu()) if dense else start)
    weights = CENTRE + MIX @ NORMAL
    after = units.learnt(before, weights, 500)
    assert isinstance(after.metric, Dense)
    assert torch.equal(after.metric.factor, after.metric.factor.triu())
    seen = after.metric.from_weights(weights)
    assert float((seen.mean(1)).abs().max()) < 0.06
    # 30 draws' worth of the units before, of 4030
    torch.testing.assert_close(torch.cov(seen), torch.eye(3).double(), rtol=0, atol=0.12)
    torch.testing.assert_close(after.metric.to_weights(seen), weights)


def test_few_draws_change_units_little():
    before = potential(Dense(CENTRE, MIX))
    after = units.learnt(before, CENTRE + 3 * MIX @ NORMAL[:, :4], 4)
    growth = torch.linalg.solve_triangular(MIX, after.metric.factor, upper=True).diagonal()
    assert (growth.abs() < 1.8).all()


def test_weights_under_an_l1_prior_keep_their_axes():
    weights = CENTRE + MIX @ NORMAL
    after = units.learnt(potential(Diagonal(CENTRE, CENTRE.abs()), l1=1.0), weights, 500)
    assert isinstance(after.metric, Diagonal)
    assert not after.metric.centre.any()
    sds = MIX.norm(dim=1)
    expected = torch.minimum(sds, torch.tensor(2**0.5))  # no wider than the prior
    torch.testing.assert_close(after.metric.scale[:, 0], expected, rtol=0.05, atol=0)
    torch.testing.assert_close(after.slopes, after.metric.scale)
    correlation = torch.cov(weights / after.metric.scale)
    assert after.widest == pytest.approx(float(torch.linalg.eigvalsh(correlation)[-1]) ** 0.5)


def test_a_thin_metric_stays():
    near = Quadratic(MIX[:2], MIX[:2, 0])
    metric = nearest_gaussian.whitening(near, torch.ones(3, dtype=torch.float64))
    assert isinstance(metric, Thin)
    before = potential(metric)
    assert units.learnt(before, NORMAL, 500) is before


@pytest.mark.parametrize("dense", [True, False])
def test_whitening_is_the_same_thin_and_dense(dense):
    near = Quadratic(MIX[:2], MIX[:2, 0])
    added = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
    metric = nearest_gaussian.whitening(near, added, dense)
    assert isinstance(metric, Dense if dense else Thin)
    precision = MIX[:2].T @ MIX[:2] + torch.diag(added)
    moved = metric.to_weights(torch.eye(3, dtype=torch.float64)) - metric.centre
    torch.testing.assert_close(moved.T @ precision @ moved, torch.eye(3).double())
    torch.testing.assert_close(
        metric.centre[:, 0], torch.linalg.solve(precision, near.rows.T @ near.aim)
    )
    sds = torch.linalg.inv(precision).diagonal().sqrt()
    torch.testing.assert_close(metrics.sds(metric), sds)


def test_a_direction_without_prior_curvature_needs_no_thin_form():
    """Woodbury's identity would divide by 0."""
    near = Quadratic(MIX[:2], MIX[:2, 0])
    l1 = torch.tensor([0.0, 1.0, 1.0], dtype=torch.float64)
    mean, added = nearest_gaussian.smoothed(near, l1, torch.zeros(3).double())
    assert torch.isfinite(mean).all()
    assert torch.isfinite(nearest_gaussian.whitening(near, added).to_weights(NORMAL)).all()
