"""The cost of a posterior does not grow with the rows: 442 of them against 10 million.

    python -m benchmarks.rows [--quick]

Rows are drawn in chunks and summed away (`Moments.of_chunks`), then the problem is stated from
the moments alone (`Problem.from_moments`) and its posterior drawn. "kept" is by how much the
largest resident memory of the process grew, against the size of the data. The noise grows with
the root of the rows, so that both posteriors are as wide.
"""

import argparse
import resource
import sys
import time
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from bayeswd import tables
from bayeswd.posterior import choose, conjugate, gibbs, hmc
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.moments import Moments
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Gaussian, Laplace
from benchmarks import machine

COLUMNS, CHUNK = 10, 2**16
HEADER = ["rows", "data, MB", "kept, MB", "pass, s", "gibbs, s", "exact, s", "hmc, s"]


def chunks(rows: int, noise: float) -> Iterator[tuple[Tensor, Tensor]]:
    """Correlated columns and a sparse truth, as a stream."""
    generator = torch.Generator().manual_seed(0)
    mixing = torch.eye(COLUMNS) + 0.5 * torch.randn(COLUMNS, COLUMNS, generator=generator)
    weights = torch.linspace(-1, 1, COLUMNS).where(torch.arange(COLUMNS) % 2 == 0, 0)
    for start in range(0, rows, CHUNK):
        count = min(CHUNK, rows - start)
        inputs = torch.randn(count, COLUMNS, generator=generator) @ mixing
        yield inputs, inputs @ weights + noise * torch.randn(count, generator=generator)


def measured(rows: int) -> list[str]:
    """One line of the table."""
    noise, before = 0.7 * (rows / 442) ** 0.5, _peak_megabytes()
    start = time.perf_counter()
    moments = Moments.of_chunks(chunks(rows, noise))
    seconds = time.perf_counter() - start
    kept = _peak_megabytes() - before
    times = []
    for prior, engine in ((Laplace(0.14), gibbs), (Gaussian(0.2), conjugate), (Laplace(0.14), hmc)):
        problem = Problem.from_moments(
            nn.Linear(COLUMNS, 1),
            GaussianNoise(noise),
            {"weight": prior, "bias": Gaussian(1.0)},
            moments,
        )
        times.append(_usual_seconds(problem, engine))
    data = rows * (COLUMNS + 1) * 4 / 1e6
    return [f"{rows:,}", f"{data:.3g}", f"{kept:.3g}", f"{seconds:.3g}", *times]


def _usual_seconds(problem: Problem, engine: object) -> str:
    """The shortest of three runs, each with the defaults of the engine."""
    times = []
    for seed in range(3):
        start = time.perf_counter()
        choose.sample(problem, engine=engine, seed=seed)  # type: ignore[arg-type]
        times.append(time.perf_counter() - start)
    return f"{min(times):.3f}"


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="100,000 rows instead of 10 million")
    arguments = parser.parse_args()
    Moments.of_chunks(chunks(CHUNK, 1.0))  # what torch loads on first use is no cost of the rows
    lines = [measured(rows) for rows in (442, 100_000 if arguments.quick else 10_000_000)]
    print(machine.described())
    print(f"\n{COLUMNS} columns, float32, chunks of {CHUNK} rows")
    print(tables.text(lines, HEADER))
    return 0


if __name__ == "__main__":
    sys.exit(main())
