"""The exact posterior with unknown noise: textbook formulas, quadrature, and its own draws."""

import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from torch import nn

from bayeswd.errors import InputError
from bayeswd.posterior import conjugate, evidence
from bayeswd.posterior import normal_inverse_gamma as exact
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Gaussian, Laplace

SIGMA, SCALE = 0.7, 0.3
BIASES = {"flat": Flat(), "absent": None, "gaussian": Gaussian(2.0)}
SHAPES = {"n > d": (30, 6), "d > n": (7, 20), "two rows": (2, 3)}
PRIORS = [(0.0, 0.0), (2.5, 0.4), (0.0, 0.4)]


def state(shape, bias, outputs=1, sigma=SIGMA, scale=SCALE, prior=None):
    n, d = shape
    random = np.random.default_rng(n + 10 * d + outputs)
    inputs = random.normal(size=(n, d)) * np.linspace(0.5, 2, d) + np.linspace(-1, 3, d)
    targets = inputs @ random.normal(size=(d, outputs)) * SCALE + 1.5
    targets = targets + SIGMA * random.normal(size=(n, outputs))
    priors = {"weight": prior or Gaussian(scale)} | ({"bias": bias} if bias else {})
    model = nn.Linear(d, outputs, bias=bias is not None)
    return Problem(model, GaussianNoise(sigma), priors, inputs, targets)


def textbook(problem, shape, rate):
    """Mean [D, K], precision [D, D] over sigma^2, and the inverse gamma of sigma^2."""
    inputs, targets = problem.inputs.numpy(), problem.targets.numpy()
    design, rates = inputs, np.full(inputs.shape[1], problem.priors["weight"].l2_rate)
    if "bias" in problem.priors:
        design = np.column_stack([inputs, np.ones(len(inputs))])
        rates = np.append(rates, problem.priors["bias"].l2_rate)
    precision = design.T @ design + np.diag(rates) * problem.likelihood.scale**2
    mean = np.linalg.solve(precision, design.T @ targets)
    squares = (targets**2).sum() - (mean * (precision @ mean)).sum()
    flat = targets.shape[1] * (rates == 0).sum()
    return (
        mean,
        precision,
        exact.InverseGamma(shape + (targets.size - flat) / 2, rate + squares / 2),
    )


def at_noise(problem, sigma):
    """The problem at this sigma, with the scales that go with it."""

    def in_proportion(_, prior):
        return prior if prior.l2_rate == 0 else Gaussian(prior.scale * sigma / SIGMA)

    return problem.with_noise(sigma).with_priors(in_proportion)


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_posterior_is_the_textbook_formula(shape, bias, outputs, prior):
    problem = state(SHAPES[shape], BIASES[bias], outputs)
    found = exact.posterior(problem, shape=prior[0], rate=prior[1])
    mean, precision, law = textbook(problem, *prior)
    assert found.noise_variance.shape == law.shape
    assert found.noise_variance.rate == pytest.approx(law.rate, rel=1e-9)
    assert found.degrees == 2 * law.shape
    together = torch.cat([found.mean[name].reshape(outputs, -1) for name in found.mean], 1)
    np.testing.assert_allclose(together, mean.T, rtol=1e-9, atol=1e-11)
    scales = torch.cat([found.scale[name].reshape(outputs, -1) for name in found.scale], 1)
    wanted = np.sqrt(np.diag(np.linalg.inv(precision)) * law.rate / law.shape)
    np.testing.assert_allclose(scales, np.tile(wanted, (outputs, 1)), rtol=1e-9)
    if law.shape > 1:
        sds = torch.cat([found.sd[name].flatten() for name in found.sd])
        np.testing.assert_allclose(found.covariance.diagonal().sqrt(), sds, rtol=1e-9)
    else:
        assert found.covariance is None
        assert found.noise_variance.mean == math.inf
        assert bool(torch.isinf(found.sd["weight"]).all())


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_evidence_is_an_integral_over_sigma(shape, bias, prior):
    """Of the evidence at each sigma, all scales in proportion to it, times the prior's density."""
    problem = state(SHAPES[shape], BIASES[bias])
    found = exact.posterior(problem, shape=prior[0], rate=prior[1])

    def at(log_variance):
        sigma = math.exp(log_variance / 2)
        density = -prior[0] * log_variance - prior[1] / sigma**2  # times d sigma^2 / d log
        if min(prior) > 0:
            density += prior[0] * math.log(prior[1]) - math.lgamma(prior[0])
        return math.exp(
            evidence.log_evidence(at_noise(problem, sigma)) + density - found.log_evidence
        )

    assert integrate.quad(at, -12, 40, points=[-2, 3], limit=200)[0] == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("shape", ["n > d", "d > n"])
def test_a_path_is_a_row_of_posteriors(shape, bias):
    problem, scales = state(SHAPES[shape], BIASES[bias]), [0.05, SCALE, 4.0]
    found = exact.path(problem, scales, shape=1.5, rate=0.2)
    for scale, along in zip(scales, found, strict=True):
        own = Gaussian(2.0 * scale / SCALE) if bias == "gaussian" else BIASES[bias]
        alone = exact.posterior(state(SHAPES[shape], own, scale=scale), shape=1.5, rate=0.2)
        assert along.log_evidence == pytest.approx(alone.log_evidence, rel=1e-10)
        assert along.noise_variance.rate == pytest.approx(alone.noise_variance.rate, rel=1e-9)
        for name in alone.mean:
            torch.testing.assert_close(along.mean[name], alone.mean[name], rtol=1e-9, atol=1e-11)
            torch.testing.assert_close(along.scale[name], alone.scale[name], rtol=1e-9, atol=0)


@pytest.mark.parametrize("bias", BIASES)
def test_only_the_ratio_of_the_stated_scales_counts(bias):
    own = Gaussian(20.0) if bias == "gaussian" else BIASES[bias]
    one = exact.posterior(state((30, 6), BIASES[bias]))
    other = exact.posterior(state((30, 6), own, sigma=10 * SIGMA, scale=10 * SCALE))
    assert other.log_evidence == pytest.approx(one.log_evidence, rel=1e-11)
    assert other.noise_variance.rate == pytest.approx(one.noise_variance.rate, rel=1e-9)
    torch.testing.assert_close(other.scale["weight"], one.scale["weight"])


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("shape", ["n > d", "d > n"])
def test_draws_are_student_and_their_noise_is_inverse_gamma(shape, bias):
    problem = state(SHAPES[shape], BIASES[bias])
    found = exact.posterior(problem)
    draws = exact.sample(problem, chains=2, draws=4000, seed=3)
    assert draws.params["weight"].shape == (2, 4000, 1, SHAPES[shape][1])
    law = stats.invgamma(found.noise_variance.shape, scale=found.noise_variance.rate)
    assert stats.kstest(draws.noise_scale.ravel() ** 2, law.cdf).pvalue > 1e-3
    for name, value in draws.params.items():
        standard = ((value - found.mean[name]) / found.scale[name]).flatten(0, 1).flatten(1)
        for column in standard.T[:6]:
            assert stats.kstest(column, stats.t(found.degrees).cdf).pvalue > 1e-3
    # given sigma, what is left is normal: weights and sigma are uncorrelated, but not independent
    given = (draws.params["weight"] - found.mean["weight"])[..., 0, 0] / draws.noise_scale
    sd = conjugate.posterior(problem).sd["weight"][0, 0] / SIGMA
    assert stats.kstest((given / sd).ravel(), stats.norm.cdf).pvalue > 1e-3
    again = exact.sample(problem, chains=2, draws=4000, seed=3)
    assert torch.equal(again.params["weight"], draws.params["weight"])


@pytest.mark.parametrize("prior", [(0.0, 0.0), (2.5, 0.4)])
@pytest.mark.parametrize("bias", BIASES)
def test_lp_is_the_log_joint_density(bias, prior):
    problem = state((9, 3), BIASES[bias], outputs=2)
    draws = exact.sample(problem, chains=1, draws=3, seed=1, shape=prior[0], rate=prior[1])
    for index in range(3):
        sigma = float(draws.noise_scale[0, index])
        params = {name: value[0, index] for name, value in draws.params.items()}
        density = -2 * (prior[0] + 1) * math.log(sigma) - prior[1] / sigma**2
        if prior[0]:
            density += prior[0] * math.log(prior[1]) - math.lgamma(prior[0])
        wanted = density - float(at_noise(problem, sigma).objective(params))
        assert float(draws.sample_stats["lp"][0, index]) == pytest.approx(wanted, rel=1e-9)


def test_the_predictive_is_student():
    problem = state((30, 6), Flat())
    found = exact.posterior(problem)
    rows = torch.linspace(-1, 2, 12, dtype=torch.float64).view(2, 6)
    mean, scale = exact.predictive(problem, found, rows)
    draws = exact.sample(problem, chains=1, draws=8000, seed=2)
    outputs = rows @ draws.params["weight"][0, :, 0].T + draws.params["bias"][0, :, 0]
    noise = torch.randn(outputs.shape, generator=torch.Generator().manual_seed(5)).double()
    replicated = (outputs + draws.noise_scale[0] * noise).T
    for column in range(2):
        standard = (replicated[:, column] - mean[column, 0]) / scale[column, 0]
        assert stats.kstest(standard, stats.t(found.degrees).cdf).pvalue > 1e-3


def test_what_has_no_answer_is_refused():
    with pytest.raises(InputError, match=r"no closed form under Laplace\(scale=0.3\) on 'weight'"):
        exact.posterior(state((30, 6), Flat(), prior=Laplace(0.3)))
    with pytest.raises(InputError, match=r"of sigma\^2 is improper: 0 targets beyond the flat"):
        exact.posterior(state((1, 2), Flat()))
    with pytest.raises(InputError, match="rate must be a finite number >= 0; found -1"):
        exact.sample(state((30, 6), Flat()), rate=-1)
    with pytest.raises(InputError, match="0 chains of 5 draws"):
        exact.sample(state((30, 6), Flat()), chains=0, draws=5)
