"""The right answers themselves, against closed forms and numbers worked out by hand."""

import math
from functools import partial
from random import Random

import pytest
import torch

from bayeswd.homework import assignment
from bayeswd.homework.answers import of_formula
from bayeswd.homework.assignment import EXERCISES
from bayeswd.homework.exercise import natural
from bayeswd.homework.exercises import prior_variance

W, G = torch.tensor([1.0, -2.0, 0.2]).double(), torch.full((3,), 0.5).double()


def right(name, *given, which=0):
    return assignment.find(name).accepted[which].formula(*given)


def vector(*values):
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize(
    ("name", "given", "wanted"),
    [
        ("l2_penalty", [vector(3.0, -4.0)], 12.5),
        ("l1_penalty", [vector(3.0, -4.0)], 7.0),
        ("frobenius_squared", [torch.tensor([[1.0, 2.0], [3.0, 4.0]]).double()], 30.0),
        ("sgd_step_l2", [W, G, 0.1, 3.0], [0.65, -1.45, 0.09]),
        ("sgd_step_l1", [W, G, 0.1, 3.0], [0.65, -1.75, -0.15]),
        ("proximal_step", [W, G, 0.1, 3.0], [0.65, -1.75, 0.0]),
        ("prior_variance", [3.0, 20, 0.01], 1e-4 / 60),
        ("prior_variance_torch", [3.0, 20, 0.01], 2e-4 / 60),
        ("prior_variance_keras", [3.0, 20, 0.01], 1e-4 / 60),
        ("prior_variance_ridge", [3.0, 20, 0.01], 1e-4 / 3),
        ("strength_from_prior", [0.01, 20, 0.01], 0.05),
        ("laplace_scale", [3.0, 20, 0.01], 1e-4 / 60),
        ("prior_sd", [], 0.0012909944),
        ("strength_for_weights", [], 0.05),
        ("weight_decay_for_weights", [], 0.1),
        ("lambda_of_concise", [], 1.5),
        ("constant_loss", [], 0.01005),
    ],
)
def test_numbers_worked_out_by_hand(name, given, wanted):
    found = torch.as_tensor(right(name, *given), dtype=torch.float64)
    torch.testing.assert_close(found, torch.as_tensor(wanted).double(), rtol=1e-6, atol=1e-12)


def draws(name, count=5):
    exercise = assignment.find(name)
    calls = [call for seed in range(count) for call in exercise.calls(Random(seed))]
    return [list(map(natural, call.arguments)) for call in calls]


def test_ridge_solves_its_normal_equations():
    for X, y, strength in draws("ridge_map"):
        w, b = right("ridge_map", X, y, strength)
        residual = y - X @ w - b
        torch.testing.assert_close(X.T @ residual / len(y), strength * w, rtol=1e-8, atol=1e-10)
        assert abs(float(residual.mean())) < 1e-10


def test_lasso_meets_its_conditions():
    zeros = 0
    for X, y, strength in draws("lasso_map"):
        w, b = right("lasso_map", X, y, strength)
        force = X.T @ (y - X @ w - b) / len(y)
        assert float(force.abs().max()) <= strength * (1 + 1e-8)
        active = w != 0
        torch.testing.assert_close(force[active], strength * w[active].sign(), rtol=1e-6, atol=0)
        zeros += int((~active).sum())
    assert zeros > 5  # some weights are held at 0, some are not


def test_the_posterior_is_the_curvature_of_the_negative_log_posterior():
    nlp = assignment.find("negative_log_posterior").accepted[0].formula
    for X, y, noise, scale in draws("posterior", 2):
        mean, covariance = right("posterior", X, y, noise, scale)
        leaf = mean.clone().requires_grad_()
        (slope,) = torch.autograd.grad(nlp(leaf, X, y, noise, scale), leaf)
        assert float(slope.abs().max()) < 1e-8
        objective = partial(nlp, X=X, y=y, noise=noise, scale=scale)
        curvature = torch.autograd.functional.hessian(objective, mean)
        torch.testing.assert_close(torch.linalg.inv(curvature), covariance, rtol=1e-8, atol=1e-12)


def test_the_negative_log_posterior_is_normalised():
    w, X, y, noise, scale = draws("negative_log_posterior", 1)[0]
    exponent = ((y - X @ w) ** 2).sum() / (2 * noise**2) + (w @ w) / (2 * scale**2)
    constant = len(y) * math.log(noise * math.sqrt(2 * math.pi))
    constant += len(w) * math.log(scale * math.sqrt(2 * math.pi))
    assert right("negative_log_posterior", w, X, y, noise, scale).item() == pytest.approx(
        float(exponent + constant)
    )


def test_two_conventions_of_one_objective_are_one_prior():
    """torch's weight_decay at twice the number is the book's lambda; Ridge's alpha is n lambda."""
    lam, n, noise = 0.7, 30, 1.3
    book, torch_one, keras, ridge = (
        exercise.accepted[0].formula for exercise in prior_variance.EXERCISES
    )
    assert torch_one(2 * lam, n, noise) == pytest.approx(book(lam, n, noise))
    assert keras(lam, n, noise) == pytest.approx(book(lam, n, noise))
    assert ridge(n * lam, n, noise) == pytest.approx(book(lam, n, noise))


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_right_answers_have_a_value_on_every_call(exercise):
    for seed in range(3):
        for call in exercise.calls(Random(seed)):
            for accepted in exercise.accepted:
                parts = of_formula(accepted.formula, call)
                assert parts is not None
                assert len(parts) == len(exercise.parts)


def test_an_assignment_has_unique_names_and_a_statement_for_each():
    ids = [exercise.id for exercise in EXERCISES]
    assert len(set(ids)) == len(ids)
    for exercise in EXERCISES:
        assert exercise.id.isidentifier()
        assert exercise.interface.startswith(exercise.id)
        assert exercise.points >= 1
        assert len(exercise.prompt) > 30
        assert len(exercise.convention) > 10
        assert exercise.choices or exercise.hint
        assert set(exercise.depends_on) <= set(ids)
        if exercise.draw is not None:
            assert len(exercise.argument_names) == len(exercise.draw(Random(0)))


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_no_prompt_or_hint_is_a_formula_of_the_answer(exercise):
    """The prompt may state the objective; a message never writes an assignment or `return`."""
    said = [exercise.hint, *(mistake.says for mistake in exercise.mistakes)]
    assert not [words for words in said if "return w" in words or " <- " in words]


def test_penalty_inputs_never_have_two_weights():
    """With two weights, the mean of the squares is half their sum."""
    for name in ("l2_penalty", "l1_penalty"):
        assert {len(given[0]) for given in draws(name)}.isdisjoint({2})


def test_choices_have_one_right_letter_each():
    choices = [exercise for exercise in EXERCISES if exercise.choices]
    assert len(choices) == 8
    for exercise in choices:
        letters = {exercise.accepted[0].formula()} | {each.formula() for each in exercise.mistakes}
        assert letters == set(exercise.choices)
