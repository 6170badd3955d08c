"""Where a generalised linear model's mode is far, not unique, or not there at all."""

import pytest
import torch
from torch import Tensor, nn

from bayeswd.errors import InputError
from bayeswd.estimate import exact
from bayeswd.problem.likelihoods import Bernoulli, Categorical, GaussianNoise, Likelihood, Poisson
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import ElasticNet, Flat, Gaussian, Laplace, Prior

LIKELIHOODS = {"bernoulli": Bernoulli(), "categorical": Categorical(), "poisson": Poisson()}


def draw(kind: str, n: int, d: int, noise: float = 1.0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(n, d, generator=generator, dtype=torch.float64) + 0.3
    outputs = inputs[:, :3] + noise * torch.randn(n, 3, generator=generator, dtype=torch.float64)
    if kind == "categorical":
        return inputs, outputs.argmax(1)
    if kind == "bernoulli":
        return inputs, (outputs[:, 0] > 0.4).double()
    return inputs, torch.poisson(outputs[:, 0].exp(), generator=generator)


def linear(
    likelihood: Likelihood, inputs: Tensor, targets: Tensor, weight: Prior, bias: Prior
) -> Problem:
    outputs = int(targets.max()) + 1 if isinstance(likelihood, Categorical) else 1
    priors = {"weight": weight, "bias": bias}
    return Problem(nn.Linear(inputs.shape[1], outputs), likelihood, priors, inputs, targets)


@pytest.mark.parametrize("kind", LIKELIHOODS)
def test_units_of_the_columns_do_not_matter_under_flat_priors(kind: str) -> None:
    inputs, targets = draw(kind, 120, 4)
    units = torch.tensor([1e-4, 1.0, 1e3, 1e5], dtype=torch.float64)
    plain = exact.glm(linear(LIKELIHOODS[kind], inputs, targets, Flat(), Flat()))
    scaled = exact.glm(linear(LIKELIHOODS[kind], inputs * units, targets, Flat(), Flat()))
    weight = scaled.params["weight"] * units
    torch.testing.assert_close(weight, plain.params["weight"], rtol=1e-8, atol=1e-10)
    assert scaled.converged


@pytest.mark.parametrize("weight", [Flat(), Gaussian(1.0), Laplace(1.0)])
def test_where_there_is_no_mode_the_fit_says_so(weight: Prior) -> None:
    """A flat bias runs away when all targets are alike; so do flat weights of separable classes."""
    inputs, targets = draw("bernoulli", 60, 3)
    separable = linear(Bernoulli(), inputs, inputs[:, 0] > 0, weight, Flat())
    for likelihood, value in [(Bernoulli(), 0), (Bernoulli(), 1), (Poisson(), 0)]:
        problem = linear(likelihood, inputs, torch.full((60,), value), weight, Flat())
        fit = exact.glm(problem)
        assert not fit.converged
        assert float(problem.misfit(fit.params)) <= 1e-6
        assert torch.isfinite(fit.params["bias"]).all()
        assert "no mode: under a Flat prior the objective falls for ever" in fit.note
    assert exact.glm(separable).converged == (not isinstance(weight, Flat))
    assert exact.glm(linear(Poisson(), inputs, targets, weight, Flat())).converged


def test_l1_on_a_softmax_is_said_to_be_not_unique() -> None:
    problem = linear(Categorical(), *draw("categorical", 60, 5), Laplace(1.0), Gaussian(1.0))
    assert exact.glm(problem).note == "under L1 the weights of a softmax may not be unique"


@pytest.mark.parametrize(("prior", "other"), [(Gaussian(1.0), "ridge"), (Laplace(1.0), "lasso")])
def test_gaussian_noise_is_sent_to_the_linear_methods(prior: Prior, other: str) -> None:
    problem = linear(GaussianNoise(1.0), *draw("bernoulli", 20, 3), prior, Flat())
    text = rf"exact\.glm is for Bernoulli.*GaussianNoise\(scale=1\.0\): use exact\.{other}"
    with pytest.raises(InputError, match=text):
        exact.glm(problem)


def test_more_flat_weights_than_rows_are_refused() -> None:
    problem = linear(Bernoulli(), *draw("bernoulli", 5, 8), Flat(), Flat())
    with pytest.raises(InputError, match="9 coefficients and 5 rows: the mode is not unique"):
        exact.glm(problem)


@pytest.mark.parametrize("kind", ["bernoulli", "categorical"])
@pytest.mark.parametrize("weight", [Gaussian(1e4), Laplace(1e5), ElasticNet(1e4, 1e4)])
def test_separable_classes_have_a_mode_under_any_proper_prior(kind: str, weight: Prior) -> None:
    """Fitted probabilities come close to 0 and 1, where p - 1 loses its digits."""
    inputs, targets = draw(kind, 60, 5, noise=0.0)
    problem = linear(LIKELIHOODS[kind], inputs, targets, weight, Flat())
    fit = exact.glm(problem)
    assert fit.certificate.gap is not None
    assert fit.certificate.gap <= 1e-8
    assert fit.converged
    assert float(problem.misfit(fit.params)) <= 0.01
    scaled = {name: 1.001 * value for name, value in fit.params.items()}
    assert float(problem.objective(scaled)) > fit.objective


def test_counts_in_the_thousands_do_not_overflow() -> None:
    inputs, _ = draw("poisson", 50, 5)
    generator = torch.Generator().manual_seed(0)
    targets = torch.poisson((3 * inputs[:, 0] + 4).exp(), generator=generator)
    for weight in (Gaussian(1.0), Laplace(1.0)):
        fit = exact.glm(linear(Poisson(), 3 * inputs, targets, weight, Flat()))
        assert fit.converged
        assert fit.certificate.gap is not None
        assert fit.certificate.gap <= 1e-6


def test_a_column_of_zeros_keeps_weight_zero() -> None:
    inputs, targets = draw("bernoulli", 60, 4)
    inputs[:, 2] = 0.0
    for weight in (Gaussian(1.0), Laplace(1.0)):
        fit = exact.glm(linear(Bernoulli(), inputs, targets, weight, Flat()))
        assert fit.converged
        assert float(fit.params["weight"][0, 2]) == 0
