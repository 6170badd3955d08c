"""The same problem through Pyro's NUTS: slow, and an oracle that shares no code with our samplers.

One latent site for each parameter, under its own name; chains run one after the other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

import torch
from pyro import poutine
from pyro.infer import NUTS
from pyro.infer.autoguide.initialization import init_to_value
from torch import Generator, Tensor

from bayeswd.errors import InputError
from bayeswd.estimate import exact
from bayeswd.estimate.loop import live_start
from bayeswd.posterior import propriety, stuck
from bayeswd.posterior.interruption import Made
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

    Ctrl-C, or memory running out, leaves the chains that are whole, or what there is of the first
    one; `why` says so. sample_stats: lp (log joint density, nats), acceptance_rate, diverging.
    Chain c is the same whatever the number of chains. The global random numbers, Pyro's parameter
    store and its settings are left as they were found. Raises InputError for a posterior known to
    be improper.
    """
    began = time.perf_counter()
    _require_sensible(chains, draws, warmup, target_acceptance)
    propriety.require(problem, "pyro_nuts.sample")
    weights = _start(problem, start)
    size = sum(value.numel() for value in weights.values())
    dense = size <= DENSE if full_mass is None else full_mass
    tick = _counter(progress, chains * (warmup + draws))
    traces: list[Trace] = []
    with Made(chains * draws) as made:
        for own_seed in _seeds(seed, chains):
            with isolated(own_seed, problem.inputs.device), poutine.block():
                kernel = NUTS(
                    model_of(problem),
                    full_mass=dense,
                    max_plate_nesting=1,  # else Pyro draws from the model, and so from flat priors
                    target_accept_prob=target_acceptance,
                    max_tree_depth=max_tree_depth,
                    init_strategy=init_to_value(values=dict(weights)),
                )
                traces.append(Trace(problem, kernel))
                for _ in traces[-1].run(warmup, draws, tick):
                    made.done += 1
    whole = [trace for trace in traces if len(trace.kept) == draws] or traces[:1]
    made.done = sum(len(trace.kept) for trace in whole)
    together = _stacked([trace.values() for trace in whole])
    return Draws(
        params={name: together.pop(name) for name in weights},
        engine="pyro-nuts",
        why=_why(problem, dense, [made.clause, stuck.clause(together)]),
        seconds=time.perf_counter() - began,
        sample_stats=together,
    )


class Trace:
    """What one chain went through so far."""

    def __init__(self, problem: Problem, kernel: NUTS) -> None:
        self.problem, self.kernel = problem, kernel
        self.kept: list[dict[str, Tensor]] = []
        self._accepted = [0.0]  # sums; Pyro gives running means

    def run(self, warmup: int, draws: int, tick: Callable[[], object]) -> Iterator[int]:
        """Yields after each draw, when it is kept."""
        self.kernel.setup(warmup)
        params = self.kernel.initial_params
        for count in range(1 - warmup, draws + 1):
            params = self.kernel.sample(params)
            if count > 0:
                self._keep(params)
                yield count
            tick()

    def _keep(self, params: dict[str, Tensor]) -> None:
        with torch.no_grad():
            lp = -self.problem.objective(params)
        self._accepted.append((len(self.kept) + 1) * self.kernel._mean_accept_prob)
        self.kept.append({**{name: value.detach() for name, value in params.items()}, "lp": lp})

    def values(self) -> dict[str, Tensor]:
        """Parameters [draw, *parameter] and statistics [draw], by name."""
        draws = len(self.kept)
        lost = [index for index in self.kernel.diagnostics()["divergences"] if index < draws]
        diverging = torch.zeros(draws, dtype=torch.bool)
        diverging[lost] = True
        sums = torch.tensor(self._accepted[: draws + 1], dtype=torch.float64)
        rates = sums.diff().clamp(0, 1)
        return {**_stacked(self.kept), "acceptance_rate": rates, "diverging": diverging}


def _stacked(parts: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([part[name] for part in parts]) for name in parts[0]}


def _start(problem: Problem, start: Params | None) -> Params:
    if start is None and problem.linear is not None:
        return exact.solve(problem).params
    return live_start(problem, start)


def _seeds(seed: int, chains: int) -> list[int]:
    """One seed for each chain; the first ones do not depend on their number."""
    generator = Generator().manual_seed(seed)
    return [int(torch.randint(2**62, (), generator=generator)) for _ in range(chains)]


def _counter(progress: Progress | None, total: int) -> Callable[[], object]:
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    return tick


def _why(problem: Problem, dense: bool, clauses: list[str]) -> str:
    mass = "dense" if dense else "diagonal"
    how = f"Pyro's NUTS on the same log joint density, {mass} mass"
    return "; ".join(filter(None, [how, *clauses, propriety.doubt(problem)]))


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
