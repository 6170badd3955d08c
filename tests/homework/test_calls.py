"""Calls and observations: JSON both ways, and nothing but plain data from a stranger."""

import json
import math

import pytest

from bayeswd.homework.calls import (
    CRASH,
    MAX_NUMBERS,
    Argument,
    Call,
    Observation,
    Returned,
    lost,
    number,
    tensor,
)

CALL = Call("train", (tensor([[1.0, 0.1], [2.0, 3.0]]), number(3), number(0.5)), 2, 0, "an example")
SEEN = Observation(
    reached="type",
    parts=(Returned("Tensor", "float32", (2,), (1.0, math.inf)), Returned("str", text="b")),
    changed=((0, Returned("Tensor", "float32", (1,), (math.nan,))),),
    gradient=Returned("Tensor", "float64", (), (2.5,)),
    gradient_note="none",
    error="é\n",
    error_type="ValueError",
    line=3,
    file="hw.py",
    seconds=0.25,
)


def test_a_call_travels_unchanged():
    assert Call.from_dict(json.loads(json.dumps(CALL.to_dict(), allow_nan=False))) == CALL
    variable = Call("zero_function", None)
    assert Call.from_dict(variable.to_dict()) == variable


def test_an_observation_travels_unchanged():
    travelled = Observation.from_dict(json.loads(json.dumps(SEEN.to_dict(), allow_nan=False)))
    assert str(travelled) == str(SEEN)  # nan is not equal to itself
    assert math.isnan(travelled.changed[0][1].values[0])


def test_arguments_say_what_they_are():
    assert tensor([[1.0, 2.0]]).shape == (1, 2)
    assert tensor([0.1]).values[0] != 0.1  # rounded to float32
    assert tensor([0.1], "float64").values == (0.1,)
    assert tensor([0.1], "list").values == (0.1,)
    assert (number(3).kind, number(3.0).kind) == ("int", "float")


def test_a_lost_job_is_an_observation():
    seen = lost(CRASH, "x" * 1000, 2.0)
    assert (seen.reached, seen.error_type, len(seen.error)) == ("callable", CRASH, 500)
    assert Observation.from_dict(seen.to_dict()) == seen


RETURNED = Returned("Tensor", "float32", (2,), (1.0, 2.0)).to_dict()
MALFORMED = [
    None,
    [],
    "type",
    {},
    SEEN.to_dict() | {"extra": 1},
    SEEN.to_dict() | {"reached": "passed"},
    SEEN.to_dict() | {"reached": ["type"]},
    SEEN.to_dict() | {"parts": {"0": 1}},
    SEEN.to_dict() | {"parts": [RETURNED] * 65},
    SEEN.to_dict() | {"line": -1},
    SEEN.to_dict() | {"line": True},
    SEEN.to_dict() | {"line": 10**30},
    SEEN.to_dict() | {"error": "x" * 501},
    SEEN.to_dict() | {"error": "\ud800"},
    SEEN.to_dict() | {"error": 3},
    SEEN.to_dict() | {"seconds": "soon"},
    SEEN.to_dict() | {"changed": [[0]]},
    SEEN.to_dict() | {"gradient": [1.0]},
]
MALFORMED_VALUES = [
    {"shape": [3]},
    {"shape": [-2]},
    {"shape": [1] * 9},
    {"shape": [2.0]},
    {"shape": [2**40]},
    {"values": [1.0, True]},
    {"values": [1.0, "NaN"]},
    {"values": [1.0, None]},
    {"values": [1.0, 10**400]},
    {"values": "12"},
    {"values": [0.0] * (MAX_NUMBERS + 1), "shape": [MAX_NUMBERS + 1]},
    {"type": None},
]


@pytest.mark.parametrize("found", MALFORMED, ids=lambda found: str(found)[:60])
def test_a_malformed_observation_is_refused(found):
    with pytest.raises(ValueError, match=r"record|rung|list|count|text|number|surrogates"):
        Observation.from_dict(found)


@pytest.mark.parametrize("change", MALFORMED_VALUES, ids=lambda change: str(change)[:60])
def test_malformed_values_are_refused(change):
    assert Returned.from_dict(RETURNED).values == (1.0, 2.0)
    with pytest.raises(ValueError, match=r"shape|count|number|text"):
        Returned.from_dict(RETURNED | change)


def test_a_malformed_argument_is_refused():
    with pytest.raises(ValueError, match="fill"):
        Argument.from_dict({"kind": "float32", "shape": [3], "values": [1.0]})
