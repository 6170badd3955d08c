"""A path of posteriors: 60 strengths of the Bayesian lasso on diabetes, in one batch.

    python -m benchmarks.posterior_path [--quick]

The goal: a bulk ESS of 400 and a rank R-hat of 1.01 for every coefficient at every strength, in
under 3 s, with the defaults of `bw.gibbs.path`. The strengths run over three orders of magnitude,
from a prior that hardly matters to one that hardly lets the weights move.
"""

import argparse
import sys
import time

import numpy as np

from bayeswd import tables
from bayeswd.posterior import gibbs
from benchmarks import machine
from benchmarks.ours.problems import problem_of
from benchmarks.posed import PROBLEMS
from benchmarks.statistics import summary

GOAL, ESS, R_HAT = 3.0, 400, 1.01
HEADER = ["call", "seconds", "CPU seconds", "least ESS", "most R-hat", "goal"]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="5 strengths")
    arguments = parser.parse_args()
    posed = PROBLEMS["diabetes-laplace"]()
    strengths = np.geomspace(0.1, 100, 5 if arguments.quick else 60)  # sigma / b
    scales = (posed.noise_scale / strengths).tolist()
    rows = []
    for call in ("first", "second"):
        start, busy = time.perf_counter(), time.process_time()
        path = gibbs.path(problem_of(posed), scales)
        seconds, cpu = time.perf_counter() - start, time.process_time() - busy
        found = [summary(draws.params["weight"][:, :, 0].numpy()) for draws in path]
        ess, r_hat = min(each["ess"] for each in found), max(each["r_hat"] for each in found)
        met = "met" if seconds < GOAL and ess >= ESS and r_hat <= R_HAT else "missed"
        rows.append([call, f"{seconds:.2f}", f"{cpu:.2f}", f"{ess:.0f}", f"{r_hat:.4f}", met])
    print(machine.described())
    print(f"\n{len(scales)} strengths, {len(path[0].params['weight'])} chains each")
    print(tables.text(rows, HEADER))
    return 0


if __name__ == "__main__":
    sys.exit(main())
