"""Random inputs at which wrong answers differ: signs mixed, no two sizes or numbers equal."""

from __future__ import annotations

from random import Random

from bayeswd.homework.calls import Argument, tensor


def positive(random: Random, low: float, high: float) -> float:
    """Three digits, spread evenly over the logarithms between two positive bounds."""
    return float(f"{low * (high / low) ** random.random():.3g}")


def count(random: Random, low: int = 12, high: int = 90) -> int:
    return random.randint(low, high)


def numbers(random: Random, size: int, low: float = 0.2, high: float = 3.0) -> list[float]:
    """`size` numbers of both signs, none of them near 0 unless `low` is."""
    signs = [1, -1] + [random.choice((1, -1)) for _ in range(size)]
    random.shuffle(first := signs[: min(size, 2)])
    return [sign * positive(random, low, high) for sign in (first + signs[2:])[:size]]


def weights(random: Random) -> list[float]:
    """Three to nine weights: with two of them, the mean of squares is half their sum."""
    return numbers(random, random.randint(3, 9))


def matrix(random: Random, rows: int, columns: int) -> list[list[float]]:
    return [numbers(random, columns) for _ in range(rows)]


def regression(
    random: Random, n: int, d: int, noise: float = 0.3, offset: float = 0.7
) -> tuple[Argument, Argument]:
    """Inputs [n, d] whose columns have means of their own, targets [n] with an intercept."""
    true = numbers(random, d, 0.5, 2.0)
    means = numbers(random, d, 0.3, 0.8)
    rows = [[random.gauss(mean, 1.0) for mean in means] for _ in range(n)]
    intercept = random.choice((1, -1)) * random.uniform(offset, 2 * offset)
    targets = [
        intercept + sum(a * b for a, b in zip(row, true, strict=True)) + random.gauss(0, noise)
        for row in rows
    ]
    inputs = [[round(value, 4) for value in row] for row in rows]
    return tensor(inputs), tensor([round(y, 4) for y in targets])
