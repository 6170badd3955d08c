"""Exercise 4 of the section: the squared norm of a matrix."""

from __future__ import annotations

from random import Random

import torch

from bayeswd.homework.calls import tensor
from bayeswd.homework.exercise import Accepted, Arguments, Exercise, Mistake, Special
from bayeswd.homework.exercises import drawing


def _draw_matrix(random: Random) -> Arguments:
    size = random.randint(3, 5)  # square, so that a trace exists; never symmetric
    return (tensor(drawing.matrix(random, size, size)),)


EXERCISE = Exercise(
    id="frobenius_squared",
    title="The penalty of a matrix",
    prompt="Exercise 4 of the section: for a vector, the squared norm is w'w. What is the squared "
    "Frobenius norm of a matrix A?",
    convention="The SQUARED norm, without a factor 1/2.",
    interface="frobenius_squared(A)",
    points=1,
    accepted=(Accepted(lambda A: torch.linalg.matrix_norm(A) ** 2),),
    mistakes=(
        Mistake(
            "FROBENIUS.TRACE_SQUARED",
            lambda A: A.trace() ** 2,
            "Your answer is the square of the trace of A: only the diagonal counts in it.",
        ),
        Mistake(
            "FROBENIUS.TRACE_AA",
            lambda A: (A @ A).trace(),
            "Your answer is the trace of A A. For a vector it is w' w: where is the transpose?",
        ),
        Mistake(
            "FROBENIUS.SPECTRAL",
            lambda A: torch.linalg.matrix_norm(A, 2) ** 2,
            "Your answer is the square of the largest singular value: the spectral norm. The "
            "Frobenius norm uses all of them.",
            "misconception",
        ),
        Mistake(
            "FROBENIUS.NOT_SQUARED",
            torch.linalg.matrix_norm,
            "Your answer is the norm itself; the exercise asks for its square.",
        ),
        Mistake(
            "FROBENIUS.NUCLEAR",
            lambda A: torch.linalg.matrix_norm(A, "nuc"),
            "Your answer is the sum of the singular values: the nuclear norm.",
            "misconception",
        ),
        Mistake(
            "FROBENIUS.SUM_OF_ABS",
            lambda A: A.abs().sum(),
            "Your answer is the sum of absolute values: that is L1, entry by entry.",
        ),
        Mistake(
            "FROBENIUS.HALF",
            lambda A: (A**2).sum() / 2,
            "Your answer has a factor 1/2, which belongs to the penalty and not to the norm.",
        ),
        Mistake(
            "FROBENIUS.MEAN",
            lambda A: (A**2).mean(),
            "Your answer is the mean of the squared entries. Mean or sum?",
        ),
        Mistake(
            "FROBENIUS.DETERMINANT",
            lambda A: torch.linalg.det(A) ** 2,
            "Your answer is made of the determinant, which is 0 for matrices far from zero.",
            "misconception",
        ),
        Mistake(
            "FROBENIUS.NOT_SUMMED",
            lambda A: A**2,
            "Your answer is a matrix; a norm is one number. What is to be summed?",
        ),
        Mistake(
            "FROBENIUS.GRAM",
            lambda A: A.T @ A,
            "Your answer is A'A, a matrix. Which number made of it holds every squared entry once?",
        ),
    ),
    draw=_draw_matrix,
    specials=(
        Special("an example", (tensor([[1.0, 2.0, 0.5], [3.0, 4.0, -1.0], [0.0, 2.0, 1.0]]),)),
        Special("a matrix that is not square", (tensor([[1.0, -2.0, 3.0], [4.0, 5.0, -6.0]]),)),
        Special("a matrix of zeros", (tensor([[0.0, 0.0], [0.0, 0.0]]),)),
    ),
    gradient_of=0,
    factors=lambda A: {"‖A‖": float(A.norm())},
    hint="Which sum of the entries is it? Try a matrix with a single entry that is not zero.",
)
