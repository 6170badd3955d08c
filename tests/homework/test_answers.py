"""When two answers agree: the traps of comparing floating-point numbers."""

import math

import pytest

from bayeswd.homework.answers import agree, compared, in_words, of_formula, part_agrees
from bayeswd.homework.calls import Call, Returned, tensor


def part(*values, shape=None, dtype="float32"):
    return Returned("Tensor", dtype, (len(values),) if shape is None else shape, values)


ONE = part(1.0, shape=())


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 1.01, 0.99, -1.0, 1e30])
def test_wrong_numbers_do_not_agree(value):
    assert not part_agrees(part(value, shape=()), ONE, 1e-3)


def test_the_tolerance_is_relative_to_what_is_wanted():
    assert part_agrees(part(1.0009, shape=()), ONE, 1e-3)
    assert not part_agrees(part(1e6, shape=()), ONE, 0.5)  # not to what was given
    assert part_agrees(part(1000.0, 0.5), part(1000.0, 0.0), 1e-3)  # to the largest of the part
    assert not part_agrees(part(1e-6, shape=()), part(2e-6, shape=()), 1e-3)


def test_zero_is_zero_to_rounding():
    zero = part(0.0, shape=())
    assert part_agrees(part(1e-7, shape=()), zero, 1e-3)
    assert not part_agrees(part(1e-5, shape=()), zero, 1e-3)


def test_few_digits_are_allowed_for():
    assert part_agrees(part(1.003, shape=(), dtype="float16"), ONE, 1e-4)
    assert part_agrees(part(1.02, shape=(), dtype="bfloat16"), ONE, 1e-4)
    assert not part_agrees(part(1.02, shape=(), dtype="float16"), ONE, 1e-4)


def test_axes_of_length_1_do_not_matter_and_others_do():
    assert part_agrees(part(1.0, shape=(1, 1)), ONE, 1e-3)
    assert part_agrees(part(1.0, 2.0, shape=(2, 1)), part(1.0, 2.0), 1e-3)
    assert not part_agrees(ONE, part(1.0, 1.0, 1.0), 1e-3)  # no broadcasting
    assert not part_agrees(part(*[1.0] * 4, shape=(2, 2)), part(*[1.0] * 4), 1e-3)


def test_letters():
    wanted = Returned("str", text="b")
    for given in ("b", " B ", "(b)", "b)", "B."):
        assert part_agrees(Returned("str", text=given), wanted, 1e-3)
    for given in ("", "a", "ab", "bb"):
        assert not part_agrees(Returned("str", text=given), wanted, 1e-3)
    assert not part_agrees(ONE, wanted, 1e-3)
    assert not part_agrees(wanted, ONE, 1e-3)


def test_every_part_must_agree():
    assert agree((ONE, ONE), (ONE, ONE), 1e-3)
    assert not agree((ONE, part(2.0, shape=())), (ONE, ONE), 1e-3)
    assert not agree((ONE,), (ONE, ONE), 1e-3)
    assert not agree(None, (ONE,), 1e-3)


def test_differences_within_pairs():
    three = part(3.0, shape=())
    found = compared([(ONE,), (three,), (three,), (ONE,)], paired=True)
    assert [parts[0].values for parts in found] == [(2.0,), (2.0,), (-2.0,), (-2.0,)]
    assert compared([(ONE,), None], paired=True) == [None, None]
    assert compared([(ONE,), (part(1.0, 2.0),)], paired=True) == [None, None]


def test_a_formula_without_a_value_has_none():
    zeros = Call("f", (tensor([0.0, 0.0]),))
    assert of_formula(lambda w: w / w, zeros) is None
    assert of_formula(lambda w: 1 / float(w.sum()), zeros) is None
    assert of_formula(lambda w: w @ w.reshape(2, 1).T, zeros) is None
    assert of_formula(lambda w: w.sum(), zeros)[0].values == (0.0,)


def test_numbers_in_words():
    assert in_words(part(1.0, 2.5)) == "[1, 2.5]"
    assert in_words(part(*range(9))) == "[0, 1, 2, 3, 4, 5, ...]"
    assert in_words(part(1.0, 2.0, 3.0, 4.0, shape=(2, 2))) == "[[1, 2], [3, 4]]"
    assert in_words(part(1 / 3, shape=())) == "0.33333"
    assert in_words(Returned("E")) == "an object of type E"
    assert in_words(Returned("str", text="b")) == "'b'"
