"""The mixture of a Laplace weight: its law against scipy, and what must not cancel or overflow."""

from decimal import Decimal, getcontext

import numpy as np
import pytest
import torch
from scipy import stats

from bayeswd.posterior import inverse_gaussian, laplace_mixture
from bayeswd.posterior.random_numbers import RandomNumbers

COUNT = 20_000


def numbers(seed=0, chains=COUNT):
    return RandomNumbers(seed, chains, torch.device("cpu"))


def mixture_law(size):
    """t = 1 / InverseGaussian(mean 1/size, shape 1); a chi-square at size 0."""
    if size == 0:
        return stats.chi2(1)
    inverse = stats.invgauss(mu=1 / size)
    return type("Law", (), {"cdf": staticmethod(lambda t: inverse.sf(1 / t))})


def assert_law(values, law):
    assert stats.kstest(np.asarray(values).ravel(), law.cdf).pvalue > 1e-3


def given(size):
    return torch.full((1, 1, COUNT), float(size), dtype=torch.float64)


@pytest.mark.parametrize("size", [0, 1e-3, 0.3, 1, 7, 300])
def test_the_reciprocal_has_the_law_of_scipy(size):
    random = numbers(1)
    found = inverse_gaussian.reciprocal(given(size), random.normal(1), random.uniform(1))
    assert_law(found, mixture_law(size))


@pytest.mark.parametrize("size", [0, 1e-3, 0.3, 1, 7, -7, 300])
@pytest.mark.parametrize("start", [0.5, 2.0])
def test_an_independent_renewal_forgets_where_it_was(size, start):
    found = laplace_mixture.independent(given(size), torch.full((), start), numbers(2))
    assert_law(found, mixture_law(abs(size)))


@pytest.mark.parametrize("size", [0, 1e-3, 0.3, 1, -1, 7, 300])
def test_an_exchange_keeps_the_law(size):
    random = numbers(3)
    before = laplace_mixture.independent(given(size), torch.ones(()), random)
    after = laplace_mixture.exchanged(given(size), before, random)
    assert_law(after, mixture_law(abs(size)))
    if abs(size) >= 0.3:
        correlation = stats.spearmanr(before.ravel(), after.ravel()).statistic
        assert correlation < -3 / COUNT**0.5  # against itself, or it would mix more slowly


def test_a_wrong_exchange_is_seen():
    random = numbers(3)
    before = laplace_mixture.independent(given(1), torch.ones(()), random)
    wrong = laplace_mixture.exchanged(given(1.1), before, random)
    assert stats.kstest(wrong.ravel(), mixture_law(1).cdf).pvalue < 1e-6


def test_normals_of_an_exponential_variance_are_laplace():
    random = numbers(4)
    variance = (random.normal(2) ** 2).sum(0)
    weights = variance.sqrt() * random.normal(1)[0]
    assert_law(weights, stats.laplace())
    renewed = laplace_mixture.exchanged(weights[None, None], variance[None, None], random)
    assert_law(renewed, stats.expon(scale=2))
    assert_law(weights / renewed.sqrt(), stats.norm())


@pytest.mark.parametrize("uniform", [0.0, 0.999999])
@pytest.mark.parametrize("normal", [1e-9, 1e-3, 1.0, 6.0])
@pytest.mark.parametrize("size", [1e-12, 1e-4, 1.0, 1e4, 1e12])
def test_no_digit_is_lost(size, normal, uniform):
    """Both roots of (q x - 1)^2 = z^2 x, in fifty digits."""
    getcontext().prec = 50
    q, half = Decimal(size), Decimal(normal) ** 2 / 2
    root = q + half + (half * (half + 2 * q)).sqrt()
    exact = root if Decimal(uniform) * (root + q) <= root else q * q / root
    tensors = (torch.tensor(value, dtype=torch.float64) for value in (size, normal, uniform))
    assert float(inverse_gaussian.reciprocal(*tensors)) == pytest.approx(float(exact), rel=4e-15)
    assert float((q / root - 1) ** 2 - 2 * half / root) == pytest.approx(0, abs=1e-40)


@pytest.mark.parametrize("renew", [laplace_mixture.independent, laplace_mixture.exchanged])
@pytest.mark.parametrize("size", [0.0, 1e-300, 1e-150, 1e100])
def test_extreme_sizes_stay_finite_and_positive(renew, size):
    found = renew(given(size), torch.full_like(given(1), 1e-3 + size), numbers(5))
    assert bool(torch.isfinite(found).all())
    assert bool((found > 0).all())
