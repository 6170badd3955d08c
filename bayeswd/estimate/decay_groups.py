"""The priors of a problem as torch param groups, and the optimizers that honour them.

A prior is a term of the objective, so the optimizer has to treat weight_decay as part of the
gradient (coupled). Whether it does is found out by taking steps, not by its name.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from bayeswd.errors import InputError
from bayeswd.estimate.curvature import loss_unit
from bayeswd.problem.objective import Problem

Groups = list[dict[str, Any]]
MakeOptimizer = Callable[..., Optimizer]


def groups_of(
    problem: Problem, params: Mapping[str, nn.Parameter], penalty_in_loss: bool = False
) -> Groups:
    """One group for each parameter, with the decays that its prior means for the training loss.

    weight_decay = c / tau^2 and l1_decay = c / b, c = loss_scale / n. With the penalty in the
    loss: all parameters in one group without decay (some optimizers take a single group only).
    """
    if penalty_in_loss:
        return [{"params": list(params.values()), "weight_decay": 0.0, "l1_decay": 0.0}]
    unit = loss_unit(problem)
    return [
        {
            "params": [params[name]],
            "name": name,
            "weight_decay": unit * prior.l2_rate,
            "l1_decay": unit * prior.l1_rate,
        }
        for name, prior in problem.priors.items()
    ]


def build(make: MakeOptimizer, groups: Groups, options: Mapping[str, Any]) -> Optimizer:
    """`make(groups, **options)`, refused where its rest point would not be the mode.

    Raises InputError for an L1 part without l1_decay, for an optimizer without weight_decay or
    with a decoupled one where a Gaussian part needs it, for a decay that it has by itself, and
    for groups that `make` did not pass on as they are.
    """
    optimizer = _make(make, groups, options)
    name = _name(optimizer)
    _require_groups_kept(optimizer, groups)
    if any(group["l1_decay"] > 0 for group in groups) and "l1_decay" not in optimizer.defaults:
        raise InputError(
            f"{name} has no L1 decay: use ProximalSGD, or penalty_in_loss=True for the subgradient."
        )
    has_l2 = any(group["weight_decay"] > 0 for group in groups)
    if has_l2 and "weight_decay" not in optimizer.defaults:
        raise InputError(f"{name} has no weight_decay: use penalty_in_loss=True.")
    at_rest, decayed, in_gradient = _probe(make, options, has_l2)
    if not torch.equal(at_rest, _weights()):
        raise InputError(
            f"{name} decays weights by itself, with no gradient and weight_decay 0: that decay is "
            "no prior of this problem; turn it off (for ASGD: lambd=0)."
        )
    if has_l2 and not torch.allclose(decayed, in_gradient, rtol=1e-12, atol=0):
        raise InputError(
            f"{name} decouples weight_decay from the gradient, and such a decay has no prior: a "
            "Gaussian prior is decay inside the gradient (SGD, Adam); use one of these, or "
            "penalty_in_loss=True."
        )
    return optimizer


def _probe(
    make: MakeOptimizer, options: Mapping[str, Any], has_l2: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Weights after some steps: without any pull, with weight_decay, with it in the gradient."""
    slope, decay = _weights().flip(0) / 3, 0.5 if has_l2 else 0.0
    return (
        _trial(make, options, torch.zeros_like, 0.0),
        _trial(make, options, lambda weights: slope.clone(), decay),
        _trial(make, options, lambda weights: slope + decay * weights, 0.0),
    )


def _trial(
    make: MakeOptimizer,
    options: Mapping[str, Any],
    gradient: Callable[[Tensor], Tensor],
    decay: float,
) -> Tensor:
    """Where eight steps lead; RAdam is plain momentum, blind to the difference, for five."""
    parameter = nn.Parameter(_weights())
    group = {"params": [parameter], "name": "probe", "weight_decay": decay, "l1_decay": 0.0}
    optimizer = _make(make, [group], options)

    def closure() -> Tensor:
        parameter.grad = gradient(parameter.detach())
        return (parameter.detach() * parameter.grad).sum()

    for _ in range(8):
        optimizer.step(closure)  # type: ignore[arg-type]
    return parameter.detach()


def _weights() -> Tensor:
    return torch.tensor([[1.0, -2.0, 0.5], [-0.25, 3.0, 1.5]], dtype=torch.float64)


def _make(make: MakeOptimizer, groups: Groups, options: Mapping[str, Any]) -> Optimizer:
    try:
        return make([dict(group) for group in groups], **options)
    except (TypeError, ValueError) as error:
        given = ", ".join(["groups", *(f"{key}={value!r}" for key, value in options.items())])
        raise InputError(
            f"optimizer({given}) failed: {error}; give a torch optimizer class, or a function from "
            "param groups to an optimizer (LBFGS takes no groups: penalty_in_loss=True)."
        ) from error


def _require_groups_kept(optimizer: Optimizer, groups: Groups) -> None:
    """Refuse an optimizer that lost a parameter or put another decay on it."""
    held = {id(p): group for group in optimizer.param_groups for p in group["params"]}
    for group in groups:
        for parameter in group["params"]:
            found = held.get(id(parameter), {})
            for key in ("weight_decay", "l1_decay"):
                if found.get(key, 0.0) != group[key]:
                    raise InputError(
                        f"{_name(optimizer)} has {key} {found.get(key, 0.0):g} where the priors "
                        f"mean {group[key]:g}; pass the param groups on as they are."
                    )
            if not found:
                raise InputError(f"{_name(optimizer)} was not given all of the parameters.")


def _name(optimizer: Optimizer) -> str:
    kind = type(optimizer)
    return f"torch.optim.{kind.__name__}" if kind.__module__.startswith("torch.") else kind.__name__
