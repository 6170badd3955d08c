"""Hamiltonian Monte Carlo of many chains at once, for any differentiable problem.

All chains take the same number of steps in a transition, so that one tensor operation serves
them all; lengths are jittered, as a fixed length may follow an orbit round to where it began
(Neal 2011, section 5.3.2.2). `init` and `step` are the pieces, `sample` puts them together.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bayeswd.errors import InputError
from bayeswd.posterior import potentials, propriety, stuck
from bayeswd.posterior import warmup as warming
from bayeswd.posterior.interruption import Made
from bayeswd.posterior.potentials import Setup
from bayeswd.posterior.random_numbers import RandomNumbers
from bayeswd.posterior.transition import Info, State, init, step
from bayeswd.posterior.warmup import Trajectories
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.results import Draws

__all__ = ["Info", "State", "init", "sample", "step"]

Params = Mapping[str, Tensor]
Progress = Callable[[int, int], object]

# by `_kind`: how much of the posterior is known beforehand
CHAINS, DRAWS, WARMUP = (256, 128, 64), (200, 400, 300), (20, 60, 300)


def sample(
    problem: Problem,
    *,
    chains: int | None = None,
    draws: int | None = None,
    warmup: int | None = None,
    seed: int = 0,
    start: Params | None = None,
    progress: Progress | None = None,
) -> Draws:
    """Draws by many chains at once, [chain, draw, *parameter], on the device of the problem.

    chains, draws, warmup: default 256, 200 and 20 for a linear model with Gaussian noise, 128,
        400 and 60 for another linear model, 64, 300 and 300 for any other.
    start: weights for every chain, [*parameter], or for each its own, [chain, *parameter];
        default spread wider than the posterior of a linear model, and for any other model low on
        the objective, each chain by a descent of its own.
    progress: called as progress(done, total) after transitions, warm-up included.

    sample_stats: lp (log joint density, nats), acceptance_rate, diverging, n_steps, step_size.
    Ctrl-C, or memory running out, after the warm-up leaves the draws that are done. `why` says
    so, and whether chains are stuck. Raises InputError for a posterior known to be improper.
    """
    began = time.perf_counter()
    kind = _kind(problem)
    chains = CHAINS[kind] if chains is None else chains
    draws = DRAWS[kind] if draws is None else draws
    warmup = WARMUP[kind] if warmup is None else warmup
    _require_sensible(chains, draws, warmup)
    propriety.require(problem, "hmc.sample")
    random = RandomNumbers(seed, chains, problem.inputs.device)
    setup = _started(problem, potentials.of(problem, chains, random), chains, start)
    tell = _counter(progress, warmup + draws)
    with torch.inference_mode(not setup.adapts):  # else torch.func has to record
        state, going = warming.run(setup, warmup, seed, random, tell)
        kept = Kept.room(state, draws)
        made = _draw(state, going, random, kept, lambda done: tell(warmup + done))
    drawn = _as_draws(problem, setup.how, going, kept.first(made.done), random, made.clause)
    return replace(drawn, seconds=time.perf_counter() - began)


@dataclass
class Kept:
    """What the chains went through: weights [draw, D, C]; energies and their errors [draw, C]."""

    weights: Tensor
    energy: Tensor
    error: Tensor

    @staticmethod
    def room(state: State, draws: int) -> Kept:
        with torch.inference_mode(False):
            weights = state.position.new_empty(draws, *state.position.shape)
            energy = state.energy.new_empty(draws, len(state.energy))
            return Kept(weights, energy, torch.empty_like(energy))

    def first(self, count: int) -> Kept:
        return Kept(self.weights[:count], self.energy[:count], self.error[:count])


def _draw(
    state: State,
    going: Trajectories,
    random: RandomNumbers,
    kept: Kept,
    tell: Callable[[int], object],
) -> Made:
    """Fill `kept` as far as it goes."""
    with Made(len(kept.weights)) as made:
        for index in range(made.asked):
            state, info = step(state, *going.at(index), random)
            kept.weights[index] = going.potential.metric.to_weights(state.position)
            kept.energy[index], kept.error[index] = state.energy, info.energy_error
            made.done = index + 1
            tell(made.done)
    return made


def _as_draws(
    problem: Problem, how: str, going: Trajectories, kept: Kept, random: RandomNumbers, cut: str
) -> Draws:
    """`Draws` without a time."""
    info = Info(kept.error)
    params, extra = going.potential.columns.named(kept.weights, random)
    shapes = [going.at(index) for index in range(len(kept.weights))]
    per_draw = {
        "n_steps": torch.tensor([steps for _, steps in shapes]),
        "step_size": torch.tensor([leapfrog.step_size for leapfrog, _ in shapes]).double(),
    }
    acceptance = info.acceptance_rate.T.contiguous()
    stats = {
        "lp": -(kept.energy + extra + going.potential.constant).T.contiguous(),
        "acceptance_rate": acceptance,
        "diverging": info.diverging.T.contiguous(),
    }
    for name, values in per_draw.items():
        stats[name] = values.to(acceptance.device).expand_as(acceptance).contiguous()
    mean_steps = float(per_draw["n_steps"].double().mean())
    why = (
        f"{len(acceptance)} chains at once, {how}; acceptance {float(acceptance.mean()):.2f} "
        f"with {mean_steps:.1f} steps to a draw"
    )
    clauses = [why, cut, propriety.doubt(problem), stuck.clause(stats)]
    return Draws(params, "hmc", "; ".join(filter(None, clauses)), 0.0, sample_stats=stats)


def _started(problem: Problem, setup: Setup, chains: int, start: Params | None) -> Setup:
    """The setup with chains where the caller wants them."""
    if start is None:
        return setup
    each = {}
    for name, value in problem.initial.items():
        given = start[name].detach().to(value) if name in start else None
        if given is not None and given.shape == value.shape:
            given = given.expand(chains, *value.shape)
        if given is None or given.shape != (chains, *value.shape):
            found = None if given is None else tuple(given.shape)
            raise InputError(
                f"hmc.sample(start=...): {name!r} has shape {found}; give {tuple(value.shape)}, "
                f"or one for each chain, {(chains, *value.shape)}."
            )
        each[name] = given
    weights = setup.potential.columns.of_named(each).contiguous()
    positions = setup.potential.metric.from_weights(weights)
    lost = int((~setup.potential.energy(positions).isfinite()).sum())
    if lost:
        raise InputError(
            f"hmc.sample(start=...): the objective is not finite at the start of {lost} of "
            f"{chains} chains; give weights of higher density."
        )
    return replace(setup, positions=positions)


def _kind(problem: Problem) -> int:
    """0 for a linear model with Gaussian noise, 1 for another linear model, 2 for any other."""
    if problem.linear is None:
        return 2
    return 0 if isinstance(problem.likelihood, GaussianNoise) else 1


def _counter(progress: Progress | None, total: int) -> Callable[[int], object]:
    return (lambda done: None) if progress is None else (lambda done: progress(done, total))


def _require_sensible(chains: int, draws: int, warmup: int) -> None:
    if chains < 1 or draws < 1 or warmup < 0:
        raise InputError(
            f"hmc.sample: {chains} chains of {draws} draws after {warmup} of warm-up; give at "
            "least 1 chain, 1 draw and no less than 0 of warm-up."
        )
