"""What a light command loads, and where the public names lead."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import bayeswd

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "numpy", "scipy", "pandas", "pyro", "matplotlib", "sklearn", "xarray"}

COMMAND = """
import sys
from bayeswd.cli.main import main
try:
    main({arguments!r})
except SystemExit as end:
    assert not end.code, end.code
"""


def loaded_by(code: str) -> tuple[set[str], str]:
    """Names of the heavy libraries in sys.modules after the code, and what it printed."""
    report = "\nimport json, sys; print(); print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code + report],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed, _, names = done.stdout.rstrip("\n").rpartition("\n")
    top = {name.split(".")[0] for name in json.loads(names)}
    return {name for name in top if name in HEAVY or name.startswith("arviz")}, printed


def test_the_measure_sees_a_heavy_library() -> None:
    assert loaded_by("import bayeswd; bayeswd.Moments")[0] >= {"torch", "numpy"}


@pytest.mark.parametrize(
    "module", ["", ".errors", ".results", ".tables", ".problem.conventions", ".cli.main"]
)
def test_a_light_module_loads_no_library(module: str) -> None:
    assert loaded_by(f"import bayeswd{module}") == (set(), "")


@pytest.mark.parametrize(
    ("arguments", "shows"),
    [
        (["--help"], "compare"),
        (["--version"], f"bayeswd {bayeswd.__version__}"),
        (["compare", "--help"], "--penalty"),
        (["convert", "--help"], "usage: bayeswd convert"),
    ],
    ids=" ".join,
)
def test_a_light_command_loads_no_library(arguments: list[str], shows: str) -> None:
    libraries, printed = loaded_by(COMMAND.format(arguments=arguments))
    assert shows in printed
    assert libraries == set()


@pytest.mark.parametrize("name", dir(bayeswd))
def test_every_public_name_leads_somewhere(name: str) -> None:
    value = getattr(bayeswd, name)
    assert value is getattr(bayeswd, name)
    assert getattr(value, "__doc__", None)


def test_the_names_are_listed_once_and_in_the_order_of_the_argument() -> None:
    names = bayeswd.__all__
    assert len(names) == len(set(names))
    order = ["datasets", "Gaussian", "Problem", "exact", "conjugate", "compare", "plots"]
    assert sorted(order, key=names.index) == order


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'bayeswd' has no attribute 'Gausian'"):
        _ = bayeswd.Gausian
    assert not hasattr(bayeswd, "_repr_html_")
