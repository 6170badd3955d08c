"""The same problem through Pyro's NUTS: slow, and an oracle that shares no code with our samplers.

One latent site for each parameter, under its own name; chains run one after the other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import torch
from pyro import poutine
from pyro.infer import NUTS
from pyro.infer.autoguide.initialization import init_to_value
from torch import Generator, Tensor

from bayeswd.errors import InputError
from bayeswd.estimate import exact
from bayeswd.estimate.loop import live_start
from bayeswd.posterior import propriety
from bayeswd.problem.objective import Problem
from bayeswd.problem.pyro_isolation import isolated
from bayeswd.problem.pyro_model import model_of
from bayeswd.results import Draws

Params = Mapping[str, Tensor]
Progress = Callable[[int, int], object]

DENSE = 50  # up to so many parameters the default mass matrix is dense


def sample(
    problem: Problem,
    *,
    chains: int = 1,
    draws: int = 500,
    warmup: int = 300,
    seed: int = 0,
    start: Params | None = None,
    full_mass: bool | None = None,
    target_acceptance: float = 0.8,
    max_tree_depth: int = 10,
    progress: Progress | None = None,
) -> Draws:
    """Draws by Pyro's NUTS, [chain, draw, *parameter].

    start: weights from which every chain begins; default the mode of a linear model, the model's
        own weights of any other.
    full_mass: whether the mass matrix is dense; default up to 50 parameters.
    max_tree_depth: a transition takes at most 2 to this power, less 1, gradients.
    progress: called as progress(done, total) after each transition, warm-up included.

    sample_stats: lp (log joint density, nats), acceptance_rate, diverging. Chain c is the same
    whatever the number of chains. The global random numbers, Pyro's parameter store and its
    settings are left as they were found. Raises InputError for a posterior known to be improper.
    """
    began = time.perf_counter()
    _require_sensible(chains, draws, warmup, target_acceptance)
    propriety.require(problem, "pyro_nuts.sample")
    weights = _start(problem, start)
    size = sum(value.numel() for value in weights.values())
    dense = size <= DENSE if full_mass is None else full_mass
    total = chains * (warmup + draws)
    found = []
    for chain, own_seed in enumerate(_seeds(seed, chains)):
        with isolated(own_seed, problem.inputs.device), poutine.block():
            kernel = NUTS(
                model_of(problem),
                full_mass=dense,
                max_plate_nesting=1,  # else Pyro draws from the model, and so from flat priors
                target_accept_prob=target_acceptance,
                max_tree_depth=max_tree_depth,
                init_strategy=init_to_value(values=dict(weights)),
            )
            done = chain * (warmup + draws)
            found.append(_run(problem, kernel, warmup, draws, _counter(progress, done, total)))
    together = {name: torch.stack([chain[name] for chain in found]) for name in found[0]}
    return Draws(
        params={name: together.pop(name) for name in weights},
        engine="pyro-nuts",
        why=_why(problem, dense),
        seconds=time.perf_counter() - began,
        sample_stats=together,
    )


def _run(
    problem: Problem, kernel: NUTS, warmup: int, draws: int, tick: Callable[[], object]
) -> dict[str, Tensor]:
    """One chain: parameters [draw, *parameter] and statistics [draw], by name."""
    kernel.setup(warmup)
    params = kernel.initial_params
    for _ in range(warmup):
        params = kernel.sample(params)
        tick()
    kept, joint, accepted = [], [], [0.0]
    for count in range(1, draws + 1):
        params = kernel.sample(params)
        kept.append({name: value.detach() for name, value in params.items()})
        with torch.no_grad():
            joint.append(-problem.objective(params))
        accepted.append(count * kernel._mean_accept_prob)  # a running mean: its sum has steps
        tick()
    diverging = torch.zeros(draws, dtype=torch.bool)
    diverging[kernel.diagnostics()["divergences"]] = True
    stacked = {name: torch.stack([each[name] for each in kept]) for name in problem.priors}
    rates = torch.tensor(accepted, dtype=torch.float64).diff().clamp(0, 1)
    return {**stacked, "lp": torch.stack(joint), "acceptance_rate": rates, "diverging": diverging}


def _start(problem: Problem, start: Params | None) -> Params:
    if start is None and problem.linear is not None:
        return exact.solve(problem).params
    return live_start(problem, start)


def _seeds(seed: int, chains: int) -> list[int]:
    """One seed for each chain; the first ones do not depend on their number."""
    generator = Generator().manual_seed(seed)
    return [int(torch.randint(2**62, (), generator=generator)) for _ in range(chains)]


def _counter(progress: Progress | None, done: int, total: int) -> Callable[[], object]:
    def tick() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    return tick


def _why(problem: Problem, dense: bool) -> str:
    parts = [f"Pyro's NUTS on the same log joint density, {'dense' if dense else 'diagonal'} mass"]
    return "; ".join([*parts, *filter(None, [propriety.doubt(problem)])])


def _require_sensible(chains: int, draws: int, warmup: int, target_acceptance: float) -> None:
    if chains < 1 or draws < 1 or warmup < 1:
        raise InputError(
            f"pyro_nuts.sample: {chains} chains of {draws} draws after {warmup} of warm-up; give "
            "at least 1 of each."
        )
    if not 0 < target_acceptance < 1:
        raise InputError(
            f"pyro_nuts.sample(target_acceptance={target_acceptance}): give a number in (0, 1)."
        )
