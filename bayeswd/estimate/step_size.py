"""Step size and momentum that bring gradient descent to rest: heavy ball (Polyak 1964).

On curvatures between `smallest` and `largest`, lr = 4 / (sqrt(largest) + sqrt(smallest))^2 and
momentum = ((sqrt(k) - 1) / (sqrt(k) + 1))^2, k = largest / smallest, shrink the distance to the
optimum by sqrt(momentum) a step; gradient descent without momentum needs about sqrt(k) times as
many steps. `largest` decides whether the iteration is stable, `smallest` only how fast it is.

A plan holds the step size in use, `plan.size`, and may change it in `plan.observe`. Torch and
Pyro follow the same plans. Units are those of the training loss.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor
from torch.optim import Optimizer

from bayeswd.errors import InputError
from bayeswd.estimate import curvature
from bayeswd.problem.objective import Problem

Params = Mapping[str, Tensor]

CAP = 10_000  # steps without convergence
SUBGRADIENT_STEPS = 2_000
TUNED = "tuned on the way"
FIRST_MEASURED = 50  # steps until the curvature is measured on the way


@dataclass(frozen=True)
class StepSize:
    """Options of torch.optim.SGD, lr for the training loss."""

    lr: float
    momentum: float = 0.0
    nesterov: bool = False


class Plan(Protocol):
    """Which step size when, for at most how many `steps`, and how it came about in words."""

    size: StepSize
    steps: int
    remark: str

    def observe(self, step: int, params: Params, residual: float) -> None:
        """Told every few steps where training is and how far from rest."""


def heavy_ball(smallest: float, largest: float) -> StepSize:
    """The fastest constant step size and momentum for these curvatures."""
    root, ratio = math.sqrt(largest) + math.sqrt(smallest), math.sqrt(largest / smallest)
    return StepSize(4 / root**2, ((ratio - 1) / (ratio + 1)) ** 2)


def plan_for(
    problem: Problem,
    params: Params,
    batch_size: int | None = None,
    subgradient: bool = False,
    steps: int | None = None,
    lr: float | None = None,
    momentum: float | None = None,
) -> Plan:
    """The step sizes of a run; the default is tuned heavy ball for linear models.

    With an lr, a momentum or minibatches: constant, lr = 1/L unless given, L the largest curvature
    of any batch (1/(4 L) where the model is not linear), and momentum 0 unless given. A model that
    is not linear, else: `Wary`.
    subgradient: the L1 penalty is differentiated, not thresholded (see `Fading`).
    """
    if lr is not None:
        return Fixed(StepSize(lr, momentum or 0.0))
    largest = curvature.largest(problem, params, batch_size)
    if momentum is not None or batch_size is not None:
        room = 1 if problem.linear is not None else 4
        return Fixed(StepSize(1 / (room * largest), momentum or 0.0))
    if subgradient:
        return Fading(problem, largest, steps)
    if problem.linear is None:
        return Wary(problem, largest)
    return HeavyBall(problem, params, largest)


def put_into(optimizer: Optimizer, size: StepSize, unit: float = 1.0) -> None:
    """Give an SGD this step size, lr times `unit`, without a kick.

    torch moves weights by lr times the momentum buffer: where lr grows, the buffer shrinks.
    """
    for group in optimizer.param_groups:
        kept = group["lr"] / (size.lr * unit)
        for parameter in group["params"] if kept < 1 else ():
            buffer = optimizer.state.get(parameter, {}).get("momentum_buffer")
            if buffer is not None:
                buffer.mul_(kept)
        group.update({**vars(size), "lr": size.lr * unit})


def limit(size: StepSize, largest: float) -> str:
    """Which lr is stable on this curvature, for the error of a run that was not."""
    stable = 2 * (1 + size.momentum) / largest
    return (
        f"lr {size.lr:.4g} with momentum {size.momentum:.4g}, and stable is at most "
        f"2 (1 + momentum) / L = {stable:.4g} for the largest curvature L = {largest:.4g}; "
        "give a smaller lr."
    )


def require_sensible(lr: float | None, momentum: float | None) -> None:
    """Refuse a step size that is not positive or a momentum outside [0, 1)."""
    if lr is not None and not 0 < lr < math.inf:
        raise InputError(f"lr={lr}: give a finite number > 0.")
    if momentum is not None and not 0 <= momentum < 1:
        raise InputError(f"momentum={momentum}: give a number from 0 to below 1.")


class Fixed:
    """One step size throughout."""

    def __init__(self, size: StepSize) -> None:
        self.size, self.steps, self.remark = size, CAP, ""

    def observe(self, step: int, params: Params, residual: float) -> None:
        """Nothing changes."""


class Fading:
    """Nesterov momentum 0.99, lr constant for 15 % of the steps, then falling as (1 - t)^4 to 0.

    A subgradient has no rest point: a weight whose optimum is 0 keeps jumping over it, by about
    lr times the penalty's slope. Only a fading lr gets close. Chosen by measurement: 2,000 steps
    end within 0.02 nats of the optimum on the built-in data. lr begins at 1/L for the bound L of
    a linear model; elsewhere, and once it was measured on the way, at 1/(4 L) of the local L.
    """

    def __init__(self, problem: Problem, largest: float, steps: int | None) -> None:
        self.steps, self.remark = steps or SUBGRADIENT_STEPS, "lr faded to this"
        self._problem, self._due = problem, float(FIRST_MEASURED)
        self._bound = largest if problem.linear is not None else math.inf
        self._lr = 1 / min(self._bound, 4 * largest)
        if curvature.is_quadratic(problem) or not curvature.has_spectrum(problem):
            self._due = math.inf
        self.size = StepSize(self._lr, 0.99, nesterov=True)

    def observe(self, step: int, params: Params, residual: float) -> None:
        if step >= self._due:
            self._due = _next_measured(step)
            self._lr = 1 / min(self._bound, 4 * curvature.spectrum(self._problem, params)[1])
        left = min(1.0, (1 - step / self.steps) / 0.85)
        self.size = StepSize(self._lr * left**4, 0.99, nesterov=True)


class HeavyBall:
    """For linear models: heavy ball that learns the curvature where it is going.

    Squared error under Gaussian priors: the exact spectrum, once. Else it starts from the bound
    on the largest curvature, and from a guess for the smallest, which depends on the weights that
    stay non-zero and on the fitted probabilities; both are measured anew at step 50, 75, 113 ...
    Near rest (residual 1e-3) the local curvature replaces the bound, which may be 20 times as
    large; should the residual grow threefold from there, the bound is taken up again. Counts have
    no bound: gradient descent with lr = 1/L for the stand-in L, until near rest.
    """

    def __init__(self, problem: Problem, params: Params, largest: float) -> None:
        self.steps, self.remark = CAP, ""
        self._problem, self._bound, self._smallest = problem, largest, _guess(problem, largest)
        self._due, self._local_since = float(FIRST_MEASURED), math.inf
        self._quadratic = curvature.is_quadratic(problem)
        if not curvature.has_spectrum(problem):
            self._due = math.inf
        elif self._quadratic and not has_l1(problem):
            self._due, self._smallest = math.inf, curvature.spectrum(problem, params)[0]
        self.size = self._safe()

    def observe(self, step: int, params: Params, residual: float) -> None:
        if residual > 3 * self._local_since:
            self.size, self._due, self._local_since = self._safe(), 2 * step, math.inf
        elif step >= self._due:
            self._due = _next_measured(step)
            self._measure(params, near=residual < 1e-3)
            self._local_since = residual if residual < 1e-3 and not self._quadratic else math.inf

    def _measure(self, params: Params, near: bool) -> None:
        smallest, largest = curvature.spectrum(self._problem, params)
        self._smallest, self.remark = min(smallest, self._bound), TUNED
        if near and not self._quadratic:
            self.size = heavy_ball(smallest, min(1.1 * largest, self._bound))
        else:
            self.size = self._safe()

    def _safe(self) -> StepSize:
        if not curvature.is_bounded(self._problem):
            return StepSize(1 / self._bound)
        return heavy_ball(self._smallest, self._bound)


class Wary:
    """For a model that is not linear, whose curvature changes (and often grows) on the way.

    lr = 1/(2L) and momentum 0.9, with the L found at the start and measured anew at step 50, 75,
    113 ... or once the residual is three times what it was. Near rest (residual 1e-2): heavy ball
    for the smallest curvature found and 1.5 L.
    """

    def __init__(self, problem: Problem, largest: float) -> None:
        self.steps, self.remark = CAP, ""
        self.size = StepSize(0.5 / largest, 0.9)
        self._problem, self._since = problem, math.inf
        self._due = self._earliest = FIRST_MEASURED

    def observe(self, step: int, params: Params, residual: float) -> None:
        grown = step >= self._earliest and residual > 3 * self._since
        if step < self._due and not grown:
            return
        smallest, largest = curvature.spectrum(self._problem, params)
        if residual < 1e-2:
            self.size = heavy_ball(max(smallest, 1e-5 * largest), 1.5 * largest)
        else:
            self.size = StepSize(0.5 / largest, 0.9)
        self._due, self._earliest = _next_measured(step), step + FIRST_MEASURED
        self._since, self.remark = residual, TUNED


def has_l1(problem: Problem) -> bool:
    """Whether any prior pulls with constant size."""
    return any(prior.l1_rate > 0 for prior in problem.priors.values())


def _guess(problem: Problem, largest: float) -> float:
    """A first value for the smallest curvature: the smallest decay, or a share of the largest."""
    unit = curvature.loss_unit(problem)
    decays = [unit * prior.l2_rate for prior in problem.priors.values() if prior.l2_rate > 0]
    share = 1e-3 if has_l1(problem) else 1e-4
    return min(max(share * largest, min(decays, default=0.0)), largest)


def _next_measured(step: int) -> int:
    return math.ceil(1.5 * step)
