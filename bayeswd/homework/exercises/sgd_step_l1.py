"""Exercise 3 of the section: one step with the L1 penalty, by subgradient or proximal."""

from __future__ import annotations

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

EXERCISE = Exercise(
    id="sgd_step_l1",
    title="A step with the L1 penalty",
    prompt=GIVEN + "Exercise 3 of the section: the update for lambda times the sum of |w_i|. "
    "Return the weights after one step.",
    convention="No half in front of the norm; grad is a mean over the batch. Where w = 0, take 0 "
    "as the slope of |w|. The subgradient step and the proximal step are both right.",
    interface=f"sgd_step_l1({ARGUMENTS})",
    points=1,
    accepted=(
        Accepted(subgradient(0.0), "the subgradient step"),
        Accepted(proximal, "the proximal step (soft threshold: exact zeros)"),
        Accepted(subgradient(1.0), "the subgradient step, with slope +1 at 0"),
        Accepted(subgradient(-1.0), "the subgradient step, with slope -1 at 0"),
    ),
    mistakes=(
        Mistake(
            "STEP_L1.MULTIPLICATIVE",
            lambda w, grad, lr, lam: (1 + lam * w.sign()) * w - lr * grad,
            "Your step multiplies w by 1 + lambda sign(w). Is the pull of L1 proportional to w? "
            "And which way does it pull?",
            "misconception",
        ),
        Mistake(
            "STEP_L1.DECAY_WITHOUT_LR",
            lambda w, grad, lr, lam: w - lam * w.sign() - lr * grad,
            "Your pull is lambda in each step, whatever the step size. What multiplies the slope "
            "of the penalty?",
        ),
        Mistake(
            "STEP_L1.GROWS",
            lambda w, grad, lr, lam: w - lr * (grad - lam * w.sign()),
            "Your penalty pushes the weights away from 0: a sign.",
        ),
        Mistake(
            "STEP_L1.IS_L2",
            lambda w, grad, lr, lam: w - lr * (grad + lam * w),
            "Your step is that of weight decay (L2): its pull fades as w gets small. What is the "
            "slope of |w|? (torch's weight_decay is L2, never L1.)",
            "misconception",
        ),
        Mistake(
            "STEP_L1.HALF",
            lambda w, grad, lr, lam: w - lr * (grad + lam * w.sign() / 2),
            "Your pull is half as strong: there is no 1/2 in front of the L1 norm here.",
        ),
        Mistake(
            "STEP_L1.DOUBLE",
            lambda w, grad, lr, lam: w - lr * (grad + 2 * lam * w.sign()),
            "Your pull is twice as strong.",
        ),
        Mistake(
            "STEP_L1.ABS",
            lambda w, grad, lr, lam: w - lr * (grad + lam * w.abs()),
            "Your step uses |w| where its slope belongs: it scales w, and a negative weight grows.",
        ),
        Mistake(
            "STEP_L1.ONE",
            lambda w, grad, lr, lam: w - lr * (grad + lam),
            "Your penalty pulls every weight down by the same amount: a negative weight should be "
            "pulled up.",
        ),
        Mistake(
            "STEP_L1.SIGN_OF_GRADIENT",
            lambda w, grad, lr, lam: w - lr * (grad + lam * grad.sign()),
            "Your step uses the sign of the gradient where that of w belongs.",
        ),
        Mistake(
            "STEP_L1.PENALTY_VALUE",
            lambda w, grad, lr, lam: w - lr * (grad + lam * w.abs().sum()),
            "Your step adds the VALUE of the penalty, the same number for every weight. A step "
            "needs its slope in each weight.",
            "misconception",
        ),
        Mistake(
            "STEP_L1.NO_PENALTY",
            lambda w, grad, lr, lam: w - lr * grad,
            "Your step is the one without a penalty: lambda has no effect.",
        ),
        Mistake(
            "STEP_L1.ASCENT",
            lambda w, grad, lr, lam: w + lr * (grad + lam * w.sign()),
            "Your step goes uphill: a minimiser moves against the gradient.",
        ),
        Mistake(
            "STEP_L1.NO_LR",
            lambda w, grad, lr, lam: w - (grad + lam * w.sign()),
            "Your step has no step size.",
        ),
        Mistake(
            "STEP_L1.SIGN_AFTER_STEP",
            lambda w, grad, lr, lam: w - lr * grad - lr * lam * (w - lr * grad).sign(),
            "Your step takes the sign of the weights after the data step: they can overshoot 0. "
            "Take it before, or threshold.",
        ),
        Mistake(
            "PROXIMAL.BEFORE_STEP",
            lambda w, grad, lr, lam: soft_threshold(w, lr * lam) - lr * grad,
            "Your answer thresholds the weights before the data step. In which order do the two "
            "steps come, so that exact zeros survive?",
        ),
    ),
    draw=draw,
    specials=SPECIALS,
    hint="What is the slope of |w| for w > 0, and for w < 0?",
)
