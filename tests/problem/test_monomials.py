"""Products of powers: parsed, never run; multiplied, valued and written as a formula."""

import pytest

from bayeswd.errors import InputError
from bayeswd.problem.monomials import Monomial, parse


def test_a_product_has_the_value_of_the_expression() -> None:
    symbols = {"n": 7.0, "sigma": 1.3, "s": 0.4}
    text = "2*sigma**2/(n*s)/4"
    assert parse(text).value(symbols) == pytest.approx(eval(text, {}, symbols), rel=1e-15)


def test_powers_cancel_and_divide() -> None:
    product = parse("n*s**2") / parse("3*n*s") * parse("6")
    assert product == Monomial(2.0, {"s": 1})
    assert (product**-2).value({"s": 0.5}) == 1.0


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        ("2*sigma**2/(n*s)", "2 sigma^2/(n lambda)"),
        ("s/(2*n)", "lambda/(2 n)"),
        ("1/s", "1/lambda"),
        ("1", "1"),
        ("s", "lambda"),
        ("1/2", "1/2"),
    ],
)
def test_formulas_are_written_in_the_order_of_the_letters(text: str, formula: str) -> None:
    assert parse(text).text({"sigma": "sigma", "n": "n", "s": "lambda"}) == formula


def test_without_sets_symbols_to_one() -> None:
    assert parse("n*s/2").without("n") == parse("s/2")


@pytest.mark.parametrize(
    "text", ["n + 1", "n - s", "f(n)", "n**0.5", "__import__('os')", "n.x", ""]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is not a product of powers"):
        parse(text)
