"""Questions with a number for an answer: a row each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bayeswd.homework.exercise import Accepted, Exercise, Mistake
from bayeswd.problem import conventions

_BOOK: dict[str, Any] = {"n": 20, "noise_scale": 0.01}
_BOOK_WORDS = (
    "The data of the section: 20 training examples, noise of standard deviation 0.01, batches of "
    "5, true weights 0.01. "
)
_TWO_DIGITS = 0.01  # two digits of a number are enough

Wrong = tuple[float, str, str]  # the number, its code, what is said of it


def _number(
    name: str, title: str, prompt: str, convention: str, right: float, wrong: Sequence[Wrong]
) -> Exercise:
    return Exercise(
        id=name,
        title=title,
        prompt=_BOOK_WORDS + prompt,
        convention=convention,
        interface=name,
        points=1,
        accepted=(Accepted(lambda: right),),
        mistakes=tuple(
            Mistake(f"{name.upper()}.{code}", lambda value=value: value, says)
            for value, code, says in wrong
        ),
        tolerance=_TWO_DIGITS,
        hint="Write down the formula first, then put the numbers in.",
    )


_D2L = "mean of HALF the squared errors + (lambda/2) |w|^2"
_TAU_AT_3 = conventions.reading("d2l", 3.0, **_BOOK).variance ** 0.5
_TRUE_WEIGHTS = conventions.gaussian(0.01)
_LAMBDA = conventions.strength("d2l", _TRUE_WEIGHTS, **_BOOK)
_WEIGHT_DECAY = conventions.strength("torch.SGD+MSELoss", _TRUE_WEIGHTS, **_BOOK)
_CONCISE = conventions.reading("torch.SGD+MSELoss", 3.0, **_BOOK)

EXERCISES = (
    _number(
        "prior_sd",
        "The prior that lambda = 3 states",
        "The section trains with lambda = 3. Which standard deviation tau has the Gaussian prior "
        "on each weight that this means?",
        _D2L,
        _TAU_AT_3,
        (
            (_TAU_AT_3**2, "VARIANCE", "Your number is the variance: take its root."),
            (
                20**0.5 * _TAU_AT_3,
                "N_FORGOTTEN",
                "Your number leaves out the number of examples; the loss is a mean.",
            ),
            (
                2 * _TAU_AT_3,
                "BATCH_SIZE",
                "Your number has the batch size where the number of training examples belongs.",
            ),
            (
                2**0.5 * _TAU_AT_3,
                "TORCH",
                "Your number belongs to MSELoss with weight_decay = 3, not to the book's loss.",
            ),
            (3**-0.5, "ONLY_STRENGTH", "Your number is made of lambda alone: what of the noise?"),
            (60**-0.5, "NOISE_FORGOTTEN", "Your number leaves out the noise."),
            (
                (0.01 / 60) ** 0.5,
                "NOISE_NOT_SQUARED",
                "Your number has sigma in it where its square belongs.",
            ),
        ),
    ),
    _number(
        "strength_for_weights",
        "The lambda that fits the true weights",
        "Which lambda states a Gaussian prior whose standard deviation is the size of the true "
        "weights, tau = 0.01?",
        _D2L,
        _LAMBDA,
        (
            (20 * _LAMBDA, "N_FORGOTTEN", "Your number leaves out n; the loss is a mean."),
            (
                4 * _LAMBDA,
                "BATCH_SIZE",
                "Your number has the batch size where the number of training examples belongs.",
            ),
            (2 * _LAMBDA, "TORCH", "Your number is the weight_decay for MSELoss."),
            (_LAMBDA / 2, "HALF", "Your number is half of it: count the halves."),
            (1e4, "PRECISION", "Your number is the precision 1/tau^2: what of the noise, and n?"),
            (400 * _LAMBDA, "N_INVERTED", "n stands on the wrong side of your fraction."),
        ),
    ),
    _number(
        "weight_decay_for_weights",
        "The same prior in torch",
        "Which weight_decay of torch.optim.SGD states the same prior, tau = 0.01, if the loss is "
        "torch.nn.MSELoss()?",
        "MSELoss is the mean of squared errors, NO half; weight_decay adds weight_decay * w to the "
        "gradient.",
        _WEIGHT_DECAY,
        (
            (
                _WEIGHT_DECAY / 2,
                "FROM_SCRATCH",
                "Your number is the lambda of the book's own loss, which has a half.",
            ),
            (2 * _WEIGHT_DECAY, "DOUBLE", "Your number is twice of it: count the halves."),
            (20 * _WEIGHT_DECAY, "N_FORGOTTEN", "Your number leaves out n; the loss is a mean."),
            (10 * _WEIGHT_DECAY, "SUM", "Your number is for a summed loss with halves."),
        ),
    ),
    _number(
        "lambda_of_concise",
        "The concise version",
        "The concise version in PyTorch uses MSELoss() and weight_decay = 3. With which lambda "
        "would the book's own loss train the same weights?",
        _D2L,
        conventions.strength("d2l", _CONCISE, **_BOOK),
        (
            (3.0, "SAME", "Does MSELoss have a half? Compare the two objectives term by term."),
            (6.0, "DOUBLE", "The other way round: which of the two data terms is larger?"),
            (0.75, "HALF_TWICE", "Only one of the two terms differs by a half."),
        ),
    ),
    _number(
        "constant_loss",
        "The loss to beat",
        "The 200 inputs have variance 1 and are independent. Which loss, in expectation, has the "
        "best prediction that ignores the inputs?",
        "The loss is the mean of HALF the squared errors.",
        (200 * 0.01**2 + 0.01**2) / 2,
        (
            (0.0201, "NO_HALF", "Your number is the variance of y: where is the half of the loss?"),
            (
                0.00005,
                "NOISE",
                "Your number is the loss of a perfect model. This one has no inputs.",
            ),
            (1e-4, "NOISE_VARIANCE", "Your number is the noise variance: what of the inputs?"),
            (0.0, "ZERO", "No prediction without inputs gets every target right."),
        ),
    ),
)
