"""The ladder: which rung a wrong answer reaches, what is said, what is kept from the student."""

import json
from fractions import Fraction
from random import Random

import pytest

from bayeswd.homework import assignment
from bayeswd.homework.assignment import EXERCISES
from bayeswd.homework.calls import CRASH, MEMORY, PROTOCOL, TIME, Observation, Returned, lost
from bayeswd.homework.feedback import STATUSES, skipped
from bayeswd.homework.judging import judge
from bayeswd.homework.probe import observe

HEAD = "import numpy as np\nimport torch\n"

# exercise, source, status, code, words of the message
LADDER = [
    ("l2_penalty", "", "missing", "MISSING", "Define l2_penalty(w)"),
    ("l2_penalty", "l2_penalty = 3", "error", "NOT_CALLABLE", "of type int, not a function"),
    ("l2_penalty", "def l2_penalty(w): raise NotImplementedError", "missing", "EMPTY", ""),
    ("l2_penalty", "def l2_penalty(): return 1", "error", "RAISED.TypeError", "order"),
    ("l2_penalty", "def l2_penalty(w): return v", "error", "RAISED.NameError", "line 3 of hw.py"),
    ("l2_penalty", "def l2_penalty(w): exit()", "error", "RAISED.SystemExit", "return the value"),
    ("l2_penalty", "def l2_penalty(w): raise EOFError", "error", "RAISED.EOFError", "input()"),
    ("l2_penalty", "def l2_penalty(w): print(w.sum())", "error", "RETURNS_NONE", "return"),
    (
        "sgd_step_l2",
        "def sgd_step_l2(w, g, lr, lam): w -= g",
        "error",
        "RETURNS_NONE",
        "argument w",
    ),
    ("l2_penalty", "def l2_penalty(w): return 'much'", "error", "NO_NUMBERS", "of type str"),
    ("l2_penalty", "def l2_penalty(w): return w.sum() > 1", "error", "NO_NUMBERS", "true or false"),
    ("l2_penalty", "def l2_penalty(w): return w.to_sparse()", "error", "NO_NUMBERS", "dense"),
    ("l2_penalty", "def l2_penalty(w): return w + 1", "failed", "SHAPE", "Is a sum missing?"),
    (
        "l2_penalty",
        "def l2_penalty(w): return (w / 0).sum()",
        "failed",
        "NOT_FINITE",
        "division by 0",
    ),
    (
        "l2_penalty",
        "def l2_penalty(w): return w @ torch.rand(len(w))",
        "failed",
        "NOT_REPEATABLE",
        "",
    ),
    ("l2_penalty", "def l2_penalty(w): return 3 * (w**2).sum()", "failed", "FACTOR", "6 times"),
    ("l2_penalty", "def l2_penalty(w): return (w**4).sum()", "failed", "UNKNOWN", "5.0625"),
    ("posterior", "def posterior(*a): return torch.eye(3)", "error", "PARTS", "2 values"),
    ("posterior", "def posterior(*a): return torch.eye(3), None", "error", "RETURNS_NONE", ""),
    (
        "sgd_step_l1",
        "def sgd_step_l1(w, g, lr, lam): return w[:, None] - lr * (g + lam * w.sign())",
        "failed",
        "SHAPE",
        "n × n",
    ),
    ("prior_sd", "prior_sd = None", "missing", "EMPTY", ""),
    ("prior_sd", "", "missing", "MISSING", "Set prior_sd"),
    ("prior_sd", "prior_sd = '0.0013'", "error", "NO_NUMBERS", "of type str"),
    ("prior_sd", "prior_sd = 17", "failed", "UNKNOWN", "prior_sd is not 17"),
    ("zero_function", "zero_function = 2", "error", "NO_LETTER", "a, b, c, d"),
    ("zero_function", "zero_function = 'all'", "failed", "NO_LETTER", "a, b, c, d"),
]


@pytest.mark.parametrize(("name", "source", "status", "code", "words"), LADDER)
def test_the_ladder(name, source, status, code, words, graded_source):
    feedback = graded_source(name, HEAD + source)
    assert (feedback.status, feedback.diagnosis[0].code) == (status, code)
    assert words in feedback.diagnosis[0].message
    assert feedback.score == 0
    assert not feedback.passed


@pytest.mark.parametrize(
    ("fault", "status"),
    [(TIME, "timeout"), (CRASH, "crashed"), (MEMORY, "error"), (PROTOCOL, "error")],
)
def test_a_lost_job(fault, status):
    exercise = assignment.find("l2_penalty")
    calls = exercise.calls(Random(0))
    namespace = {"l2_penalty": lambda w: (w**2).sum() / 2}
    seen = [*observe(namespace, calls[:-1]), lost(fault, "it ended")]
    feedback = judge(exercise, calls, seen)
    assert (feedback.status, feedback.score) == (status, 0)


def test_a_right_answer_with_a_remark_has_all_its_points(graded_source):
    for source, code in (
        ("def l2_penalty(w):\n    w *= w\n    return w.sum() / 2", "CHANGES_ARGUMENT"),
        ("def l2_penalty(w): return (w**2).sum().item() / 2", "NO_GRADIENT"),
        ("def l2_penalty(w): return (w * w.detach()).sum() / 2", "OTHER_GRADIENT"),
        ("def l2_penalty(w): return (w.half()**2).sum() / 2", "COARSE"),
    ):
        feedback = graded_source("l2_penalty", HEAD + source)
        assert (feedback.status, feedback.score) == ("passed", 1)
        assert code in [hint.code for hint in feedback.diagnosis]
        assert {hint.kind for hint in feedback.diagnosis} == {"hint"}
    assert graded_source("l2_penalty", "def l2_penalty(w): return w @ w / 2").diagnosis == ()


def test_a_wrong_answer_that_changes_its_arguments_is_told_so(graded_source):
    source = "def train(X, y, Xv, yv, *rest):\n    Xv -= Xv.mean(0)\n    return X.mean(0), 0, 1, 2"
    feedback = graded_source("train", HEAD + source)
    assert [each.code for each in feedback.diagnosis] == ["UNKNOWN", "CHANGES_ARGUMENT"]
    assert "the bias b by 100 %" in feedback.diagnosis[0].message
    assert "its argument X_val in place" in feedback.diagnosis[1].message


def test_partial_credit_is_a_fraction(graded_source):
    source = (
        "def train(X, y, Xv, yv, lam, lr, steps):\n    w, b = torch.zeros(X.shape[1]), 0.0\n"
        "    for _ in range(steps):\n        r = X @ w + b - y\n"
        "        w, b = w - lr * (X.T @ r / len(y) + lam * w), b - lr * r.mean()\n"
        "    half = lambda X, y: ((X @ w + b - y)**2).mean() / 2\n"
        "    return w, b, half(X, y) + lam * (w @ w) / 2, half(Xv, yv)"
    )
    feedback = graded_source("train", HEAD + source)
    assert feedback.diagnosis[0].code == "TRAIN.PENALTY_IN_TRAIN_LOSS"
    assert (feedback.status, feedback.score, feedback.max_score) == ("failed", Fraction(2), 3)


def test_parts_that_are_wrong_in_two_ways_are_named_one_by_one(graded_source):
    source = (
        "def posterior(X, y, s, t):\n    A = X.T @ X / s + torch.eye(X.shape[1]) / t**2\n"
        "    return torch.linalg.solve(A, X.T @ y / s), t**2 * torch.eye(X.shape[1])"
    )
    feedback = graded_source("posterior", HEAD + source)
    assert [each.code for each in feedback.diagnosis] == [
        "POSTERIOR.NOISE_NOT_SQUARED",
        "POSTERIOR.PRIOR_COVARIANCE",
    ]
    assert feedback.diagnosis[0].message.startswith("In the mean: ")


def test_an_answer_recorded_from_the_public_inputs_earns_nothing():
    exercise = assignment.find("l2_penalty")
    right = exercise.accepted[0].formula
    known = {
        call.arguments[0].values: observe({exercise.id: right}, [call])[0]
        for call in exercise.public_calls()
    }
    calls = exercise.calls(Random(3))
    zero = Observation("type", (Returned("float", "float", (), (0.0,)),))
    feedback = judge(exercise, calls, [known.get(call.arguments[0].values, zero) for call in calls])
    assert (feedback.status, feedback.score) == ("failed", 0)
    assert "right on the examples" in feedback.diagnosis[0].message


def test_right_on_the_first_calls_only_earns_nothing(graded_source):
    source = (
        "n = 0\ndef l2_penalty(w):\n    global n\n    n += 1\n"
        "    return (w**2).sum() / 2 if n < 12 else 0.0"
    )
    assert graded_source("l2_penalty", HEAD + source).score == 0


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan"), 1e30, 0.0, -1.0])
@pytest.mark.parametrize("name", ["l2_penalty", "prior_variance", "sgd_step_l2", "prior_sd"])
def test_comparison_traps(name, value, graded):
    exercise = assignment.find(name)
    answer = value if exercise.draw is None else lambda *_: value
    assert graded(name, answer).score == 0


def everything_said(feedback):
    return json.dumps(feedback.to_dict(for_student=True)) + "".join(
        each.message for each in feedback.diagnosis
    )


LEAKS = [
    "raise ValueError(str(w.tolist()))",
    "raise type(str(w.tolist()), (Exception,), {})()",
    "return type(str(w.tolist()), (), {})()",
    "return w * 7",
    "return (w ** 3).sum()",
    "return w / 0",
]


@pytest.mark.parametrize("body", LEAKS)
def test_nothing_of_a_hidden_input_is_in_what_a_student_sees(body):
    """Right on what is public, then it tries to print what it was given."""
    exercise = assignment.find("l2_penalty")
    calls = exercise.calls(Random(11))
    public = len(exercise.public_calls())
    right, leaking = {}, {}
    exec("def l2_penalty(w): return (w ** 2).sum() / 2", right)
    exec(f"def l2_penalty(w): {body}", leaking)
    seen = [*observe(right, calls[:public]), *observe(leaking, calls[public:])]
    feedback = judge(exercise, calls, seen)
    assert feedback.score == 0
    said = everything_said(feedback)
    for call in calls[public:]:
        for value in call.arguments[0].values:
            assert len(f"{abs(value):.3g}") < 4 or f"{abs(value):.3g}" not in said
    assert "evidence" in json.dumps(feedback.to_dict())  # the teacher sees it


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_a_student_never_sees_what_was_expected(exercise, by_formula):
    calls = exercise.calls(Random(0))
    for mistake in exercise.mistakes[:3]:
        record = by_formula(exercise, mistake.formula, calls).to_dict(for_student=True)
        assert "expected" not in json.dumps(record)
        assert "fingerprint" not in record


def test_equal_mistakes_have_equal_fingerprints(graded):
    one, same, other = (
        graded("l2_penalty", function, seed).fingerprint
        for seed, function in enumerate(
            (lambda w: (w**4).sum(), lambda w: float(w.pow(4).sum()), lambda w: (w**3).sum())
        )
    )
    assert one == same != other


def test_skipped_and_statuses():
    feedback = skipped("train", Fraction(3), "l2_penalty")
    assert (feedback.status, feedback.score, feedback.max_score) == ("skipped", 0, 3)
    assert feedback.status in STATUSES


def test_unequal_lengths_are_an_error_of_the_caller():
    exercise = assignment.find("prior_sd")
    with pytest.raises(ValueError, match="0 observations of 1 calls"):
        judge(exercise, exercise.calls(Random(0)), [])
