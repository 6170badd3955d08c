"""bw.infer_strength: from weights alone, the penalty that they are the optimum of."""

import json
import math

import pytest
import torch
from sklearn.linear_model import Lasso, Ridge
from torch import nn

import bayeswd as bw
from bayeswd.estimate import descent, exact
from bayeswd.problem import conventions
from bayeswd.problem.likelihoods import Bernoulli, Categorical, GaussianNoise, Poisson
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import ElasticNet, Flat, Gaussian, Laplace

SIGMA = 0.6
KINDS = {"bernoulli": Bernoulli(), "categorical": Categorical(), "poisson": Poisson()}


def problem(prior, kind="gaussian", n=40, d=6, seed=0, outputs=1, bias=None, has_bias=True):
    """A linear problem on drawn data of unequal scales and means."""
    generator = torch.Generator().manual_seed(seed)
    scales = 0.6 + torch.rand(d, generator=generator, dtype=torch.float64)
    inputs = 0.4 + scales * torch.randn(n, d, generator=generator, dtype=torch.float64)
    truth = torch.randn(d, outputs, generator=generator, dtype=torch.float64)
    signal = inputs @ truth + 0.5
    noise = torch.randn(n, outputs, generator=generator, dtype=torch.float64)
    targets = signal + SIGMA * noise
    if kind == "bernoulli":
        targets = (targets > 0.5).double()
    elif kind == "categorical":
        targets = (signal + 2 * noise).argmax(1)
    elif kind == "poisson":
        targets = torch.poisson((0.2 * signal).exp(), generator=generator)
    model = nn.Linear(d, outputs, bias=has_bias, dtype=torch.float64)
    priors = {"weight": prior, "bias": bias or Flat()} if has_bias else {"weight": prior}
    return Problem(model, KINDS.get(kind, GaussianNoise(SIGMA)), priors, inputs, targets)


def book_strength(prior, n, noise=SIGMA):
    """(strength, l1_ratio or None) of a prior in the book's convention, by hand."""
    unit = noise**2 / n
    if isinstance(prior, ElasticNet):
        l1, l2 = unit / prior.l1_scale, unit / prior.l2_scale**2
        return l1 + l2, l1 / (l1 + l2)
    return unit / (prior.scale if isinstance(prior, Laplace) else prior.scale**2), None


PRIORS = [Gaussian(0.3), Gaussian(5.0), Laplace(0.05), Laplace(0.5), ElasticNet(0.06, 0.4)]


@pytest.mark.parametrize("prior", PRIORS, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_the_strength_of_an_exact_fit_is_found_whatever_the_problem_says(prior, seed):
    stated = problem(prior, seed=seed)
    weights = exact.solve(stated).params
    other = stated.with_priors(lambda name, old: old if name == "bias" else Gaussian(77.0))
    finding = bw.infer_strength(weights, other)
    strength, l1_ratio = book_strength(prior, stated.n)
    assert finding.found
    assert finding.family == prior.family
    assert finding.strength == pytest.approx(strength, rel=1e-6)
    assert finding.main.l1_ratio == (None if l1_ratio is None else pytest.approx(l1_ratio))
    assert finding.residual <= 1e-9
    assert finding.priors["weight"].l1_rate == pytest.approx(prior.l1_rate, rel=1e-6)
    assert finding.priors["weight"].l2_rate == pytest.approx(prior.l2_rate, rel=1e-6)
    assert finding.priors["bias"] == Flat()


@pytest.mark.parametrize(
    ("kind", "outputs"), [("bernoulli", 1), ("categorical", 3), ("poisson", 1), ("gaussian", 3)]
)
@pytest.mark.parametrize("prior", [Gaussian(0.4), Laplace(0.15)], ids=str)
def test_every_likelihood_and_several_outputs(kind, outputs, prior):
    stated = problem(prior, kind, outputs=outputs)
    finding = bw.infer_strength(exact.solve(stated).params, stated)
    noise = SIGMA if kind == "gaussian" else 1.0
    factor = 1 / outputs if kind == "gaussian" else 1.0  # the book's mean runs over outputs
    assert finding.family == prior.family
    assert finding.strength == pytest.approx(
        factor * book_strength(prior, stated.n, noise)[0], rel=1e-5
    )


def test_sigma_moves_the_scale_and_not_the_strength():
    stated = problem(Gaussian(0.3))
    weights = exact.solve(stated).params
    right, wrong = (bw.infer_strength(weights, stated.with_noise(s)) for s in (SIGMA, 7.0))
    assert wrong.strength == pytest.approx(right.strength, rel=1e-12)
    assert wrong.main.reading.scale == pytest.approx(0.3 * 7.0 / SIGMA)


def test_the_strength_is_said_in_the_convention_asked_for():
    stated = problem(Gaussian(1.0))
    inputs, targets = stated.inputs.numpy(), stated.targets.numpy()[:, 0]
    ridge = Ridge(2.5).fit(inputs, targets)
    weights = {"weight": ridge.coef_, "bias": ridge.intercept_}
    finding = bw.infer_strength(weights, stated, convention="sklearn.Ridge")
    assert finding.strength == pytest.approx(2.5)
    assert "strength 2.5 (sklearn.Ridge) on weight; no penalty on bias" in finding.text
    lasso = Lasso(0.1, tol=1e-14, max_iter=10**5).fit(inputs, targets)
    weights = {"weight": lasso.coef_, "bias": lasso.intercept_}
    finding = bw.infer_strength(weights, stated, convention="sklearn.Ridge")
    assert finding.main.convention == "d2l"  # Ridge has no number for an L1 penalty
    assert finding.strength == pytest.approx(0.1)


def test_flat_is_found_and_weights_of_nothing_are_none():
    stated = problem(Gaussian(1.0))
    flat = stated.with_priors(lambda name, old: Flat())
    finding = bw.infer_strength(exact.solve(flat).params, stated)
    assert finding.family == "flat"
    assert "no penalty, or one too weak to be seen" in finding.text
    generator = torch.Generator().manual_seed(4)
    for _ in range(5):
        unrelated = {
            name: torch.randn(value.shape, generator=generator, dtype=torch.float64)
            for name, value in stated.initial.items()
        }
        finding = bw.infer_strength(unrelated, stated)
        assert not finding.found
        assert finding.family == "none"
        assert finding.strength is None
        assert finding.residual > 0.01
        assert finding.text.startswith("none: these weights are not the optimum of any")


def test_an_unfinished_run_is_none():
    stated = problem(Gaussian(0.3))
    assert not bw.infer_strength(descent.train(stated, steps=4).params, stated).found


@pytest.mark.parametrize("prior", [Gaussian(0.3), Laplace(0.1)], ids=str)
def test_a_penalised_bias_is_read_with_its_own_strength(prior):
    twice = type(prior)(2 * prior.scale)
    stated = problem(prior, bias=twice)
    finding = bw.infer_strength(exact.solve(stated).params, stated)
    by_name = {group.name: group for group in finding.groups}
    assert by_name["weight"].strength == pytest.approx(book_strength(prior, stated.n)[0])
    assert by_name["weight"].alternatives == ()
    assert by_name["bias"].alternatives == ("laplace",)  # one weight: any family holds it
    assert "On bias it could as well be Laplace (L1): one weight" in finding.text
    same = problem(prior, bias=prior)
    finding = bw.infer_strength(exact.solve(same).params, same)
    assert all(g.family == prior.family and not g.alternatives for g in finding.groups)
    assert "on weight, bias" in finding.text


def test_a_bias_that_was_penalised_against_what_is_said_is_named():
    stated = problem(Gaussian(0.3), bias=Gaussian(0.3))
    said = stated.with_priors(lambda name, old: Flat() if name == "bias" else old)
    finding = bw.infer_strength(exact.solve(stated).params, said)
    assert not finding.found
    assert "nothing is said to hold 'bias'" in finding.text
    assert "at rest if the penalty of the others is on them too: give them a prior" in finding.text


def test_all_zero_weights_give_a_lower_bound():
    stated = problem(Laplace(1e-3))
    weights = exact.solve(stated).params
    assert not weights["weight"].any()
    finding = bw.infer_strength(weights, stated)
    assert finding.family == "laplace"
    assert finding.main.at_least
    largest = stated.misfit_gradient(weights)["weight"].abs().max()
    assert finding.strength == pytest.approx(float(largest) * SIGMA**2 / stated.n)
    assert "strength at least" in finding.text


def test_one_weight_cannot_tell_the_families_apart():
    stated = problem(Gaussian(0.3), d=1)
    finding = bw.infer_strength(exact.solve(stated).params, stated)
    assert finding.main.alternatives == ("laplace",)
    assert "one weight cannot tell them apart" in finding.text


def test_each_parameter_of_a_network_has_its_own_strength():
    base = problem(Gaussian(1.0))
    model = nn.Sequential(nn.Linear(6, 3), nn.Tanh(), nn.Linear(3, 1)).double()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for value in model.parameters():
            value.uniform_(-0.5, 0.5, generator=generator)
    priors = {"0.weight": Gaussian(0.5), "2.weight": Gaussian(0.9), "*.bias": Flat()}
    stated = Problem(model, base.likelihood, priors, base.inputs, base.targets)
    values = [value.requires_grad_() for value in stated.initial.values()]
    weights = dict(zip(stated.priors, values, strict=True))
    optimizer = torch.optim.LBFGS(
        values, max_iter=3000, tolerance_grad=1e-10, tolerance_change=0,
        line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure():
        optimizer.zero_grad()
        value = stated.objective(weights)
        value.backward()
        return value

    optimizer.step(closure)
    finding = bw.infer_strength(weights, stated)
    scales = {group.name: group.reading.scale for group in finding.groups}
    assert scales["0.weight"] == pytest.approx(0.5, rel=1e-4)
    assert scales["2.weight"] == pytest.approx(0.9, rel=1e-4)
    assert math.isinf(scales["0.bias"])
    with torch.no_grad():
        for name, value in stated.model.named_parameters():
            value.copy_(weights[name])
    assert bw.infer_strength(stated.model, stated).text == finding.text  # a module will do


def test_the_faces_of_a_finding():
    stated = problem(Laplace(0.05))
    finding = bw.infer_strength(exact.solve(stated).params, stated)
    record = json.loads(json.dumps(finding.to_dict(), allow_nan=False))
    assert record["family"] == "laplace"
    assert [row["name"] for row in record["parameters"]] == ["weight", "bias"]
    assert record["parameters"][1]["scale"] is None  # infinite
    assert "Laplace (L1)" in str(finding)
    assert "<table>" in finding._repr_html_()
    reading = conventions.reading("d2l", finding.strength, penalty="l1", n=40, noise_scale=SIGMA)
    assert reading.scale == pytest.approx(0.05)
