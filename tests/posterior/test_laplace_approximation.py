"""The Gaussian at the mode: exact where it should be, another library's, refused where it lies."""

import math
from functools import partial

import numpy as np
import pytest
import statsmodels.api as sm
import torch
from torch import nn

from bayeswd.errors import InputError
from bayeswd.estimate import descent
from bayeswd.posterior import conjugate, laplace_approximation
from bayeswd.problem.likelihoods import Bernoulli, Categorical, GaussianNoise, Poisson
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import ElasticNet, Flat, Gaussian, Laplace

posterior = laplace_approximation.posterior


def linear(shape=(30, 6), bias=None, outputs=1, prior=None, unit=1.0, dtype=torch.float64):
    n, d = shape
    random = np.random.default_rng(n + d)
    inputs = random.normal(size=(n, d)) * np.linspace(0.5, 2, d) + np.linspace(-1, 3, d)
    targets = inputs @ random.normal(size=(d, outputs)) * 0.3 + random.normal(size=(n, outputs))
    priors = {"weight": prior or Gaussian(0.3 * unit)} | ({"bias": bias} if bias else {})
    model = nn.Linear(d, outputs, bias=bias is not None)
    rows = torch.tensor(inputs / unit, dtype=dtype)
    return Problem(model, GaussianNoise(0.7), priors, rows, torch.tensor(targets))


def generalised(likelihood, outputs=1, prior=None, bias=None, n=40):
    random = np.random.default_rng(5)
    inputs = random.normal(size=(n, 3))
    score = inputs @ [1.0, -0.5, 0.0] + 0.3
    targets = {
        Bernoulli: (random.random(n) < 1 / (1 + np.exp(-score))).astype(float),
        Poisson: random.poisson(np.exp(0.5 * score)).astype(float),
        Categorical: random.integers(0, 3, n),
    }[type(likelihood)]
    priors = {"weight": prior or Gaussian(0.8), "bias": bias or Gaussian(2.0)}
    return Problem(nn.Linear(3, outputs), likelihood, priors, inputs, targets)


def network():
    """Seven parameters, at values that no random number decides."""
    inputs = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    model = nn.Sequential(nn.Linear(1, 2), nn.Tanh(), nn.Linear(2, 1))
    values = [[[0.9], [-0.4]], [0.2, 0.5], [[0.8, -0.3]], [0.1]]
    for parameter, value in zip(model.parameters(), values, strict=True):
        parameter.data = torch.tensor(value)
    return Problem(model, GaussianNoise(0.3), {"*": Gaussian(1.0)}, inputs, inputs.sin())


EXACT = [laplace_approximation.full, laplace_approximation.ggn]
BIASES = {"flat": Flat(), "absent": None, "own": Gaussian(2.0)}


@pytest.mark.parametrize("structure", EXACT)
@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize(("shape", "outputs"), [((30, 6), 1), ((30, 6), 2), ((7, 20), 1)])
def test_under_gaussian_noise_it_is_the_exact_posterior(shape, outputs, bias, structure):
    problem = linear(shape, BIASES[bias], outputs)
    found, exact = posterior(problem, structure=structure), conjugate.posterior(problem)
    for name in exact.mean:
        torch.testing.assert_close(found.mean[name], exact.mean[name], rtol=1e-9, atol=1e-11)
        torch.testing.assert_close(found.sd[name], exact.sd[name], rtol=1e-9, atol=0)
    torch.testing.assert_close(found.covariance, exact.covariance, rtol=1e-9, atol=1e-12)
    assert found.log_evidence == pytest.approx(exact.log_evidence, rel=1e-9)
    assert found.noise_scale == 0.7
    assert found.method == f"laplace-{structure.__name__}"


@pytest.mark.parametrize("unit", [1e-8, 1e8])
def test_the_unit_of_a_column_does_not_matter(unit):
    found, plain = posterior(linear(bias=Flat(), unit=unit)), posterior(linear(bias=Flat()))
    torch.testing.assert_close(found.sd["weight"], unit * plain.sd["weight"], rtol=1e-9, atol=0)


@pytest.mark.parametrize(
    ("likelihood", "model"), [(Bernoulli(), sm.Logit), (Poisson(), sm.Poisson)]
)
def test_with_flat_priors_it_is_the_covariance_of_maximum_likelihood(likelihood, model):
    problem = generalised(likelihood, prior=Flat(), bias=Flat())
    columns = np.column_stack([problem.inputs, np.ones(problem.n)])
    fit = model(problem.targets[:, 0].numpy(), columns).fit(disp=0, tol=1e-12)
    found = posterior(problem)
    mean = torch.cat([value.flatten() for value in found.mean.values()])
    np.testing.assert_allclose(mean, fit.params, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(found.covariance, fit.cov_params(), rtol=1e-6, atol=1e-9)
    d = len(fit.params)
    by_hand = fit.llf + d / 2 * math.log(2 * math.pi) + 0.5 * np.linalg.slogdet(fit.cov_params())[1]
    assert found.log_evidence == pytest.approx(by_hand, rel=1e-8)


def test_with_many_rows_the_evidence_is_nearly_that_of_a_quadrature():
    random = np.random.default_rng(2)
    inputs = random.normal(size=(400, 1))
    targets = (random.random(400) < 1 / (1 + np.exp(-inputs[:, 0]))).astype(float)
    priors = {"weight": Gaussian(1.5)}
    problem = Problem(nn.Linear(1, 1, bias=False), Bernoulli(), priors, inputs, targets)
    axis = torch.linspace(-1, 3, 2001, dtype=torch.float64)
    joint = torch.stack([-problem.objective({"weight": w[None, None]}) for w in axis])
    exact = float(joint.logsumexp(0) + math.log(axis[1] - axis[0]))
    assert posterior(problem).log_evidence == pytest.approx(exact, abs=0.01)


@pytest.fixture(scope="module")
def trained():
    problem = network()
    return problem, descent.train(problem, tolerance=1e-7).params


@pytest.mark.parametrize("structure", [*EXACT, laplace_approximation.diagonal])
def test_a_network_at_its_mode(trained, structure):
    problem, params = trained
    found = posterior(problem, params, structure=structure)
    curvature = structure(problem, params)
    precision = (curvature if curvature.ndim == 2 else curvature.diag()) + torch.eye(7)
    torch.testing.assert_close(found.covariance, precision.inverse(), rtol=1e-8, atol=1e-10)
    by_hand = 3.5 * math.log(2 * math.pi) - 0.5 * float(precision.logdet())
    assert found.log_evidence == pytest.approx(by_hand - float(problem.objective(params)))
    sd = torch.cat([value.flatten() for value in found.sd.values()])
    torch.testing.assert_close(sd, precision.inverse().diagonal().sqrt(), rtol=1e-8, atol=0)
    for name, value in params.items():
        assert torch.equal(found.mean[name], value)


def test_a_large_diagonal_needs_no_matrix(trained, monkeypatch):
    problem, params = trained
    diagonal = laplace_approximation.diagonal
    whole = posterior(problem, params, structure=diagonal)
    monkeypatch.setattr(laplace_approximation, "_ENTRIES", 48)
    found = posterior(problem, params, structure=diagonal)
    assert found.covariance is None
    assert found.log_evidence == whole.log_evidence
    draws = [
        laplace_approximation.sample(problem, params, structure=diagonal, draws=20, seed=s)
        for s in (1, 1, 2)
    ]
    weights = [each.params["0.weight"] for each in draws]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_draws_have_the_moments_of_the_gaussian_and_the_density_of_the_problem():
    problem = generalised(Bernoulli(), bias=Flat())
    found = posterior(problem)
    draws = laplace_approximation.sample(problem, chains=4, draws=1500, seed=3)
    together = torch.cat([draws.params[name].flatten(2) for name in found.mean], 2).flatten(0, 1)
    mean = torch.cat([value.flatten() for value in found.mean.values()])
    root = torch.linalg.cholesky(found.covariance)
    white = torch.linalg.solve_triangular(root, (together - mean).T, upper=False)
    scatter = white @ white.T / 6000 - torch.eye(4)
    assert white.mean(1).abs().max() < 4 / math.sqrt(6000)
    assert scatter.abs().max() < 4 * math.sqrt(2 / 6000)
    params = {name: value[3, 7] for name, value in draws.params.items()}
    lp = float(draws.sample_stats["lp"][3, 7])
    assert lp == pytest.approx(-float(problem.objective(params)), rel=1e-12)
    assert draws.engine == "laplace-full"
    assert "an approximation unless" in draws.why


def test_float32_is_worked_out_in_float64():
    rough, fine = (
        posterior(linear(bias=Flat(), dtype=kind)) for kind in (torch.float32, torch.float64)
    )
    assert rough.mean["weight"].dtype == rough.sd["weight"].dtype == torch.float32
    torch.testing.assert_close(rough.covariance, fine.covariance, rtol=1e-5, atol=1e-7)
    assert (
        laplace_approximation.sample(linear(dtype=torch.float32), draws=2).params["weight"].dtype
        == torch.float32
    )


def off_mode(problem, step):
    exact = conjugate.posterior(problem)
    return {name: mean + step * exact.sd[name] for name, mean in exact.mean.items()}


@pytest.mark.parametrize(("step", "accepted"), [(0.01, True), (0.3, False)])
def test_weights_count_as_a_mode_within_a_tenth_of_a_posterior_sd(step, accepted):
    problem = linear((30, 1))
    params = off_mode(problem, step)
    if accepted:
        assert torch.equal(posterior(problem, params).mean["weight"], params["weight"])
        return
    with pytest.raises(InputError, match=r"not a mode: KKT residual \d.*, 0.3 posterior sds from"):
        posterior(problem, params)


def dead_network():
    """At zero weights its outputs do not depend on the flat parameters, and meet the targets."""
    like = network()
    priors = {"*weight": Gaussian(1.0), "0.bias": Flat(), "2.bias": Gaussian(1.0)}
    return Problem(like.model, like.likelihood, priors, like.inputs, torch.zeros(9))


def zeros(problem):
    return {name: torch.zeros_like(value) for name, value in problem.initial.items()}


flat_bias = partial(generalised, bias=Flat())

REFUSED = {
    "laplace": (
        lambda: linear(prior=Laplace(0.1)),
        None,
        "second derivative of .w. is 0 away from",
    ),
    "elastic net": (lambda: linear(prior=ElasticNet(0.1, 1.0)), None, "gibbs.sample or hmc.sample"),
    "no mode given": (network, None, r"no exact mode; give params, such as descent.train"),
    "untrained": (network, "initial", "not a mode|negative of 7 eigenvalues"),
    "saddle": (network, "zeros", r"\d negative of 7 eigenvalues \(from -.* to .*KKT residual"),
    "flat direction": (dead_network, "zeros", "0 to rounding along 2 of 7 directions, in '0.bias'"),
    "not finite": (network, "nan", "not finite, so not a mode"),
    "softmax": (lambda: flat_bias(Categorical(), 3), None, "shift common to all classes"),
    "separable": (
        lambda: flat_bias(Bernoulli(), prior=Flat(), n=4),
        None,
        "objective falls for ev",
    ),
    "misshapen": (network, "short", "found {'0.weight': "),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_has_no_gaussian_at_a_mode_is_refused(kind):
    make, where, message = REFUSED[kind]
    problem = make()
    params = {
        None: None,
        "initial": problem.initial,
        "zeros": zeros(problem),
        "nan": {name: value + math.nan for name, value in problem.initial.items()},
        "short": {"0.weight": problem.initial.get("0.weight")},
    }[where]
    with pytest.raises(InputError, match=message):
        posterior(problem, params)
