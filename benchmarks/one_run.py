"""One sampler on one posterior in a process of its own: the child of `posteriors.py`.

    python -m benchmarks.one_run benchmarks.rivals.nutpie_nuts diabetes-laplace 1

The last word is a factor on the sampler's usual number of draws. Prints one line of JSON. Imports
are not timed; the first call is, with what it compiles, and then up to `repeats` more with other
seeds, as long as all together took less than 20 s; one at least where the draws suffice.
"""

import argparse
import json
import sys
import time
from importlib import import_module, metadata
from types import ModuleType
from typing import Any

LONG = 20.0  # seconds after which no further call is begun
CHECKED = 3  # calls whose draws are put to ArviZ, which takes longer than they do


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("module")
    parser.add_argument("problem")
    parser.add_argument("factor", type=float)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    try:
        sampler = import_module(arguments.module)
    except ImportError as error:
        print(json.dumps({"failed": f"not installed: {error.name}"}))
        return 0
    _limit_threads(sampler.THREADS)
    print(json.dumps(measured(sampler, arguments.problem, arguments.factor, arguments.repeats)))
    return 0


def measured(sampler: ModuleType, problem: str, factor: float, repeats: int) -> dict[str, Any]:
    """The fields of `posteriors.Result`."""
    from benchmarks.posed import PROBLEMS
    from benchmarks.statistics import summary

    posed = PROBLEMS[problem]()
    fixed = problem in getattr(sampler, "FIXED", ())
    draws = max(8, round(sampler.DRAWS[problem] * factor))
    seconds, found = [], []
    while len(seconds) < 1 + repeats and (sum(seconds) < LONG or (len(seconds) < 2 and not fixed)):
        start = time.perf_counter()
        weights = sampler.sample(posed, draws, len(seconds))
        seconds.append(time.perf_counter() - start)
        if len(found) < CHECKED:
            found.append(summary(weights))
    return {
        "name": sampler.NAME,
        "how": sampler.HOW,
        "threads": sampler.THREADS,
        "chains": len(weights),
        "draws": draws,
        "warmup": sampler.WARMUP,
        "fixed": fixed,
        "first": seconds[0],
        "again": seconds[1:] or seconds,
        "ess": min(run["ess"] for run in found),
        "r_hat": max(run["r_hat"] for run in found),
        "mean": found[0]["mean"],
        "error": found[0]["error"],
        "versions": {name: metadata.version(name) for name in sampler.PACKAGES},
    }


def _limit_threads(count: int) -> None:
    """The threads that a sampler is best with; they are of torch alone, the only one to read it."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(count)


if __name__ == "__main__":
    sys.exit(main())
