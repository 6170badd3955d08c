"""No right answer in any reasonable style is marked wrong."""

from random import Random

import numpy as np
import pytest
import torch

from bayeswd.homework.assignment import EXERCISES
from bayeswd.homework.judging import judge
from bayeswd.homework.probe import observe

HEAD = "import math\nimport numpy as np\nimport torch\nimport torch.nn.functional as F\n"

STYLES = {
    "l2_penalty": [
        "def l2_penalty(w): return torch.norm(w) ** 2 / 2",
        "def l2_penalty(w): return 0.5 * (w @ w)",
        "def l2_penalty(w): return w.pow(2).sum() / 2",
        "def l2_penalty(w): return float((w ** 2).sum() / 2)",
        "def l2_penalty(w): return sum(x * x for x in w) / 2",
        "def l2_penalty(w): return sum(float(x) ** 2 for x in w) / 2",
        "def l2_penalty(w): return np.sum(w.numpy() ** 2) / 2",
        "def l2_penalty(w): return np.dot(w, w) / 2",
        "def l2_penalty(w): return np.sum(np.square(w)) / 2",
        "def l2_penalty(w): return 0.5 * np.linalg.norm(w) ** 2",
        "def l2_penalty(w): return (w.double() ** 2).sum() / 2",
        "def l2_penalty(w): return (w.half() ** 2).sum() / 2",
        "def l2_penalty(w): return (w ** 2).sum(0, keepdim=True) / 2",
        "def l2_penalty(w): return [(w ** 2).sum() / 2]",
        "def l2_penalty(w): return torch.nn.Parameter((w ** 2).sum() / 2)",
        "def l2_penalty(w): return F.mse_loss(w, torch.zeros_like(w), reduction='sum') / 2",
        "def l2_penalty(w):\n    w *= w\n    return w.sum() / 2",
        "l2_penalty = lambda w: (w ** 2).sum() / 2",
        "class P(torch.nn.Module):\n    def forward(self, w): return (w ** 2).sum() / 2\n"
        "l2_penalty = P()",
    ],
    "l1_penalty": [
        "def l1_penalty(w): return torch.abs(w).sum()",
        "def l1_penalty(w): return torch.norm(w, 1)",
        "def l1_penalty(w): return (w * w.sign()).sum()",
        "def l1_penalty(w): return sum(map(abs, w.tolist()))",
        "def l1_penalty(w): return np.abs(w).sum()",
        "def l1_penalty(w): return np.linalg.norm(np.array(w), 1)",
        "def l1_penalty(w): return (w ** 2).sqrt().sum()",
        "def l1_penalty(w): return F.relu(w).sum() + F.relu(-w).sum()",
        "def l1_penalty(w): return F.l1_loss(w, 0 * w, reduction='sum')",
    ],
    "frobenius_squared": [
        "def frobenius_squared(A): return torch.trace(A.T @ A)",
        "def frobenius_squared(A): return (A @ A.T).trace()",
        "def frobenius_squared(A): return torch.norm(A) ** 2",
        "def frobenius_squared(A): return torch.linalg.svdvals(A).square().sum()",
        "def frobenius_squared(A): return np.linalg.norm(A) ** 2",
        "def frobenius_squared(A): return sum(x ** 2 for row in A.tolist() for x in row)",
        "def frobenius_squared(A): return torch.einsum('ij,ij->', A, A)",
        "def frobenius_squared(A): return A.flatten() @ A.flatten()",
    ],
    "sgd_step_l2": [
        "def sgd_step_l2(w, grad, lr, strength): return (1 - lr * strength) * w - lr * grad",
        "def sgd_step_l2(w, grad, lr, lam):\n    w -= lr * (grad + lam * w)\n    return w",
        "def sgd_step_l2(w, grad, lr, strength):\n"
        "    p = torch.nn.Parameter(w.clone())\n    p.grad = grad\n"
        "    torch.optim.SGD([p], lr=lr, weight_decay=strength).step()\n    return p",
        "def sgd_step_l2(w, grad, lr, strength):\n"
        "    return [a - lr * (b + strength * a) for a, b in zip(w, grad)]",
        "def sgd_step_l2(w, grad, lr, strength):\n"
        "    return w.numpy() - lr * (grad.numpy() + strength * w.numpy())",
        "def sgd_step_l2(w, grad, lr, strength):\n"
        "    return (w - lr * (grad + strength * w)).reshape(-1, 1)",
        "def sgd_step_l2(w, grad, lr, strength):\n    w.requires_grad_()\n"
        "    ((grad * w).sum() + strength / 2 * (w ** 2).sum()).backward()\n"
        "    return w - lr * w.grad",
    ],
    "sgd_step_l1": [
        "def sgd_step_l1(w, grad, lr, strength): return w - lr * (grad + strength * w.sign())",
        "def sgd_step_l1(w, grad, lr, strength):\n"
        "    return w - lr * (grad + strength * np.sign(w.numpy()))",
        "def sgd_step_l1(w, grad, lr, strength):\n"
        "    s = torch.where(w > 0, 1.0, -1.0)\n    return w - lr * grad - lr * strength * s",
        "def sgd_step_l1(w, grad, lr, strength):\n"
        "    s = torch.where(w >= 0, 1.0, -1.0)\n    return w - lr * grad - lr * strength * s",
        "def sgd_step_l1(w, grad, lr, strength):\n    w.requires_grad_()\n"
        "    (strength * w.abs().sum()).backward()\n    return w.detach() - lr * (grad + w.grad)",
        "def sgd_step_l1(w, grad, lr, lam): return F.softshrink(w - lr * grad, lr * lam)",
        "def sgd_step_l1(w, grad, lr, strength):\n    v = w - lr * grad\n"
        "    return v.sign() * F.relu(v.abs() - lr * strength)",
    ],
    "proximal_step": [
        "def proximal_step(w, grad, lr, strength):\n"
        "    return F.softshrink(w - lr * grad, lr * strength)",
        "def proximal_step(w, grad, lr, strength):\n    v = (w - lr * grad).numpy()\n"
        "    return np.sign(v) * np.maximum(np.abs(v) - lr * strength, 0)",
        "def proximal_step(w, grad, lr, strength):\n    v = w - lr * grad\n    t = lr * strength\n"
        "    return v - v.clamp(-t, t)",
        "def proximal_step(w, grad, lr, strength):\n    t, out = lr * strength, []\n"
        "    for a, g in zip(w.tolist(), grad.tolist()):\n        v = a - lr * g\n"
        "        out.append(v - t if v > t else v + t if v < -t else 0.0)\n    return out",
    ],
    "prior_variance": [
        "def prior_variance(strength, n, noise_scale): return noise_scale ** 2 / (n * strength)",
        "def prior_variance(strength, n, noise_scale):\n"
        "    return torch.tensor(noise_scale) ** 2 / n / strength",
        "def prior_variance(strength, n, noise_scale):\n"
        "    return np.array([np.square(noise_scale) / (n * strength)])",
    ],
    "prior_variance_torch": [
        "def prior_variance_torch(wd, n, s): return 2 * s ** 2 / (n * wd)",
    ],
    "prior_variance_keras": [
        "def prior_variance_keras(lam, n, s): return math.exp(2 * math.log(s) - math.log(n * lam))",
    ],
    "prior_variance_ridge": [
        "def prior_variance_ridge(alpha, n, s): return s ** 2 / alpha",
    ],
    "strength_from_prior": [
        "def strength_from_prior(tau, n, s): return s ** 2 / (n * tau ** 2)",
        "def strength_from_prior(tau, n, s): return np.float32((s / tau) ** 2 / n)",
    ],
    "laplace_scale": [
        "def laplace_scale(lam, n, s): return s * s / n / lam",
    ],
    "prior_sd": [
        "prior_sd = 0.0013",
        "prior_sd = (0.01**2 / 60) ** 0.5",
        "answers = {'prior_sd': 1.29e-3}",
    ],
    "strength_for_weights": [
        "strength_for_weights = 0.05",
        "strength_for_weights = torch.tensor([.05])",
    ],
    "weight_decay_for_weights": ["weight_decay_for_weights = 1 / 10"],
    "lambda_of_concise": ["lambda_of_concise = 1.5", "lambda_of_concise = np.float32(1.5)"],
    "constant_loss": ["constant_loss = 0.01", "constant_loss = 0.01005"],
    "zero_function": ["zero_function = 'b'", "zero_function = ' B) '"],
    "small_weights": ["small_weights = '(d)'"],
    "penalised_bias": ["penalised_bias = 'A'"],
    "other_cures": ["other_cures = 'c.'"],
    "prior_of_l1": ["prior_of_l1 = 'c'"],
    "more_data": ["more_data = 'c'"],
    "exact_zeros": ["exact_zeros = 'c'"],
    "best_on_validation": ["best_on_validation = 'b'"],
}
CASES = [(name, source) for name, sources in STYLES.items() for source in sources]

# What one part may be turned into without becoming another answer.
FORMS = {
    "float32": lambda part: torch.as_tensor(part, dtype=torch.float32),
    "float64": lambda part: torch.as_tensor(part, dtype=torch.float64),
    "numpy": np.asarray,
    "numpy float32": lambda part: np.asarray(part, dtype=np.float32),
    "lists": lambda part: torch.as_tensor(part).tolist(),
    "with a gradient": lambda part: torch.as_tensor(part).double().requires_grad_(),
    "one more axis": lambda part: torch.as_tensor(part)[None],
    "a column": lambda part: torch.as_tensor(part)[..., None],
    "not contiguous": lambda part: torch.as_tensor(part)[..., None].expand(
        *torch.as_tensor(part).shape, 3
    )[..., 1],
}
FUNCTIONS = [exercise for exercise in EXERCISES if exercise.draw is not None]


@pytest.mark.filterwarnings("ignore")  # a student's code may warn
@pytest.mark.parametrize(("name", "source"), CASES)
def test_a_right_answer_is_right(name, source, full_marks):
    full_marks(name, HEAD + source)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("exercise", FUNCTIONS, ids=lambda exercise: exercise.id)
def test_the_form_of_a_right_answer_does_not_matter(exercise, form):
    right = exercise.accepted[0].formula
    calls = [*exercise.public_calls(), *exercise.calls(Random(7))[-2:]]

    def answered(*given):
        given = [each.double() if isinstance(each, torch.Tensor) else each for each in given]
        result = right(*given)
        return tuple(map(FORMS[form], result)) if len(exercise.parts) > 1 else FORMS[form](result)

    feedback = judge(exercise, calls, observe({exercise.id: answered}, calls))
    assert feedback.passed, feedback.diagnosis


def test_both_answers_of_exercise_3_are_told_apart(graded_source):
    subgradient, *_, proximal = STYLES["sgd_step_l1"]
    found = [
        graded_source("sgd_step_l1", HEAD + source).accepted for source in (subgradient, proximal)
    ]
    assert found == [
        "the subgradient step",
        "the proximal step (soft threshold: exact zeros)",
    ]
