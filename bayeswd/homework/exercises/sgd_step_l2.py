"""One gradient step with weight decay."""

from __future__ import annotations

from bayeswd.homework.exercise import Accepted, Exercise, Mistake
from bayeswd.homework.exercises.step_inputs import ARGUMENTS, GIVEN, SPECIALS, draw, subgradient

EXERCISE = Exercise(
    id="sgd_step_l2",
    title="A step with weight decay",
    prompt=GIVEN + "Return the weights after one step of gradient descent on loss + penalty.",
    convention="The penalty is (lambda/2) times the squared norm; grad is a mean over the batch, "
    "so no batch size appears.",
    interface=f"sgd_step_l2({ARGUMENTS})",
    points=1,
    accepted=(Accepted(lambda w, grad, lr, lam: w - lr * (grad + lam * w)),),
    mistakes=(
        Mistake(
            "STEP_L2.DECAY_WITHOUT_LR",
            lambda w, grad, lr, lam: (1 - lam) * w - lr * grad,
            "Your weights shrink by lambda itself in each step, whatever the step size. What "
            "multiplies the gradient of the penalty?",
            "misconception",
        ),
        Mistake(
            "STEP_L2.DOUBLE",
            lambda w, grad, lr, lam: w - lr * (grad + 2 * lam * w),
            "Your decay is twice as strong: that belongs to a penalty lambda |w|^2 without its "
            "half, as in Keras.",
        ),
        Mistake(
            "STEP_L2.HALF",
            lambda w, grad, lr, lam: w - lr * (grad + lam * w / 2),
            "Your decay is half as strong: differentiate (lambda/2) w^2 once more.",
        ),
        Mistake(
            "STEP_L2.GROWS",
            lambda w, grad, lr, lam: w - lr * (grad - lam * w),
            "Your penalty pushes the weights away from 0: a sign.",
        ),
        Mistake(
            "STEP_L2.DECAY_AFTER_STEP",
            lambda w, grad, lr, lam: (1 - lr * lam) * (w - lr * grad),
            "Your decay acts on the weights after the data step. The gradient of the penalty is "
            "to be taken at the weights before the step, as that of the loss is.",
        ),
        Mistake(
            "STEP_L2.PROXIMAL",
            lambda w, grad, lr, lam: (w - lr * grad) / (1 + lr * lam),
            "Your step divides by 1 + lr lambda: that is the proximal step of L2, a method of its "
            "own. Here a gradient step is asked for.",
        ),
        Mistake(
            "STEP_L2.NO_PENALTY",
            lambda w, grad, lr, lam: w - lr * grad,
            "Your step is the one without a penalty: lambda has no effect.",
        ),
        Mistake(
            "STEP_L2.ASCENT",
            lambda w, grad, lr, lam: w + lr * (grad + lam * w),
            "Your step goes uphill: a minimiser moves against the gradient.",
        ),
        Mistake(
            "STEP_L2.PENALTY_VALUE",
            lambda w, grad, lr, lam: w - lr * (grad + lam * (w**2).sum() / 2),
            "Your step adds the VALUE of the penalty, the same number for every weight. A step "
            "needs its gradient, one number for each weight.",
            "misconception",
        ),
        Mistake(
            "STEP_L2.NO_LR",
            lambda w, grad, lr, lam: w - (grad + lam * w),
            "Your step has no step size.",
        ),
        Mistake(
            "STEP_L2.IS_L1",
            subgradient(0.0),
            "Your step is that of the L1 penalty: every weight is pulled equally hard.",
            "misconception",
        ),
        Mistake(
            "STEP_L2.DECAY_ONLY",
            lambda w, grad, lr, lam: (1 - lr * lam) * w,
            "Your step has no data in it: grad has no effect.",
        ),
        Mistake(
            "STEP_L2.SWAPPED",
            lambda w, grad, lr, lam: w - lam * (grad + lr * w),
            "lr and strength seem to be swapped.",
        ),
        Mistake(
            "STEP_L2.INCREMENT",
            lambda w, grad, lr, lam: -lr * (grad + lam * w),
            "Your answer is the change of the weights. Return the new weights.",
        ),
        Mistake(
            "STEP_L2.GRADIENT",
            lambda w, grad, lr, lam: grad + lam * w,
            "Your answer is the gradient of loss + penalty. Return the weights after the step.",
        ),
    ),
    draw=draw,
    specials=SPECIALS,
    hint="With grad = 0: by which factor should every weight shrink?",
)
