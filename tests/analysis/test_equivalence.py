"""bw.compare: every road to the mode, measured against the certified optimum."""

import math
from functools import partial

import pytest
import torch
from torch import nn

import bayeswd as bw
from bayeswd.analysis import statement
from bayeswd.analysis.belief import Belief
from bayeswd.analysis.equivalence import compare
from bayeswd.estimate import descent, exact
from bayeswd.problem import datasets

BOOK = {"steps": 40, "lr": 0.01, "batch_size": 5, "momentum": 0.0}


def stated(name, *kinds, **belief):
    split = datasets.split(datasets.load(name))
    return statement.state(split, kinds, Belief(**belief))


@pytest.fixture(scope="module")
def on_d2l():
    both = stated("d2l", "l2", "l1")
    return compare(
        *both.problems, validation=both.validation, penalties=both.penalties, data=both.data
    )


def rows(comparison):
    return {row.method: row for row in comparison.methods}


def test_l2_on_d2l_meets_the_exact_optimum(on_d2l):
    found = rows(on_d2l.comparisons[0])
    assert list(found) == ["exact", "penalized-sgd", "pyro-map", "posterior-mean"]
    largest = float(found["exact"].params["weight"].abs().max())
    assert found["penalized-sgd"].max_abs_difference <= 1e-9 * largest
    assert found["pyro-map"].max_abs_difference <= 1e-7 * largest
    assert found["posterior-mean"].max_abs_difference <= 1e-10 * largest
    assert all(row.gap <= 1e-8 and row.max_sd_difference <= 0.01 for row in found.values())
    assert on_d2l.comparisons[0].verdict.equivalent


def test_l1_on_d2l_meets_the_lasso_with_the_same_zeros(on_d2l):
    found = rows(on_d2l.comparisons[1])
    assert list(found) == ["exact", "penalized-sgd", "pyro-map", "posterior-mean"]
    weights = {name: row.params["weight"] for name, row in found.items()}
    largest = float(weights["exact"].abs().max())
    assert found["exact"].gap <= 1e-8
    assert found["penalized-sgd"].max_abs_difference <= 1e-7 * largest
    assert ((weights["penalized-sgd"] == 0) == (weights["exact"] == 0)).all()
    assert found["pyro-map"].gap <= 0.05
    assert found["pyro-map"].exact_zeros == 0 < found["exact"].exact_zeros
    assert on_d2l.comparisons[1].verdict.equivalent
    assert "Exact zeros" in on_d2l.comparisons[1].verdict.text


def test_losses_are_half_the_mean_squared_error_without_the_penalty(on_d2l):
    data = datasets.split(datasets.load("d2l"))
    row = on_d2l.comparisons[0].methods[0]
    fitted = data.validation_inputs @ row.params["weight"][0].numpy() + row.bias[0]
    expected = 0.5 * ((fitted - data.validation_targets) ** 2).mean()
    assert row.validation_loss == pytest.approx(expected, rel=1e-12)


def test_the_chain_names_the_prior_variance(on_d2l):
    words = on_d2l.comparisons[0].chain
    assert "λ = 3 (d2l, n = 20, σ = 0.01)" in words
    assert "N(0, 0.00129²), variance 1.667e-6" in words
    assert "95 % of weights within" in words


def test_the_dictionary_has_the_schema_and_plain_numbers(on_d2l):
    record = on_d2l.to_dict()
    assert record["schema"] == "bayeswd.compare/1"
    assert record["data"]["n_train"] == 20
    assert record["data"]["noise_from"] == "known"
    first, second = record["comparisons"]
    assert first["penalty"] == {
        "kind": "l2",
        "strength": pytest.approx(3),
        "convention": "d2l",
    }
    assert first["prior"]["variance"] == pytest.approx(1e-4 / 60)
    assert second["prior"]["family"] == "laplace"
    method = first["methods"][0]
    assert len(method["weights"]) == 200
    assert isinstance(method["bias"], list)
    assert second["methods"][0]["max_sd_difference"] == 0


def test_html_and_text_hold_the_verdict(on_d2l):
    verdict = on_d2l.comparisons[0].verdict.text
    assert verdict in str(on_d2l)
    assert "<table>" in on_d2l._repr_html_()
    assert "|Δw|" in on_d2l._repr_html_()


def test_the_books_40_steps_are_not_there_yet():
    book = stated("d2l", "l2")
    result = compare(*book.problems, train=partial(descent.train, **BOOK))
    share = (1 - 0.01 * 3) ** 40  # of the null-space part: only the decay moves it
    assert not result.equivalent
    assert not result.converged
    text = result.comparisons[0].verdict.text
    needed = math.ceil(math.log(1e-3) / math.log(1 - 0.01 * 3))
    assert text.startswith(f"not yet: after 40 steps {100 * share:.0f} % of the initial weights'")
    assert f"{needed} steps would bring it under 0.1 %" in text


def test_weights_of_another_objective_are_named_by_their_factor():
    problem = stated("d2l", "l2").problems[0]
    tau = problem.priors["weight"].scale
    twice = problem.with_priors(
        lambda name, prior: bw.Gaussian(tau * math.sqrt(2)) if name == "weight" else prior
    )
    result = compare(problem, fits={"torch tab": exact.ridge(twice).params})
    text = result.comparisons[0].verdict.text
    assert text.startswith("different objectives: torch tab is the optimum under 0.5 times")
    assert "2 times the prior variance" in text
    assert not result.equivalent


def test_weights_of_no_objective_are_only_not_the_same():
    problem = stated("diabetes", "l2").problems[0]
    best = exact.ridge(problem).params
    moved = {name: value + 0.3 * value.abs().max() for name, value in best.items()}
    text = compare(problem, fits={"mine": moved}).comparisons[0].verdict.text
    assert text.startswith("not the same: mine is not a mode")


def test_close_weights_within_the_gap_but_not_within_a_posterior_sd():
    problem = stated("d2l", "l2").problems[0]
    best = exact.ridge(problem).params
    sd = bw.conjugate.posterior(problem).sd["weight"]
    moved = best["weight"].clone()
    moved[0, 0] += 0.1 * sd[0, 0]
    result = compare(problem, fits={"mine": {**best, "weight": moved}})
    assert result.comparisons[0].verdict.text.startswith("close, not the same: mine")
    assert result.converged
    assert not result.equivalent


def test_logistic_and_its_l1_meet_their_optima():
    both = stated("breast-cancer", "l2", "l1")
    result = compare(*both.problems, validation=both.validation, penalties=both.penalties)
    assert result.equivalent
    for comparison in result.comparisons:
        found = rows(comparison)
        largest = float(found["exact"].params["weight"].abs().max())
        assert found["penalized-sgd"].max_abs_difference <= 1e-7 * largest
        assert found["exact"].exact_zeros == found["penalized-sgd"].exact_zeros
        assert all(row.max_sd_difference is None for row in comparison.methods)


def test_an_mlp_compares_stationary_points_and_claims_no_more():
    torch.manual_seed(0)  # the layers' own initialisation has no generator argument
    data = datasets.split(datasets.load("d2l"))
    model = nn.Sequential(nn.Linear(200, 4), nn.Tanh(), nn.Linear(4, 1)).double()
    problem = bw.Problem(
        model,
        bw.GaussianNoise(0.1),
        {"*.weight": bw.Gaussian(0.05), "*.bias": bw.Gaussian(1.0)},
        data.train_inputs,
        data.train_targets,
    )
    before = {name: value.clone() for name, value in model.state_dict().items()}
    train = partial(descent.train, optimizer=torch.optim.LBFGS, penalty_in_loss=True, lr=0.5)
    result = compare(
        problem, train=partial(train, steps=100), fit_pyro=partial(bw.pyro_map.fit, steps=50)
    )
    (comparison,) = result.comparisons
    assert all(row.gap is None for row in comparison.methods)
    assert "no claim of a global optimum" in comparison.verdict.text or not result.converged
    assert all((model.state_dict()[name] == before[name]).all() for name in before)


def test_strength_0_with_more_weights_than_rows_is_refused():
    problem = stated("d2l", "l2", strength=0.0).problems[0]
    with pytest.raises(bw.InputError, match="mode is not unique"):
        compare(problem)


def test_no_problem_is_an_error():
    with pytest.raises(bw.InputError, match="no problem"):
        compare()


def test_under_l1_the_posterior_mean_is_another_point_than_the_mode(on_d2l):
    one = on_d2l.comparisons[1]
    mean = rows(one)["posterior-mean"]
    assert not mean.is_mode
    assert mean.converged
    assert mean.exact_zeros == 0
    assert mean.gap > 10
    assert mean.max_sd_difference > 1 > rows(one)["pyro-map"].max_sd_difference
    assert one.draws.params["weight"].shape[-2:] == (1, 200)
    assert one.verdict.equivalent
    assert "The posterior mean is another point" in one.verdict.text
    assert "0 exact zeros" in one.verdict.text


def test_a_posterior_that_takes_long_has_no_row_and_may_be_given():
    problem = stated("diabetes", "l1").problems[0]
    quick = partial(compare, problem, fit_pyro=partial(bw.pyro_map.fit, steps=30))
    without = quick(draw=lambda problem: None).comparisons[0]
    assert "posterior-mean" not in rows(without)
    assert without.draws is None
    short = quick(draw=partial(bw.gibbs.sample, chains=2, draws=8)).comparisons[0]
    assert not rows(short)["posterior-mean"].converged
    assert "* posterior-mean: not converged" in short.notes()
    assert short.converged == without.converged
