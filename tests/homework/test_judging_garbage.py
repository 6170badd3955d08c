"""A process that is not the student's any more may send anything that passes for an observation."""

import json
from dataclasses import replace
from random import Random

import pytest

from bayeswd.homework.assignment import EXERCISES
from bayeswd.homework.calls import RUNGS, TIME, Observation, Returned
from bayeswd.homework.feedback import STATUSES
from bayeswd.homework.judging import judge


def random_part(random):
    size = random.choice([0, 1, 2, 3, 9])
    shape = random.choice([(size,), (size, 1), (1, size, 1), () if size == 1 else (size,)])
    numbers = [random.choice([0.0, 1.0, float("nan"), float("inf"), -1e300]) for _ in range(size)]
    return Returned(
        random.choice(["Tensor", "str", "float", "NoneType", ""]),
        random.choice(["float32", "float16", "", "nonsense"]),
        shape,
        random.choice([tuple(numbers), None]),
        random.choice(["", "b", "x" * 500]),
    )


def random_observation(random):
    return Observation(
        random.choice(RUNGS),
        tuple(random_part(random) for _ in range(random.randrange(4))),
        tuple((random.randrange(9), random_part(random)) for _ in range(random.randrange(2))),
        random.choice([None, random_part(random)]),
        error_type=random.choice(["", "ValueError", TIME, "x"]),
        error=random.choice(["", "boom"]),
        line=random.choice([None, 3]),
    )


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_no_observation_makes_the_judge_raise_or_give_points(exercise):
    random = Random(exercise.id)
    calls = exercise.calls(Random(0))
    for _ in range(60):
        kept = random_observation(random)  # the same throughout, so that it climbs the ladder
        mixed = [kept if random.random() < 0.8 else random_observation(random) for _ in calls]
        for seen in ([kept] * len(calls), [replace(kept, reached="type")] * len(calls), mixed):
            feedback = judge(exercise, calls, seen)
            assert feedback.status in STATUSES
            assert feedback.score == 0 or exercise.draw is None
            json.dumps(feedback.to_dict(), allow_nan=False)
