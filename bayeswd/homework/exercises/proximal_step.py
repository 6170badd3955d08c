"""One proximal step with the L1 penalty."""

from __future__ import annotations

import torch
from torch import Tensor

from bayeswd.homework.exercise import Accepted, Exercise, Mistake
from bayeswd.homework.exercises.step_inputs import (
    ARGUMENTS,
    GIVEN,
    SPECIALS,
    draw,
    proximal,
    subgradient,
)
from bayeswd.problem.priors import soft_threshold


def _hard(w: Tensor, grad: Tensor, lr: float, strength: float) -> Tensor:
    moved = w - lr * grad
    return torch.where(moved.abs() > lr * strength, moved, torch.zeros_like(moved))


EXERCISE = Exercise(
    id="proximal_step",
    title="A proximal step with the L1 penalty",
    prompt=GIVEN + "Return the weights after one step of PROXIMAL gradient descent on loss + "
    "lambda |w|_1: small weights become exactly 0.",
    convention="No half in front of the norm; grad is a mean over the batch.",
    interface=f"proximal_step({ARGUMENTS})",
    points=1,
    accepted=(Accepted(proximal),),
    mistakes=(
        Mistake(
            "PROXIMAL.SUBGRADIENT",
            subgradient(0.0),
            "Your step is the subgradient step: right for exercise 3, but it jumps across 0 and "
            "gives no exact zeros.",
        ),
        Mistake(
            "PROXIMAL.THRESHOLD_WITHOUT_LR",
            lambda w, grad, lr, lam: soft_threshold(w - lr * grad, lam),
            "Your threshold is lambda itself. How far may the penalty pull in a step of size lr?",
        ),
        Mistake(
            "PROXIMAL.BEFORE_STEP",
            lambda w, grad, lr, lam: soft_threshold(w, lr * lam) - lr * grad,
            "Your answer thresholds the weights before the data step. In which order do the two "
            "come, so that exact zeros survive?",
        ),
        Mistake(
            "PROXIMAL.HARD",
            _hard,
            "Your threshold is a hard one: it removes small weights and leaves the others where "
            "they are. L1 pulls the large ones too.",
            "misconception",
        ),
        Mistake(
            "PROXIMAL.ABS",
            lambda w, grad, lr, lam: ((w - lr * grad).abs() - lr * lam).clamp(min=0),
            "The sign of the negative weights is lost.",
        ),
        Mistake(
            "PROXIMAL.ONE_SIDED",
            lambda w, grad, lr, lam: (w - lr * grad - lr * lam).clamp(min=0),
            "Every negative weight becomes 0: the threshold works on one side only.",
        ),
        Mistake(
            "PROXIMAL.NO_CLAMP",
            lambda w, grad, lr, lam: (w - lr * grad) - lr * lam * (w - lr * grad).sign(),
            "Your weights overshoot 0: a weight smaller than the threshold should stop there.",
        ),
        Mistake(
            "PROXIMAL.HALF",
            lambda w, grad, lr, lam: soft_threshold(w - lr * grad, lr * lam / 2),
            "Your threshold is half as large: there is no 1/2 in front of the L1 norm here.",
        ),
        Mistake(
            "PROXIMAL.DOUBLE",
            lambda w, grad, lr, lam: soft_threshold(w - lr * grad, 2 * lr * lam),
            "Your threshold is twice as large.",
        ),
        Mistake(
            "PROXIMAL.PENALTY_TWICE",
            lambda w, grad, lr, lam: soft_threshold(w - lr * (grad + lam * w.sign()), lr * lam),
            "The penalty acts twice in your step, in the gradient and in the threshold.",
            "misconception",
        ),
        Mistake(
            "PROXIMAL.ASCENT",
            lambda w, grad, lr, lam: soft_threshold(w + lr * grad, lr * lam),
            "Your data step goes uphill.",
        ),
        Mistake(
            "PROXIMAL.NO_DATA",
            lambda w, grad, lr, lam: soft_threshold(w, lr * lam),
            "Your step has no data in it: grad has no effect.",
        ),
        Mistake(
            "PROXIMAL.NO_PENALTY",
            lambda w, grad, lr, lam: w - lr * grad,
            "Your step is the one without a penalty: nothing is thresholded.",
        ),
        Mistake(
            "PROXIMAL.IS_L2",
            lambda w, grad, lr, lam: (w - lr * grad) / (1 + lr * lam),
            "Your step is the proximal step of the L2 penalty: it shrinks and gives no zeros.",
            "misconception",
        ),
    ),
    draw=draw,
    specials=SPECIALS,
    hint="The step has two halves: one for the data, one for the penalty. In which order?",
)
