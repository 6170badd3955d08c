"""Every named wrong answer is recognised by its name, every right one is right."""

from random import Random

import pytest

from bayeswd.homework.assignment import EXERCISES
from bayeswd.homework.calls import Call
from bayeswd.homework.exercise import DRAWS

COSTLY = {"ridge_map", "lasso_map", "posterior", "train"}  # each formula solves a problem
FUNCTIONS = [exercise for exercise in EXERCISES if exercise.draw is not None]


def is_recognised(mistake, feedback):
    found = feedback.diagnosis[0]
    return (
        feedback.status == "failed"
        and (found.code, found.confidence, found.message) == (mistake.code, "matched", mistake.says)
        and feedback.score == mistake.credit * feedback.max_score
    )


def check(exercise, seeds, by_formula):
    for seed in seeds:
        calls = exercise.calls(Random(seed))
        for right in exercise.accepted:
            feedback = by_formula(exercise, right.formula, calls)
            assert (feedback.passed, feedback.accepted) == (True, right.name), seed
            assert feedback.score == exercise.points
        for mistake in exercise.mistakes:
            feedback = by_formula(exercise, mistake.formula, calls)
            assert is_recognised(mistake, feedback), (seed, mistake.code, feedback.diagnosis)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_every_mistake_is_named(exercise, by_formula):
    """More than 200 random inputs for each exercise, DRAWS at a time; 48 where they are costly."""
    seeds = 1 if exercise.draw is None else 8 if exercise.id in COSTLY else 200 // DRAWS + 1
    check(exercise, range(seeds), by_formula)


@pytest.mark.slow
@pytest.mark.parametrize("exercise", FUNCTIONS, ids=lambda exercise: exercise.id)
def test_every_mistake_is_named_on_200_draws(exercise, by_formula):
    check(exercise, range(1000, 1200), by_formula)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_codes_are_unique_and_messages_say_something(exercise):
    codes = [mistake.code for mistake in exercise.mistakes]
    assert len(set(codes)) == len(codes)
    assert len(exercise.mistakes) >= 3
    assert all(len(mistake.says) > 20 for mistake in exercise.mistakes)


@pytest.mark.parametrize("exercise", FUNCTIONS, ids=lambda exercise: exercise.id)
def test_hidden_inputs_differ_between_students_and_are_repeatable(exercise):
    calls = [exercise.calls(Random(seed)) for seed in (1, 2)]
    public = len(exercise.public_calls())
    assert calls[0][:public] == calls[1][:public] == exercise.public_calls()
    assert not set(calls[0][public:]) & set(calls[1])
    assert calls[0] == exercise.calls(Random(1))
    assert [Call.from_dict(call.to_dict()) for call in calls[0]] == list(calls[0])
