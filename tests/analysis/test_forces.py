"""Forces on weights: the residual is the certificate's, and weights are read as they come."""

import math

import numpy as np
import pytest
import torch
from torch import nn

import bayeswd as bw
from bayeswd.analysis.forces import Written, forces, rates_of, read
from bayeswd.errors import InputError
from bayeswd.estimate import exact
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import ElasticNet, Flat, Gaussian, Laplace
from bayeswd.problem.stationarity import kkt_residual


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def problem(prior, columns=range(6)):
    inputs = 0.4 + drawn(40, 6)
    targets = inputs @ drawn(6, 1, seed=1) + 0.6 * drawn(40, 1, seed=2)
    model = nn.Linear(len(columns), 1, dtype=torch.float64)
    priors = {"weight": prior, "bias": Flat()}
    return Problem(model, GaussianNoise(0.6), priors, inputs[:, columns], targets)


@pytest.mark.parametrize("prior", [Gaussian(0.3), Laplace(0.01), ElasticNet(0.02, 0.5)], ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_the_residual_under_its_own_pulls_is_that_of_the_certificate(prior, seed):
    stated = problem(prior)
    weights = {"weight": drawn(1, 6, seed=seed), "bias": drawn(1, seed=seed + 9)}
    weights["weight"][0, ::2] = 0.0  # where a pull of constant size has some slack
    params, rounding = read(weights, stated)
    found = forces(stated, params, rounding)
    expected = kkt_residual(stated, weights)
    assert found.residual(rates_of(stated)) == pytest.approx(expected, rel=1e-12)
    held = found.residual_of("bias", 0.0, 0.0)
    only_bias = abs(float(stated.misfit_gradient(weights)["bias"])) / found.scale
    assert held == pytest.approx(only_bias, rel=1e-12)


def test_a_weight_frozen_at_zero_is_no_optimum():
    stated = problem(Laplace(0.05))
    a = exact.solve(stated).params
    smallest = int(a["weight"].abs().masked_fill(a["weight"] == 0, math.inf).argmin())
    kept = [column for column in range(6) if column != smallest]
    rest = exact.solve(problem(Laplace(0.05), kept)).params
    b = {"weight": torch.zeros(1, 6, dtype=torch.float64), "bias": rest["bias"]}
    b["weight"][0, kept] = rest["weight"][0]
    assert bw.infer_strength(rest, problem(Laplace(0.05), kept)).family == "laplace"
    assert not bw.infer_strength(b, stated).found


def test_the_digits_of_the_weights_set_the_tolerance():
    stated = problem(Gaussian(0.3))
    fit = exact.solve(stated).params
    tolerances = []
    for digits in (2, 4, 8):
        off = 0.5 * 10.0**-digits
        written = {name: torch.round(value, decimals=digits) for name, value in fit.items()}
        rounding = {name: torch.full_like(value, off) for name, value in fit.items()}
        params, rounding = read(Written(written, rounding), stated)
        found = forces(stated, params, rounding)
        assert found.residual(rates_of(stated)) <= found.tolerance
        tolerances.append(found.tolerance)
    assert tolerances[0] > 10 * tolerances[1]
    assert tolerances[2] == 1e-4


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        ([1.0], "weights: found a list; give a module or {'weight': tensor, 'bias': tensor}"),
        ({"weight": np.zeros(6)}, "weights lack the parameter 'bias'; give zeros"),
        ({"weight": np.zeros(6), "bais": 0.0}, "no parameter 'bais'; did you mean 'bias'"),
        ({"weight": np.zeros(5), "bias": 0.0}, r"'weight' has shape \(5,\); the problem's has"),
        ({"weight": np.full(6, np.nan), "bias": 0.0}, "'weight' holds NaN or an infinity"),
        ({"weight": ["a"] * 6, "bias": 0.0}, "'weight' holds <U1, not numbers"),
    ],
)
def test_weights_that_are_none_are_refused(weights, says):
    with pytest.raises(InputError, match=says):
        bw.infer_strength(weights, problem(Gaussian(1.0)))
