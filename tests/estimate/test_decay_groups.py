"""Priors as param groups, and which optimizers honour them: found out by steps, not by name."""

import pytest
import torch
from torch import nn

from bayeswd import (
    ElasticNet,
    Flat,
    Gaussian,
    GaussianNoise,
    InputError,
    Laplace,
    Problem,
    ProximalSGD,
)
from bayeswd.estimate import decay_groups

N, SIGMA = 10, 0.5


def problem_with(weight, bias=Flat()):  # noqa: B008
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(N, 3, generator=generator, dtype=torch.float64)
    priors = {"weight": weight, "bias": bias}
    return Problem(nn.Linear(3, 2), GaussianNoise(SIGMA), priors, inputs, inputs[:, :2])


def build(make, prior, options=(), penalty_in_loss=False):
    problem = problem_with(prior)
    params = dict(problem.model.named_parameters())
    groups = decay_groups.groups_of(problem, params, penalty_in_loss)
    return decay_groups.build(make, groups, dict(options))


def test_decays_are_those_of_the_formulas():
    """weight_decay = sigma^2 / (n tau^2), l1_decay = sigma^2 / (n b)."""
    optimizer = build(ProximalSGD, ElasticNet(l1_scale=0.2, l2_scale=0.4), {"lr": 0.1})
    weight, bias = optimizer.param_groups
    assert weight["name"] == "weight"
    assert weight["weight_decay"] == pytest.approx(SIGMA**2 / (N * 0.4**2), rel=1e-14)
    assert weight["l1_decay"] == pytest.approx(SIGMA**2 / (N * 0.2), rel=1e-14)
    assert (bias["weight_decay"], bias["l1_decay"]) == (0, 0)


def test_with_the_penalty_in_the_loss_one_group_has_no_decay():
    optimizer = build(torch.optim.AdamW, Gaussian(0.1), {"lr": 0.1}, penalty_in_loss=True)
    (group,) = optimizer.param_groups
    assert len(group["params"]) == 2
    assert group["weight_decay"] == 0  # AdamW's own default is 0.01


@pytest.mark.parametrize(
    "name",
    ["SGD", "Adam", "NAdam", "RAdam", "Adagrad", "Adadelta", "Adamax", "RMSprop"],
)
@pytest.mark.parametrize("lr", [1e-5, 0.1])
def test_coupled_optimizers_are_accepted(name, lr):
    make = getattr(torch.optim, name)
    assert isinstance(build(make, Gaussian(0.3), {"lr": lr}), make)


DECOUPLED = {
    "AdamW": torch.optim.AdamW,
    "Adafactor": torch.optim.Adafactor,
    "NAdam": lambda groups, lr: torch.optim.NAdam(groups, lr, decoupled_weight_decay=True),
    "RAdam": lambda groups, lr: torch.optim.RAdam(groups, lr, decoupled_weight_decay=True),
}


@pytest.mark.parametrize("name", DECOUPLED)
@pytest.mark.parametrize("lr", [1e-6, 0.1])
def test_decoupled_decay_is_refused_as_no_prior(name, lr):
    make = DECOUPLED[name]
    with pytest.raises(InputError, match=f"optim.{name} decouples weight_decay .* has no prior"):
        build(make, Gaussian(0.3), {"lr": lr})
    build(make, Flat(), {"lr": lr})  # nothing to decouple
    build(make, Gaussian(0.3), {"lr": lr}, penalty_in_loss=True)


class Lion(torch.optim.Optimizer):
    """Somebody's optimizer with decoupled decay, which no list of names knows."""

    def __init__(self, params, lr=1e-3, weight_decay=0.0):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None):
        with torch.enable_grad():
            loss = None if closure is None else closure()
        for group in self.param_groups:
            for value in group["params"]:
                value.mul_(1 - group["lr"] * group["weight_decay"])
                value.sub_(group["lr"] * value.grad.sign())
        return loss


@pytest.mark.parametrize(
    ("make", "prior", "message"),
    [
        (torch.optim.SGD, Laplace(0.1), r"torch.optim.SGD has no L1 decay: use ProximalSGD, or pe"),
        (torch.optim.Adam, ElasticNet(0.1, 0.1), r"torch.optim.Adam has no L1 decay"),
        (torch.optim.Rprop, Gaussian(0.1), r"Rprop has no weight_decay: use penalty_in_loss=True"),
        (torch.optim.LBFGS, Gaussian(0.1), r"LBFGS takes no groups: penalty_in_loss=True"),
        (torch.optim.ASGD, Gaussian(0.1), r"ASGD decays weights by itself.*for ASGD: lambd=0"),
        (torch.optim.ASGD, Flat(), r"ASGD decays weights by itself"),
        (Lion, Gaussian(0.1), r"^Lion decouples weight_decay from the gradient"),
        (lambda groups: torch.optim.SGD(groups[:1]), Gaussian(0.1), r"was not given all of the pa"),
        (
            lambda groups: torch.optim.SGD([p for g in groups for p in g["params"]], lr=0.1),
            Gaussian(0.1),
            r"SGD has weight_decay 0 where the priors mean 2.5; pass the param groups on",
        ),
        (
            lambda groups: ProximalSGD([p for g in groups for p in g["params"]], l1_decay=1.0),
            Laplace(0.1),
            r"^ProximalSGD has l1_decay 1 where the priors mean 0.25",
        ),
        (
            42,
            Gaussian(0.1),
            r"optimizer\(groups\) failed: 'int' object is not callable; give a tor",
        ),
    ],
)
def test_what_does_not_end_at_the_mode_is_refused(make, prior, message):
    with pytest.raises(InputError, match=message):
        build(make, prior)


def test_averaged_sgd_without_its_hidden_decay_is_accepted():
    build(lambda groups: torch.optim.ASGD(groups, lambd=0), Gaussian(0.1))


def test_the_trial_steps_leave_the_weights_alone():
    problem = problem_with(Gaussian(0.1))
    params = dict(problem.model.named_parameters())
    groups = decay_groups.groups_of(problem, params)
    optimizer = decay_groups.build(torch.optim.Adam, groups, {})
    assert optimizer.state == {}
    for name, value in problem.initial.items():
        assert torch.equal(params[name], value)
        assert params[name].grad is None
