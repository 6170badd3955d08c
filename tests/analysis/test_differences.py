"""bw.explain_difference: each fault, made by an exact solver, is named."""

import math
from typing import Any

import pytest
import torch
from torch import nn

import bayeswd as bw
from bayeswd.analysis.penalty_factors import named_factors
from bayeswd.estimate import exact
from bayeswd.problem.likelihoods import Bernoulli, GaussianNoise, Likelihood, Poisson
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import ElasticNet, Flat, Gaussian, Laplace, Prior

SIGMA, BATCH = 0.6, 8


def problem(prior, kind="gaussian", n=40, d=6, seed=0, outputs=1, bias=None):
    """A linear problem on drawn data of unequal scales and means."""
    generator = torch.Generator().manual_seed(seed)
    scales = 0.6 + torch.rand(d, generator=generator, dtype=torch.float64)
    inputs = 0.4 + scales * torch.randn(n, d, generator=generator, dtype=torch.float64)
    truth = torch.randn(d, outputs, generator=generator, dtype=torch.float64)
    signal = inputs @ truth + 0.5
    targets = signal + SIGMA * torch.randn(n, outputs, generator=generator, dtype=torch.float64)
    likelihood: Likelihood = GaussianNoise(SIGMA)
    if kind == "bernoulli":
        targets, likelihood = (targets > 0.5).double(), Bernoulli()
    elif kind == "poisson":
        targets, likelihood = torch.poisson((0.2 * signal).exp(), generator=generator), Poisson()
    model = nn.Linear(d, outputs, dtype=torch.float64)
    priors = {"weight": prior, "bias": bias or Flat()}
    return Problem(model, likelihood, priors, inputs, targets)


def times(factor):
    """A change of prior: the penalty `factor` times as strong."""

    def change(name, prior):
        if isinstance(prior, Gaussian):
            return Gaussian(prior.scale * factor**-0.5)
        if isinstance(prior, ElasticNet):
            return ElasticNet(prior.l1_scale / factor, prior.l2_scale * factor**-0.5)
        return Laplace(prior.scale / factor) if isinstance(prior, Laplace) else prior

    return change


def solved(stated):
    return exact.solve(stated).params


def on(stated, inputs):
    """The problem with other inputs."""
    return Problem(stated.model, stated.likelihood, stated.priors, inputs, stated.targets)


def moved(params, by):
    return {**params, "bias": params["bias"] + by}


def explained(stated, b, cause, **options):
    """The explanation of B, which must be this cause, told from all others."""
    found = bw.explain_difference(solved(stated), b, stated, **options)
    assert found.cause == cause, found.verdict
    assert found.ties == ()
    assert found.cause_a == "same objective"
    return found


PROBLEMS: dict[str, tuple[Prior, dict[str, Any]]] = {
    "L2": (Gaussian(0.5), {}),
    "L1": (Laplace(0.12), {}),
    "elastic net": (ElasticNet(0.2, 0.7), {}),
    "logistic": (Gaussian(0.8), {"kind": "bernoulli"}),
    "Poisson": (Laplace(0.2), {"kind": "poisson"}),
    "several outputs": (Gaussian(0.5), {"outputs": 3}),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_factor_on_the_penalty_is_named(name):
    prior, options = PROBLEMS[name]
    stated = problem(prior, **options)
    factors = named_factors(stated, BATCH)
    assert len(factors) >= 12
    seen = 0
    for factor in factors:
        b = solved(stated.with_priors(times(factor.value)))
        if not b["weight"].any():  # any stronger L1 penalty ends there too
            continue
        found = explained(stated, b, f"penalty x {factor.name}", batch_size=BATCH)
        assert f"{factor.name}" in found.verdict
        assert found.tests[0].factor == pytest.approx(factor.value)
        seen += 1
    assert seen >= 6


def test_the_factors_that_a_problem_has():
    names = [factor.name for factor in named_factors(problem(Gaussian(0.5), outputs=3), BATCH)]
    assert {"2", "1/2", "n", "1/n", "B", "n/B", "K", "1/K", "sigma^2", "1/tau^2"} <= set(names)
    assert "sd_y" not in names  # three targets have three
    values = {factor.name: factor.value for factor in named_factors(problem(Gaussian(0.5)))}
    stated = problem(Gaussian(0.5))
    assert values["sd_y"] == pytest.approx(float(stated.targets.std(correction=0)))
    assert values["sd_y with n-1"] / values["sd_y"] == pytest.approx(math.sqrt(40 / 39))
    assert not {"B", "K"} & set(values)
    assert not {"sigma^2", "sd_y"} & {f.name for f in named_factors(problem(Laplace(1), "poisson"))}


def test_factors_of_one_value_are_one_hypothesis():
    stated = problem(Gaussian(0.5))
    found = explained(
        stated, solved(stated.with_priors(times(40.0))), "penalty x n = B", batch_size=40
    )
    assert "B has n = B = 40 times A's penalty" in found.verdict
    assert all("sigma" not in test.name for test in bw.explain_difference(
        solved(stated), solved(stated), stated.with_noise(1.0)
    ).tests)  # fmt: skip


@pytest.mark.parametrize("correction", [0, 1])
@pytest.mark.parametrize("prior", [Gaussian(0.5), Laplace(0.12), ElasticNet(0.2, 0.7)], ids=str)
@pytest.mark.parametrize("seed", range(2))
def test_standardised_inputs_are_named_with_their_sd(prior, correction, seed):
    stated = problem(prior, seed=seed)
    sd = stated.inputs.std(0, correction=correction)
    below = "n-1" if correction else "n"
    b = solved(on(stated, (stated.inputs - stated.inputs.mean(0)) / sd))
    raw = b["weight"] / sd
    b = {"weight": raw, "bias": b["bias"] - raw @ stated.inputs.mean(0)}
    explained(stated, b, f"standardised inputs ({below})")


def test_the_default_of_glmnet_is_named():
    stated = problem(Gaussian(0.5))
    sd, sd_y = stated.inputs.std(0, correction=0), float(stated.targets.std(correction=0))
    b = solved(on(stated, stated.inputs / sd).with_priors(times(1 / sd_y)))
    b = {"weight": b["weight"] / sd, "bias": b["bias"]}
    explained(stated, b, "standardised inputs and L2 x 1/sd_y (n)")


def test_one_part_of_an_elastic_net_is_named():
    stated = problem(ElasticNet(0.2, 0.7))
    sd = float(stated.targets.std(correction=0))
    for prior, cause in (
        (Laplace(0.2), "L1 part alone"),
        (Gaussian(0.7), "L2 part alone"),
        (ElasticNet(0.2, 0.7 * sd**0.5), "L2 part x 1/sd_y"),
        (ElasticNet(0.2 / sd, 0.7), "L1 part x sd_y"),
    ):
        b = solved(stated.with_priors(lambda name, old, p=prior: old if name == "bias" else p))
        explained(stated, b, cause)


@pytest.mark.parametrize(
    ("prior", "of_b", "cause"),
    [
        (Gaussian(0.5), Laplace(0.25), "L1 for L2, at the same strength"),
        (Gaussian(0.5), Laplace(0.5), "L1 for L2, at half the strength"),
        (Gaussian(0.5), Laplace(0.5 * 0.5**0.5), "L1 for L2, of the same prior variance"),
        (Gaussian(0.5), Laplace(0.2), "L1 at its own strength"),
        (Laplace(0.09), Gaussian(0.3), "L2 for L1, at the same strength"),
        (Laplace(0.09), Gaussian((0.09 / 2) ** 0.5), "L2 for L1, at twice the strength"),
        (Laplace(0.12), Gaussian(0.12 * 2**0.5), "L2 for L1, of the same prior variance"),
        (Laplace(0.12), Gaussian(0.4), "L2 at its own strength"),
        (Flat(), Gaussian(0.4), "L2 at its own strength"),
        (Flat(), Laplace(0.1), "L1 at its own strength"),
    ],
)
def test_the_other_family_is_named(prior, of_b, cause):
    stated = problem(prior)
    b = solved(stated.with_priors(lambda name, old: old if name == "bias" else of_b))
    found = explained(stated, b, cause)
    assert found.verdict.startswith("none of the named") == ("own strength" in cause)


@pytest.mark.parametrize("kind", ["gaussian", "bernoulli", "poisson"])
@pytest.mark.parametrize("seed", range(2))
def test_what_happened_to_the_intercept_is_named(kind, seed):
    stated = problem(Gaussian(0.5), kind, seed=seed)
    a, mean = solved(stated), stated.inputs.mean(0)
    shift = a["weight"] @ mean
    explained(stated, moved(a, shift), "intercept of centred inputs")
    explained(stated, moved(a, -shift), "intercept recentred twice")
    explained(stated, moved(a, -a["bias"]), "intercept left at 0")
    explained(stated, moved(a, 0.37), "intercept alone")
    on_bias = stated.with_priors(lambda name, old: Gaussian(0.5))
    b = solved(on_bias)
    explained(stated, b, "penalised intercept")
    explained(on_bias, a, "free intercept")
    model = nn.Linear(6, 1, bias=False, dtype=torch.float64)
    weights = {"weight": Gaussian(0.5)}
    without = Problem(model, stated.likelihood, weights, stated.inputs, stated.targets)
    b = {**solved(without), "bias": torch.zeros(1, dtype=torch.float64)}
    explained(stated, b, "no intercept")


def test_a_factor_without_a_name_is_fitted_and_said_to_be():
    stated = problem(Gaussian(0.5))
    found = explained(stated, solved(stated.with_priors(times(0.37))), "penalty x a free factor")
    assert "none of the named differences: B has 0.37 times A's penalty" in found.verdict
    sd = stated.inputs.std(0, correction=0)
    b = solved(on(stated, stated.inputs / sd).with_priors(times(3.3)))
    b = {"weight": b["weight"] / sd, "bias": b["bias"]}
    found = explained(stated, b, "standardised inputs and a free factor")
    assert "3.3 times" in found.verdict
