"""Seconds to a posterior: bayeswd and the samplers people would use instead, in one table.

    python -m benchmarks.posteriors [--quick] [--only chosen hmc] [--problems d2l-laplace]

Of each run: the time from the arrays to the draws as one array on the host, warm-up included,
imports excluded. A run counts if *every* coefficient has a bulk ESS of 10,000 and a rank R-hat of
1.01, both ArviZ's and computed after the clock has stopped; else it is made again with more
draws. "first" is the first call in a fresh process, with all that it compiles; "again" the median
of the calls after it, with other seeds. Rivals: `pip install -r benchmarks/requirements.txt`.
"""

import argparse
import json
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bayeswd import tables
from benchmarks import machine
from benchmarks.posed import PROBLEMS
from benchmarks.rivals import sklearn_reference

ESS, R_HAT = 10_000, 1.01
PATIENCE = 150  # seconds for one child
WRONG = 5.0  # joint standard errors between means beyond which a sampler is wrong
SAMPLERS = {
    "chosen": "benchmarks.ours.chosen",
    "hmc": "benchmarks.ours.hmc",
    "blackjax": "benchmarks.rivals.blackjax_hmc",
    "nutpie": "benchmarks.rivals.nutpie_nuts",
    "numpyro": "benchmarks.rivals.numpyro_nuts",
    "pyro": "benchmarks.rivals.pyro_nuts",
}
OURS = ("chosen", "hmc")


@dataclass
class Result:
    """What came of one sampler on one posterior; `failed` says why there are no numbers."""

    sampler: str
    failed: str = ""
    name: str = ""
    how: str = ""
    threads: int = 0
    draws: int = 0
    warmup: int = 0
    chains: int = 0
    first: float = 0.0
    again: list[float] = field(default_factory=list)
    ess: float = 0.0
    r_hat: float = 0.0
    mean: list[float] = field(default_factory=list)
    error: list[float] = field(default_factory=list)
    fixed: bool = False
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def reached(self) -> bool:
        return self.ess >= ESS and self.r_hat <= R_HAT

    @property
    def missing(self) -> float:
        """How many times as many transitions a fixed budget would have needed; else 1."""
        if not self.fixed:
            return 1.0
        needed = self.warmup + self.draws * max(1.0, ESS / self.ess)
        return needed / (self.warmup + self.draws)

    @property
    def usual(self) -> float:
        """Seconds once compiled, extrapolated where the budget was fixed."""
        return statistics.median(self.again) * self.missing

    @property
    def cold(self) -> float:
        """Seconds of a first call: what it took beyond a later one is added to `usual`."""
        return max(0.0, self.first - statistics.median(self.again)) + self.usual


def race(sampler: str, problem: str, quick: bool) -> Result:
    """Run a sampler with more and more draws until it is there."""
    factor = 0.25 if quick else 1.0
    for _ in range(4):
        result = child(sampler, problem, factor, repeats=1 if quick else 5)
        if result.failed or result.fixed or result.reached or quick:
            return result
        factor *= max(1.25, 1.1 * ESS / result.ess)
    result.failed = f"ESS {result.ess:.0f}, R-hat {result.r_hat:.3f} after {result.first:.0f} s"
    return result


def child(sampler: str, problem: str, factor: float, repeats: int) -> Result:
    """One fresh process on all cores of the machine."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.one_run", SAMPLERS[sampler]]
    command += [problem, str(factor), "--repeats", str(repeats)]
    try:
        run = subprocess.run(
            command,
            check=False,  # what went wrong is reported, not raised
            cwd=Path(__file__).parents[1],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return Result(sampler, f"no result in {PATIENCE} s")
    try:
        return Result(sampler, **json.loads(run.stdout.splitlines()[-1]))
    except (IndexError, json.JSONDecodeError):
        return Result(sampler, (run.stderr.strip() or "no output").splitlines()[-1])


def distance(one: Result, other: Result) -> float:
    """The largest distance of two means in joint standard errors."""
    errors = np.hypot(one.error, other.error)
    return float(np.abs((np.array(one.mean) - other.mean) / errors).max())


def row(result: Result, ours: Result) -> list[str]:
    """One line of the table."""
    if result.failed:
        return [result.name or result.sampler, "-", "-", "-", "-", "-", result.failed]
    note = "extrapolated by ESS per second" if result.missing > 1 else ""
    far = distance(result, ours) if ours.mean and result is not ours else 0.0
    if far > WRONG:
        note = f"WRONG: means {far:.1f} joint standard errors from ours, not timed"
        return [result.name, "-", "-", f"{result.ess:.0f}", f"{result.r_hat:.3f}", "-", note]
    times = "1" if result is ours else f"{result.usual / ours.usual:.3g}"
    return [
        result.name,
        f"{result.cold:.3g}",
        f"{result.usual:.3g}",
        f"{result.ess:.0f}",
        f"{result.r_hat:.4f}",
        times,
        note or (f"means within {far:.1f} joint s.e. of ours" if far else ""),
    ]


def goals(results: list[Result]) -> str:
    """What was asked of ours against the rivals that have a time, in one line; misses included."""
    ours, *others = results
    rivals = [each for each in others if not each.failed and each.sampler not in OURS]
    if ours.failed or not rivals:
        return "no rival has a time to compare with"
    best = min(each.usual for each in rivals) / ours.usual
    with_compiling = min(each.cold for each in rivals) / ours.cold
    said = [
        f"best rival, compiling left out: {best:.3g} times ours (must be above 1: {_met(best > 1)};"
        f" aim 5: {_met(best >= 5)})",
        f"first calls: {with_compiling:.3g} times (must be 10: {_met(with_compiling >= 10)})",
    ]
    for each in rivals:
        if each.sampler == "pyro":
            times = each.usual / ours.usual
            said.append(f"Pyro: {times:,.0f} times (must be 2,000: {_met(times >= 2000)})")
    return "; ".join(said)


def _met(reached: bool) -> str:
    return "met" if reached else "MISSED"


HEADER = ["sampler", "first, s", "again, s", "least ESS", "most R-hat", "times ours", ""]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--problems", nargs="+", choices=PROBLEMS, default=list(PROBLEMS))
    parser.add_argument("--only", nargs="+", choices=SAMPLERS, default=list(SAMPLERS))
    parser.add_argument("--quick", action="store_true", help="too few draws: does it run?")
    arguments = parser.parse_args()
    print(machine.described())
    known: dict[str, Result] = {}
    for problem in arguments.problems:
        asked = [name for name in arguments.only if not (arguments.quick and name == "pyro")]
        results = [race(name, problem, arguments.quick) for name in asked]
        known |= {each.sampler: each for each in results if not each.failed}
        print(f"\n{PROBLEMS[problem]().name}")
        print(tables.text([row(each, results[0]) for each in results], HEADER))
        print(goals(results), flush=True)
    print(f"\nscikit-learn, not a rival: {sklearn_reference.agreement()}")
    print("\nhow each was run")
    for each in known.values():
        packages = ", ".join(f"{name} {version}" for name, version in each.versions.items())
        print(f"  {each.name} ({packages}; {each.threads} threads): {each.how}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
