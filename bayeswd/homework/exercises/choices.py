"""Questions with a letter for an answer: a row each."""

from __future__ import annotations

from collections.abc import Sequence

from bayeswd.homework.exercise import Accepted, Exercise, Mistake

Option = tuple[str, str, str]  # its text; for a wrong one its code and what is said of it


def _choice(name: str, title: str, prompt: str, options: Sequence[Option]) -> Exercise:
    """A multiple-choice question; the option without a code is right."""
    letters = "abcdef"[: len(options)]
    wrong = [(letter, option) for letter, option in zip(letters, options, strict=True) if option[1]]
    (right,) = set(letters) - {letter for letter, _ in wrong}
    return Exercise(
        id=name,
        title=title,
        prompt=prompt,
        convention="Answer with a letter.",
        interface=name,
        points=1,
        accepted=(Accepted(lambda: right),),
        mistakes=tuple(
            Mistake(f"{name.upper()}.{code}", lambda letter=letter: letter, says, "misconception")
            for letter, (_, code, says) in wrong
        ),
        choices=dict(zip(letters, (text for text, _, _ in options), strict=True)),
    )


EXERCISES = (
    _choice(
        "zero_function",
        "The simplest function",
        "The book calls f = 0 the simplest function. When does training arrive at it?",
        (
            (
                "with lambda = 0, without regularisation",
                "NO_REGULARISATION",
                "lambda = 0 leaves the data alone in charge. What does a penalty that grows "
                "without end do to w?",
            ),
            ("in the limit of an infinitely strong penalty", "", ""),
            (
                "when the training loss is 0",
                "ZERO_LOSS",
                "A function that fits every target is not 0. Read f = 0 as: f(x) = 0 for all x.",
            ),
            (
                "when nothing has to be computed",
                "NO_COMPUTATION",
                "It is about the function that w = 0 stands for, not about its cost.",
            ),
        ),
    ),
    _choice(
        "small_weights",
        "What small means",
        "Weight decay keeps the weight vector small. Small in which sense?",
        (
            (
                "it has few entries",
                "LENGTH",
                "The number of weights is fixed by the model; no penalty changes it.",
            ),
            (
                "every entry lies in [-1, 1]",
                "BOX",
                "200 entries of size 1 make a norm of 14. And which unit would the 1 have?",
            ),
            (
                "most of its entries are exactly 0",
                "SPARSE",
                "That is what an L1 penalty is for; under L2 no weight is exactly 0.",
            ),
            ("its Euclidean norm is small, against the noise and the number of data", "", ""),
        ),
    ),
    _choice(
        "penalised_bias",
        "A penalised bias",
        "What happens if the bias is put under the same penalty?",
        (
            ("it gets a prior of its own around 0, and is pulled there for any lambda > 0", "", ""),
            (
                "nothing, unless lambda is very large",
                "ONLY_LARGE",
                "With 200 weights and 20 examples the bias is one of many ways to fit the data, "
                "and a small lambda is enough to take it away. Try it.",
            ),
            (
                "the predictions are the same, the weights make up for it",
                "COMPENSATED",
                "Weights multiply inputs; where the inputs are 0 only the bias is left.",
            ),
            (
                "it becomes exactly 0",
                "EXACT_ZERO",
                "A Gaussian prior pulls towards 0, and stops short of it.",
            ),
        ),
    ),
    _choice(
        "other_cures",
        "Other cures of overfitting",
        "Which of these does NOT help against overfitting?",
        (
            ("more training data", "MORE_DATA", "With more data there is less noise to fit."),
            ("early stopping", "EARLY_STOPPING", "Weights that start small have not grown yet."),
            ("training for many more epochs", "", ""),
            ("dropout", "DROPOUT", "It adds noise, so that no weight can rely on another."),
        ),
    ),
    _choice(
        "prior_of_l1",
        "The prior behind L1",
        "Exercise 6 of the section: which belief does an L1 penalty state?",
        (
            (
                "the weights are Gaussian",
                "GAUSSIAN",
                "The negative log of a Gaussian is a square. L1 is |w|.",
            ),
            (
                "the noise of the targets has a Laplace distribution",
                "NOISE",
                "That would make the LOSS an absolute error. A penalty speaks about the weights.",
            ),
            ("the weights have a Laplace distribution", "", ""),
            (
                "the weights are uniform in a box",
                "UNIFORM",
                "Inside its box a uniform prior pulls at nothing.",
            ),
        ),
    ),
    _choice(
        "more_data",
        "Twice as many data",
        "Prior and noise stay the same, the number of training examples doubles. The loss is a "
        "mean. What becomes of the lambda that states this prior?",
        (
            ("it doubles", "DOUBLES", "More data should leave the prior less to say."),
            (
                "it stays the same",
                "SAME",
                "A fixed lambda in front of a MEAN is a prior that gets narrower as data come in.",
            ),
            ("it is halved", "", ""),
            (
                "it is divided by four",
                "QUARTER",
                "How does the sum of the squared errors grow with n, against their mean?",
            ),
        ),
    ),
    _choice(
        "exact_zeros",
        "Exact zeros",
        "Plain SGD on loss + lambda |w|_1, with the subgradient: are weights exactly 0 in the end?",
        (
            (
                "yes, all that do not matter",
                "ALL",
                "A step of fixed size jumps across 0. Try it, and count zeros.",
            ),
            (
                "yes, if lambda is large enough",
                "LARGE",
                "A larger lambda makes larger jumps across 0.",
            ),
            ("no: they jitter around 0; a proximal step is needed", "", ""),
            (
                "no: the mode under a Laplace prior has no zeros",
                "MODE",
                "The mode has them; the question is whether this method gets there.",
            ),
        ),
    ),
    _choice(
        "best_on_validation",
        "The best lambda",
        "Exercise 2 of the section: lambda has the smallest loss on a validation set of 100 "
        "examples. What can be said of it?",
        (
            (
                "it is the best lambda",
                "BEST",
                "Another validation set of 100 examples would choose another one. How far is the "
                "second best away, against the spread of a mean of 100 losses?",
            ),
            ("it is one of those that these 100 examples cannot tell apart", "", ""),
            (
                "it is the lambda that fits the test set best",
                "TEST",
                "The test set has not been looked at.",
            ),
            (
                "nothing, it has to be chosen on the test set",
                "ON_TEST",
                "A test set that has helped to choose can no longer tell how good the choice is.",
            ),
        ),
    ),
)
