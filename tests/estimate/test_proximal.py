"""ProximalSGD: torch's SGD to the bit without L1, the lasso's optimum with it."""

import copy
import io
import pickle

import numpy as np
import pytest
import torch
from sklearn.linear_model import ElasticNet
from torch import nn

from bayeswd import InputError, ProximalSGD

# momentum, dampening, nesterov
MOMENTA = [(0, 0, False), (0.8, 0, False), (0.8, 0.3, False), (0.8, 0, True), (0, 0.3, False)]


@pytest.fixture(scope="module")
def data():
    """Rows [40, 8], centred, and targets that depend on three of the columns."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(40, 8, generator=generator, dtype=torch.float64)
    inputs = inputs - inputs.mean(0)
    weights = torch.tensor([2.0, -1.0, 0.5, 0, 0, 0, 0, 0], dtype=torch.float64)
    noise = torch.randn(40, generator=generator, dtype=torch.float64)
    targets = inputs @ weights + 0.3 * noise
    return inputs, targets - targets.mean()


def half_mean_square(weights, data):
    inputs, targets = data
    return 0.5 * ((inputs @ weights - targets) ** 2).mean()


def start():
    return nn.Parameter(torch.linspace(-1, 1, 8, dtype=torch.float64))


def run(make, data, steps, weights=None):
    weights = start() if weights is None else weights
    optimizer = make([weights])
    for _ in range(steps):
        optimizer.zero_grad()
        half_mean_square(weights, data).backward()
        optimizer.step()
    return weights.detach(), optimizer


@pytest.mark.parametrize(("momentum", "dampening", "nesterov"), MOMENTA)
@pytest.mark.parametrize("weight_decay", [0, 0.3])
@pytest.mark.parametrize("extra", [{}, {"maximize": True}, {"foreach": True}, {"fused": True}])
def test_without_l1_it_is_sgd_to_the_bit(momentum, dampening, nesterov, weight_decay, extra, data):
    options = (0.05, momentum, dampening, weight_decay, nesterov)
    ours, mine = run(lambda params: ProximalSGD(params, *options, **extra), data, 25)
    theirs, reference = run(lambda params: torch.optim.SGD(params, *options, **extra), data, 25)
    assert torch.equal(ours, theirs)
    buffers = [state.get("momentum_buffer") for state in mine.state.values()]
    expected = [state.get("momentum_buffer") for state in reference.state.values()]
    assert len(buffers) == len(expected)
    for one, other in zip(buffers, expected, strict=True):
        assert one is other is None or torch.equal(one, other)


@pytest.mark.parametrize(("momentum", "dampening", "nesterov"), MOMENTA)
@pytest.mark.parametrize("weight_decay", [0, 0.2])
def test_rests_at_the_lasso_whatever_the_momentum(
    momentum, dampening, nesterov, weight_decay, data
):
    """loss + l1 |w|_1 + l2/2 |w|^2 is scikit-learn's elastic net, alpha = l1 + l2."""
    l1_decay = 0.2

    def make(params):
        return ProximalSGD(
            params, 0.1, momentum, dampening, weight_decay, nesterov, l1_decay=l1_decay
        )

    alpha = l1_decay + weight_decay
    model = ElasticNet(
        alpha=alpha, l1_ratio=l1_decay / alpha, fit_intercept=False, tol=1e-14, max_iter=100_000
    )
    expected = model.fit(*map(np.asarray, data)).coef_
    weights, _ = run(make, data, 1500)
    assert 2 <= (expected == 0).sum() <= 6  # a case with both kinds
    assert np.array_equal(weights.numpy() == 0, expected == 0)
    np.testing.assert_allclose(weights.numpy(), expected, atol=1e-11, rtol=0)


def test_a_threshold_beside_the_momentum_buffer_solves_another_lasso(data):
    """The mistake that folding avoids: it rests at the optimum of (1 - momentum) l1_decay."""
    lr, momentum, l1_decay = 0.05, 0.6, 0.5
    weights = start()
    optimizer = torch.optim.SGD([weights], lr, momentum)
    for _ in range(2000):
        optimizer.zero_grad()
        half_mean_square(weights, data).backward()
        optimizer.step()
        with torch.no_grad():
            weights.sub_(weights.clamp(-lr * l1_decay, lr * l1_decay))
    right, _ = run(lambda p: ProximalSGD(p, lr, momentum, l1_decay=l1_decay), data, 2000)
    weaker = (1 - momentum) * l1_decay
    other, _ = run(lambda p: ProximalSGD(p, lr, momentum, l1_decay=weaker), data, 2000)
    torch.testing.assert_close(weights.detach(), other, rtol=0, atol=1e-12)
    assert float((right - other).abs().max()) > 0.2


@pytest.mark.parametrize(("momentum", "dampening", "nesterov"), MOMENTA)
def test_away_from_zero_it_is_sgd_on_the_loss_with_its_l1_penalty(
    momentum, dampening, nesterov, data
):
    """No weight changes sign here, so the subgradient is sign(w) in every step."""
    options = (0.01, momentum, dampening, 0.1, nesterov)
    far = torch.tensor([50.0, -50, 40, 60, -70, 80, -90, 55], dtype=torch.float64)
    ours, mine = run(
        lambda p: ProximalSGD(p, *options, l1_decay=3.0), data, 12, nn.Parameter(far.clone())
    )
    weights = nn.Parameter(far.clone())
    optimizer = torch.optim.SGD([weights], *options)
    for _ in range(12):
        optimizer.zero_grad()
        (half_mean_square(weights, data) + 3.0 * weights.abs().sum()).backward()
        optimizer.step()
    torch.testing.assert_close(ours, weights.detach(), rtol=1e-13, atol=0)
    for one, other in zip(mine.state.values(), optimizer.state.values(), strict=True):
        if momentum:
            torch.testing.assert_close(one["momentum_buffer"], other["momentum_buffer"])


def test_each_group_has_its_own_l1_decay(data):
    """A group without L1 takes SGD's steps to the bit beside one with it."""
    inputs = data[0]
    first, second = nn.Parameter(torch.ones(4).double()), nn.Parameter(torch.ones(4).double())
    optimizer = ProximalSGD(
        [{"params": [first], "l1_decay": 0.0}, {"params": [second]}], 0.1, 0.5, l1_decay=10.0
    )
    for _ in range(3):
        optimizer.zero_grad()
        (((inputs[:, :4] @ first) ** 2).mean() + ((inputs[:, 4:] @ second) ** 2).mean()).backward()
        optimizer.step()
    alone = nn.Parameter(torch.ones(4).double())
    sgd = torch.optim.SGD([alone], 0.1, 0.5)
    for _ in range(3):
        sgd.zero_grad()
        ((inputs[:, :4] @ alone) ** 2).mean().backward()
        sgd.step()
    assert torch.equal(first, alone)
    assert torch.equal(second, torch.zeros(4).double())


def make_lasso(params):
    return ProximalSGD(params, 0.05, 0.7, 0.2, l1_decay=0.2)


@pytest.mark.parametrize("how", ["state_dict", "torch.save", "deepcopy", "pickle"])
def test_training_goes_on_after_a_round_trip(how, data):
    """Ten steps, a stop, ten steps = twenty steps; dampening makes the buffer's age matter."""
    expected, _ = run(make_lasso, data, 20)
    weights, optimizer = run(make_lasso, data, 10)
    weights = nn.Parameter(weights.clone())
    if how in ("deepcopy", "pickle"):
        again = (
            copy.deepcopy(optimizer) if how == "deepcopy" else pickle.loads(pickle.dumps(optimizer))
        )
        weights = again.param_groups[0]["params"][0]
    else:
        state = optimizer.state_dict()
        if how == "torch.save":
            torch.save(state, file := io.BytesIO())
            state = torch.load(io.BytesIO(file.getvalue()))
        again = ProximalSGD([weights], 1.0)
        again.load_state_dict(state)
    assert again.param_groups[0]["l1_decay"] == 0.2
    run(lambda _: again, data, 10, weights)
    assert torch.equal(weights, expected)


def test_a_checkpoint_of_plain_sgd_leaves_the_l1_decay_alone(data):
    _, sgd = run(lambda params: torch.optim.SGD(params, 0.05, 0.7), data, 3)
    optimizer = ProximalSGD([start()], 0.1, l1_decay=0.4)
    optimizer.load_state_dict(sgd.state_dict())
    (group,) = optimizer.param_groups
    assert (group["l1_decay"], group["lr"]) == (0.4, 0.05)


def test_closure_schedule_and_hooks_work_as_in_sgd(data):
    """Hooks run once a step, also after a plain SGD exists (whose step torch wraps in place)."""
    torch.optim.SGD([start()], 0.1)
    weights, called = start(), []
    optimizer = ProximalSGD([weights], 0.05, l1_decay=0.3)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    optimizer.register_step_pre_hook(lambda *_: called.append("before"))
    optimizer.register_step_post_hook(lambda *_: called.append("after"))

    def closure():
        optimizer.zero_grad()
        loss = half_mean_square(weights, data)
        loss.backward()
        return loss

    loss = optimizer.step(closure)
    schedule.step()
    first = start()
    half_mean_square(first, data).backward()
    assert torch.equal(loss, half_mean_square(first, data))
    assert called == ["before", "after"]
    assert optimizer.param_groups[0]["lr"] == 0.025
    candidate = first.detach() - 0.05 * first.grad
    shrunk = candidate.sign() * (candidate.abs() - 0.05 * 0.3).clamp(min=0)
    torch.testing.assert_close(weights.detach(), shrunk, rtol=1e-14, atol=0)


def test_exact_zeros_stay_and_an_unused_parameter_is_left_alone(data):
    unused, weights = nn.Parameter(torch.ones(2)), start()
    optimizer = ProximalSGD([weights, unused], 0.1, 0.9, l1_decay=100.0)
    run(lambda _: optimizer, data, 30, weights)
    assert torch.equal(weights, torch.zeros_like(weights))
    assert torch.equal(unused, torch.ones(2))


@pytest.mark.parametrize("lr", [0.0, torch.tensor(0.0)])
def test_a_step_of_size_zero_does_nothing(lr, data):
    weights, _ = run(lambda params: ProximalSGD(params, lr, 0.9, l1_decay=0.3), data, 2)
    assert torch.equal(weights, start())


def test_a_tensor_lr_counts_like_its_number(data):
    lr = torch.tensor(0.05, dtype=torch.float64)
    ours, _ = run(lambda p: ProximalSGD(p, lr, l1_decay=0.3), data, 9)
    number, _ = run(lambda p: ProximalSGD(p, 0.05, l1_decay=0.3), data, 9)
    torch.testing.assert_close(ours, number, rtol=1e-14, atol=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"l1_decay": -0.1}, r"ProximalSGD\(l1_decay=-0.1\): give a finite number >= 0"),
        ({"l1_decay": float("nan")}, r"give a finite number >= 0"),
        ({"l1_decay": 0.1, "maximize": True}, r"leave maximize out \(to maximise, negate"),
        ({"l1_decay": 0.1, "differentiable": True}, r"leave differentiable out"),
        ({"l1_decay": 0.1, "fused": True}, r"leave fused out"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(InputError, match=message):
        ProximalSGD([start()], 0.1, **options)
    optimizer = ProximalSGD([start()], 0.1)
    with pytest.raises(InputError, match=message):
        optimizer.add_param_group({"params": [start()], **options})
    assert len(optimizer.param_groups) == 1
