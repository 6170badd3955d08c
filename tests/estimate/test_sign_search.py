"""The search over signs against the enumeration of all of them."""

from itertools import product

import pytest
import torch
from torch import Tensor

from bayeswd.estimate import accelerated_descent, sign_search

Quadratic = tuple[Tensor, Tensor, Tensor]


def draw(size: int, rank: int, seed: int) -> Quadratic:
    """H of the given rank, a force that it can balance, and rates of which one is 0."""
    generator = torch.Generator().manual_seed(seed)
    factor = torch.randn(size, rank, generator=generator, dtype=torch.float64)
    units = torch.logspace(-2, 2, size, dtype=torch.float64)
    factor = factor * units[:, None]
    force = factor @ torch.randn(rank, generator=generator, dtype=torch.float64)
    rates = torch.rand(size, generator=generator, dtype=torch.float64) * units
    rates[size // 2] = 0
    return factor @ factor.T, force, rates


def height(quadratic: Quadratic, weights: Tensor) -> float:
    hessian, force, rates = quadratic
    return float(weights @ (0.5 * hessian @ weights - force) + rates @ weights.abs())


def lowest_by_enumeration(quadratic: Quadratic) -> Tensor:
    """The best of the solutions for each pattern of signs in {-1, 0, 1}."""
    hessian, force, rates = quadratic
    found = [torch.zeros_like(force)]
    for pattern in product([-1.0, 0.0, 1.0], repeat=len(force)):
        signs = torch.tensor(pattern, dtype=torch.float64)
        free = signs.nonzero()[:, 0]
        if len(free):
            right = (force - rates * signs)[free]
            solved = torch.linalg.solve(hessian[free][:, free], right)
            found.append(torch.zeros_like(force).index_copy(0, free, solved))
    return min(found, key=lambda weights: height(quadratic, weights))


@pytest.mark.parametrize("seed", range(12))
def test_it_finds_the_best_of_all_sign_patterns(seed: int) -> None:
    quadratic = draw(5, 7, seed)
    generator = torch.Generator().manual_seed(seed)
    expected = lowest_by_enumeration(quadratic)
    for spread in (0.0, 1.0, 1e3):
        start = spread * torch.randn(5, generator=generator, dtype=torch.float64)
        found = sign_search.minimise(*quadratic, start)
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)
        assert torch.equal(found == 0, expected == 0)


@pytest.mark.parametrize("seed", range(6))
def test_the_search_needs_no_good_start(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the cheap steps first, from signs that are all wrong."""
    monkeypatch.setattr(accelerated_descent, "STEPS", 0)
    hessian, force, rates = draw(40, 60, seed)
    rates = 15 * rates
    quadratic = (hessian, force, rates)
    expected = sign_search.minimise(*quadratic, torch.zeros(40, dtype=torch.float64))
    far = sign_search.minimise(*quadratic, -1e3 * (expected + 1e-3))
    torch.testing.assert_close(far, expected, rtol=1e-9, atol=1e-12)
    pull = force - hessian @ expected
    slack = 1e-12 * (force.abs() + hessian.abs() @ expected.abs())
    assert ((pull - rates * expected.sign()).abs() <= slack)[expected != 0].all()
    assert (pull.abs() <= rates + slack).all()
    assert 5 < int((expected == 0).sum()) < 35


@pytest.mark.parametrize("seed", range(6))
def test_a_singular_quadratic_still_gets_a_minimum(seed: int) -> None:
    """Of rank 3 in 8 coefficients: a near-minimum, where a regular one has the exact minimum."""
    quadratic = draw(8, 3, seed)
    found = sign_search.minimise(*quadratic, torch.ones(8, dtype=torch.float64))
    regular = (quadratic[0] + 1e-9 * quadratic[0].diagonal().diag(), *quadratic[1:])
    expected = sign_search.minimise(*regular, torch.zeros(8, dtype=torch.float64))
    assert height(quadratic, found) == pytest.approx(height(quadratic, expected), rel=1e-6)


def test_the_cheap_steps_never_climb() -> None:
    quadratic = draw(30, 40, 0)
    start = torch.ones(30, dtype=torch.float64)
    near = accelerated_descent.approach(*quadratic, start)
    lowest = sign_search.minimise(*quadratic, start)
    assert height(quadratic, lowest) <= height(quadratic, near) < height(quadratic, start)
    assert height(quadratic, accelerated_descent.approach(*quadratic, lowest)) <= (
        height(quadratic, lowest) * (1 - 1e-12)
    )
