"""One sampler on one posterior in a process of its own: the child of `posteriors.py`.

    python -m benchmarks.one_run benchmarks.rivals.numpyro_nuts diabetes-laplace 400

Prints one line of JSON. Imports are not timed; the first call is (with what it compiles), then
`repeats` more with other seeds.
"""

import argparse
import json
import os
import sys
import time
from importlib import import_module, metadata

import numpy as np


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("module")
    parser.add_argument("problem")
    parser.add_argument("draws", type=int)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    sampler = import_module(arguments.module)
    from benchmarks.posed import PROBLEMS
    from benchmarks.statistics import summary

    posed = PROBLEMS[arguments.problem]()
    seconds, found = [], []
    for seed in range(1 + arguments.repeats):
        start = time.perf_counter()
        weights = sampler.sample(posed, arguments.draws, seed)
        seconds.append(time.perf_counter() - start)
        found.append(summary(weights))
    every = {"first": seconds[0], "again": seconds[1:], "chains": len(weights), "runs": found}
    every["versions"] = {name: metadata.version(name) for name in sampler.PACKAGES if name != "bayeswd"}
    print(json.dumps(every))
    return 0


if __name__ == "__main__":
    sys.exit(main())
