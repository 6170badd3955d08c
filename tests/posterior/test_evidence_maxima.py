"""The scales that the evidence prefers: scikit-learn, MacKay, neighbours, and what is refused."""

import math

import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes
from sklearn.linear_model import BayesianRidge
from torch import nn

from bayeswd.errors import InputError
from bayeswd.posterior import conjugate, evidence, peak
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Gaussian, Laplace

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


def diabetes():
    inputs, targets = load_diabetes(return_X_y=True)  # columns of unit length
    return inputs, targets - targets.mean()


def test_scikit_learn_agrees_on_centred_data_without_bias():
    inputs, targets = diabetes()
    gammas = dict.fromkeys(["alpha_1", "alpha_2", "lambda_1", "lambda_2"], 0.0)
    reference = BayesianRidge(compute_score=True, fit_intercept=False, tol=1e-10, **gammas)
    reference.fit(inputs, targets)
    scale, noise = reference.lambda_**-0.5, reference.alpha_**-0.5
    problem = state(inputs, targets, None, scale, noise)
    assert evidence.log_evidence(problem) == pytest.approx(reference.scores_[-1], rel=1e-11)
    assert evidence.log_evidence(problem) == pytest.approx(-2405.7713077, rel=1e-9)
    found_scale, found_noise = evidence.best_scale_and_noise(problem)
    assert found_scale == pytest.approx(scale, rel=1e-6)
    assert found_noise == pytest.approx(noise, rel=1e-6)
    assert (found_noise / found_scale) ** 2 == pytest.approx(0.0336118, abs=5e-8)


def test_the_flat_bias_of_diabetes():
    inputs, targets = diabetes()
    scale, noise = evidence.best_scale_and_noise(state(inputs, targets + 152, Flat()))
    assert (noise / scale) ** 2 == pytest.approx(0.0337, abs=5e-5)
    best = evidence.log_evidence(state(inputs, targets + 152, Flat(), scale, noise))
    # the density of the 441 contrasts, that is density 1 for sqrt(n) bias, is -2400.860
    assert best + 0.5 * math.log(442) == pytest.approx(-2400.860, abs=5e-4)


def test_mackays_identities_hold_at_the_maximum():
    inputs, targets = diabetes()
    scale, noise = evidence.best_scale_and_noise(state(inputs, targets, None))
    weights = conjugate.posterior(state(inputs, targets, None, scale, noise)).mean["weight"]
    values = np.linalg.eigvalsh(inputs.T @ inputs)
    gamma = (values / (values + (noise / scale) ** 2)).sum()
    left = targets - inputs @ weights.numpy().ravel()
    assert float((weights**2).sum()) / scale**2 == pytest.approx(gamma, rel=1e-9)
    assert left @ left / noise**2 == pytest.approx(442 - gamma, rel=1e-9)


def at(problem, scale, noise):
    """log evidence at other scales; a Gaussian bias stays in proportion."""
    changed = problem.with_noise(noise)
    return float(evidence.log_evidence_path(changed, [scale]))


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("shape", [(40, 5), (30, 45)])
def test_no_neighbour_has_more_evidence(shape, bias):
    inputs, targets = draw(*shape, outputs=2)
    inputs *= np.geomspace(0.02, 4, shape[1])  # so that d > n tells noise from weights
    problem = state(inputs, targets, BIASES[bias])
    found = [(evidence.best_scale(problem), NOISE, (1, 0))]
    found += [(SCALE, evidence.best_noise_at_scale(problem), (0, 1))]
    both = evidence.best_scale_and_noise(problem)
    found += [(*both, (1, 0)), (*both, (0, 1))]
    for scale, noise, (up, louder) in found:
        steps = [math.exp(step) for step in (1e-3, -1e-3)]
        beside = [at(problem, scale * step**up, noise * step**louder) for step in steps]
        assert at(problem, scale, noise) > max(beside)


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("shape", [(40, 5), (7, 20)])
def test_the_best_noise_at_a_strength_moves_every_scale_along(shape, bias):
    inputs, targets = draw(*shape)
    problem = state(inputs, targets, BIASES[bias])

    def tied(noise):
        along = noise / NOISE
        prior = BIASES[bias]
        prior = Gaussian(prior.scale * along) if isinstance(prior, Gaussian) else prior
        return evidence.log_evidence(state(inputs, targets, prior, SCALE * along, noise))

    best = evidence.best_noise_at_strength(problem)
    assert tied(best) > max(tied(best * math.exp(step)) for step in (1e-3, -1e-3))


def test_without_a_penalty_the_best_noise_is_the_unbiased_estimate():
    inputs, targets = draw(30, 6)
    design = np.column_stack([inputs, np.ones(30)])
    _, squares, *_ = np.linalg.lstsq(design, targets)
    best = evidence.best_noise_at_strength(state(inputs, targets, Flat(), weight=Flat()))
    assert best**2 == pytest.approx(float(squares[0]) / (30 - 7), rel=1e-10)


def book(seed):
    """The data of D2L's section on weight decay: 20 rows, 200 inputs."""
    random = np.random.default_rng(seed)
    inputs = random.normal(size=(20, 200))
    targets = inputs @ np.full(200, 0.01) + 0.05 + 0.01 * random.normal(size=20)
    return state(inputs, targets, Flat(), scale=0.0013, noise=0.01)


def test_on_the_books_data_the_evidence_finds_the_strength_that_made_them():
    strengths = [1e-4 / (20 * evidence.best_scale(book(seed)) ** 2) for seed in range(30)]
    low, median, high = np.quantile(strengths, [0.25, 0.5, 0.75])
    assert 0.045 < median < 0.06  # true: sigma^2 / (n 0.01^2) = 0.05
    assert 0.036 < low < 0.048
    assert 0.056 < high < 0.072


def wide(_, prior):
    return Gaussian(0.01) if isinstance(prior, Gaussian) else prior


@pytest.mark.parametrize("seed", range(3))
def test_noise_that_the_data_cannot_tell_from_zero_is_refused(seed):
    message = "the noise is not identified: 20 rows of inputs of rank 19"
    with pytest.raises(InputError, match=message):
        evidence.best_scale_and_noise(book(seed))
    with pytest.raises(InputError, match=message):
        evidence.best_noise_at_scale(book(seed).with_priors(wide))


def test_targets_without_noise_name_no_noise():
    inputs, _ = draw(30, 4)
    with pytest.raises(InputError, match="not identified"):
        evidence.best_scale_and_noise(state(inputs, inputs.sum(1), Flat()))


def test_targets_that_owe_nothing_to_the_inputs_name_no_scale():
    inputs = np.repeat(np.eye(4), 5, axis=0)
    targets = np.tile([-2.0, -1, 0, 1, 2], 4)  # the same in every group
    problem = state(inputs, targets, Flat())
    with pytest.raises(InputError, match=r"best_scale: with noise 0.7 .* goes to 0"):
        evidence.best_scale(problem)
    with pytest.raises(InputError, match=r"best_scale_and_noise: with noise 1.451 .* goes to 0"):
        evidence.best_scale_and_noise(problem)


@pytest.mark.parametrize(
    ("inputs", "targets", "bias", "weight", "message"),
    [
        (np.ones((5, 2)), np.arange(5.0), Flat(), None, "all rows of the inputs are equal"),
        (np.eye(5), np.ones(5), Flat(), None, "the targets do not vary"),
        (np.eye(5), np.arange(5.0), Flat(), Flat(), r"needs a Gaussian prior on 'weight'; found"),
        (np.eye(5), np.arange(5.0), Flat(), Laplace(1.0), "no closed form under Laplace"),
    ],
)
def test_what_names_no_scale_is_refused(inputs, targets, bias, weight, message):
    with pytest.raises(InputError, match=message):
        evidence.best_scale_and_noise(state(inputs, targets, bias, weight=weight))


def test_the_highest_of_two_hills_is_found_to_the_last_digits():
    def hills(point):
        return torch.exp(-((point + 7.25) ** 2)) + 1.01 * torch.exp(-((point - 3.5) ** 2))

    assert peak.find(hills, -20, 20) == pytest.approx(3.5, abs=1e-11)
    assert peak.find(lambda point: -point, -3, 3) == -math.inf
    assert peak.find(lambda point: point, -3, 3) == math.inf
    assert peak.find(torch.zeros_like, -3, 3) == -math.inf
