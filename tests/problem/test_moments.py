"""Moments against the plain sums, in one piece and in many."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import Tensor

from bayeswd.errors import InputError
from bayeswd.problem.moments import Moments

FIELDS = ("inputs_mean", "targets_mean", "xx", "xy", "yy")


def data(n: int = 50, d: int = 4, k: int = 2, offset: float = 0.0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(7)
    inputs = torch.randn(n, d, generator=generator, dtype=torch.float64)
    mixing = torch.randn(d, k, generator=generator, dtype=torch.float64)
    noise = torch.randn(n, k, generator=generator, dtype=torch.float64)
    return inputs + offset, inputs @ mixing + noise + 3 * offset


def assert_same(one: Moments, two: Moments, tolerance: float = 1e-12) -> None:
    assert one.count == two.count
    for name in FIELDS:
        found, expected = getattr(one, name), getattr(two, name)
        size = float(expected.abs().max())
        torch.testing.assert_close(found, expected, rtol=0, atol=tolerance * size, msg=name)


def test_moments_meet_numpy() -> None:
    inputs, targets = data()
    moments = Moments.of(inputs, targets)
    joint = np.cov(inputs.numpy().T, targets.numpy().T, bias=True) * 50
    assert moments.count == 50
    np.testing.assert_allclose(moments.inputs_mean, inputs.numpy().mean(0), rtol=1e-13)
    np.testing.assert_allclose(moments.targets_mean, targets.numpy().mean(0), rtol=1e-13)
    np.testing.assert_allclose(moments.xx, joint[:4, :4], rtol=1e-11)
    np.testing.assert_allclose(moments.xy, joint[:4, 4:], rtol=1e-11)
    np.testing.assert_allclose(moments.yy, joint[4:, 4:].diagonal(), rtol=1e-11)


def test_uncentred_moments_are_the_plain_sums() -> None:
    inputs, targets = data(offset=2.0)
    xx, xy, yy = Moments.of(inputs, targets).uncentred()
    torch.testing.assert_close(xx, inputs.T @ inputs, rtol=1e-13, atol=0)
    torch.testing.assert_close(xy, inputs.T @ targets, rtol=1e-12, atol=0)
    torch.testing.assert_close(yy, (targets**2).sum(0), rtol=1e-13, atol=0)


@pytest.mark.parametrize("sizes", [[50], [1] * 50, [7, 30, 13], [49, 1]], ids=str)
@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_chunks_add_up_to_the_whole(sizes: list[int], offset: float) -> None:
    inputs, targets = data(offset=offset)
    parts = zip(inputs.split(sizes), targets.split(sizes), strict=True)
    assert_same(Moments.of_chunks(parts), Moments.of(inputs, targets))


def test_the_order_of_addition_does_not_matter() -> None:
    inputs, targets = data(offset=10.0)
    one, two, three = (
        Moments.of(*part) for part in zip(inputs.split(20), targets.split(20), strict=True)
    )
    assert_same((one + two) + three, one + (two + three))
    assert_same(one + two, two + one)


def test_a_large_offset_costs_no_digits() -> None:
    """Mean 1e6, sd 1: sums about zero would keep 3 digits of the scatter; exact sums judge."""
    inputs, targets = data(n=30, d=1, k=1, offset=1e6)
    x = [Fraction(value) for value in inputs.flatten().tolist()]
    y = [Fraction(value) for value in targets.flatten().tolist()]
    mean_x, mean_y = sum(x) / 30, sum(y) / 30
    exact = {
        "xx": sum((a - mean_x) ** 2 for a in x),
        "xy": sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)),
        "yy": sum((b - mean_y) ** 2 for b in y),
    }
    chunked = Moments.of_chunks(zip(inputs.split(7), targets.split(7), strict=True))
    size = float(exact["xx"] * exact["yy"]) ** 0.5
    for moments in (Moments.of(inputs, targets), chunked):
        for name, expected in exact.items():
            found = float(getattr(moments, name).squeeze())
            assert found == pytest.approx(float(expected), rel=1e-9, abs=1e-9 * size), name


def test_single_targets_are_one_column() -> None:
    inputs, targets = data(k=1)
    assert_same(Moments.of(inputs, targets[:, 0]), Moments.of(inputs, targets), 0)


def test_float32_data_are_summed_in_float64() -> None:
    inputs, targets = (part.float() for part in data())
    assert_same(Moments.of(inputs, targets), Moments.of(inputs.double(), targets.double()), 0)


def test_moments_that_cannot_be_are_refused() -> None:
    inputs, targets = data()
    with pytest.raises(InputError, match=r"of_chunks was given no chunk; give at least one row"):
        Moments.of_chunks([])
    with pytest.raises(InputError, match=r"inputs are empty \(shape \(0, 4\)\)"):
        Moments.of(inputs[:0], targets[:0])
    with pytest.raises(InputError, match=r"targets have shape \(50, 2\) for 25 rows of inputs"):
        Moments.of(inputs[:25], targets)
    inputs[3, 1] = torch.nan
    with pytest.raises(InputError, match=r"inputs: nan at row 3, column 1"):
        Moments.of(inputs, targets)


def test_moments_of_other_columns_do_not_add() -> None:
    inputs, targets = data()
    with pytest.raises(
        InputError, match=r"4 inputs and 2 targets, the other 1 inputs and 2 targets; give"
    ):
        Moments.of(inputs, targets) + Moments.of(inputs[:, :1], targets)
