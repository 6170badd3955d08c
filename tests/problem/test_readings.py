"""A prior as numbers: variances and intervals against quadrature and closed forms."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import erfcx
from scipy.stats import laplace, norm

from bayeswd.errors import InputError
from bayeswd.problem import readings

RATIOS = [1e-6, 0.03, 0.5, 0.999, 1.0, 1.001, 2.0, 7.0, 40.0, 3e3]


def moment(a: float, power: int, low: float = 0.0) -> float:
    """Integral over t > low of t^power exp(-t^2/2 - a t), t measured in units of its width."""
    width = 1 / (1 + a)
    value = quad(
        lambda u: u**power * math.exp(-((u * width) ** 2) / 2 - a * u * width),
        low / width,
        60,
        epsabs=0,
        epsrel=1e-13,
        limit=200,
    )[0]
    return value * width ** (power + 1)


@pytest.mark.parametrize("a", RATIOS)
def test_elastic_net_variance_is_the_second_moment(a: float) -> None:
    tau = 1.7
    expected = tau**2 * moment(a, 2) / moment(a, 0)
    assert readings.elastic_net(tau / a, tau).variance == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("a", [0.2, 0.9999, 1.5, 4.0])
def test_elastic_net_variance_is_its_closed_form(a: float) -> None:
    """tau^2 (1 + a^2 - a sqrt(2/pi)/erfcx(a/sqrt 2)), where it does not cancel."""
    expected = 1 + a * a - a * math.sqrt(2 / math.pi) / erfcx(a / math.sqrt(2))
    assert readings.elastic_net(1 / a, 1.0).variance == pytest.approx(expected, rel=1e-13)


def test_elastic_net_reduces_to_its_two_ends() -> None:
    assert readings.elastic_net(1e9, 0.3).variance == pytest.approx(0.09, rel=1e-8)
    assert readings.elastic_net(0.3, 1e6).variance == pytest.approx(0.18, rel=1e-11)


@pytest.mark.parametrize("a", RATIOS)
def test_half_width_holds_its_mass(a: float) -> None:
    tau = 0.6
    width = readings.elastic_net(tau / a, tau).halfwidth(0.9)
    outside = moment(a, 0, low=width / tau) / moment(a, 0)
    assert outside == pytest.approx(0.1, rel=1e-9)


def test_half_widths_of_gaussian_and_laplace() -> None:
    assert readings.gaussian(0.3).halfwidth() == pytest.approx(norm(0, 0.3).ppf(0.975), rel=1e-11)
    assert readings.laplace(0.3).halfwidth() == pytest.approx(laplace(0, 0.3).ppf(0.975), rel=1e-12)
    assert math.isinf(readings.FLAT.halfwidth())


def test_what_a_prior_says() -> None:
    tau = math.sqrt(0.01**2 / (20 * 3))
    assert readings.gaussian(tau).says() == "95 % of weights within +-0.0025"
    assert readings.laplace(1.0).says() == "95 % of weights within +-3"
    assert "as likely as any other" in readings.FLAT.says()


def test_priors_of_a_variance_have_it() -> None:
    for make in (readings.gaussian_of_variance, readings.laplace_of_variance):
        assert make(0.07).variance == pytest.approx(0.07, rel=1e-15)
    assert readings.laplace_of_variance(0.5).scale == pytest.approx(0.5, rel=1e-15)


def test_samples_agree_with_variance_and_interval() -> None:
    """Rejection sampling of the elastic net from its Laplace factor, in standard errors."""
    generator = np.random.default_rng(4)
    proposals = generator.laplace(0, 0.8, 400_000)
    kept = proposals[generator.random(400_000) < np.exp(-(proposals**2) / (2 * 0.5**2))]
    reading = readings.elastic_net(0.8, 0.5)
    error = np.square(kept).std() / np.sqrt(kept.size)
    assert abs(np.square(kept).mean() - reading.variance) < 4 * error
    outside = (np.abs(kept) > reading.halfwidth()).mean()
    assert abs(outside - 0.05) < 4 * np.sqrt(0.05 * 0.95 / kept.size)


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf])
def test_a_scale_is_positive_and_finite(scale: float) -> None:
    for make in (readings.gaussian, readings.laplace, readings.laplace_of_variance):
        with pytest.raises(InputError, match="must be positive and finite"):
            make(scale)
    with pytest.raises(InputError, match="l2_scale of a prior"):
        readings.elastic_net(1.0, scale)
