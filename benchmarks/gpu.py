"""CPU against GPU: effective draws a second of every engine, by weights, chains and strengths.

    python -m benchmarks.gpu [--quick]

The least bulk ESS over the weights (of 20 of them at most), added up over the strengths, for each
second of a run, warm-up included; the second of two runs counts, and the device has finished when
the clock stops. Where torch finds no CUDA device the column says so.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from bayeswd import tables
from bayeswd.posterior import conjugate, gibbs, hmc
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat, Gaussian, Laplace
from bayeswd.results import Draws
from benchmarks import machine
from benchmarks.statistics import summary

HEADER = ["engine", "weights", "chains", "strengths", "CPU, ESS/s", "GPU, ESS/s", "ratio"]


@dataclass(frozen=True)
class Case:
    """One line of the table."""

    engine: str
    weights: int
    chains: int
    strengths: int = 1


CASES = [
    Case("gibbs", 10, 256),
    Case("gibbs", 10, 4096),
    Case("gibbs", 10, 256, 20),
    Case("gibbs", 100, 64),
    Case("gibbs", 100, 1024),
    Case("hmc", 10, 256),
    Case("hmc", 10, 4096),
    Case("hmc", 200, 256),
    Case("hmc", 200, 4096),
    Case("exact", 10, 4),
    Case("exact", 200, 4),
    Case("exact", 1000, 4),
]
QUICK = [Case("gibbs", 5, 8, 2), Case("hmc", 5, 8), Case("exact", 5, 4)]


def problem(weights: int, prior: Laplace | Gaussian, device: str) -> Problem:
    """Correlated columns, four rows for a weight."""
    random = np.random.default_rng(weights)
    inputs = random.normal(size=(4 * weights, weights)) + 0.5 * random.normal(size=(4 * weights, 1))
    targets = inputs @ random.laplace(0, 0.2, weights) + random.normal(size=4 * weights)
    tensors = (torch.as_tensor(each, device=device) for each in (inputs, targets))
    return Problem(
        nn.Linear(weights, 1), GaussianNoise(1.0), {"weight": prior, "bias": Flat()}, *tensors
    )


def by_gibbs(case: Case, device: str, seed: int) -> list[Draws]:
    scales = np.geomspace(0.05, 1, case.strengths).tolist()
    stated = problem(case.weights, Laplace(0.2), device)
    return gibbs.path(stated, scales, chains=case.chains, draws=40, warmup=20, seed=seed)


def by_hmc(case: Case, device: str, seed: int) -> list[Draws]:
    stated = problem(case.weights, Laplace(0.2), device)
    return [hmc.sample(stated, chains=case.chains, draws=40, warmup=20, seed=seed)]


def by_exact(case: Case, device: str, seed: int) -> list[Draws]:
    stated = problem(case.weights, Gaussian(0.3), device)
    return [conjugate.sample(stated, chains=case.chains, draws=5000, seed=seed)]


ENGINES: dict[str, Callable[[Case, str, int], list[Draws]]] = {
    "gibbs": by_gibbs,
    "hmc": by_hmc,
    "exact": by_exact,
}


def rate(case: Case, device: str) -> float:
    """Effective draws a second on a device."""
    for seed in range(2):
        start = time.perf_counter()
        drawn = ENGINES[case.engine](case, device, seed)
        if device == "cuda":
            torch.cuda.synchronize()
        seconds = time.perf_counter() - start
    some = [draws.params["weight"][:, :, 0, :20].cpu().numpy() for draws in drawn]
    return sum(summary(each)["ess"] for each in some) / seconds


def line(case: Case, with_gpu: bool) -> list[str]:
    """The cells of one case."""
    here = rate(case, "cpu")
    there = rate(case, "cuda") if with_gpu else None
    return [
        case.engine,
        str(case.weights),
        str(case.chains),
        str(case.strengths),
        f"{here:,.0f}",
        "no CUDA" if there is None else f"{there:,.0f}",
        "—" if there is None else f"{there / here:.2g}",
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="tiny cases: does it run?")
    arguments = parser.parse_args()
    with_gpu = torch.cuda.is_available()
    lines = [line(case, with_gpu) for case in (QUICK if arguments.quick else CASES)]
    print(machine.described())
    name = torch.cuda.get_device_name() if with_gpu else "torch finds no CUDA device"
    print(f"GPU: {name}\n")
    print(tables.text(lines, HEADER))
    return 0


if __name__ == "__main__":
    sys.exit(main())
