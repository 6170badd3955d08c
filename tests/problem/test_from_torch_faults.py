"""Training set-ups that have no such prior are refused; weights at no mode are warned about."""

from functools import partial

import pytest
import torch
from torch import nn, optim

import bayeswd as bw
from bayeswd.errors import InputError
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat


def rows(outputs=1):
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(12, 3, generator=generator).double()
    targets = torch.randn(12, outputs, generator=generator).double()
    return inputs, targets


def linear(outputs=1):
    return nn.Linear(3, outputs, dtype=torch.float64)


def read(optimizer, loss=None, model=None, **options):
    model = model or linear()
    loss = loss or nn.MSELoss()
    chosen = optimizer(model.parameters())
    return bw.priors_from_optimizer(chosen, model, loss, 12, noise_scale=1.0, **options)


sgd = partial(optim.SGD, lr=0.1, weight_decay=0.1)


@pytest.mark.parametrize(
    ("optimizer", "says"),
    [
        (partial(optim.AdamW, weight_decay=0.01), r"AdamW\(weight_decay=0.01\).*1/weight_decay"),
        (optim.AdamW, r"box \|w\| <= 1/weight_decay = 100"),  # its default decays too
        (
            partial(optim.Adam, weight_decay=0.1, decoupled_weight_decay=True),
            r"Adam\(weight_decay=0.1\): .*decoupled",
        ),
        (partial(optim.Adafactor, weight_decay=0.1), r"Adafactor\(weight_decay=0.1\): "),
        (partial(optim.SGD, lr=0.1, weight_decay=0.1, maximize=True), "climbs the loss"),
    ],
)
def test_an_optimizer_without_a_prior_is_refused(optimizer, says):
    with pytest.raises(InputError, match=says):
        read(optimizer)


def test_an_optimizer_of_unknown_make_is_refused_by_its_decay():
    class SGD(optim.SGD):  # its step may be anything
        pass

    with pytest.raises(InputError, match="not known to decay inside the gradient"):
        read(partial(SGD, lr=0.1, weight_decay=0.1))
    assert read(partial(SGD, lr=0.1)) == {"weight": Flat(), "bias": Flat()}


WITHOUT_DECAY = [optim.LBFGS, optim.Rprop, partial(optim.AdamW, weight_decay=0)]


@pytest.mark.parametrize("optimizer", WITHOUT_DECAY)
def test_no_decay_is_a_flat_prior(optimizer):
    assert read(optimizer) == {"weight": Flat(), "bias": Flat()}


def test_asgd_has_a_prior_even_without_weight_decay():
    prior = read(partial(optim.ASGD, lambd=0.02))["weight"]
    assert prior.variance == pytest.approx(2 / (12 * 0.02))
    assert read(partial(optim.ASGD, lambd=0.0))["weight"] == Flat()


class WeightedMSE(nn.MSELoss):
    pass


@pytest.mark.parametrize(
    ("loss", "says"),
    [
        (nn.L1Loss(), "loss L1Loss: no likelihood of ours"),
        (nn.BCELoss(), r"loss BCELoss: no likelihood of ours.*nn.BCEWithLogitsLoss\(\)"),
        (WeightedMSE(), "loss WeightedMSE: no likelihood of ours"),
        (nn.MSELoss, "give one loss object"),
        ((nn.MSELoss(), nn.L1Loss()), "loss tuple: no likelihood of ours; give one loss object"),
        (lambda outputs, targets: (outputs - targets).mean(), "no likelihood of ours"),
        (nn.CrossEntropyLoss(weight=torch.ones(3)), "has a weight: weighted rows or classes"),
        (nn.BCEWithLogitsLoss(pos_weight=torch.ones(1)), "has a pos_weight"),
        (nn.CrossEntropyLoss(label_smoothing=0.1), "smooths labels"),
        (nn.PoissonNLLLoss(log_input=False), "log_input=False: let the model return the log mean"),
        (nn.MSELoss(reduction="none"), "reduction='none': use 'mean' or 'sum'"),
    ],
)
def test_a_loss_that_is_no_likelihood_is_refused(loss, says):
    with pytest.raises(InputError, match=says):
        read(sgd, loss)


def test_a_parameter_in_no_group_is_named():
    model = linear()
    optimizer = sgd([model.weight])
    with pytest.raises(InputError, match="parameter 'bias' is trained by no group"):
        bw.priors_from_optimizer(optimizer, model, nn.MSELoss(), 12, noise_scale=1.0)
    model.bias.requires_grad_(False)
    priors = bw.priors_from_optimizer(optimizer, model, nn.MSELoss(), 12, noise_scale=1.0)
    assert list(priors) == ["weight"]


def test_sigma_is_asked_for_where_it_matters_and_refused_where_not():
    model = linear()
    with pytest.raises(InputError, match="give noise_scale: MSELoss fixes only"):
        Problem.from_training(model, sgd(model.parameters()), nn.MSELoss(), *rows())
    inputs, targets = rows()
    binary, loss = (targets > 0).double(), nn.BCEWithLogitsLoss()
    with pytest.raises(InputError, match="BCEWithLogitsLoss has no noise scale; leave it out"):
        Problem.from_training(model, sgd(model.parameters()), loss, inputs, binary, 1.0)


def test_nll_loss_of_anything_but_log_probabilities_is_refused():
    model = linear(3)
    inputs, targets = rows(3)
    with pytest.raises(InputError, match="no log probabilities: end the model in LogSoftmax"):
        Problem.from_training(
            model, sgd(model.parameters()), nn.NLLLoss(), inputs, targets.argmax(1)
        )


def test_targets_that_the_loss_leaves_out_are_refused():
    model = linear(3)
    inputs, targets = rows(3)
    labels = targets.argmax(1)
    labels[:2] = -100
    with pytest.raises(InputError, match="2 of the targets are -100, which the loss ignores"):
        Problem.from_training(model, sgd(model.parameters()), nn.CrossEntropyLoss(), inputs, labels)


def warned(model, loss=None, targets=None, recwarn=None):
    """The warning that reading these untrained weights gives."""
    inputs, own = rows()
    optimizer = sgd(model.parameters())
    with pytest.warns(UserWarning, match="not a mode") as found:
        problem = Problem.from_training(
            model, optimizer, loss or nn.MSELoss(), inputs, own if targets is None else targets, 1.0
        )
    assert isinstance(problem, Problem)
    assert found[0].filename == __file__  # the line of the person who asked
    return str(found[0].message)


def test_untrained_weights_are_warned_about_with_their_residual():
    text = warned(linear())
    assert "KKT residual" in text
    assert "has not converged" in text
    assert "broadcast" not in text


def test_the_warning_names_what_is_particular_to_the_set_up():
    assert "[n, 1] and targets [n]" in warned(linear(), targets=rows()[1][:, 0])
    assert "mini-batches" in warned(linear(), nn.MSELoss(reduction="sum"))
    model = nn.Sequential(linear(2), nn.Dropout(0.5), nn.Linear(2, 1, dtype=torch.float64))
    assert "Dropout was in training mode" in warned(model)
    assert model.training  # the model of the caller stays as it was
    norm = nn.Sequential(linear(2), nn.BatchNorm1d(2, dtype=torch.float64))
    norm.append(nn.Linear(2, 1, dtype=torch.float64))
    assert "BatchNorm1d was in training mode" in warned(norm)
