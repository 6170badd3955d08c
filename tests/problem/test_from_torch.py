"""Trained models in torch: their weights are the mode of the problem that is read from them."""

import warnings
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import nn, optim

import bayeswd as bw
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import ElasticNet, Flat, Gaussian, Laplace
from bayeswd.problem.stationarity import kkt_residual

Groups = list[dict[str, Any]]
N, D, SIGMA = 40, 4, 0.7


def data(kind="gaussian", outputs=1):
    """Inputs [40, 4] of unequal scales and means, targets of this likelihood."""
    generator = torch.Generator().manual_seed(3)
    scales, means = torch.tensor([0.7, 1.0, 1.5, 1.2]), torch.tensor([0.3, -0.4, 0.9, 0.2])
    inputs = (means + scales * torch.randn(N, D, generator=generator)).double()
    truth = torch.randn(D, 3, generator=generator).double()[:, :outputs]
    linear = inputs @ truth + 0.6
    noise = torch.randn(linear.shape, generator=generator).double()
    if kind == "bernoulli":
        return inputs, (linear + 2 * noise > 0).double()
    if kind == "categorical":
        return inputs, (linear + 2 * noise).argmax(1)
    if kind == "poisson":
        return inputs, torch.poisson((0.3 * linear).exp(), generator=generator)
    return inputs, linear + SIGMA * noise


def train(model, optimizer, loss, inputs, targets, steps=1500, decay=0.99):
    schedule = optim.lr_scheduler.ExponentialLR(optimizer, decay)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(model(inputs), targets).backward()
        optimizer.step()
        schedule.step()


def sgd(parameters, lr=0.05, **options):
    return optim.SGD(parameters, lr=lr, momentum=0.9, **options)


def linear(outputs=1):
    return nn.Linear(D, outputs, dtype=torch.float64)


def under(problem, factor):
    """The problem with every penalty `factor` times as strong."""

    def change(name, prior):
        if isinstance(prior, Gaussian):
            return Gaussian(prior.scale * factor**-0.5)
        return Laplace(prior.scale / factor) if isinstance(prior, Laplace) else prior

    return problem.with_priors(change)


@dataclass
class Case:
    """A set-up, and the factor on the penalty that the commonest wrong map has."""

    name: str
    wrong: float
    make: Any = sgd
    loss: Any = field(default_factory=nn.MSELoss)
    kind: str = "gaussian"
    outputs: int = 1
    decay: float = 0.2
    options: dict[str, Any] = field(default_factory=dict)
    fade: float = 0.99

    def __str__(self):
        return self.name


SUM, FAST = {"lr": 0.05 / N}, {"lr": 0.4}
CASES = [
    Case("SGD", 2),
    Case("SGD, K outputs", 3, outputs=3),
    Case("SGD, sum", N, loss=nn.MSELoss(reduction="sum"), decay=8.0, options=SUM),
    Case("Adam", 2, optim.Adam, options={"lr": 0.1}),
    Case("NAdam", 2, optim.NAdam, options={"lr": 0.1}),
    Case("RMSprop", 2, optim.RMSprop, options={"lr": 0.1}),
    Case("Adagrad", 2, optim.Adagrad, options={"lr": 0.5}, fade=1.0),
    Case(
        "cross-entropy",
        N,
        loss=nn.CrossEntropyLoss(),
        kind="categorical",
        outputs=3,
        options=FAST,
    ),
    Case(
        "cross-entropy, sum",
        1 / N,
        loss=nn.CrossEntropyLoss(reduction="sum"),
        kind="categorical",
        outputs=3,
        decay=4.0,
        options={"lr": 0.4 / N},
    ),
    Case("binary", N, loss=nn.BCEWithLogitsLoss(), kind="bernoulli", options=FAST),
    Case(
        "binary, K outputs",
        3,
        loss=nn.BCEWithLogitsLoss(),
        kind="bernoulli",
        outputs=3,
        options=FAST,
    ),
    Case("Poisson", N, loss=nn.PoissonNLLLoss(), kind="poisson"),
    Case("functional", 2, loss=nn.functional.mse_loss),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_trained_weights_are_the_mode_of_their_problem(case):
    inputs, targets = data(case.kind, case.outputs)
    model = linear(case.outputs)
    optimizer = case.make(model.parameters(), weight_decay=case.decay, **case.options)
    train(model, optimizer, case.loss, inputs, targets, decay=case.fade)
    noise = SIGMA if case.kind == "gaussian" else None
    problem = Problem.from_training(model, optimizer, case.loss, inputs, targets, noise)
    right = kkt_residual(problem, problem.initial)
    assert right <= 1e-6
    assert kkt_residual(under(problem, case.wrong), problem.initial) >= max(100 * right, 1e-3)
    assert all(isinstance(prior, Gaussian) for prior in problem.priors.values())


def test_asgd_decays_by_lambd_too():
    inputs, targets = data()
    model = linear()
    optimizer = optim.ASGD(model.parameters(), lr=0.1, lambd=0.05, alpha=0, weight_decay=0.1)
    train(model, optimizer, nn.MSELoss(), inputs, targets, decay=1.0)
    problem = Problem.from_training(model, optimizer, nn.MSELoss(), inputs, targets, SIGMA)
    assert problem.priors["weight"].variance == pytest.approx(2 * SIGMA**2 / (N * 0.15))
    right = kkt_residual(problem, problem.initial)
    assert right <= 1e-6
    assert kkt_residual(under(problem, 0.1 / 0.15), problem.initial) >= 1e-3


def test_param_groups_give_each_parameter_its_own_prior():
    model = nn.Sequential(linear(3), nn.LayerNorm(3, dtype=torch.float64), nn.Tanh())
    model.append(nn.Linear(3, 1, dtype=torch.float64))
    decayed = [model[0].weight, model[3].weight]
    groups: Groups = [{"params": decayed, "weight_decay": 0.02}]
    groups += [{"params": [model[1].weight]}]
    groups += [
        {"params": [v for name, v in model.named_parameters() if "bias" in name], "weight_decay": 0}
    ]
    optimizer = optim.SGD(groups, lr=0.05, weight_decay=0.005)
    priors = bw.priors_from_optimizer(optimizer, model, nn.MSELoss(), N, noise_scale=SIGMA)
    assert list(priors) == [name for name, _ in model.named_parameters()]
    variance = {name: prior.variance for name, prior in priors.items() if prior != Flat()}
    assert variance == {
        "0.weight": pytest.approx(2 * SIGMA**2 / (N * 0.02)),
        "1.weight": pytest.approx(2 * SIGMA**2 / (N * 0.005)),
        "3.weight": pytest.approx(2 * SIGMA**2 / (N * 0.02)),
    }


def test_a_network_with_free_biases_and_frozen_statistics_rests_at_its_mode():
    inputs, targets = data()
    model = nn.Sequential(linear(2), nn.BatchNorm1d(2, dtype=torch.float64), nn.Tanh())
    model.append(nn.Linear(2, 1, dtype=torch.float64))
    generator = torch.Generator().manual_seed(5)
    for value in model.parameters():
        nn.init.uniform_(value, -0.5, 0.5, generator=generator)
    model.eval()  # the statistics are data; in training mode they would follow the batch
    named = dict(model.named_parameters())
    free = [value for name, value in named.items() if name.endswith("bias")]
    decayed = [value for name, value in named.items() if name.endswith("weight")]
    minimise(model, lambda: sum(0.01 / 2 * (value**2).sum() for value in decayed), inputs, targets)
    groups: Groups = [{"params": decayed, "weight_decay": 0.01}, {"params": free}]
    optimizer = optim.SGD(groups, lr=0.1)
    before = {name: value.detach().clone() for name, value in named.items()}
    train(model, optimizer, nn.MSELoss(), inputs, targets, steps=3)
    for name, value in named.items():  # the optimizer rests where the penalised loss does
        torch.testing.assert_close(value.detach(), before[name], rtol=0, atol=1e-8)
    problem = Problem.from_training(model, optimizer, nn.MSELoss(), inputs, targets, SIGMA)
    assert problem.penalized == ["0.weight", "1.weight", "3.weight"]
    right = kkt_residual(problem, problem.initial)
    assert right <= 1e-6
    on_all = problem.with_priors(lambda name, prior: problem.priors["0.weight"])
    assert kkt_residual(on_all, problem.initial) >= max(100 * right, 1e-4)


def minimise(model, penalty, inputs, targets):
    """LBFGS with the penalty in the loss."""
    optimizer = optim.LBFGS(
        model.parameters(),
        max_iter=2000,
        tolerance_grad=1e-12,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )

    def closure():
        optimizer.zero_grad()
        value = nn.functional.mse_loss(model(inputs), targets) + penalty()
        value.backward()
        return value

    optimizer.step(closure)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_proximal_sgd_is_laplace_or_elastic_net(weight_decay):
    inputs, targets = data()
    model = linear()
    groups = [{"params": [model.weight], "l1_decay": 1.5}, {"params": [model.bias]}]
    optimizer = bw.ProximalSGD(groups, lr=0.05, momentum=0.5, weight_decay=weight_decay)
    train(model, optimizer, nn.MSELoss(), inputs, targets, decay=1.0)
    problem = Problem.from_training(model, optimizer, nn.MSELoss(), inputs, targets, SIGMA)
    assert type(problem.priors["weight"]) is (ElasticNet if weight_decay else Laplace)
    assert 1 / problem.priors["weight"].l1_rate == pytest.approx(2 * SIGMA**2 / (N * 1.5))
    assert 0 < int((model.weight == 0).sum()) < D
    assert kkt_residual(problem, problem.initial) <= 1e-6
    if not weight_decay:
        assert kkt_residual(under(problem, 2), problem.initial) >= 1e-2


def test_a_float32_model_and_arrays_are_taken_as_they_are():
    inputs, targets = data()
    model = nn.Linear(D, 1)
    optimizer = sgd(model.parameters(), weight_decay=0.2)
    train(model, optimizer, nn.MSELoss(), inputs.float(), targets.float())
    rows = inputs.float().numpy(), targets.float().numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        problem = Problem.from_training(model, optimizer, nn.MSELoss(), *rows, SIGMA)
    assert problem.inputs.dtype == torch.float32
    assert kkt_residual(problem, problem.initial) <= 1e-5


def test_nll_loss_of_log_probabilities_is_cross_entropy():
    inputs, targets = data("categorical", 3)
    model = nn.Sequential(linear(3), nn.LogSoftmax(dim=1))
    optimizer = sgd(model.parameters(), lr=0.4, weight_decay=0.2)
    train(model, optimizer, nn.NLLLoss(), inputs, targets)
    problem = Problem.from_training(model, optimizer, nn.NLLLoss(), inputs, targets)
    assert problem.priors["0.weight"].variance == pytest.approx(1 / (N * 0.2))
    assert kkt_residual(problem, problem.initial) <= 1e-6
