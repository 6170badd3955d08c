"""From a training set-up in torch to priors by parameter name, and to a Problem.

Only what the optimizer does to the gradient is read: coupled `weight_decay` (and ProximalSGD's
`l1_decay`), the loss and its reduction. The maps are the rows `torch.SGD+<loss>` of the knobs.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd
from torch.optim import Optimizer

from bayeswd.errors import InputError
from bayeswd.problem import checks, conventions, settings
from bayeswd.problem.at_rest import warn_unless_at_rest
from bayeswd.problem.likelihoods import Categorical
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import ElasticNet, Flat, Gaussian, Laplace, Prior
from bayeswd.problem.torch_losses import (
    Loss,
    likelihood_of,
    require_all_rows,
    require_log_probabilities,
    row_of,
)

COUPLED = {"SGD", "ProximalSGD", "ASGD", "Adam", "NAdam", "RAdam"}
COUPLED |= {"Adamax", "RMSprop", "Adagrad", "Adadelta"}
HOMES = {"torch", "bayeswd"}  # an SGD of another package may decay in another way


def priors_from_optimizer(
    optimizer: Optimizer,
    model: nn.Module,
    loss: Loss,
    n: int,
    *,
    noise_scale: float | None = None,
    outputs: int = 1,
) -> dict[str, Prior]:
    """The prior of each trainable parameter, biases and normalisation layers included.

    n: training examples. noise_scale: sigma, for squared errors. outputs: K, which a mean over
    all elements (MSELoss, BCEWithLogitsLoss, PoissonNLLLoss) divides by too. reduction="sum" is
    read as the sum over the full batch. A parameter without decay is Flat.

    InputError: decoupled decay (AdamW), a loss that is no likelihood of ours, a parameter that
    no group trains.
    """
    row = row_of(loss)
    known: dict[str, Any] = {"n": n, "outputs": outputs}
    if "+MSELoss" in row:
        known["noise_scale"] = noise_scale
    groups = _groups_by_name(optimizer, model)
    return {name: _prior(row, optimizer, group, known) for name, group in groups.items()}


def problem_from_training(
    model: nn.Module,
    optimizer: Optimizer,
    loss: Loss,
    inputs: Any,
    targets: Any,
    noise_scale: float | None = None,
) -> Problem:
    """The problem whose mode this training looks for, at the model's present weights.

    The model is copied and put in eval mode. Warns, with the KKT residual and what may be behind
    it, where the present weights are not stationary for the problem.
    """
    likelihood = likelihood_of(loss, noise_scale)
    inputs = checks.as_inputs(inputs)
    targets = checks.as_targets(targets, inputs)
    require_all_rows(loss, targets)
    trained = copy.deepcopy(model).eval()
    unpenalized = Problem(trained, likelihood, {"*": Flat()}, inputs, targets)
    outputs = unpenalized.outputs(unpenalized.initial, inputs[:2])
    require_log_probabilities(loss, outputs)
    columns = 1 if isinstance(likelihood, Categorical) else outputs[0].numel()
    priors = priors_from_optimizer(
        optimizer, model, loss, len(inputs), noise_scale=noise_scale, outputs=columns
    )
    problem = unpenalized.with_priors(lambda name, _: priors[name])
    warn_unless_at_rest(problem, _reasons(model, loss, outputs, targets), stacklevel=3)
    return problem


def _groups_by_name(optimizer: Optimizer, model: nn.Module) -> dict[str, Mapping[str, Any]]:
    """Each trainable parameter's param group."""
    group_of = {id(value): group for group in optimizer.param_groups for value in group["params"]}
    found: dict[str, Mapping[str, Any]] = {}
    for name, value in model.named_parameters():
        if not value.requires_grad:
            continue
        if id(value) not in group_of:
            raise InputError(
                f"parameter {name!r} is trained by no group of the optimizer; add it to one, or "
                "freeze it with requires_grad_(False)."
            )
        found[name] = group_of[id(value)]
    return found


def _prior(
    row: str, optimizer: Optimizer, group: Mapping[str, Any], known: Mapping[str, Any]
) -> Prior:
    """The prior that one group's decays mean; each decay is read by itself."""
    l2_scale = _scale(row, "l2", _weight_decay(optimizer, group), known)
    l1_scale = _scale(row, "l1", float(group.get("l1_decay", 0.0)), known)
    if l1_scale and l2_scale:
        return ElasticNet(l1_scale, l2_scale)
    if l1_scale:
        return Laplace(l1_scale)
    return Gaussian(l2_scale) if l2_scale else Flat()


def _scale(row: str, penalty: str, strength: float, known: Mapping[str, Any]) -> float | None:
    return conventions.reading(row, strength, penalty=penalty, **known).scale if strength else None


def _weight_decay(optimizer: Optimizer, group: Mapping[str, Any]) -> float:
    """The coupled decay of a group, ASGD's hidden one included; refused where decoupled."""
    name, home = type(optimizer).__name__, type(optimizer).__module__.partition(".")[0]
    if group.get("maximize"):
        raise InputError(f"{name}(maximize=True) climbs the loss: what it seeks is no mode.")
    decay = float(group.get("weight_decay", 0.0))
    hidden = float(group["lambd"]) if name == "ASGD" else 0.0
    if decay + hidden == 0:
        return 0.0
    if group.get("decoupled_weight_decay") or name not in COUPLED or home not in HOMES:
        raise _no_prior(optimizer, decay)
    return decay + hidden


def _no_prior(optimizer: Optimizer, decay: float) -> InputError:
    """What this decay is instead of a prior, where the knobs know the optimizer."""
    name = type(optimizer).__name__
    asked = f"{name}(weight_decay={decay:g})"
    if type(optimizer).__module__.startswith("torch."):
        row = f"torch.{name}" if name in ("Adafactor", "Muon") else "torch.AdamW"
        try:
            settings.refuse_without_prior(conventions.find(row), decay)
        except InputError as reason:
            return InputError(f"{asked}: {reason}.")
    return InputError(
        f"{asked} is not known to decay inside the gradient, as torch's "
        f"{', '.join(sorted(COUPLED))} do: a decoupled decay has no Gaussian prior."
    )


def _reasons(model: nn.Module, loss: Loss, outputs: Tensor, targets: Tensor) -> Iterator[str]:
    """Why trained weights may not be a mode, the most particular reason first."""
    for layer in model.modules():
        if isinstance(layer, _BatchNorm) or (isinstance(layer, _DropoutNd) and layer.p > 0):
            name = type(layer).__name__
            yield f"{name} was in training mode, where the objective is not this one"
            break
    if "+Cross" not in row_of(loss) and outputs.ndim > targets.ndim:
        yield (
            f"the loss was given outputs [n, {outputs.shape[-1]}] and targets [n], which "
            "broadcast to [n, n]"
        )
    if getattr(loss, "reduction", "mean") == "sum":
        yield "the summed loss was taken over mini-batches (it is read as over the full batch)"
    yield "training has not converged: go on with a smaller learning rate and the full batch"
