"""Problem: one objective in nats, whose parts add up, on data and a model left as they were."""

import copy
import math
import pickle

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Laplace as TorchLaplace
from torch.distributions import Normal

from bayeswd.errors import InputError
from bayeswd.problem.likelihoods import Bernoulli, Categorical, GaussianNoise, Likelihood, Poisson
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import ElasticNet, Flat, Gaussian, Laplace, Prior

N, D = 12, 3
LINEAR = {"weight": Gaussian(0.5), "bias": Flat()}
MLP = {"0.weight": Laplace(0.3), "2.weight": ElasticNet(0.4, 0.9), "*.bias": Flat()}


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def filled(model: nn.Module) -> nn.Module:
    """The model with weights that no global seed decides."""
    with torch.no_grad():
        for seed, value in enumerate(model.parameters()):
            value.copy_(normal(*value.shape, seed=50 + seed))
    return model


def mlp(outputs: int = 1) -> nn.Module:
    layers = nn.Sequential(nn.Linear(D, 4), nn.Tanh(), nn.Linear(4, outputs))
    return filled(layers.double())


def linear_problem(**changed: object) -> Problem:
    given = {
        "model": filled(nn.Linear(D, 1)),
        "likelihood": GaussianNoise(0.7),
        "priors": LINEAR,
        "inputs": normal(N, D, seed=1),
        "targets": normal(N, seed=2),
    }
    return Problem(**{**given, **changed})  # type: ignore[arg-type]


Given = tuple[nn.Module, Likelihood, Tensor, dict[str, Prior]]
EACH: list[Given] = [
    (filled(nn.Linear(D, 2)), GaussianNoise(0.7), normal(N, 2, seed=3), LINEAR),
    (filled(nn.Linear(D, 1)), Bernoulli(), torch.arange(N) % 2, LINEAR),
    (mlp(4), Categorical(), torch.arange(N) % 4, MLP),
    (mlp(1), Poisson(), torch.arange(N) % 3, MLP),
]
FAMILIES = [likelihood.family for _, likelihood, _, _ in EACH]


@pytest.mark.parametrize("given", EACH, ids=FAMILIES)
def test_the_objective_is_the_sum_of_its_parts(given: Given) -> None:
    model, likelihood, targets, priors = given
    problem = Problem(model, likelihood, priors, normal(N, D, seed=1), targets)
    params = problem.initial
    outputs = copy.deepcopy(model).double()(problem.inputs)
    misfit = likelihood.pointwise(outputs, problem.targets).sum()
    penalty = sum(prior.penalty(params[name]) for name, prior in problem.priors.items())
    torch.testing.assert_close(problem.misfit(params), misfit)
    torch.testing.assert_close(problem.penalty(params), penalty)
    torch.testing.assert_close(problem.objective(params), misfit + penalty)


def test_the_objective_is_minus_the_log_joint_density_by_term() -> None:
    problem = linear_problem(priors={"weight": Gaussian(0.5), "bias": Laplace(2.0)})
    weight, bias = problem.initial["weight"], problem.initial["bias"]
    fitted = problem.inputs @ weight[0] + bias
    expected = -(
        Normal(fitted, 0.7).log_prob(normal(N, seed=2)).sum()
        + Normal(0.0, torch.tensor(0.5, dtype=torch.float64)).log_prob(weight).sum()
        + TorchLaplace(0.0, torch.tensor(2.0, dtype=torch.float64)).log_prob(bias).sum()
    )
    torch.testing.assert_close(problem.objective(problem.initial), expected, rtol=1e-13, atol=0)


@pytest.mark.parametrize("given", EACH, ids=FAMILIES)
def test_the_gradient_meets_finite_differences(given: Given) -> None:
    model, likelihood, targets, priors = given
    problem = Problem(model, likelihood, priors, normal(N, D, seed=1), targets)
    params = problem.initial
    gradients = problem.misfit_gradient(params)
    assert list(gradients) == list(params)
    for name, value in params.items():
        direction = normal(*value.shape, seed=9)
        step = 1e-6
        up, down = (
            problem.misfit({**params, name: value + sign * step * direction}) for sign in (1, -1)
        )
        slope = float((gradients[name] * direction).sum())
        assert slope == pytest.approx(float(up - down) / (2 * step), rel=1e-6, abs=1e-6)


class Extra(nn.Linear):
    """A linear model with one parameter that its outputs do not use."""

    def __init__(self) -> None:
        super().__init__(D, 1)
        self.unused = nn.Parameter(torch.ones(2))


def test_a_parameter_without_effect_has_gradient_zero() -> None:
    problem = linear_problem(model=Extra(), priors={**LINEAR, "unused": Gaussian(1.0)})
    assert problem.misfit_gradient(problem.initial)["unused"].tolist() == [0, 0]


@pytest.mark.parametrize("likelihood", [GaussianNoise(0.7), Bernoulli(), Poisson()], ids=str)
def test_single_targets_and_a_column_of_them_are_the_same_problem(likelihood: Likelihood) -> None:
    """No (n, 1) - (n,) = n x n: both give one residual for each row."""
    targets = torch.arange(N) % 2
    one, two = (
        linear_problem(likelihood=likelihood, targets=given)
        for given in (targets, targets[:, None])
    )
    assert one.targets.shape == two.targets.shape == (N, 1)
    assert float(one.objective(one.initial)) == float(two.objective(two.initial))


def test_the_given_model_is_copied_and_never_changed() -> None:
    last = nn.Linear(4, 1)
    last.bias.requires_grad_(False)
    model = nn.Sequential(nn.Linear(D, 4), nn.BatchNorm1d(4), last).eval()
    state = copy.deepcopy(model.state_dict())
    priors = {"0.*": Gaussian(1.0), "1.*": Flat(), "2.weight": Laplace(1.0)}
    problem = linear_problem(model=model, priors=priors)
    gradients = problem.misfit_gradient(problem.initial)
    problem.model.train()
    for name, value in problem.model.named_parameters():
        value.data.fill_(7.0)
        assert value.dtype == torch.float64, name
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert all(value.dtype == torch.float32 for value in model.parameters())
    assert all(value.grad is None for value in model.parameters())
    assert [value.requires_grad for value in model.parameters()] == [True] * 5 + [False]
    assert not any(layer.training for layer in model.modules())
    assert "2.bias" not in gradients


def test_the_initial_weights_are_the_models_own_and_not_shared() -> None:
    model = nn.Linear(D, 1)
    problem = linear_problem(model=model)
    torch.testing.assert_close(problem.initial["weight"], model.weight.detach().double())
    problem.initial["weight"].zero_()
    assert problem.initial["weight"].abs().min() > 0
    assert not problem.initial["weight"].requires_grad


def test_a_frozen_parameter_takes_no_prior_and_still_counts() -> None:
    model = nn.Linear(D, 1)
    model.bias.requires_grad_(False)
    problem = linear_problem(model=model, priors={"weight": Gaussian(0.5)})
    assert list(problem.initial) == list(problem.priors) == ["weight"]
    torch.testing.assert_close(
        problem.outputs(problem.initial), problem.inputs @ model.weight.T.double() + model.bias
    )
    with pytest.raises(InputError, match=r"'bias' matches no parameter; .* trainable .* 'weight'"):
        linear_problem(model=model)


def test_tied_weights_have_one_prior_and_one_penalty() -> None:
    first, last = nn.Linear(D, D), nn.Linear(D, D)
    last.weight = first.weight
    model = filled(nn.Sequential(first, nn.Tanh(), last))
    priors = {"0.weight": Gaussian(0.5), "*.bias": Flat()}
    problem = linear_problem(model=model, priors=priors, targets=normal(N, D))
    assert list(problem.initial) == ["0.weight", "0.bias", "2.bias"]
    weight = problem.initial["0.weight"]
    torch.testing.assert_close(problem.penalty(problem.initial), Gaussian(0.5).penalty(weight))
    moved = {**problem.initial, "0.weight": weight + 0.1}
    hidden = torch.tanh(problem.inputs @ moved["0.weight"].T + moved["0.bias"])
    expected = hidden @ moved["0.weight"].T + moved["2.bias"]
    torch.testing.assert_close(problem.outputs(moved), expected)


def test_float32_inputs_make_a_float32_problem() -> None:
    double = linear_problem()
    single = linear_problem(inputs=double.inputs.float())
    for value in (single.targets, *single.initial.values(), single.objective(single.initial)):
        assert value.dtype == torch.float32
    assert all(g.dtype == torch.float32 for g in single.misfit_gradient(single.initial).values())
    found, expected = single.objective(single.initial), double.objective(double.initial)
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=0)
    again = single.to("cpu", torch.float64)
    assert again.objective(again.initial).dtype == torch.float64


def test_to_keeps_classes_and_leaves_the_first_problem_alone() -> None:
    targets = torch.arange(N) % 2
    problem = linear_problem(model=nn.Linear(D, 2), likelihood=Categorical(), targets=targets)
    single = problem.to("cpu", torch.float32)
    assert torch.equal(single.targets, targets)
    assert single.inputs.dtype == torch.float32
    assert problem.inputs.dtype == problem.initial["weight"].dtype == torch.float64


def test_other_scales_share_the_data_and_one_pass_over_them() -> None:
    """Also where the twins come first: a path over scales must not pay a pass for each."""
    problem = linear_problem()
    twins = [
        problem.with_priors(lambda name, prior: Laplace(0.1) if name == "weight" else prior),
        problem.with_noise(2.0),
        problem.with_noise(2.0).with_priors(lambda name, prior: Gaussian(1.0)),
    ]
    assert twins[0].moments is problem.moments
    assert all(twin.moments is problem.moments for twin in twins)
    assert all(twin.inputs is problem.inputs for twin in twins)
    assert twins[0].priors == {"weight": Laplace(0.1), "bias": Flat()}
    assert twins[2].penalized == ["weight", "bias"]
    assert (problem.likelihood, twins[1].likelihood) == (GaussianNoise(0.7), GaussianNoise(2.0))
    assert problem.priors == LINEAR
    assert (problem.n, problem.penalized) == (N, ["weight"])


def test_moments_are_those_of_the_flattened_inputs() -> None:
    inputs = normal(N, 2, 3)
    model = nn.Sequential(nn.Flatten(), nn.Linear(6, 1))
    priors = {"1.weight": Gaussian(1.0), "1.bias": Flat()}
    problem = linear_problem(model=model, priors=priors, inputs=inputs)
    np.testing.assert_allclose(problem.moments.inputs_mean, inputs.flatten(1).mean(0))
    assert problem.moments.xx.shape == (6, 6)


def test_a_problem_without_moments_or_noise_says_so() -> None:
    curved = linear_problem(model=mlp(), priors=MLP)
    with pytest.raises(InputError, match=r"^Problem\(Sequential, .*\).moments: only a linear mod"):
        _ = curved.moments
    coin = linear_problem(likelihood=Bernoulli(), targets=torch.arange(N) % 2)
    with pytest.raises(InputError, match=r"moments: only a linear model with GaussianNoise"):
        _ = coin.moments
    with pytest.raises(InputError, match=r"with_noise\(2.0\): Bernoulli\(\) has no noise scale"):
        coin.with_noise(2.0)


def test_a_problem_survives_pickling() -> None:
    problem = linear_problem()
    again = pickle.loads(pickle.dumps(problem))
    assert float(again.objective(again.initial)) == float(problem.objective(problem.initial))
    assert math.isfinite(float(again.moments.yy))
