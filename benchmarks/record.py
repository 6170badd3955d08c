"""Run every benchmark of posteriors and write RESULTS.md: for a machine that does nothing else.

python -m benchmarks.record
"""

import os
import subprocess
import sys
from pathlib import Path

from bayeswd.files import whole

ROOT = Path(__file__).parents[1]
ORDER = ("posteriors", "posterior_path", "rows", "gpu", "grading")
INTRODUCTION = """# What was measured

Written by `python -m benchmarks.record`, misses included. Each block is the output of one
benchmark; its head names the processor, the load of the machine and the date.

`posteriors` races samplers to a bulk ESS of 10,000 with a rank R-hat of at most 1.01 for *every*
coefficient. The clock runs from the arrays to all draws as one array on the host, warm-up
included. Imports come before it, ArviZ's ESS and R-hat after it, for every sampler alike. A run
that falls short is made again with more draws. Means of a rival farther than 5 joint standard
errors from ours would be reported as wrong. A sampler that would need minutes is measured for a
fixed number of draws, and the rest of its transitions are extrapolated.
"""


def main() -> int:
    environment = os.environ | {
        "OMP_NUM_THREADS": "1"
    }  # small tensors; JAX and Rust do not read it
    text = INTRODUCTION
    for name in ORDER:
        command = [sys.executable, "-W", "ignore", "-m", f"benchmarks.{name}"]
        run = subprocess.run(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True
        )
        print(run.stdout, flush=True)
        text += f"\n## {name}\n\n```\n{run.stdout.strip()}\n```\n"
    with whole(Path(__file__).parent / "RESULTS.md") as unfinished:
        unfinished.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
