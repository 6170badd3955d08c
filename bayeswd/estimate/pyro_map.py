"""MAP in Pyro: stochastic variational inference with a delta guide, on the Pyro model.

SVI's loss is then the objective in nats, and its SGD takes the very steps of descent.train when
lr_pyro = lr_torch * c, c = loss_scale / n (sigma^2/n for Gaussian noise): the plan is shared.
Pyro's L1 penalty is differentiated (a subgradient), so that no weight ends at exactly zero.
"""

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pyro
import torch
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.autoguide import AutoDelta
from pyro.infer.autoguide.initialization import init_to_value
from pyro.optim import PyroOptim
from pyro.optim.lr_scheduler import PyroLRScheduler
from torch import Tensor

from bayeswd.errors import InputError
from bayeswd.estimate import curvature, step_size
from bayeswd.estimate.descent import further
from bayeswd.estimate.loop import Loop, default_tolerance, live_start
from bayeswd.problem.objective import Problem
from bayeswd.problem.pyro_model import model_of
from bayeswd.results import Estimate

Params = Mapping[str, Tensor]


def fit(
    problem: Problem,
    *,
    steps: int | None = None,
    lr: float | None = None,
    momentum: float | None = None,
    optimizer: PyroOptim | None = None,
    tolerance: float | None = None,
    start: Params | None = None,
    progress: bool = False,
) -> Estimate:
    """The mode by SVI with AutoDelta, all rows in every step.

    lr, momentum: of SGD on the loss in nats; default those of `step_size.plan_for`, times c.
    optimizer: any `pyro.optim` optimizer without weight_decay instead (the model has the prior).
    steps, tolerance, start, progress: as in descent.train. Under an L1 part there is no rest
        point: the default lr fades over 2,000 steps, and the fit counts as converged if proximal
        training from its end gains at most 0.05 nats.

    The user's parameter store and Pyro's settings are left as they were found.
    """
    began = time.perf_counter()
    _require_sensible(problem, steps, lr, momentum, optimizer)
    tolerance = default_tolerance(problem) if tolerance is None else tolerance
    weights, unit = live_start(problem, start), curvature.loss_unit(problem)
    subgradient = step_size.has_l1(problem)
    plan = None
    if optimizer is None:
        in_loss = None if lr is None else lr / unit
        plan = step_size.plan_for(problem, weights, None, subgradient, steps, in_loss, momentum)
        optimizer = PyroOptim(torch.optim.SGD, _in_nats(plan.size, unit))
    with _own_parameter_store(), pyro.validation_enabled(False):
        model = model_of(problem)
        guide = AutoDelta(model, init_loc_fn=init_to_value(values=weights))
        svi = SVI(model, guide, optimizer, loss=Trace_ELBO())
        loop = Loop(
            problem,
            _live(guide, weights),
            advance=_advance(svi, optimizer),
            observe=_follow(plan, optimizer, unit),
            limit=lambda: _limit(problem, plan, unit),
        )
        limit = steps or (step_size.CAP if plan is None else plan.steps)
        loop.run(limit, tolerance, progress=progress)
    return loop.estimate(
        "pyro-map",
        _note(plan, unit, optimizer, subgradient),
        tolerance,
        time.perf_counter() - began,
        partial(further, problem) if subgradient else None,
    )


@contextmanager
def _own_parameter_store() -> Iterator[None]:
    """An empty parameter store inside, without Pyro's warnings; the user's again outside."""
    store = pyro.get_param_store()
    with store.scope(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Encountered ", UserWarning)  # NaN: the loop will say
        yield
    for name in store.keys():  # noqa: SIM118
        store[name]  # reading restores param.unconstrained, which scope() takes off


def _live(guide: AutoDelta, weights: Params) -> dict[str, Tensor]:
    """The tensors that SVI steps, by parameter name."""
    guide()  # the first call makes them
    store: Any = pyro.get_param_store()
    return {name: store[f"AutoDelta.{name}"].unconstrained() for name in weights}


def _advance(svi: SVI, optimizer: PyroOptim) -> Callable[[], None]:
    def advance() -> None:
        svi.step()
        if isinstance(optimizer, PyroLRScheduler):
            optimizer.step()

    return advance


def _follow(
    plan: step_size.Plan | None, optimizer: PyroOptim, unit: float
) -> Callable[[int, Params, float], None]:
    """What passes a plan's changes on to Pyro's optimizers, one for each parameter."""

    def observe(step: int, params: Params, residual: float) -> None:
        if plan is not None:
            plan.observe(step, params, residual)
            for torch_optimizer in optimizer.optim_objs.values():
                step_size.put_into(torch_optimizer, plan.size, unit)

    return observe


def _in_nats(size: step_size.StepSize, unit: float) -> dict[str, Any]:
    """SGD's options for the loss in nats: lr_pyro = lr_torch * c, the rest as it is."""
    return {**vars(size), "lr": size.lr * unit}


def _limit(problem: Problem, plan: step_size.Plan | None, unit: float) -> str:
    if plan is None:
        return "give a smaller lr."
    size = replace(plan.size, lr=plan.size.lr * unit)
    return step_size.limit(size, curvature.largest(problem, problem.initial) / unit)


def _note(plan: step_size.Plan | None, unit: float, optimizer: PyroOptim, subgradient: bool) -> str:
    """The optimizer, its step size on both scales, and what an L1 penalty leaves undone."""
    constructor: Any = optimizer.pt_optim_constructor
    parts = [f"SVI, AutoDelta, {constructor.__name__}"]
    if plan is not None:
        size = plan.size
        parts.append(f"lr {size.lr * unit:.4g} in nats ({size.lr:.4g} for the training loss)")
        parts.append(f"momentum {size.momentum:.4g}")
        parts += [plan.remark] if plan.remark else []
    parts += ["L1 by its subgradient: no weight ends at exactly zero"] if subgradient else []
    return ", ".join(parts)


def _require_sensible(
    problem: Problem,
    steps: int | None,
    lr: float | None,
    momentum: float | None,
    optimizer: PyroOptim | None,
) -> None:
    if steps is not None and steps < 1:
        raise InputError(f"pyro_map.fit(steps={steps}): give a whole number >= 1.")
    step_size.require_sensible(lr, momentum)
    if optimizer is None:
        return
    if lr is not None or momentum is not None:
        raise InputError("pyro_map.fit: give lr and momentum to the optimizer, not beside it.")
    for name in problem.priors:
        given: Any = optimizer.pt_optim_args
        constructor: Any = optimizer.pt_optim_constructor
        options = given(name) if callable(given) else given
        made = constructor([torch.nn.Parameter(torch.zeros(1, 1))], **options)
        decay = made.param_groups[0].get("weight_decay", 0)
        if decay != 0:
            raise InputError(
                f"pyro_map.fit: the optimizer has weight_decay {decay:g} on {name!r}, and the "
                "model has its prior already: the penalty would count twice; give weight_decay=0."
            )
