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

from bayeswd.errors import InputError
from bayeswd.estimate import curvature
from bayeswd.problem.objective import Problem

Params = Mapping[str, Tensor]

CHECK_EVERY = 10  # steps between two looks at the residual
CAP = 10_000  # steps without convergence
SUBGRADIENT_STEPS = 2_000
NEAR=1e-2
FLOOR=1e-4


@dataclass(frozen=True)
class StepSize:
    """Options of torch.optim.SGD, lr for the training loss."""

    lr: float
    momentum: float = 0.0
    nesterov: bool = False


class Plan(Protocol):
    """Which step size when, for at most how many `steps`; `changes` once it differs."""

    size: StepSize
    steps: int
    changes: bool

    def observe(self, step: int, params: Params, residual: float) -> None:
        """Told every CHECK_EVERY steps where training is and how far from rest."""


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

    With an lr, or a momentum, of one's own: constant, the missing one 1/L or 0, L the largest
    curvature. Minibatches: lr = 1/L for the L of any batch, no momentum. A model that is not
    linear: `Wary`.
    subgradient: the L1 penalty is differentiated, not thresholded (see `Fading`).
    """
    if lr is not None:
        return Fixed(StepSize(lr, momentum or 0.0))
    largest = curvature.largest(problem, params, batch_size)
    if momentum is not None or batch_size is not None:
        return Fixed(StepSize(1 / largest, momentum or 0.0))
    if subgradient:
        return Fading(1 / largest if problem.linear else 0.5 / largest, steps)
    if problem.linear is None:
        return Wary(problem, largest)
    return HeavyBall(problem, params, largest)


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
        self.size, self.steps, self.changes = size, CAP, False

    def observe(self, step: int, params: Params, residual: float) -> None:
        """Nothing changes."""


class Fading:
    """Nesterov momentum 0.99, lr constant for 30 % of the steps, then falling as (1 - t)^2 to 0.

    A subgradient has no rest point: a weight whose optimum is 0 keeps jumping over it, by about
    lr times the penalty's slope. Only a fading lr gets close. Chosen by measurement: 2,000 steps
    end within 0.02 nats of the optimum on the built-in data.
    """

    def __init__(self, lr: float, steps: int | None = None) -> None:
        self._lr, self.steps, self.changes = lr, steps or SUBGRADIENT_STEPS, True
        self.size = StepSize(lr, 0.99, nesterov=True)

    def observe(self, step: int, params: Params, residual: float) -> None:
        left = min(1.0, (1 - step / self.steps) / 0.7)
        self.size = StepSize(self._lr * left**2, 0.99, nesterov=True)


class HeavyBall:
    """Heavy ball that learns the curvature where it is going.

    Squared error under Gaussian priors: the exact spectrum, once. Else it starts from the bound
    on the largest curvature, and from a guess for the smallest, which depends on the weights that
    stay non-zero and on the fitted probabilities; both are measured anew at step 50, 75, 113 ...
    Close to rest (residual 1e-3) the local curvature replaces the bound, which may be 20 times
    larger; should the residual grow threefold from there, the bound is taken up again.
    """

    def __init__(self, problem: Problem, params: Params, largest: float) -> None:
        self.steps, self.changes = CAP, False
        self._problem, self._bound = problem, largest
        self._measurable = curvature.has_spectrum(problem)
        self._settled = curvature.is_quadratic(problem) and not has_l1(problem)
        self._due, self._local_since = 50, math.inf
        if self._measurable and self._settled:
            self.size = heavy_ball(*curvature.spectrum(problem, params))
        else:
            self.size = self._safe = heavy_ball(_guess(problem, largest), largest)

    def observe(self, step: int, params: Params, residual: float) -> None:
        if self._settled or not self._measurable:
            return
        if residual > 3 * self._local_since:
            self.size, self._due, self._local_since = self._safe, 2 * step, math.inf
        elif step >= self._due:
            self._due = math.ceil(1.5 * step)
            self._measure(params, residual)

    def _measure(self, params: Params, residual: float) -> None:
        smallest, largest = curvature.spectrum(self._problem, params)
        if not curvature.is_quadratic(self._problem):
            local = residual < 1e-3
            largest = min(1.1 * largest, self._bound) if local else self._bound
            self._local_since = residual if local else math.inf
        self.size, self.changes = heavy_ball(min(smallest, largest), largest), True


class Wary:
    """For a model that is not linear, whose curvature changes (and often grows) on the way.

    lr = 1/(2L) and momentum 0.9, with the L found at the start and measured anew at step 50, 75,
    113 ... or once the residual is three times what it was; near rest heavy ball for 1.5 L.
    """

    def __init__(self, problem: Problem, largest: float) -> None:
        self.steps, self.changes = CAP, False
        self.size = StepSize(0.5 / largest, 0.9)
        self._problem, self._due, self._earliest, self._since = problem, 50, 50, math.inf

    def observe(self, step: int, params: Params, residual: float) -> None:
        if step < self._due and not (step >= self._earliest and residual > 3 * self._since):
            return
        smallest, largest = curvature.spectrum(self._problem, params)
        if residual < NEAR:
            self.size = heavy_ball(max(smallest, FLOOR * largest), 1.5 * largest)
        else:
            self.size = StepSize(0.5 / largest, 0.9)
        self._due, self._earliest, self._since = math.ceil(1.5 * step), step + 50, residual
        self.changes = True


def has_l1(problem: Problem) -> bool:
    """Whether any prior pulls with constant size."""
    return any(prior.l1_rate > 0 for prior in problem.priors.values())


def _guess(problem: Problem, largest: float) -> float:
    """A first value for the smallest curvature: the smallest decay, or a share of the largest."""
    unit = curvature.loss_unit(problem)
    decays = [unit * prior.l2_rate for prior in problem.priors.values() if prior.l2_rate > 0]
    share = 1e-3 if has_l1(problem) else 1e-4
    return min(max(share * largest, min(decays, default=0.0)), largest)
