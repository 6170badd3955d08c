"""The ratio law: a wrong factor and its powers, read off."""

import math
from random import Random

import pytest

from bayeswd.homework.ratio_law import factor_in_words


def calls(count=9):
    random = Random(1)
    return [
        {"n": random.uniform(5, 90), "σ": random.uniform(0.1, 4), "λ": random.uniform(0.1, 9)}
        for _ in range(count)
    ]


def read_off(law, count=9):
    factors = calls(count)
    right = [each["σ"] ** 2 / (each["n"] * each["λ"]) for each in factors]
    given = [value * law(**each) for value, each in zip(right, factors, strict=True)]
    return factor_in_words(given, right, factors)


@pytest.mark.parametrize(
    ("law", "words"),
    [
        (lambda n, σ, λ: 2, "2"),
        (lambda n, σ, λ: 0.5, "1/2"),
        (lambda n, σ, λ: -1, "-1"),
        (lambda n, σ, λ: n, "n"),
        (lambda n, σ, λ: 3 * σ**-1 / n, "3 · n⁻¹ · σ⁻¹"),
        (lambda n, σ, λ: λ**0.5, "λ¹ᐟ²"),
        (lambda n, σ, λ: math.pi * n**2, "3.142 · n²"),
        (lambda n, σ, λ: -2 * σ**-2, "-2 · σ⁻²"),
    ],
)
def test_a_product_of_powers_is_named(law, words):
    assert read_off(law) == words


@pytest.mark.parametrize(
    "law",
    [
        lambda n, σ, λ: 1 + n,
        lambda n, σ, λ: n**0.3,
        lambda n, σ, λ: n - 40,
        lambda n, σ, λ: 0.0,
        lambda n, σ, λ: math.nan,
    ],
)
def test_what_is_no_such_product_is_not(law):
    assert read_off(law) is None


def test_too_few_calls_say_nothing():
    assert read_off(lambda n, σ, λ: 2, count=5) is None
    assert read_off(lambda n, σ, λ: 2, count=6) == "2"


def test_calls_without_a_ratio_are_left_out():
    factors = [*calls(), {"n": 0.0, "σ": 1.0, "λ": 1.0}]
    assert factor_in_words([2.0] * 10, [1.0] * 9 + [0.0], factors) == "2"


def test_quantities_that_never_vary_cannot_be_told_apart():
    assert factor_in_words([2.0] * 9, [1.0] * 9, [{"n": 20.0}] * 9) is None
