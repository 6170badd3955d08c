"""The evidence against the multivariate normal, integration over the bias, and its own limits."""

import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from torch import nn

from bayeswd.posterior import conjugate, evidence
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Gaussian

NOISE, SCALE = 0.7, 0.3
BIASES = {"flat": Flat(), "absent": None, "own": Gaussian(2.0), "as weights": Gaussian(SCALE)}


def state(inputs, targets, bias, scale=SCALE, noise=NOISE, weight=None):
    """A linear-Gaussian problem; `bias` None is a model without one."""
    targets = torch.as_tensor(targets)
    priors = {"weight": weight or Gaussian(scale)} | ({"bias": bias} if bias else {})
    outputs = 1 if targets.ndim == 1 else targets.shape[1]
    model = nn.Linear(inputs.shape[1], outputs, bias=bias is not None, dtype=torch.float64)
    return Problem(model, GaussianNoise(noise), priors, torch.as_tensor(inputs), targets)


def draw(n, d, outputs=1, seed=0):
    random = np.random.default_rng(seed)
    inputs = random.normal(size=(n, d)) + np.linspace(-1, 2, d)
    weights = SCALE * random.normal(size=(d, outputs))
    return inputs, inputs @ weights + 1.5 + NOISE * random.normal(size=(n, outputs))


def normal_density(problem, bias_variance=0.0, shift=0.0):
    """log N(targets - shift; 0, sigma^2 I + tau^2 XX' + s^2 11'), summed over outputs."""
    inputs, n = problem.inputs.numpy(), problem.n
    covariance = problem.likelihood.scale**2 * np.eye(n) + bias_variance
    covariance = covariance + problem.priors["weight"].variance * inputs @ inputs.T
    return (
        stats.multivariate_normal(np.zeros(n), covariance).logpdf(problem.targets.T - shift).sum()
    )


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("bias", ["absent", "own", "as weights"])
@pytest.mark.parametrize("shape", [(30, 6), (8, 8), (7, 20), (1, 3)])
def test_under_proper_priors_it_is_a_normal_density(shape, bias, outputs):
    problem = state(*draw(*shape, outputs), BIASES[bias])
    variance = 0.0 if bias == "absent" else BIASES[bias].variance
    expected = normal_density(problem, variance)
    assert evidence.log_evidence(problem) == pytest.approx(expected, rel=1e-11)
    assert conjugate.posterior(problem).log_evidence == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("shape", [(12, 2), (5, 9)])
def test_a_flat_bias_is_integrated_with_density_one(shape):
    problem = state(*draw(*shape), Flat())
    centre = float(conjugate.posterior(problem).mean["bias"])
    top = normal_density(problem, shift=centre)
    area, _ = integrate.quad(
        lambda bias: math.exp(normal_density(problem, shift=bias) - top),
        *(centre - 12, centre + 12),
        points=[centre],
        epsrel=1e-11,
    )
    assert evidence.log_evidence(problem) == pytest.approx(top + math.log(area), rel=1e-10)


@pytest.mark.parametrize("shape", [(30, 6), (7, 20)])
def test_a_flat_bias_is_the_limit_of_a_wide_one(shape):
    inputs, targets = draw(*shape, outputs=2)
    wide = evidence.log_evidence(state(inputs, targets, Gaussian(1e6)))
    flat = evidence.log_evidence(state(inputs, targets, Flat()))
    assert wide + 2 * math.log(1e6 * math.sqrt(2 * math.pi)) == pytest.approx(flat, abs=1e-8)


def test_flat_weights_are_the_limit_of_wide_ones():
    inputs, targets = draw(30, 6, outputs=2)
    wide = evidence.log_evidence(state(inputs, targets, Flat(), scale=1e6))
    flat = evidence.log_evidence(state(inputs, targets, Flat(), weight=Flat()))
    assert wide + 12 * math.log(1e6 * math.sqrt(2 * math.pi)) == pytest.approx(flat, abs=1e-8)


def widened(prior, factor):
    return Gaussian(prior.scale * factor) if isinstance(prior, Gaussian) else prior


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("shape", [(30, 6), (7, 20)])
def test_a_path_is_a_row_of_evidences(shape, bias):
    inputs, targets = draw(*shape)
    problem = state(inputs, targets, BIASES[bias])
    scales = [0.01, SCALE, 5.0]
    alone = [
        evidence.log_evidence(state(inputs, targets, widened(BIASES[bias], scale / SCALE), scale))
        for scale in scales
    ]
    np.testing.assert_allclose(evidence.log_evidence_path(problem, scales), alone, rtol=1e-12)
