"""Every way to train the same problem: optimizers, batches, schedules, starts, faults."""

import copy
import re
import types

import pytest
import torch
from torch import nn

from bayeswd import (
    Flat,
    Gaussian,
    GaussianNoise,
    InputError,
    Laplace,
    Problem,
    ProximalSGD,
    descent,
    exact,
)
from bayeswd.estimate import loop


@pytest.fixture(scope="module")
def ridge_problem(problem_of):
    return problem_of("d2l", Gaussian)


@pytest.fixture(scope="module")
def lasso_problem(problem_of):
    return problem_of("d2l", Laplace)


def apart(one, other):
    return max(float((one.params[name] - other.params[name]).abs().max()) for name in one.params)


def test_penalty_in_the_loss_takes_the_same_steps(ridge_problem):
    """Autograd of (c / 2 tau^2) w^2 is the weight_decay term."""
    options = {"lr": 0.05, "momentum": 0.5, "steps": 60, "tolerance": -1.0}
    inside = descent.train(ridge_problem, penalty_in_loss=True, **options)
    decayed = descent.train(ridge_problem, **options)
    assert apart(inside, decayed) < 1e-15
    assert "penalty in the loss" in inside.note
    assert "penalty as weight_decay" in decayed.note


def test_l1_in_the_loss_is_close_but_has_no_zeros(lasso_problem):
    inside, best = descent.train(lasso_problem, penalty_in_loss=True), exact.solve(lasso_problem)
    assert inside.converged
    assert 0 < inside.objective - best.objective <= 0.05
    assert inside.certificate.gap <= 0.05 + 1e-3
    assert int((inside.params["weight"] == 0).sum()) == 0
    assert int((best.params["weight"] == 0).sum()) > 150
    assert inside.note.startswith("SGD,")


@pytest.mark.parametrize("optimizer", [torch.optim.Adam, torch.optim.NAdam])
def test_any_optimizer_with_coupled_decay_finds_the_mode(optimizer, ridge_problem):
    fit = descent.train(
        ridge_problem,
        optimizer=lambda groups: optimizer(groups, lr=2e-3),
        schedule=lambda made: torch.optim.lr_scheduler.StepLR(made, 300, 0.5),
        steps=3000,
        tolerance=1e-9,
    )
    assert apart(fit, exact.solve(ridge_problem)) < 1e-6
    assert fit.note.startswith(optimizer.__name__)


def lbfgs(groups):
    return torch.optim.LBFGS(
        groups, tolerance_grad=0, tolerance_change=0, line_search_fn="strong_wolfe"
    )


@pytest.mark.parametrize(
    ("optimizer", "within"),
    [
        (lbfgs, 1e-5),
        (torch.optim.Rprop, 1e-4),
        (lambda groups: torch.optim.AdamW(groups, lr=1e-3), 1e-6),
    ],
)
def test_the_penalty_in_the_loss_opens_training_to_every_optimizer(
    optimizer, within, ridge_problem
):
    """AdamW's own default decay of 0.01 is switched off in its group."""
    fit = descent.train(ridge_problem, optimizer=optimizer, penalty_in_loss=True, steps=1500)
    assert apart(fit, exact.solve(ridge_problem)) < within


@pytest.mark.parametrize("batch_size", [2, 8])
def test_minibatches_leave_the_prior_alone(batch_size, ridge_problem):
    """weight_decay is c / tau^2 = 3 for every batch size; a fading lr then finds the mode."""
    seen: list[float] = []

    def optimizer(groups):
        seen.extend(group["weight_decay"] for group in groups if group["name"] == "weight")
        return torch.optim.SGD(groups, lr=0.01)

    fit = descent.train(
        ridge_problem,
        optimizer=optimizer,
        batch_size=batch_size,
        schedule=lambda made: torch.optim.lr_scheduler.LambdaLR(made, lambda t: 1 / (1 + t / 500)),
        steps=5000,
    )
    assert seen == [pytest.approx(3.0, rel=1e-12)]
    weight = exact.solve(ridge_problem).params["weight"]
    assert float((fit.params["weight"] - weight).abs().max() / weight.abs().max()) < 0.02
    assert f"batches of {batch_size}" in fit.note


def test_an_epoch_shows_every_row_once(ridge_problem):
    rows, seen = ridge_problem.inputs[:, 0].sort().values, []

    class Watching(nn.Linear):
        def forward(self, inputs):
            seen.append(inputs[:, 0])
            return super().forward(inputs)

    priors, data = {"*": Gaussian(0.1)}, (ridge_problem.inputs, ridge_problem.targets)
    problem = Problem(Watching(200, 1), GaussianNoise(0.01), priors, *data)
    descent.train(problem, lr=1e-3, batch_size=7, steps=6)
    batches = [batch for batch in seen if len(batch) in (6, 7)]
    assert [len(batch) for batch in batches] == [7, 7, 6] * 2
    first, second = torch.cat(batches[:3]), torch.cat(batches[3:])
    assert torch.equal(first.sort().values, rows)
    assert torch.equal(second.sort().values, rows)
    assert not torch.equal(first, second)


def test_the_seed_decides_the_batches_and_nothing_else_is_touched(ridge_problem):
    before, model = torch.get_rng_state(), copy.deepcopy(ridge_problem.model.state_dict())
    options = {"batch_size": 5, "lr": 0.01, "steps": 20}
    one, again, other = (descent.train(ridge_problem, seed=s, **options) for s in (1, 1, 2))
    assert apart(one, again) == 0 < apart(one, other)
    assert torch.equal(torch.get_rng_state(), before)
    for name, value in ridge_problem.model.state_dict().items():
        assert torch.equal(value, model[name])
    assert all(p.grad is None for p in ridge_problem.model.parameters())


def test_training_can_start_anywhere(lasso_problem):
    best = descent.train(lasso_problem)
    again = descent.train(lasso_problem, start=best.params)
    assert (again.steps, again.converged) == (0, True)
    assert apart(again, best) == 0
    zero = {name: torch.zeros_like(value) for name, value in best.params.items()}
    from_zero = descent.train(lasso_problem, start=zero)
    assert from_zero.history[0][1] == pytest.approx(float(lasso_problem.objective(zero)))
    assert apart(from_zero, best) < 1e-10
    assert all(float(value.abs().max()) == 0 for value in zero.values())


def test_history_is_dense_at_first_and_bounded(ridge_problem):
    fit = descent.train(ridge_problem, lr=1e-4, steps=3000)
    steps = [step for step, _ in fit.history]
    assert steps[:10] == list(range(10))
    assert steps == sorted(set(steps))
    assert steps[-1] == fit.steps == 3000
    assert len(steps) < 120
    assert fit.objective == fit.history[-1][1] == float(ridge_problem.objective(fit.params))
    assert not fit.converged


def test_progress_is_a_line_every_two_seconds_where_asked(ridge_problem, monkeypatch, capsys):
    ticks = iter(range(1_000_000))
    clock = types.SimpleNamespace(perf_counter=lambda: float(next(ticks)))
    monkeypatch.setattr(loop, "time", clock)
    descent.train(ridge_problem, lr=1e-4, steps=50, progress=True)
    output = capsys.readouterr()
    assert output.out == ""
    assert re.fullmatch(r"step 20: KKT residual \d\.\de[+-]\d\d", output.err.splitlines()[0])
    descent.train(ridge_problem, lr=1e-4, steps=50)
    assert capsys.readouterr().err == ""


def test_a_plateau_schedule_is_told_the_loss(ridge_problem):
    fit = descent.train(
        ridge_problem,
        lr=0.01,
        steps=30,
        schedule=lambda made: torch.optim.lr_scheduler.ReduceLROnPlateau(
            made, mode="max", patience=2, factor=0.5
        ),
    )
    assert float(fit.note.split("lr ")[1].split(",")[0]) < 0.005  # the loss falls: lr is cut


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"lr": 0.3},
            r"diverged: after \d+ steps .* lr 0.3 with momentum 0, and stable is at most",
        ),
        ({"lr": 0.3, "batch_size": 5}, r"2 \(1 \+ momentum\) / L = 0\.0\d+ .* give a smaller lr"),
        ({"lr": -1.0}, r"lr=-1.0: give a finite number > 0"),
        ({"momentum": 1.0}, r"momentum=1.0: give a number from 0 to below 1"),
        ({"steps": 0}, r"descent.train\(steps=0\): give a whole number >= 1"),
        ({"batch_size": 0}, r"descent.train\(batch_size=0\): give a whole number >= 1"),
        ({"start": {"weight": torch.zeros(1, 200)}}, r"start names 'weight'; .* 'weight', 'bias'"),
        (
            {"start": {"weight": torch.zeros(200), "bias": torch.zeros(1)}},
            r"start\['weight'\] has shape \(200,\); the parameter has \(1, 200\)",
        ),
    ],
)
def test_faults_have_one_line(options, message, ridge_problem):
    with pytest.raises(InputError, match=message):
        descent.train(ridge_problem, **options)


def test_the_stability_limit_is_where_training_turns(ridge_problem):
    """Below 2 (1 + momentum) / L of the error message it converges, above it does not."""
    with pytest.raises(InputError) as error:
        descent.train(ridge_problem, lr=1.0, momentum=0.5)
    limit = float(str(error.value).split("L = ")[1].split(" ")[0])
    below = descent.train(ridge_problem, lr=0.9 * limit, momentum=0.5)
    assert below.converged
    with pytest.raises(InputError, match="diverged"):
        descent.train(ridge_problem, lr=1.1 * limit, momentum=0.5)


def test_proximal_sgd_is_the_default_only_under_l1(ridge_problem, lasso_problem):
    both = descent.train(ridge_problem, optimizer=ProximalSGD)
    plain = descent.train(ridge_problem)
    assert plain.note.startswith("SGD")
    assert both.note.startswith("ProximalSGD")
    assert apart(both, plain) == 0
    assert "l1_decay" in descent.train(lasso_problem, steps=1).note


@pytest.mark.parametrize("batch_size", [None, 5])
def test_a_default_step_size_suits_minibatches_of_a_network(batch_size, ridge_problem):
    model = nn.Sequential(nn.Linear(200, 3), nn.Tanh(), nn.Linear(3, 1)).double()
    with torch.no_grad():
        for seed, value in enumerate(model.parameters()):
            draw = torch.randn(value.shape, generator=torch.Generator().manual_seed(seed))
            value.copy_(0.1 * draw)
    priors = {"*.weight": Gaussian(0.1), "*.bias": Flat()}
    problem = Problem(
        model, GaussianNoise(0.05), priors, ridge_problem.inputs, ridge_problem.targets
    )
    fit = descent.train(problem, batch_size=batch_size, steps=600)
    assert fit.objective < fit.history[0][1] / 2 - 100
