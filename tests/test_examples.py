"""Every example runs, is short, asks a question, leaves its figure, and is found in the README."""

import ast
import os
import runpy
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
SCRIPTS = sorted(path.name for path in EXAMPLES.glob("*.py") if path.name != "common.py")
OPTIONAL = {"rosetta_table.py"}  # needs frameworks that `pip install '.[rosetta]'` brings
PNG = b"\x89PNG\r\n\x1a\n"


def run(script: str, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a script as `python examples/SCRIPT --quick --out OUT` would, in this process."""
    monkeypatch.syspath_prepend(str(EXAMPLES))  # python puts a script's own folder there
    monkeypatch.delitem(sys.modules, "common", raising=False)
    monkeypatch.setattr(sys, "argv", [script, "--quick", "--out", str(out)])
    runpy.run_path(str(EXAMPLES / script), run_name="__main__")


@pytest.fixture(autouse=True)
def without_common(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave no module called `common` behind for other tests."""
    monkeypatch.delitem(sys.modules, "common", raising=False)


def question(script: str) -> str:
    docstring = ast.get_docstring(ast.parse((EXAMPLES / script).read_text("utf-8")))
    return (docstring or "").splitlines()[0]


def test_there_are_examples() -> None:
    assert len(SCRIPTS) >= 8


@pytest.mark.parametrize("script", [name for name in SCRIPTS if name not in OPTIONAL])
def test_runs_and_leaves_its_figure(
    script: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(script, tmp_path / "new", monkeypatch)
    figures = list((tmp_path / "new").iterdir())
    assert [figure.name for figure in figures] == [script.replace(".py", ".png")]
    assert figures[0].read_bytes().startswith(PNG)
    assert figures[0].stat().st_size > 10_000
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == question(script)
    assert printed[-1] == f"The figure: {figures[0]}"
    assert len(printed) >= 4  # the answer, with numbers, stands between the two


@pytest.mark.parametrize("script", SCRIPTS)
def test_is_short_and_asks_a_question(script: str) -> None:
    source = (EXAMPLES / script).read_text("utf-8")
    assert len(source.splitlines()) <= 80
    assert question(script).endswith("?")
    assert source.count("\n# %%") >= 2  # cells


@pytest.mark.parametrize("script", SCRIPTS)
def test_stands_in_the_index(script: str) -> None:
    rows = [line for line in (ROOT / "README.md").read_text("utf-8").splitlines() if "|" in line]
    assert any(f"](examples/{script})" in row for row in rows), f"README.md does not index {script}"


def test_is_a_command_that_works_from_any_folder(tmp_path: Path) -> None:
    """In its own process: nothing but the script's folder and an importable bayeswd is needed."""
    command = [sys.executable, "-W", "error", str(EXAMPLES / "what_small_means.py"), "--quick"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "bayeswd-out" / "what_small_means.png").read_bytes().startswith(PNG)


def test_other_arguments_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.setattr(sys, "argv", ["exercise_6.py", "--device", "cuda"])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(EXAMPLES / "exercise_6.py"), run_name="__main__")
    assert stopped.value.code == 2
    assert "--device cuda: torch finds no CUDA device; use --device cpu" in capsys.readouterr().err


def test_cells_run_in_a_notebook_kernel_whose_arguments_are_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    monkeypatch.setattr(sys, "argv", ["ipykernel_launcher.py", "-f", "kernel.json"])
    runpy.run_path(str(EXAMPLES / "exercise_6.py"), run_name="__main__")
    assert (tmp_path / "bayeswd-out" / "exercise_6.png").exists()
