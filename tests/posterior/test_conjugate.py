"""The exact posterior against the textbook formula, and its draws against the exact posterior."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from bayeswd.errors import InputError
from bayeswd.estimate import exact
from bayeswd.posterior import conjugate
from bayeswd.problem.likelihoods import Bernoulli, GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Gaussian, Laplace

NOISE, SCALE = 0.7, 0.3
BIASES = {
    "flat": Flat(),
    "absent": None,
    "own": Gaussian(2.0),
    "tight": Gaussian(1e-4),
    "as weights": Gaussian(SCALE),
}
SHAPES = {"n > d": (30, 6), "n = d": (8, 8), "d > n": (7, 20), "one row": (1, 3)}


def state(shape, bias, outputs=1, dtype=torch.float64, prior=None):
    """A problem whose columns have means and scales of their own."""
    n, d = shape
    random = np.random.default_rng(n + 10 * d + outputs)
    inputs = random.normal(size=(n, d)) * np.linspace(0.5, 2, d) + np.linspace(-1, 3, d)
    targets = inputs @ random.normal(size=(d, outputs)) * SCALE + 1.5
    targets = targets + NOISE * random.normal(size=(n, outputs))
    priors = {"weight": prior or Gaussian(SCALE)} | ({"bias": bias} if bias else {})
    model = nn.Linear(d, outputs, bias=bias is not None, dtype=dtype)
    inputs = torch.tensor(inputs, dtype=dtype)
    return Problem(model, GaussianNoise(NOISE), priors, inputs, torch.tensor(targets))


def naive(problem):
    """Mean [K, d + 1] and covariance of one output: (A'A/sigma^2 + P)^-1 with A = [X, 1]."""
    inputs, targets = problem.inputs.numpy(), problem.targets.numpy()
    design, rates = inputs, np.full(inputs.shape[1], problem.priors["weight"].l2_rate)
    if "bias" in problem.priors:
        design = np.column_stack([inputs, np.ones(len(inputs))])
        rates = np.append(rates, problem.priors["bias"].l2_rate)
    covariance = np.linalg.inv(design.T @ design / NOISE**2 + np.diag(rates))
    return (covariance @ design.T @ targets / NOISE**2).T, covariance


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("shape", SHAPES)
def test_mean_sd_and_covariance_are_the_textbook_formula(shape, bias, outputs):
    problem = state(SHAPES[shape], BIASES[bias], outputs)
    exact = conjugate.posterior(problem)
    mean, covariance = naive(problem)
    d = problem.inputs.shape[1]
    names = list(exact.mean)
    found = torch.cat([exact.mean[name].reshape(outputs, -1) for name in names], 1)
    sds = torch.cat([exact.sd[name].reshape(outputs, -1) for name in names], 1)
    np.testing.assert_allclose(found, mean, rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(sds, np.tile(np.sqrt(np.diag(covariance)), (outputs, 1)), 1e-10)
    whole = exact.covariance.numpy()
    for output in range(outputs):
        index = [*range(output * d, output * d + d)]
        index += [outputs * d + output] if "bias" in names else []
        np.testing.assert_allclose(whole[np.ix_(index, index)], covariance, rtol=1e-9, atol=1e-12)
        whole[np.ix_(index, index)] = 0
    assert (whole == 0).all()  # outputs are independent
    assert exact.noise_scale == NOISE


def test_flat_weights_are_ordinary_least_squares():
    problem = state((30, 6), Flat(), prior=Flat())
    exact = conjugate.posterior(problem)
    mean, covariance = naive(problem)
    np.testing.assert_allclose(exact.mean["weight"], mean[:, :-1], rtol=1e-10)
    np.testing.assert_allclose(exact.covariance, covariance, rtol=1e-9)


def test_flat_weights_that_the_inputs_do_not_determine_are_refused():
    with pytest.raises(InputError, match="improper: the inputs have rank 6 for 20 weights"):
        conjugate.posterior(state((7, 20), Flat(), prior=Flat()))


def widened(factor, _, prior):
    return Gaussian(prior.scale * factor) if isinstance(prior, Gaussian) else prior


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("shape", [(30, 6), (7, 20)])
def test_a_path_is_a_row_of_posteriors(shape, bias):
    problem = state(shape, BIASES[bias])
    scales = [0.05, SCALE, 4.0]
    for scale, found in zip(scales, conjugate.path(problem, scales), strict=True):
        alone = conjugate.posterior(problem.with_priors(partial(widened, scale / SCALE)))
        for name in alone.mean:
            torch.testing.assert_close(found.mean[name], alone.mean[name], rtol=1e-10, atol=1e-12)
            torch.testing.assert_close(found.sd[name], alone.sd[name], rtol=1e-10, atol=0)
        assert found.log_evidence == pytest.approx(alone.log_evidence, rel=1e-12)


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("shape", [(30, 6), (7, 20)])
def test_the_mean_is_the_mode_that_ridge_regression_finds(shape, bias):
    problem = state(shape, BIASES[bias], outputs=2)
    scales = [0.05, 4.0]
    modes = exact.ridge_path(problem, scales)
    for found, mode in zip(conjugate.path(problem, scales), modes, strict=True):
        for name, mean in found.mean.items():
            torch.testing.assert_close(mean, mode.params[name], rtol=1e-9, atol=1e-11)


def test_scales_that_are_no_scales_are_refused():
    with pytest.raises(InputError, match=r"must be finite numbers > 0; found \[0.1, 0.0\]"):
        conjugate.path(state((30, 6), Flat()), [0.1, 0.0])


@pytest.mark.parametrize(("shape", "outputs"), [((30, 6), 2), ((7, 20), 1), ((20, 200), 1)])
@pytest.mark.parametrize("bias", ["flat", "absent", "own"])
def test_draws_have_the_first_and_second_moments_of_the_posterior(shape, outputs, bias):
    problem = state(shape, BIASES[bias], outputs)
    exact = conjugate.posterior(problem)
    draws = conjugate.sample(problem, chains=3, draws=2000, seed=5)
    together = torch.cat([draws.params[name].reshape(6000, -1) for name in exact.mean], 1)
    mean = torch.cat([value.flatten() for value in exact.mean.values()])
    root = torch.linalg.cholesky(exact.covariance)
    white = torch.linalg.solve_triangular(root, (together - mean).T, upper=False)
    size = len(white)
    means = white.mean(1) * math.sqrt(6000)
    scatter = (white @ white.T / 6000 - torch.eye(size)) * math.sqrt(6000)
    scatter[range(size), range(size)] /= math.sqrt(2)
    # each entry is a standard normal; 4 sds for one, 5.5 for the largest of 20 000
    assert means.abs().max() < 4
    assert scatter.abs().max() < 5.5
    assert abs((scatter**2).mean() - 1) < 4 * math.sqrt(4 / size**2)
    assert abs(means @ means / size - 1) < 4 * math.sqrt(2 / size)


@pytest.mark.parametrize("bias", ["flat", "absent", "own"])
@pytest.mark.parametrize("shape", [(30, 6), (7, 20)])
def test_lp_is_the_log_joint_density(shape, bias):
    problem = state(shape, BIASES[bias], outputs=2)
    draws = conjugate.sample(problem, chains=2, draws=3)
    for chain in range(2):
        for draw in range(3):
            params = {name: value[chain, draw] for name, value in draws.params.items()}
            lp = float(draws.sample_stats["lp"][chain, draw])
            assert lp == pytest.approx(-float(problem.objective(params)), rel=1e-11)


def test_a_seed_is_reproducible_and_shapes_are_arviz_own():
    problem = state((30, 6), Flat(), outputs=3)
    once, again, other = (conjugate.sample(problem, draws=10, seed=s) for s in (1, 1, 2))
    assert once.params["weight"].shape == (4, 10, 3, 6)
    assert once.params["bias"].shape == (4, 10, 3)
    assert torch.equal(once.params["weight"], again.params["weight"])
    assert not torch.equal(once.params["weight"], other.params["weight"])


@pytest.mark.parametrize("room", [10**6, 0])
@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("shape", [(30, 6), (7, 20)])
def test_predictive_adds_the_weights_to_the_noise(shape, bias, room, monkeypatch):
    monkeypatch.setattr(conjugate, "_ENTRIES", room)
    problem = state(shape, BIASES[bias], outputs=2)
    new = torch.linspace(-2, 2, 3 * shape[1], dtype=torch.float64).reshape(3, -1)
    posterior = conjugate.posterior(problem)
    assert (posterior.covariance is None) == (room == 0)
    mean, sd = conjugate.predictive(problem, posterior, new)
    centre, covariance = naive(problem)
    rows = new.numpy()
    rows = np.column_stack([rows, np.ones(3)]) if bias != "absent" else rows
    variance = ((rows @ covariance) * rows).sum(1) + NOISE**2
    np.testing.assert_allclose(mean, rows @ centre.T, rtol=1e-9)
    np.testing.assert_allclose(sd, np.tile(np.sqrt(variance)[:, None], 2), rtol=1e-9)


def test_predictive_without_covariance_wants_the_problem_of_the_posterior(monkeypatch):
    monkeypatch.setattr(conjugate, "_ENTRIES", 0)
    problem = state((30, 6), Flat())
    other = conjugate.path(problem, [0.01])[0]
    with pytest.raises(InputError, match="not that of the problem"):
        conjugate.predictive(problem, other, problem.inputs)
    with pytest.raises(InputError, match=r"shape \(2, 5\).*shape \(6,\)"):
        conjugate.predictive(problem, conjugate.posterior(problem), torch.zeros(2, 5))


def test_float32_data_give_float32_results_of_float64_accuracy():
    single, double = (state((30, 6), Flat(), dtype=kind) for kind in (torch.float32, torch.float64))
    rough, fine = conjugate.posterior(single), conjugate.posterior(double)
    for name in fine.mean:
        assert rough.mean[name].dtype == rough.sd[name].dtype == torch.float32
        torch.testing.assert_close(rough.mean[name].double(), fine.mean[name], rtol=3e-6, atol=3e-6)
    draws = conjugate.sample(single, draws=5)
    assert draws.params["weight"].dtype == torch.float32
    mean, sd = conjugate.predictive(single, rough, single.inputs)
    assert mean.dtype == sd.dtype == torch.float32


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (
            lambda: state((30, 6), Flat(), prior=Laplace(0.1)),
            r"conjugate.posterior has no closed form under Laplace\(scale=0.1\) on 'weight'",
        ),
        (
            lambda: Problem(
                nn.Linear(2, 1), Bernoulli(), {"*": Gaussian(1.0)}, torch.eye(2), [0.0, 1.0]
            ),
            "has a closed form for one linear layer with GaussianNoise; found",
        ),
    ],
)
def test_what_is_not_gaussian_is_refused(problem, message):
    with pytest.raises(InputError, match=message):
        conjugate.posterior(problem())


def test_no_draws_is_refused():
    with pytest.raises(InputError, match="0 chains of 10 draws; give at least 1"):
        conjugate.sample(state((30, 6), Flat()), chains=0, draws=10)
