"""bw.explain_difference: the same, not converged, no cause, and what the weights cannot tell."""

import json

import numpy as np
import pytest
import torch
from sklearn.linear_model import Lasso, Ridge
from torch import nn

import bayeswd as bw
from bayeswd.analysis import statement
from bayeswd.analysis.belief import Belief
from bayeswd.estimate import descent, exact
from bayeswd.problem import datasets
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Gaussian, Laplace


def stated_on(name, kind, strength, **options):
    split = datasets.split(datasets.load(name), **options)
    return statement.state(split, (kind,), Belief(strength=strength)).problems[0]


@pytest.fixture(scope="module")
def d2l():
    """The book's data and penalty, and the optimum."""
    stated = stated_on("d2l", "l2", 3.0)
    return stated, exact.solve(stated).params


@pytest.fixture(scope="module")
def diabetes():
    stated = stated_on("diabetes", "l2", 0.05)
    return stated, exact.solve(stated).params


def start(stated, scale, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {
        name: scale * torch.randn(value.shape, generator=generator, dtype=torch.float64)
        for name, value in stated.initial.items()
    }


@pytest.mark.parametrize(("kind", "strength"), [("l2", 0.05), ("l1", 2.0), ("l1", 20.0)])
def test_another_solver_of_the_same_objective_is_the_same(kind, strength):
    stated = stated_on("diabetes", kind, strength)
    inputs, targets = stated.inputs.numpy(), stated.targets.numpy()[:, 0]
    if kind == "l2":
        other = Ridge(strength * stated.n).fit(inputs, targets)
    else:
        other = Lasso(strength, tol=1e-10, max_iter=10**5).fit(inputs, targets)
    b = {"weight": other.coef_, "bias": other.intercept_}
    found = bw.explain_difference(exact.solve(stated).params, b, stated)
    assert found.cause == "same objective"
    assert found.verdict.startswith("the same: B is the optimum of A's objective")
    assert found.gap == pytest.approx(0, abs=1e-6)
    assert "<- explains it" in str(found)


def test_very_same_weights_are_said_to_be(d2l):
    stated, a = d2l
    assert "the very same weights" in bw.explain_difference(a, a, stated).verdict


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", ["d2l", "diabetes"])
def test_unrelated_weights_have_no_cause(name, seed, request):
    stated, a = request.getfixturevalue(name)
    scale = float(a["weight"].std())
    found = bw.explain_difference(a, start(stated, scale, seed), stated)
    assert found.cause == "none"
    assert found.verdict.startswith("none of these: B is the optimum neither of A's objective")
    assert min(test.residual for test in found.tests) > 0.05
    assert found.gap > 1


def test_two_unrelated_fits_leave_no_cause_for_either(diabetes):
    stated, _ = diabetes
    found = bw.explain_difference(start(stated, 10.0, 1), start(stated, 10.0, 2), stated)
    assert found.cause == found.cause_a == "none"
    assert "A itself is not the optimum of the objective stated for it" in found.verdict


def test_the_run_of_the_book_has_not_forgotten_its_start(d2l):
    stated, a = d2l
    first = start(stated, 0.01)
    b = descent.train(stated, start=first, steps=40, lr=0.01, batch_size=5, momentum=0.0).params
    found = bw.explain_difference(a, b, stated)
    assert found.cause == "not converged"
    assert "% of the norm of B's weights lies where the data have no say" in found.verdict
    assert "nats above the optimum" in found.verdict


@pytest.mark.parametrize("size", [1e-4, 0.02])
def test_a_start_left_where_the_data_have_no_say_is_named_alone(d2l, size):
    stated, a = d2l
    left = start(stated, size)["weight"]
    rows = torch.linalg.qr(stated.inputs.T).Q
    left = left - (left @ rows) @ rows.T
    found = bw.explain_difference(a, {**a, "weight": a["weight"] + left}, stated)
    assert found.cause == "not converged"
    assert found.best.name == "start left"
    share = float(left.norm() / (a["weight"] + left).norm())
    assert f"{share:.0%} of its norm lies where they have no say" in found.verdict


def test_a_run_that_was_stopped_early_has_not_converged(diabetes):
    stated, a = diabetes
    zero = {name: torch.zeros_like(value) for name, value in a.items()}
    far = descent.train(stated, start=zero, steps=20, lr=0.2, momentum=0.0)
    found = bw.explain_difference(a, far.params, stated)
    assert found.cause == "not converged"
    assert "of the way from zero weights down to A" in found.verdict
    assert found.gap > 0.01
    near = descent.train(stated, start=zero, steps=150, lr=0.2, momentum=0.0)
    found = bw.explain_difference(a, near.params, stated)
    assert found.cause == "not converged"
    assert "B has come 100.00% of the way from zero weights down to A" in found.verdict


def test_two_differences_at_once_are_not_taken_for_one(diabetes):
    stated, a = diabetes
    both = stated.with_priors(lambda name, prior: Gaussian(20.0))
    found = bw.explain_difference(a, exact.solve(both).params, stated)
    assert found.cause not in {test.name for test in found.tests}
    assert "not converged, or several differences at once" in found.verdict


def test_weights_that_are_not_what_a_is_said_to_be_are_told_first(d2l):
    stated, a = d2l
    half = stated.with_priors(
        lambda name, old: Gaussian(old.scale * 2**0.5) if name == "weight" else old
    )
    wrong = exact.solve(half).params
    found = bw.explain_difference(wrong, a, stated)
    assert found.cause == "same objective"
    assert found.cause_a == "penalty x 1/2"
    assert found.verdict.startswith("A itself is not the optimum of the objective stated for it")
    assert "A fits 'penalty x 1/2' instead. B minimises the stated objective" in found.verdict
    found = bw.explain_difference(wrong, wrong, stated)
    assert found.cause == found.cause_a == "penalty x 1/2"
    assert "and so does B" in found.verdict
    assert "state A's objective anew" in found.verdict


def test_what_few_digits_cannot_tell_is_said(diabetes):
    stated, a = diabetes
    more = stated.inputs.std(0, correction=1)
    changed = Problem(
        stated.model, stated.likelihood, stated.priors, stated.inputs / more, stated.targets
    )
    b = exact.solve(changed).params
    b = {"weight": b["weight"] / more, "bias": b["bias"]}
    exactly = bw.explain_difference(a, b, stated)
    assert exactly.cause == "standardised inputs (n-1)"
    rounded = {name: torch.round(value, decimals=2) for name, value in b.items()}
    found = bw.explain_difference(a, rounded, stated)
    assert found.cause == "same objective"  # no difference need be claimed
    assert "standardised inputs (n-1)" in found.ties
    assert "These weights cannot tell it from 'standardised inputs (n-1)'" in found.verdict


def test_an_l1_penalty_that_leaves_no_weight_fits_every_stronger_one():
    stated = stated_on("diabetes", "l1", 100.0)
    a = exact.solve(stated).params
    assert not a["weight"].any()
    found = bw.explain_difference(a, a, stated)
    assert found.cause == "same objective"
    assert {"penalty x 2", "penalty x n"} <= set(found.ties)


def test_modes_that_are_not_unique_are_not_called_the_same():
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(5, 9, generator=generator, dtype=torch.float64)
    targets = torch.randn(5, generator=generator, dtype=torch.float64)
    model = nn.Linear(9, 1, bias=False, dtype=torch.float64)
    stated = Problem(model, GaussianNoise(1.0), {"weight": Flat()}, inputs, targets)
    a = torch.linalg.lstsq(inputs, targets[:, None]).solution.T
    rows = torch.linalg.qr(inputs.T).Q
    left = torch.randn(1, 9, generator=generator, dtype=torch.float64)
    b = a + left - (left @ rows) @ rows.T
    found = bw.explain_difference({"weight": a}, {"weight": b}, stated)
    assert found.cause == "same objective"
    assert "the same objective at another place" in found.verdict


def test_a_network_has_factors_and_no_intercept(diabetes):
    stated, _ = diabetes
    model = nn.Sequential(nn.Linear(10, 2), nn.Tanh(), nn.Linear(2, 1)).double()
    priors = {"*.weight": Laplace(0.5), "*.bias": Flat()}
    network = Problem(model, stated.likelihood, priors, stated.inputs, stated.targets)
    found = bw.explain_difference(network.initial, start(network, 0.3), network)
    names = {test.name for test in found.tests}
    assert "penalty x n" in names
    assert not any("intercept" in name or "standardised" in name for name in names)
    assert found.gap is None
    assert found.cause == "none"


def test_float32_weights_are_judged_by_their_digits(d2l):
    stated, a = d2l
    single = {name: value.float() for name, value in a.items()}
    found = bw.explain_difference(a, single, stated)
    assert found.cause == "same objective"
    assert found.ties == ()
    assert found.tests[0].residual < 1e-6


def test_the_faces_of_an_explanation(d2l):
    stated, a = d2l
    found = bw.explain_difference(a, {"weight": np.zeros(200), "bias": 0.0}, stated)
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert set(record) >= {"cause", "verdict", "hypotheses", "gap", "residual_a", "difference"}
    rows = {row["name"]: row for row in record["hypotheses"]}
    assert rows["penalty x 2"]["factor"] == 2
    assert set(rows["penalty x 2"]) == {"name", "words", "residual", "factor", "fitted"}
    residuals = [test.residual for test in found.tests]
    assert residuals == sorted(residuals)
    assert "more leave as much or more" in str(found)
    assert "same objective" in str(found)  # always shown, however far down it stands
    assert "<table>" in found._repr_html_()
