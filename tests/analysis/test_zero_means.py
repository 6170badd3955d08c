"""Functions of mean zero have mean zero, and take noise off without a shift."""

import pytest
import torch

from bayeswd.analysis import zero_means
from bayeswd.analysis.laplace_slopes import DIRECTIONS


def draws(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=generator, dtype=torch.float64)


def laplace(uniform, scale):
    return -scale * (uniform - 0.5).sign() * torch.log1p(-2 * (uniform - 0.5).abs())


def within_errors(zeros):
    """Each mean within 4.5 of its standard errors, over [draw, k]."""
    error = zeros.std(0) / len(zeros) ** 0.5
    return (zeros.mean(0).abs() < 4.5 * error).all()


@pytest.mark.parametrize("count", [3, 20])
def test_of_weights_under_a_laplace_law_that_is_not_at_zero(count):
    """Weights of unequal scales about unequal centres, where every field counts."""
    scale, centre = torch.linspace(0.5, 2, count), torch.linspace(-1, 1, count)
    away = laplace(draws(200_000, count), scale)
    directions = torch.linalg.qr(draws(count, min(count, 5), seed=1)).Q
    push = away.sign() / scale
    zeros = zero_means.of_weights(centre + away, push, directions)
    assert zeros.shape[1] == (4 * 3 + 9 if count == 3 else 5 + 3 * 5)
    assert zeros.shape[1] <= max(zero_means.MOST, 5 + 3 * DIRECTIONS)
    assert within_errors(zeros)
    assert (zeros.std(0) > 0).all()
    # they see a wrong slope: that of another scale
    assert not within_errors(zero_means.of_weights(centre + away, 1.1 * push, directions))


def test_of_noise_under_an_inverse_gamma_law():
    """sigma^2 ~ InverseGamma(3, 2): d log p / d log sigma = -6 + 4 / sigma^2."""
    gamma = -(draws(200_000, 3).log()).sum(1)
    sigma = (2 / gamma) ** 0.5
    slope = -6 + 4 / sigma**2
    assert within_errors(zero_means.of_noise(sigma, slope))
    assert not within_errors(zero_means.of_noise(sigma, slope + 0.1))


def test_noise_goes_and_the_mean_stays():
    """Values z'z of 30 normals z, quieted by z and z^2 - 1: what is left is their mean, 30."""
    normal = torch.special.ndtri(draws(64, 50, 30))
    values = (normal**2).sum(-1)
    zeros = torch.cat([normal, normal**2 - 1], -1)
    quiet = zero_means.quieted(values, zeros)
    assert float(quiet.mean()) == pytest.approx(30, abs=1e-6)
    assert float(values.mean()) != pytest.approx(30, abs=0.02)


def test_coefficients_come_from_other_draws():
    """z'z quieted by z alone: fitted to the same draws, the mean would fall by 3 k / draws."""
    found = []
    for seed in range(150):
        normal = torch.special.ndtri(draws(16, 20, 30, seed=seed))
        found.append(float(zero_means.quieted((normal**2).sum(-1), normal).mean()) - 30)
    found = torch.tensor(found)
    error = float(found.std()) / 150**0.5
    assert 6 * error < 3 * 30 / 320
    assert abs(float(found.mean())) < 4 * error
