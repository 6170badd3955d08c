"""Leave-one-out: the closed form against refits, scikit-learn and PSIS; published numbers."""

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import RidgeCV

from bayeswd.analysis import leave_one_out, selection
from bayeswd.errors import InputError
from bayeswd.estimate import prior_scales
from bayeswd.posterior import conjugate, gibbs
from bayeswd.problem.priors import Flat, Gaussian, Laplace

SCALES = (0.1, 0.8, 5.0)


@pytest.mark.parametrize("bias", [Flat(), Gaussian(0.7), None], ids=str)
@pytest.mark.parametrize("shape", [(12, 5), (8, 20), (6, 6)])
def test_the_closed_form_is_what_refits_predict(given, shape, bias):
    inputs, targets = given.draw(*shape)
    problem = given.state(inputs, targets, Gaussian(0.8), 0.9, bias)
    found = leave_one_out.exact(problem, SCALES)
    for row in range(shape[0]):
        others = np.arange(shape[0]) != row
        alone = given.state(inputs[others], targets[others], Gaussian(0.8), 0.9, bias)
        for left, each in zip(found, prior_scales.along(alone, SCALES, "test"), strict=True):
            posterior = conjugate.posterior(each)
            mean, sd = conjugate.predictive(each, posterior, inputs[row : row + 1])
            expected = stats.norm(float(mean), float(sd)).logpdf(targets[row])
            assert float(left.log_densities[row]) == pytest.approx(expected, rel=1e-9)


def test_its_residuals_are_those_of_ridge_cv(given):
    inputs, targets = given.draw(30, 4)
    problem = given.state(inputs, targets, Gaussian(1.0), 0.7, Flat())
    alphas = [0.7**2 / scale**2 for scale in SCALES]
    model = RidgeCV(alphas=alphas, store_cv_results=True).fit(inputs, targets)
    for index, left in enumerate(leave_one_out.exact(problem, SCALES)):
        squares = left.residuals[:, 0] ** 2
        np.testing.assert_allclose(squares, model.cv_results_[:, index], rtol=1e-9)


def test_rows_with_no_end_to_the_fit_lose_no_digits(given):
    """20 rows, 200 weights, lambda to 0: the fit is exact, what a row loses by leaving is not."""
    problem, _ = given.d2l(Gaussian(0.01), seed=0)
    narrow, wide = (leave_one_out.exact(problem, [scale])[0] for scale in (1e4, 1e5))
    np.testing.assert_allclose(narrow.residuals, wide.residuals, rtol=1e-7)
    np.testing.assert_allclose(100 * narrow.variances, wide.variances, rtol=1e-7)


def test_published_elpd_of_the_diabetes_data(given):
    """elpd at alpha 0.001, 0.0336, 0.3, and paired differences that cannot separate them."""
    sigma = 54.154  # of the highest evidence
    problem = given.diabetes(Gaussian(1.0), sigma)
    scales = sigma / np.array([0.3, 0.0336118, 0.001]) ** 0.5
    choice = selection.by_loo(problem, scales)
    np.testing.assert_allclose(choice.curve, [-2399.46, -2395.77, -2395.81], atol=0.01)
    np.testing.assert_allclose(choice.difference, [-3.68, 0, -0.03], atol=0.03)
    np.testing.assert_allclose(choice.difference_error, [2.82, 0, 1.30], atol=0.02)
    assert choice.higher_is_better
    assert choice.interval == pytest.approx((scales[0], scales[-1]))
    assert not choice.identified


def test_smoothed_draws_agree_with_the_closed_form(given):
    problem = given.diabetes(Gaussian(1.0), 54.154)
    scales = 54.154 / np.array([0.3, 0.001]) ** 0.5
    for each, left in zip(
        prior_scales.along(problem, scales, "test"),
        leave_one_out.exact(problem, scales),
        strict=True,
    ):
        draws = conjugate.sample(each, chains=4, draws=1000, seed=1)
        smoothed, k_hat = leave_one_out.smoothed(each, draws)
        assert abs(float(smoothed.sum() - left.log_densities.sum())) < 0.15
        assert k_hat < 0.5


def test_under_a_laplace_prior_k_hat_is_shown(given):
    problem = given.state(*given.draw(40, 3), Laplace(1.0), 0.7, Flat())
    choice = selection.by_loo(problem, [0.02, 0.5, 10.0], posterior=gibbs.path)
    assert len(choice.k_hat) == 3
    assert max(choice.k_hat) < 0.7
    assert choice.note == ""
    # nearly flat: least squares either way
    flat = leave_one_out.exact(given.state(*given.draw(40, 3), Gaussian(1.0), 0.7, Flat()), [1e3])
    assert choice.curve[2] == pytest.approx(float(flat[0].log_densities.sum()), abs=0.3)


def test_smoothing_that_fails_identifies_nothing(given):
    problem, _ = given.d2l(Laplace(0.01), seed=0)
    choice = selection.by_loo(problem, [0.001, 0.01, 0.1])
    assert max(choice.k_hat) > 0.7
    assert not choice.identified
    assert "Pareto k above 0.7" in choice.note


def test_posteriors_without_draws_are_refused(given):
    gaussian = given.state(*given.draw(9, 2), Gaussian(1.0))
    laplace = given.state(*given.draw(9, 2), Laplace(1.0))
    with pytest.raises(InputError, match="without a closed form needs draws"):
        selection.by_loo(laplace, [1.0], posterior=lambda _, s: conjugate.path(gaussian, s))


def test_rows_without_a_tail_need_no_smoothing(given):
    """Two rows that every draw predicts alike, to rounding, beside rows that vary."""
    inputs, targets = given.draw(12, 2)
    inputs[:2] = 0.0
    problem = given.state(inputs, targets, Laplace(0.5), 0.7)
    found, k_hat = leave_one_out.smoothed(problem, gibbs.sample(problem, chains=16, draws=100))
    expected = stats.norm(0, 0.7).logpdf(targets[:2])
    np.testing.assert_allclose(found[:2], expected, rtol=1e-12)
    assert np.isfinite(found.numpy()).all()
    assert k_hat < 0.7
