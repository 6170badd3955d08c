"""Exercises 1 and 2 of the section: which strength, from a table of losses."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from bayeswd.homework.calls import tensor
from bayeswd.homework.exercise import Accepted, Arguments, Exercise, Mistake, Special
from bayeswd.homework.exercises import drawing

Losses = Sequence[float]


def _least(losses: Losses) -> int:
    return min(range(len(losses)), key=losses.__getitem__)


def _gaps(train: Losses, val: Losses) -> list[float]:
    return [abs(a - b) for a, b in zip(train, val, strict=True)]


def _draw(random: Random) -> Arguments:
    """A table in which every wrong way to choose leads to another row."""
    while True:
        rows = random.randint(7, 9)
        strengths = sorted(drawing.positive(random, 0.01, 30.0) for _ in range(rows))
        train = sorted(drawing.positive(random, 0.1, 0.8) for _ in range(rows))
        val = [drawing.positive(random, 0.4, 1.2) for _ in range(rows)]
        test = [drawing.positive(random, 0.4, 1.2) for _ in range(rows)]
        largest = _least([-loss for loss in val])
        picks = {_least(val), _least(train), _least(test), largest, _least(_gaps(train, val))}
        if len(picks | {rows - 1}) == 6:
            columns = (strengths, train, val, test)
            return tuple(tensor(column, "list") for column in columns)


_EXAMPLE = (
    tensor([0.0, 0.1, 1.0, 3.0, 10.0], "list"),
    tensor([0.001, 0.002, 0.005, 0.012, 0.02], "list"),
    tensor([0.016, 0.013, 0.0095, 0.0105, 0.019], "list"),
    tensor([0.015, 0.012, 0.011, 0.0098, 0.02], "list"),
)

EXERCISE = Exercise(
    id="choose_lambda",
    title="Which lambda?",
    prompt="Four lists of equal length: strengths that were tried, from weak to strong, and the "
    "loss of each trained model on the training, the validation and the test set. Return the "
    "strength that you would choose.",
    convention="All losses are without the penalty, measured after training has converged. Choose "
    "the single best row; no allowance for chance.",
    interface="choose_lambda(strengths, train_losses, val_losses, test_losses)",
    points=1,
    accepted=(Accepted(lambda lams, train, val, test: lams[_least(val)]),),
    mistakes=(
        Mistake(
            "CHOOSE.BY_TRAINING",
            lambda lams, train, val, test: lams[_least(train)],
            "You choose by the training loss, which always prefers the weakest penalty: it is "
            "what overfitting looks like.",
            "misconception",
        ),
        Mistake(
            "CHOOSE.BY_TEST",
            lambda lams, train, val, test: lams[_least(test)],
            "You choose by the test loss. A test set that has helped to choose can no longer tell "
            "how good the choice is.",
            "misconception",
        ),
        Mistake(
            "CHOOSE.LARGEST_LOSS",
            lambda lams, train, val, test: lams[_least([-loss for loss in val])],
            "You choose the largest validation loss.",
        ),
        Mistake(
            "CHOOSE.LARGEST_STRENGTH",
            lambda lams, train, val, test: max(lams),
            "You choose the largest strength, whatever the losses are.",
        ),
        Mistake(
            "CHOOSE.SMALLEST_GAP",
            lambda lams, train, val, test: lams[_least(_gaps(train, val))],
            "You choose where training and validation loss are closest. A model that learns "
            "nothing has no gap either.",
            "misconception",
        ),
        Mistake(
            "CHOOSE.INDEX",
            lambda lams, train, val, test: _least(val),
            "You found the right row, and returned its index: return the strength in it.",
        ),
        Mistake(
            "CHOOSE.LOSS",
            lambda lams, train, val, test: min(val),
            "You found the right row, and returned its loss: return the strength in it.",
        ),
    ),
    draw=_draw,
    specials=(Special("an example", _EXAMPLE),),
    hint="One data set has been used up by training, and one must stay untouched to the end.",
)
