"""How one update moves the parameters, as a function of weights and gradients.

The update is computed again from other numbers, whether an optimizer made it or lines of the
program: D(g, w), in float64. What acts on the weights besides the loss is what must be put into g
for the weights to stay where they are: F(w) = -g with D(g, w) = 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bayeswd.analysis.auditing.cycles import Cycle
from bayeswd.analysis.auditing.force_families import Weights
from bayeswd.analysis.auditing.graph import Node, ancestors
from bayeswd.analysis.auditing.optimizer_steps import TakenStep, repeated
from bayeswd.analysis.auditing.replay import replay

SETTLED = 7  # steps under a constant gradient; RAdam adapts from its sixth
ROOT = 1e-9  # of the move without gradient: what may be left at the balancing gradient
LARGEST, SMALLEST = 1e10, 1e-15  # gradients that are tried
HALVINGS = 34  # of 58 powers of e: 3e-9 of the gradient
STILL = 1e-13  # of the weights: they do not move
CROP = 6  # weights along each axis on which a nonlinear optimizer is tried

Move = Callable[[Weights, Weights], Weights]  # (weights, gradients) -> displacement


@dataclass(eq=False)
class Update:
    """One cycle's update.

    moved: parameters it moves. by_hand: lines of the program had a part in it.
    """

    cycle: Cycle
    moved: list[int] = field(default_factory=list)
    by_hand: bool = False

    def __post_init__(self) -> None:
        self.nodes = ancestors(self.cycle.end)
        self.moved = [index for index, node in enumerate(self.cycle.end) if node.call is not None]
        calls = [node.call for node in self.nodes if node.call is not None]
        self.by_hand = any(not isinstance(call.func, TakenStep) for call in calls)
        self.gradients = [node for node in self.nodes if node.gradient is not None]

    def move(self, weights: Weights, gradients: Weights, repeats: int = 1) -> Weights:
        """D(g, w). ReplayError where a line of the update cannot be computed again."""
        shares = dict.fromkeys(weights, 0)
        for node in self.gradients:
            shares[node.gradient] += 1  # type: ignore[index]
        known: dict[Node, Tensor] = {}
        for node in self.nodes:
            if node.gradient is not None:
                known[node] = gradients[node.gradient] / shares[node.gradient]
            elif node.call is None and node.parameter is not None:
                known[node] = weights[node.parameter]
        steps = [n.call.func for n in self.nodes if n.call and isinstance(n.call.func, TakenStep)]
        with torch.no_grad(), torch.random.fork_rng(devices=[]), repeated(steps, repeats):
            ends = replay([self.cycle.end[index] for index in self.moved], known)
        return {i: end - weights[i] for i, end in zip(self.moved, ends, strict=True)}

    def cropped(self) -> Callable[..., Weights]:
        """The same for an optimizer alone, on a corner of each parameter."""
        node = next(self.cycle.end[i] for i in self.moved)
        assert node.call is not None
        step = node.call.func
        assert isinstance(step, TakenStep)
        order = [n.parameter for n in node.call.args[0]]
        graded = [n.gradient if n is not None else None for n in node.call.args[1]]

        def move(weights: Weights, gradients: Weights, repeats: int = 1) -> Weights:
            g = [None if i is None else gradients[i] for i in graded]
            with torch.no_grad(), repeated([step], repeats):
                ends = step([weights[i] for i in order], g)
            return {i: end - weights[i] for i, end in zip(order, ends, strict=True)}

        return move

    @property
    def is_one_optimizer(self) -> bool:
        calls = {id(self.cycle.end[i].call) for i in self.moved}
        return not self.by_hand and len(calls) == 1


def corner(weights: Weights) -> Weights:
    """The first few weights along each axis."""
    return {i: w[tuple(slice(0, CROP) for _ in w.shape)].clone() for i, w in weights.items()}


@dataclass(frozen=True, eq=False)
class Response:
    """The move at some weights without gradient, and how it changes with one.

    rate: -dD/dg weight by weight, the learning rate where the update is linear in g.
    balance: the g that keeps each weight where it is; nan where none does.
    """

    still: Weights
    rate: Weights
    balance: Weights
    linear: bool


def response(
    move: Move, weights: Weights, moved: list[int], generator: torch.Generator
) -> Response:
    """What D(g, w) = 0 asks for, by one secant where D is linear in g, else by bisection."""
    found = linear_response(move, weights, moved, generator)
    if found.linear:
        return found
    zero = {i: torch.zeros_like(w) for i, w in weights.items()}
    if _is_root(move(weights, {**zero, **found.balance}), found.still, moved):
        return found
    balance = _bisected(move, weights, found.still, found.rate, moved)
    return Response(found.still, found.rate, balance, False)


def linear_response(
    move: Move, weights: Weights, moved: list[int], generator: torch.Generator
) -> Response:
    """The same by the secant alone; `linear` says whether it may be believed."""
    zero = {i: torch.zeros_like(w) for i, w in weights.items()}
    still = move(weights, zero)
    push = {i: 1e-3 * _signs(w, generator) for i, w in weights.items()}
    pushed = move(weights, push)
    rate = {i: (still[i] - pushed[i]) / push[i] for i in moved}
    guess = {i: torch.nan_to_num(still[i] / rate[i], posinf=0.0, neginf=0.0) for i in moved}
    doubled = move(weights, {i: 2 * one for i, one in push.items()})
    linear = all(
        torch.allclose(doubled[i] - still[i], 2 * (pushed[i] - still[i]), rtol=1e-6, atol=1e-30)
        for i in moved
    )
    linear = linear and _is_root(move(weights, {**zero, **guess}), still, moved)
    return Response(still, rate, guess, linear)


def _is_root(left: Weights, still: Weights, moved: list[int]) -> bool:
    size = max(float(still[i].abs().max()) for i in moved)
    return max(float(left[i].abs().max()) for i in moved) <= ROOT * size


def _bisected(
    move: Move, weights: Weights, still: Weights, rate: Weights, moved: list[int]
) -> Weights:
    """Each weight's own gradient of balance, its logarithm halved; nan where there is none."""
    zero = {i: torch.zeros_like(w) for i, w in weights.items()}
    climbs = {i: torch.where(rate[i] < 0, -1.0, 1.0) for i in moved}
    sign = {i: still[i].sign() * climbs[i] for i in moved}
    low = {i: torch.full_like(weights[i], SMALLEST).log() for i in moved}
    high = {i: torch.full_like(weights[i], LARGEST).log() for i in moved}

    def tried(size: Weights) -> Weights:
        gradient = {**zero, **{i: sign[i] * size[i].exp() for i in moved}}
        return move(weights, gradient)

    end = tried(high)
    for _ in range(HALVINGS):
        middle = {i: (low[i] + high[i]) / 2 for i in moved}
        found = tried(middle)
        for i in moved:
            beyond = found[i] * still[i] <= 0  # the gradient moves it back, or more
            high[i] = torch.where(beyond, middle[i], high[i])
            low[i] = torch.where(beyond, low[i], middle[i])
    nothing = {i: torch.full_like(weights[i], float("nan")) for i in moved}
    found = {i: (end[i] * still[i] <= 0) & (high[i].exp() > 2 * SMALLEST) for i in moved}
    balance = {i: torch.where(found[i], sign[i] * high[i].exp(), nothing[i]) for i in moved}
    return {**zero, **{i: torch.where(still[i] == 0, zero[i], balance[i]) for i in moved}}


def _signs(like: Tensor, generator: torch.Generator) -> Tensor:
    drawn = torch.rand(like.shape, generator=generator, dtype=torch.float64)
    return torch.where(drawn < 0.5, -1.0, 1.0).to(torch.float64) * (0.5 + drawn)


def is_moved(step: Tensor, weights: Tensor) -> bool:
    return float(step.abs().max()) > STILL * float(weights.abs().max())
