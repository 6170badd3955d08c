"""Priors against quadrature, grids, torch.distributions and SciPy."""

import math

import numpy as np
import pytest
import scipy.stats
import torch
from scipy.integrate import quad
from torch import Tensor

from bayeswd.errors import InputError
from bayeswd.problem.priors import ElasticNet, Flat, Gaussian, Laplace, Prior, from_reading
from bayeswd.problem.readings import FLAT, Reading, elastic_net, gaussian, laplace

PROPER = [Gaussian(0.7), Laplace(0.3), ElasticNet(0.4, 0.9), ElasticNet(3.0, 0.2)]
ALL = [*PROPER, Flat()]
RATIOS = [1e-6, 1e-3, 1.0, 1e3, 1e6]  # tau / b
DRAWS = 100_000


def number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def moment(prior: Prior, power: int, reach: float) -> float:
    """E|w|^power by quadrature on [-reach, 0] and [0, reach]."""

    def integrand(weight: float) -> float:
        return abs(weight) ** power * math.exp(float(prior.log_density(number(weight))))

    halves = [quad(integrand, *ends, epsabs=0, limit=200) for ends in ((-reach, 0), (0, reach))]
    return halves[0][0] + halves[1][0]


def reference(prior: Prior) -> scipy.stats.rv_continuous:
    """SciPy's distribution of |w|."""
    if isinstance(prior, Gaussian):
        return scipy.stats.halfnorm(scale=prior.scale)
    if isinstance(prior, Laplace):
        return scipy.stats.expon(scale=prior.scale)
    assert isinstance(prior, ElasticNet)
    # completing the square: |w| is a normal about -tau^2/b, cut off at 0
    ratio = prior.l2_scale / prior.l1_scale
    centre, scale = -ratio * prior.l2_scale, prior.l2_scale
    return scipy.stats.truncnorm(ratio, math.inf, loc=centre, scale=scale)


@pytest.mark.parametrize("prior", PROPER, ids=repr)
def test_density_integrates_to_one_and_has_the_stated_variance(prior: Prior) -> None:
    reach = 50 * math.sqrt(prior.variance)
    assert moment(prior, 0, reach) == pytest.approx(1, rel=1e-8)
    assert moment(prior, 2, reach) == pytest.approx(prior.variance, rel=1e-8)


@pytest.mark.parametrize("ratio", RATIOS)
def test_elastic_net_integrates_to_one_at_extreme_ratios(ratio: float) -> None:
    prior = ElasticNet(l1_scale=1.0, l2_scale=ratio)
    reach = 40 * min(1.0, ratio)
    assert moment(prior, 0, reach) == pytest.approx(1, rel=1e-8)
    assert moment(prior, 2, reach) == pytest.approx(prior.variance, rel=1e-8)


@pytest.mark.parametrize("prior", PROPER, ids=repr)
def test_log_density_and_penalty_meet_scipy(prior: Prior) -> None:
    weights = torch.linspace(-2.5, 2.5, 12, dtype=torch.float64).reshape(3, 4)
    expected = reference(prior).logpdf(weights.abs().numpy()) - math.log(2)
    torch.testing.assert_close(prior.log_density(weights), torch.from_numpy(expected))
    assert float(prior.penalty(weights)) == pytest.approx(-expected.sum(), rel=1e-12)


def test_penalty_meets_torch_distributions() -> None:
    weights = torch.tensor([[0.0, -1.3], [0.4, 6.0]], dtype=torch.float64)
    for prior, distribution in (
        (Gaussian(0.7), torch.distributions.Normal(0.0, number(0.7))),
        (Laplace(0.3), torch.distributions.Laplace(0.0, number(0.3))),
    ):
        torch.testing.assert_close(prior.penalty(weights), -distribution.log_prob(weights).sum())
    assert float(Flat().penalty(weights)) == 0


@pytest.mark.parametrize("prior", ALL, ids=repr)
@pytest.mark.parametrize("step", [0.01, 0.3, 2.0])
def test_prox_is_the_argmin_on_a_grid(prior: Prior, step: float) -> None:
    grid = torch.linspace(-3, 3, 60_001, dtype=torch.float64)
    penalty = -prior.log_density(grid)
    for weight in (-2.0, -0.1, 0.0, 0.05, 1.3):
        best = grid[((grid - weight) ** 2 / (2 * step) + penalty).argmin()]
        assert float(prior.prox(number(weight), step)) == pytest.approx(float(best), abs=1e-4)


@pytest.mark.parametrize("prior", ALL, ids=repr)
def test_stationarity_vanishes_at_the_prox_fixed_point_only(prior: Prior) -> None:
    """The misfit h (w - c)^2 / 2 has its mode under the prior at prox(c, 1/h)."""
    curvature = 2.0
    centre = torch.tensor([-1.5, -0.2, 0.0, 0.05, 4.0], dtype=torch.float64)
    mode = prior.prox(centre, 1 / curvature)
    residual = prior.stationarity(mode, curvature * (mode - centre))
    assert float(residual.max()) <= 1e-14 * (1 + prior.l1_rate + 4 * prior.l2_rate)
    moved = mode + 0.01
    residual = prior.stationarity(moved, curvature * (moved - centre))
    assert float(residual.min()) >= 0.99 * 0.01 * curvature


@pytest.mark.parametrize(
    ("prior", "weight", "grad", "distance"),
    [
        (Gaussian(0.5), 0.2, -0.3, 0.5),
        (Gaussian(0.5), 0.0, -0.3, 0.3),
        (Laplace(0.5), 0.2, -0.3, 1.7),
        (Laplace(0.5), -0.2, 0.3, 1.7),
        (Laplace(0.5), 0.0, 1.5, 0.0),
        (Laplace(0.5), 0.0, -2.6, 0.6),
        (ElasticNet(0.5, 0.5), 0.2, -3.0, 0.2),
        (ElasticNet(0.5, 0.5), -0.2, -3.0, 5.8),
        (ElasticNet(0.5, 0.5), 0.0, 3.0, 1.0),
        (Flat(), 1.0, -0.7, 0.7),
    ],
    ids=str,
)
def test_stationarity_by_hand(prior: Prior, weight: float, grad: float, distance: float) -> None:
    found = prior.stationarity(number(weight), number(grad))
    assert float(found) == pytest.approx(distance, rel=1e-14)


@pytest.mark.parametrize("prior", ALL, ids=repr)
@pytest.mark.parametrize("weight", [-0.8, 0.0, 0.3])
def test_stationarity_is_the_distance_to_the_subdifferential(prior: Prior, weight: float) -> None:
    """A convex penalty's subdifferential runs from its steepest left to its least right slope."""
    away = torch.logspace(-6, 0, 200, dtype=torch.float64)
    here = prior.log_density(number(weight))
    lowest = ((prior.log_density(weight - away) - here) / away).max()
    highest = ((here - prior.log_density(weight + away)) / away).min()
    for grad in (-7.0, -1.1, 0.0, 0.4, 9.0):
        distance = max(float(lowest) + grad, -grad - float(highest), 0.0)
        found = prior.stationarity(number(weight), number(grad))
        assert float(found) == pytest.approx(distance, abs=1e-4)


@pytest.mark.parametrize(
    "prior", [*PROPER, *(ElasticNet(1.0, r) for r in (*RATIOS, 1e9))], ids=repr
)
def test_draws_follow_the_density(prior: Prior) -> None:
    generator = torch.Generator().manual_seed(20)
    draws = prior.draw((DRAWS // 2, 2), generator, number(0.0))
    assert draws.shape == (DRAWS // 2, 2)
    flat = draws.flatten().numpy()
    limit = Laplace(1.0) if prior == ElasticNet(1.0, 1e9) else prior  # too far out for SciPy
    reach = 40 * math.sqrt(limit.variance)
    second, fourth, eighth = (moment(limit, power, reach) for power in (2, 4, 8))
    for found, mean, variance in (
        (flat, 0, second),
        (flat**2, second, fourth - second**2),
        (flat**4, fourth, eighth - fourth**2),
    ):
        assert abs(found.mean() - mean) < 4 * math.sqrt(variance / DRAWS)
    assert scipy.stats.kstest(np.abs(flat[:20_000]), reference(limit).cdf).pvalue > 1e-3
    assert abs((flat > 0).mean() - 0.5) < 4 * 0.5 / math.sqrt(DRAWS)


@pytest.mark.parametrize("end", [0.0, 1 - 2**-53])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("prior", [Laplace(0.3), ElasticNet(0.4, 0.9)], ids=repr)
def test_no_draw_is_infinite(
    monkeypatch: pytest.MonkeyPatch, prior: Prior, dtype: torch.dtype, end: float
) -> None:
    def edge(shape: tuple[int, ...], **options: object) -> Tensor:
        return torch.full(shape, end, dtype=torch.float64)

    monkeypatch.setattr(torch, "rand", edge)
    draws = prior.draw((3,), torch.Generator(), torch.zeros((), dtype=dtype))
    assert draws.dtype == dtype
    assert torch.isfinite(draws).all()


def test_draws_come_from_their_generator_alone() -> None:
    before = torch.get_rng_state()
    first, again = (
        Laplace(0.3).draw((5,), torch.Generator().manual_seed(1), number(0.0)) for _ in range(2)
    )
    assert torch.equal(first, again)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("scale", [0.05, 1.0, 30.0])
def test_elastic_net_ends_in_laplace_and_gaussian(scale: float) -> None:
    weights = scale * torch.linspace(-3, 3, 13, dtype=torch.float64)
    for prior, limit in (
        (ElasticNet(l1_scale=scale, l2_scale=1e8 * scale), Laplace(scale)),
        (ElasticNet(l1_scale=1e9 * scale, l2_scale=scale), Gaussian(scale)),
    ):
        torch.testing.assert_close(
            prior.log_density(weights), limit.log_density(weights), rtol=0, atol=1e-8
        )
        torch.testing.assert_close(
            prior.prox(weights, scale), limit.prox(weights, scale), rtol=0, atol=1e-7 * scale
        )
        assert prior.variance == pytest.approx(limit.variance, rel=1e-8)


@pytest.mark.parametrize("prior", ALL, ids=repr)
def test_float32_stays_float32_and_close(prior: Prior) -> None:
    double = torch.tensor([-0.8, 0.0, 0.3, 2.0], dtype=torch.float64)
    single = double.float()
    for one, two in (
        (prior.log_density(single), prior.log_density(double)),
        (prior.penalty(single), prior.penalty(double)),
        (prior.prox(single, 0.1), prior.prox(double, 0.1)),
        (prior.stationarity(single, single), prior.stationarity(double, double)),
    ):
        assert one.dtype == torch.float32
        torch.testing.assert_close(one.double(), two, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("scale", [0, -1.0, math.nan, math.inf, True, None, "0.1", number(0.1)])
def test_a_scale_that_is_no_positive_number_is_refused(scale: object) -> None:
    for make, name, given in (
        (Gaussian, "scale", (scale,)),
        (Laplace, "scale", (scale,)),
        (ElasticNet, "l1_scale", (scale, 1.0)),
        (ElasticNet, "l2_scale", (1.0, scale)),
    ):
        with pytest.raises(InputError, match=rf"{name} must be a finite number > 0, a plain"):
            make(*given)


def test_the_refusal_repeats_what_was_asked() -> None:
    with pytest.raises(InputError, match=r"^Laplace\(scale=-2\): scale .* use Flat\(\)"):
        Laplace(-2)


def test_flat_cannot_be_drawn_from() -> None:
    with pytest.raises(InputError, match=r"Flat\(\) cannot be drawn from: it is improper"):
        Flat().draw((1,), torch.Generator(), number(0.0))


def test_a_reading_becomes_its_prior() -> None:
    for reading, prior in (
        (gaussian(0.3), Gaussian(0.3)),
        (laplace(0.3), Laplace(0.3)),
        (elastic_net(0.4, 0.9), ElasticNet(0.4, 0.9)),
        (FLAT, Flat()),
    ):
        assert from_reading(reading) == prior
        assert prior.variance == reading.variance
    with pytest.raises(InputError, match="this reading names no scale"):
        from_reading(Reading("laplace", None, math.nan))
