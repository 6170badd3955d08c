"""Validation and cross-validation: scikit-learn's losses, standard errors, what is told apart."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LassoCV, Ridge
from sklearn.model_selection import cross_val_predict
from torch import nn

from bayeswd.analysis import cross_validation, identified, selection
from bayeswd.errors import InputError
from bayeswd.estimate import exact
from bayeswd.problem.likelihoods import Bernoulli
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Gaussian, Laplace

SCALES = (0.02, 0.1, 0.5, 2.0)


def held_out_folds(parts, n):
    """The parts as scikit-learn writes folds: (training rows, test rows)."""
    return [(np.setdiff1d(np.arange(n), part), part.numpy()) for part in parts]


def test_ridge_folds_are_those_of_scikit_learn(given):
    """Equal tau at every fold is equal alpha = sigma^2 / tau^2."""
    inputs, targets = given.draw(53, 6)
    problem = given.state(inputs, targets, Gaussian(1.0), noise=0.7, bias=Flat())
    parts = cross_validation.deal(problem, 5, seed=3)
    losses, _ = cross_validation.held_out_losses(problem, SCALES, parts, exact.ridge)
    for row, scale in zip(losses, SCALES, strict=True):
        ridge = Ridge(alpha=0.7**2 / scale**2)
        fitted = cross_val_predict(ridge, inputs, targets, cv=held_out_folds(parts, 53))
        np.testing.assert_allclose(row, (targets - fitted) ** 2 / 2, rtol=0, atol=1e-10)
    choice = selection.by_cross_validation(problem, SCALES, folds=5, seed=3, solve=exact.ridge)
    np.testing.assert_allclose(choice.curve, losses.mean(1), rtol=1e-14)
    assert choice.scale == SCALES[int(losses.mean(1).argmin())]


def test_lasso_folds_are_those_of_lasso_cv(given):
    """Folds of equal size m train on the same n - m rows: alpha = sigma^2 / ((n - m) b)."""
    inputs, targets = given.draw(60, 6)
    problem = given.state(inputs, targets, Laplace(1.0), noise=0.7, bias=Flat())
    parts = cross_validation.deal(problem, 5, seed=3)
    alphas = 0.7**2 / (48 * np.array(SCALES))
    model = LassoCV(alphas=alphas, cv=held_out_folds(parts, 60), tol=1e-15, max_iter=100_000)
    expected = model.fit(inputs, targets).mse_path_ / 2  # [alphas, folds], alphas descending
    losses, _ = cross_validation.held_out_losses(problem, SCALES, parts, exact.lasso)
    found = np.stack([losses[:, part].mean(1) for part in parts], 1)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


def test_repeats_are_averaged_over_rows(given):
    problem = given.state(*given.draw(31, 3), Gaussian(1.0), bias=Flat())
    choice = selection.by_cross_validation(problem, SCALES, folds=4, repeats=3, seed=5)
    each = [
        selection.by_cross_validation(problem, SCALES, folds=4, seed=5 + turn) for turn in range(3)
    ]
    np.testing.assert_allclose(choice.curve, np.mean([one.curve for one in each], 0), rtol=1e-13)


def test_folds_share_out_rows_and_classes(given):
    inputs, _ = given.draw(40, 2)
    targets = np.array([1] * 8 + [0] * 32)
    priors = {"weight": Gaussian(1.0), "bias": Flat()}
    problem = Problem(nn.Linear(2, 1), Bernoulli(), priors, inputs, targets)
    parts = cross_validation.deal(problem, 4)
    assert sorted(torch.cat(parts).tolist()) == list(range(40))
    assert [int(targets[part].sum()) for part in parts] == [2, 2, 2, 2]
    choice = selection.by_cross_validation(problem, SCALES, folds=4)
    assert choice.unit == "nats"
    assert choice.note == ""
    with pytest.raises(InputError, match="folds=41: give a number from 2"):
        cross_validation.deal(problem, 41)
    with pytest.raises(InputError, match="30 rows are in no part"):
        cross_validation.held_out_losses(problem, SCALES, parts[:1])


def test_validation_loss_and_its_errors(given):
    inputs, targets = given.draw(90, 5)
    problem = given.state(inputs[:40], targets[:40], Gaussian(1.0), noise=0.7, bias=Flat())
    choice = selection.by_validation(
        problem, SCALES, (inputs[40:], targets[40:]), solve=exact.ridge
    )
    rows = []
    for scale in SCALES:
        model = Ridge(alpha=0.7**2 / scale**2).fit(inputs[:40], targets[:40])
        rows.append((targets[40:] - model.predict(inputs[40:])) ** 2 / 2)
    rows = np.array(rows)
    best = rows.mean(1).argmin()
    away = rows - rows[best]
    np.testing.assert_allclose(choice.curve, rows.mean(1), rtol=1e-10)
    np.testing.assert_allclose(choice.error, rows.std(1, ddof=1) / 50**0.5, rtol=1e-9)
    np.testing.assert_allclose(choice.difference, away.mean(1), rtol=1e-8, atol=1e-15)
    np.testing.assert_allclose(
        choice.difference_error, away.std(1, ddof=1) / 50**0.5, rtol=1e-8, atol=1e-15
    )
    assert choice.best_index == best
    untold = away.mean(1) <= 1.96 * away.std(1, ddof=1) / 50**0.5
    assert choice.interval == (np.array(SCALES)[untold][0], np.array(SCALES)[untold][-1])
    within = rows.mean(1) <= rows[best].mean() + rows[best].std(ddof=1) / 50**0.5
    assert choice.simplest == np.array(SCALES)[within][0]


def test_what_all_rows_share_does_not_blur_a_difference():
    """Losses of sd 10 in common, and a difference of 0.5 with sd 1: told apart at 100 rows."""
    random = np.random.default_rng(0)
    common = 20 + 10 * random.normal(size=100)
    losses = torch.tensor(np.stack([common + 0.5 + random.normal(size=100), common]))
    found = identified.paired(losses)
    assert found.best == 1
    assert found.untold.tolist() == [False, True]
    assert found.simplest == 0
    assert float(found.error[1]) == pytest.approx(common.std(ddof=1) / 10)


def test_the_d2l_validation_set_identifies_nothing(given):
    problem, rows = given.d2l(Gaussian(0.01), seed=0)
    choice = selection.by_validation(problem, np.geomspace(1e-3, 0.1, 25), rows)
    assert not choice.identified
    assert True in choice.open_ends


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ((np.ones((5, 3)), np.ones(5)), "validation inputs have shape"),
        ((np.ones((5, 2)), np.ones((5, 2))), "validation targets have shape"),
        ((np.ones((1, 2)), np.ones(1)), "at least 2 rows"),
    ],
)
def test_bad_validation_rows_are_refused(given, rows, message):
    problem = given.state(*given.draw(9, 2), Gaussian(1.0))
    with pytest.raises(InputError, match=message):
        selection.by_validation(problem, SCALES, rows)


def test_fits_that_do_not_converge_are_noted(given):
    problem = given.state(*given.draw(20, 2), Gaussian(1.0))

    def unsettled(each):
        from dataclasses import replace

        return replace(exact.ridge(each), converged=False)

    choice = selection.by_cross_validation(problem, SCALES, folds=2, solve=unsettled)
    assert choice.note.startswith("8 of 8 fits did not converge")
