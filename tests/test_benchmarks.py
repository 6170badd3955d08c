"""Each benchmark of ours runs: tiny, and untimed."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RUNS = {
    "posteriors": ["--only", "chosen", "blackjax", "--problems", "diabetes-laplace"],
    "posterior_path": [],
    "rows": [],
    "gpu": [],
}


@pytest.mark.parametrize("name", RUNS)
def test_a_quick_run_prints_its_table(name):
    command = [sys.executable, "-m", f"benchmarks.{name}", "--quick", *RUNS[name]]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert "cores, load" in found.stdout
    assert "──" in found.stdout
    if name == "posteriors":
        assert "bayeswd, engine chosen" in found.stdout
        assert "not installed" in found.stdout or "BlackJAX dynamic HMC" in found.stdout
