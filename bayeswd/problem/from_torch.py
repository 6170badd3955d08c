"""From a training set-up in torch to priors by parameter name, and to a Problem.

Only what the optimizer does to the gradient is read: coupled `weight_decay` (and ProximalSGD's
`l1_decay`), the loss and its reduction. The maps are the rows `torch.SGD+<loss>` of the knobs.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from bayeswd.errors import InputError
from bayeswd.problem import conventions
from bayeswd.problem.likelihoods import (
    Bernoulli,
    Categorical,
    GaussianNoise,
    Likelihood,
    Poisson,
)
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import ElasticNet, Flat, Gaussian, Laplace, Prior
from bayeswd.problem.stationarity import kkt_residual

Loss = nn.Module | Callable[..., Tensor]

FUNCTIONS: dict[Any, str] = {
    functional.mse_loss: "MSELoss",
    functional.cross_entropy: "CrossEntropyLoss",
    functional.binary_cross_entropy_with_logits: "BCEWithLogitsLoss",
    functional.poisson_nll_loss: "PoissonNLLLoss",
}
LOSSES = tuple(FUNCTIONS.values())
COUPLED = ("SGD", "ProximalSGD", "Adam", "NAdam", "RAdam", "Adamax", "RMSprop", "Adagrad", "Adadelta")
WITHOUT_DECAY = ("LBFGS", "Rprop", "SparseAdam")
AT_REST = 1e-3  # relative KKT residual up to which weights count as a mode


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
    row = _row(loss)
    known: dict[str, Any] = {"n": n, "outputs": outputs}
    if row.startswith("torch.SGD+MSELoss"):
        known["noise_scale"] = noise_scale
    groups = _groups_by_name(optimizer, model)
    return {name: _prior(row, optimizer, group, known) for name, group in groups.items()}


def problem_from_training(
    model: nn.Module,
    optimizer: Optimizer,
    loss: Loss,
    inputs: Tensor,
    targets: Tensor,
    noise_scale: float | None = None,
) -> Problem:
    """The problem whose mode this training looks for, at the model's present weights.

    The model is copied and put in eval mode. Warns, with the KKT residual, where the present
    weights are not stationary for it: then they are no mode, and no Laplace approximation around
    them means anything.
    """
    trained = copy.deepcopy(model).eval()
    likelihood = _likelihood(loss, noise_scale)
    with torch.no_grad():
        outputs = trained(inputs[:1])
    columns = 1 if isinstance(likelihood, Categorical) else outputs[0].numel()
    priors = priors_from_optimizer(
        optimizer, model, loss, len(inputs), noise_scale=noise_scale, outputs=columns
    )
    problem = Problem(trained, likelihood, priors, inputs, targets)
    residual = kkt_residual(problem, problem.initial)
    if residual > AT_REST:
        warnings.warn(
            f"these weights are not a mode of the objective that trained them: KKT residual "
            f"{residual:.2g} (a mode has less than {AT_REST:g}); train on, with a smaller "
            "learning rate or a full batch, before reading a posterior around them.",
            stacklevel=2,
        )
    return problem


def _row(loss: Loss) -> str:
    """The knob row of SGD with this loss; refused where the loss is tempered or unknown."""
    name = FUNCTIONS.get(loss) or type(loss).__name__
    if name not in LOSSES:
        raise InputError(f"loss {name}: no likelihood of ours; use one of {', '.join(LOSSES)}.")
    for attribute in ("weight", "pos_weight"):
        if getattr(loss, attribute, None) is not None:
            raise InputError(f"loss {name} has {attribute}: weighted classes temper the likelihood.")
    if getattr(loss, "label_smoothing", 0.0):
        raise InputError(f"loss {name} smooths labels: that is no likelihood of the labels seen.")
    if not getattr(loss, "log_input", True):
        raise InputError(f"loss {name} with log_input=False: let the model return the log mean.")
    reduction = getattr(loss, "reduction", "mean")
    if reduction not in ("mean", "sum"):
        raise InputError(f"loss {name} with reduction={reduction!r}: use 'mean' or 'sum'.")
    return f"torch.SGD+{name}" + (":sum" if reduction == "sum" else "")


def _likelihood(loss: Loss, noise_scale: float | None) -> Likelihood:
    row = _row(loss).removeprefix("torch.SGD+").removesuffix(":sum")
    if row == "MSELoss":
        if noise_scale is None:
            raise InputError(
                "give noise_scale: MSELoss fixes only sigma^2/tau^2, so sigma must be named."
            )
        return GaussianNoise(noise_scale)
    noiseless = {"CrossEntropyLoss": Categorical, "BCEWithLogitsLoss": Bernoulli}
    return noiseless.get(row, Poisson)()


def _groups_by_name(optimizer: Optimizer, model: nn.Module) -> dict[str, Mapping[str, Any]]:
    """Each trainable parameter's param group."""
    group_of = {id(value): group for group in optimizer.param_groups for value in group["params"]}
    found = {}
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
    l1_scale = _scale(row, "l1", group.get("l1_decay", 0.0), known)
    if l1_scale and l2_scale:
        return ElasticNet(l1_scale, l2_scale)
    if l1_scale:
        return Laplace(l1_scale)
    return Gaussian(l2_scale) if l2_scale else Flat()


def _scale(row: str, penalty: str, strength: float, known: Mapping[str, Any]) -> float | None:
    return conventions.reading(row, strength, penalty=penalty, **known).scale if strength else None


def _weight_decay(optimizer: Optimizer, group: Mapping[str, Any]) -> float:
    """The coupled decay of a group, ASGD's hidden one included; refused where decoupled."""
    name = type(optimizer).__name__
    decay = float(group.get("weight_decay", 0.0))
    if group.get("maximize"):
        raise InputError(f"{name}(maximize=True) turns the decay into a reward: no prior.")
    if name == "ASGD":
        return decay + float(group["lambd"])
    if name in WITHOUT_DECAY or decay == 0:
        return 0.0
    if group.get("decoupled_weight_decay") or name not in COUPLED:
        instead = conventions.find("torch.AdamW").instead if "Adam" in name else ""
        raise InputError(
            f"{name}(weight_decay={decay:g}) is not known to decay inside the gradient, and "
            f"decoupled decay has no Gaussian prior. {instead.replace('{box}', '')}".rstrip()
        )
    return decay
