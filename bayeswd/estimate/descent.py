"""Penalised training with torch.optim: weight_decay, l1_decay, or the penalty in the loss.

The loop is the one everybody writes. What it minimises is c * objective + constant, with
c = loss_scale / n: the loss is half the mean squared error or the mean negative log likelihood of
a batch, and the decays are those that the priors mean for it (`decay_groups`). n is the number of
training examples, so that a prior does not depend on the batch size.
"""

import copy
import itertools
import math
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from bayeswd.errors import InputError
from bayeswd.estimate import curvature, decay_groups, step_size
from bayeswd.estimate.loop import CHECK_EVERY, Loop, default_tolerance, live_start
from bayeswd.estimate.proximal import ProximalSGD
from bayeswd.problem.objective import Problem
from bayeswd.results import Estimate

Params = Mapping[str, Tensor]
Batch = tuple[Tensor, Tensor]

TUNED = (torch.optim.SGD, ProximalSGD)  # classes that get a default lr and momentum


def train(
    problem: Problem,
    *,
    optimizer: decay_groups.MakeOptimizer | None = None,
    steps: int | None = None,
    lr: float | None = None,
    momentum: float | None = None,
    batch_size: int | None = None,
    schedule: Callable[[Optimizer], LRScheduler] | None = None,
    penalty_in_loss: bool = False,
    tolerance: float | None = None,
    start: Params | None = None,
    seed: int = 0,
    progress: bool = False,
) -> Estimate:
    """Train the problem's model until it rests at the mode, or for at most `steps`.

    optimizer: param groups -> torch optimizer, such as `torch.optim.SGD` or
        `lambda groups: torch.optim.Adam(groups, lr=1e-3)`; lr and momentum, where given, are
        passed on. Default: SGD, or ProximalSGD where a prior has an L1 part.
    lr, momentum: for the training loss. Default for these two: `step_size.plan_for`.
    batch_size: rows of a minibatch, shuffled anew each epoch from `seed`; default all rows.
    schedule: optimizer -> lr scheduler, stepped after every step.
    penalty_in_loss: add c * penalty to the loss and let autograd differentiate it (an L1 part by
        its subgradient: no exact zeros), instead of decay in the optimizer.
    tolerance: stop at this KKT residual (see `Certificate`); default 1e-12, 1e-5 in float32. A
        negative one trains for all `steps`.
    start: weights to begin from, by parameter name; default the model's own.

    An unfinished run is returned with converged=False; a subgradient run counts as converged if
    proximal training from its end gains at most 0.05 nats. Raises InputError for an optimizer
    whose rest point is not the mode, and for a run that left the finite numbers.
    """
    began = time.perf_counter()
    _require_sensible(problem, steps, lr, momentum, batch_size)
    batch_size = None if batch_size is None or batch_size >= problem.n else batch_size
    tolerance = default_tolerance(problem) if tolerance is None else tolerance
    model = copy.deepcopy(problem.model)
    params = _with_weights(model, live_start(problem, start))
    has_l1 = step_size.has_l1(problem)
    subgradient = has_l1 and penalty_in_loss
    make = optimizer or (ProximalSGD if has_l1 and not subgradient else torch.optim.SGD)
    plan = None
    if make in TUNED:
        plan = step_size.plan_for(problem, params, batch_size, subgradient, steps, lr, momentum)
    groups = decay_groups.groups_of(problem, params, penalty_in_loss)
    options = _given(lr=lr, momentum=momentum) if plan is None else vars(plan.size)
    torch_optimizer = decay_groups.build(make, groups, options)
    scheduler = None if schedule is None else schedule(torch_optimizer)
    backward = _backward(problem, model, params, penalty_in_loss)
    batches = _batches(problem, batch_size, seed)
    loop = Loop(
        problem,
        params,
        advance=lambda: _advance(torch_optimizer, scheduler, backward, next(batches)),
        observe=_follow(plan if schedule is None else None, torch_optimizer),
        limit=lambda: _limit(problem, torch_optimizer, batch_size),
    )
    every = max(CHECK_EVERY, math.ceil(problem.n / (batch_size or problem.n)))  # or an epoch
    limit = steps or (step_size.CAP if plan is None else plan.steps)
    loop.run(limit, tolerance, every, progress)
    return loop.estimate(
        "penalized-sgd",
        _note(torch_optimizer, groups, plan, penalty_in_loss, batch_size),
        tolerance,
        time.perf_counter() - began,
        partial(further, problem) if subgradient else None,
    )


def further(problem: Problem, params: Params) -> Params:
    """Where proximal training leads from the end of a subgradient run."""
    tolerance = max(1e-7, default_tolerance(problem))
    return train(problem, start=params, tolerance=tolerance, steps=2_000).params


def null_space_share(problem: Problem, start: Params, params: Params) -> float | None:
    """How much of the initial weights is left where the data have no say.

    The norm of the weights' part orthogonal to every input row, at `params` over at `start`:
    gradients lie in the span of the rows, so only the penalty moves this part. None for a model
    that is not linear, no more inputs than rows, or nothing there at the start.
    """
    inputs = problem.inputs.flatten(1).double()
    if problem.linear is None or inputs.shape[1] <= problem.n:
        return None
    rows = torch.linalg.qr(inputs.T).Q  # [d, n], orthonormal

    def size(weights: Params) -> float:
        weight = weights[problem.linear.weight].detach().double()  # type: ignore[union-attr]
        return float(torch.linalg.vector_norm(weight - (weight @ rows) @ rows.T))

    before = size(start)
    return None if before == 0 else size(params) / before


def steps_to_forget(share: float, steps: int, target: float = 1e-3) -> int:
    """Steps in all after which a part that shrank to `share` in `steps` is down to `target`.

    Under weight_decay it shrinks by the same factor each step: (1 - lr * weight_decay)^steps.
    """
    if not 0 <= share < 1:
        raise InputError(
            f"a part that shrank to {share:g} of itself in {steps} steps is never forgotten: "
            "without weight_decay nothing moves it; start from zero weights, or give a penalty."
        )
    return 1 if share == 0 else math.ceil(steps * math.log(target) / math.log(share))


def _with_weights(model: nn.Module, weights: Params) -> dict[str, nn.Parameter]:
    """The model's trainable parameters, set to `weights`."""
    params = {name: value for name, value in model.named_parameters() if name in weights}
    with torch.no_grad():
        for name, value in params.items():
            value.copy_(weights[name])
    return params


def _batches(problem: Problem, batch_size: int | None, seed: int) -> Iterator[Batch]:
    """Without end: all rows, or minibatches of rows in a new order each epoch."""
    inputs, targets = problem.inputs, problem.targets
    if batch_size is None:
        yield from itertools.repeat((inputs, targets))
    generator = torch.Generator().manual_seed(seed)
    while True:
        order = torch.randperm(problem.n, generator=generator).to(inputs.device)
        for rows in order.split(batch_size or problem.n):
            yield inputs[rows], targets[rows]


def _backward(
    problem: Problem, model: nn.Module, params: Params, penalty_in_loss: bool
) -> Callable[[Batch], Tensor]:
    """Loss and gradients of a batch."""
    unit, live = curvature.loss_unit(problem), list(params.values())

    def backward(batch: Batch) -> Tensor:
        for parameter in live:
            parameter.grad = None
        loss = problem.likelihood.loss(model(batch[0]), batch[1])
        if penalty_in_loss:
            loss = loss + unit * problem.penalty(params)
        loss.backward()
        return loss.detach()

    return backward


def _advance(
    optimizer: Optimizer,
    scheduler: LRScheduler | None,
    backward: Callable[[Batch], Tensor],
    batch: Batch,
) -> None:
    loss: Any = optimizer.step(lambda: backward(batch))  # type: ignore[arg-type, return-value]
    if isinstance(scheduler, ReduceLROnPlateau):
        scheduler.step(float(loss))
    elif scheduler is not None:
        scheduler.step()


def _follow(
    plan: step_size.Plan | None, optimizer: Optimizer
) -> Callable[[int, Params, float], None]:
    """What passes a plan's changes on to the optimizer."""

    def observe(step: int, params: Params, residual: float) -> None:
        if plan is not None:
            plan.observe(step, params, residual)
            step_size.put_into(optimizer, plan.size)

    return observe


def _limit(problem: Problem, optimizer: Optimizer, batch_size: int | None) -> str:
    group = optimizer.param_groups[0]
    if not isinstance(optimizer, torch.optim.SGD):
        return f"give a smaller lr than {float(group['lr']):g}."
    size = step_size.StepSize(float(group["lr"]), group["momentum"])
    return step_size.limit(size, curvature.largest(problem, problem.initial, batch_size))


def _note(
    optimizer: Optimizer,
    groups: decay_groups.Groups,
    plan: step_size.Plan | None,
    penalty_in_loss: bool,
    batch_size: int | None,
) -> str:
    """The optimizer, its step size, where the penalty is, and the batch, in words."""
    group = optimizer.param_groups[0]
    parts = [type(optimizer).__name__]
    parts += [f"{key} {float(group[key]):.4g}" for key in ("lr", "momentum") if key in group]
    parts += [plan.remark] if plan is not None and plan.remark else []
    used = [key for key in ("weight_decay", "l1_decay") if any(g[key] > 0 for g in groups)]
    place = "in the loss" if penalty_in_loss else f"as {' and '.join(used)}" if used else "none"
    rows = "full batch" if batch_size is None else f"batches of {batch_size}"
    return ", ".join([*parts, f"penalty {place}", rows])


def _require_sensible(
    problem: Problem,
    steps: int | None,
    lr: float | None,
    momentum: float | None,
    batch_size: int | None,
) -> None:
    for name, count in (("steps", steps), ("batch_size", batch_size)):
        if count is not None and count < 1:
            raise InputError(f"descent.train({name}={count}): give a whole number >= 1.")
    step_size.require_sensible(lr, momentum)


def _given(**options: float | None) -> dict[str, float]:
    return {name: value for name, value in options.items() if value is not None}
