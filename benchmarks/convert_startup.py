"""How long `bayeswd convert` takes from nothing, against `python -c pass`.

    python benchmarks/convert_startup.py [--repeats 20]

Each run is a fresh process; the goal is 0.3 s. Prints the median and the range of both, their
ratio, and what the time goes into (the modules that cost most to import).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
GOAL = 0.3
ENTRY = "import sys; from bayeswd.cli.main import main; sys.exit(main(sys.argv[1:]))"
WORDS = ["convert", "3", "--from", "d2l", "--n", "20", "--noise", "0.01"]
CASES = {
    "python -c pass": ["-c", "pass"],
    "bayeswd convert": ["-c", ENTRY, *WORDS],
    "bayeswd convert --to all": ["-c", ENTRY, *WORDS, "--to", "all"],
    "bayeswd convert --list": ["-c", ENTRY, "convert", "--list"],
}


def run(words: Sequence[str], *options: str) -> subprocess.CompletedProcess[str]:
    """One fresh interpreter, from the checkout."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, *options, *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True)


def seconds(words: Sequence[str], repeats: int) -> list[float]:
    """Wall-clock times of `repeats` runs, after one that fills the caches of the disk."""
    run(words)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run(words)
        times.append(time.perf_counter() - start)
    return times


def slowest_imports(words: Sequence[str], count: int = 5) -> list[str]:
    """`module: milliseconds` of the modules that cost most themselves."""
    lines = run(words, "-X", "importtime").stderr.splitlines()[1:]
    costs = [(int(line.split("|")[0].split(":")[1]), line.split("|")[2].strip()) for line in lines]
    return [f"{name} {cost / 1000:.1f} ms" for cost, name in sorted(costs, reverse=True)[:count]]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    arguments = parser.parse_args()
    times = {name: seconds(words, arguments.repeats) for name, words in CASES.items()}
    medians = {name: statistics.median(each) for name, each in times.items()}
    floor = medians["python -c pass"]
    if arguments.json:
        print(json.dumps({"goal": GOAL, "median_seconds": medians}))
    else:
        for name, each in times.items():
            print(
                f"{name:26} {medians[name]:.3f} s ({min(each):.3f} to {max(each):.3f}),"
                f" {medians[name] / floor:.1f} times python -c pass"
            )
        print("slowest imports: " + ", ".join(slowest_imports(CASES["bayeswd convert"])))
    return int(medians["bayeswd convert"] > GOAL)


if __name__ == "__main__":
    sys.exit(main())
