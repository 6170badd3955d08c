"""Ctrl-C, or memory running out: every engine leaves the draws that are whole, or nothing."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from bayeswd.posterior import choose, gibbs, hmc, pyro_nuts
from bayeswd.posterior.interruption import Made
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Laplace

ON_THE_CPU = (
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: "
    "you tried to allocate 4503599627370496 bytes. Error code 12 (Cannot allocate memory)"
)
INTERRUPTIONS = {
    "Ctrl-C": (KeyboardInterrupt(), "interrupted"),
    "Python": (MemoryError("Unable to allocate 8 PiB"), "out of memory"),
    "torch on the CPU": (RuntimeError(ON_THE_CPU), "out of memory"),
    "torch on a GPU": (torch.cuda.OutOfMemoryError("CUDA out of memory"), "out of memory"),
}
FAULTS = [RuntimeError("a shape is wrong"), ValueError("not finite"), SystemExit(1)]
WARMUP, DRAWS = 4, 6


@dataclass(frozen=True)
class Row:
    """An engine; transitions of one chain after another, or of all chains at once."""

    sample: partial
    in_turn: bool = False


ENGINES = {
    "gibbs": Row(partial(gibbs.sample, chains=3)),
    "gibbs.path": Row(lambda *args, **run: gibbs.path(*args, [0.2, 0.4], chains=3, **run)[1]),
    "hmc": Row(partial(hmc.sample, chains=3)),
    "pyro_nuts": Row(partial(pyro_nuts.sample, chains=2, max_tree_depth=2), in_turn=True),
    "sample": Row(partial(choose.sample, chains=3)),
}


def problem():
    inputs = np.random.default_rng(1).normal(size=(8, 2))
    priors = {"weight": Laplace(0.4), "bias": Flat()}
    return Problem(nn.Linear(2, 1), GaussianNoise(0.5), priors, inputs, inputs.sum(1))


def run(row, error, at):
    """Draws of an engine to which `error` happens after its transition number `at`."""

    def tell(done, total):
        if done >= at:
            raise error

    return row.sample(problem(), draws=DRAWS, warmup=WARMUP, seed=2, progress=tell)


@pytest.mark.parametrize("interruption", INTERRUPTIONS)
@pytest.mark.parametrize("engine", ENGINES)
def test_the_draws_that_are_whole_are_kept(engine, interruption):
    row, (error, reason) = ENGINES[engine], INTERRUPTIONS[interruption]
    draws, whole = run(row, error, WARMUP + 3), run(row, None, 1000)
    asked = 2 * DRAWS if row.in_turn else DRAWS
    assert f"cut short after 3 of {asked} draws ({reason})" in draws.why
    assert "cut short" not in whole.why
    for name, value in draws.params.items():
        kept = whole.params[name][: len(value), :3]
        # with a flat bias its normals are taken after all the draws
        assert value.shape == kept.shape
        assert name == "bias" or torch.equal(value, kept)
    assert all(
        value.shape == draws.params["bias"].shape[:2] for value in draws.sample_stats.values()
    )


@pytest.mark.parametrize("interruption", INTERRUPTIONS)
@pytest.mark.parametrize("engine", ENGINES)
def test_where_nothing_is_whole_the_interruption_goes_on(engine, interruption):
    error, _ = INTERRUPTIONS[interruption]
    with pytest.raises(type(error)):
        run(ENGINES[engine], error, WARMUP)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_fault_is_not_taken_for_an_interruption(engine, fault):
    with pytest.raises(type(fault)):
        run(ENGINES[engine], fault, WARMUP + 3)


def test_chains_that_are_whole_are_kept_and_others_dropped():
    row = ENGINES["pyro_nuts"]
    draws, whole = (run(row, KeyboardInterrupt(), at) for at in (2 * WARMUP + DRAWS + 3, 1000))
    assert draws.params["weight"].shape == (1, DRAWS, 1, 2)
    assert torch.equal(draws.params["weight"], whole.params["weight"][:1])
    assert "cut short after 6 of 12 draws (interrupted)" in draws.why


def test_torch_still_says_it_in_these_words():
    with Made(2) as made:
        made.done = 1
        torch.empty(2**50)
    assert made.clause == "cut short after 1 of 2 draws (out of memory)"
    assert Made(2, 2).clause == ""
