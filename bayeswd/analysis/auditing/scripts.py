"""A training program, run as it is under observation."""

from __future__ import annotations

import contextlib
import inspect
import linecache
import os
import runpy
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from bayeswd.analysis.auditing import convergence, script_findings
from bayeswd.analysis.auditing.evidence import Evidence, gather
from bayeswd.analysis.auditing.keep import kept
from bayeswd.analysis.auditing.observation import Observation
from bayeswd.errors import InputError


def observe(
    path: str, entry: str | None, arguments: Sequence[str], output: TextIO | None
) -> Observation:
    """Run the program to its end and watch. output: where its prints go (default: as they are)."""
    source = Path(path)
    if not source.is_file():
        raise InputError(f"{path}: there is no such file; name a Python program that trains.")
    observation = Observation()
    with kept(), _as_program(source, arguments), _printing_to(output), observation:
        try:
            _run(source, entry, observation)
        except SystemExit as stopped:
            if stopped.code not in (None, 0):
                raise InputError(f"{path} ended with exit code {stopped.code}.") from stopped
        except InputError:
            raise
        except Exception as error:
            raise InputError(_what_failed(source, error)) from error
    return observation


def measure(observation: Observation, path: str) -> Evidence:
    """InputError where no training was seen."""
    if not observation.cycles:
        raise InputError(
            f"{path} called neither backward nor torch.autograd.grad on a loss: no training was "
            "seen, so nothing can be said (name the function that trains: --entry)."
        )
    return gather(observation)


def readings_of(evidence: Evidence, noise_scale: float | None) -> tuple[dict[str, Any], list[Any]]:
    """Where training ended, and what only a whole program shows."""
    converged, found = convergence.of_run(evidence, noise_scale)
    return converged, [*script_findings.of_script(evidence), *found]


def _run(source: Path, entry: str | None, observation: Observation) -> None:
    name = "__main__" if entry is None else "__audited__"
    variables = runpy.run_path(str(source), run_name=name)
    if entry is not None:
        if not callable(variables.get(entry)):
            names = ", ".join(k for k, v in variables.items() if inspect.isfunction(v))
            raise InputError(f"{source}: no function {entry!r}; it has {names or 'none'}.")
        variables[entry]()
    observation.names.note(variables)


@contextlib.contextmanager
def _as_program(source: Path, arguments: Sequence[str]) -> Iterator[None]:
    """sys.argv, sys.path and the plotting backend as if the program had been started by itself."""
    held = sys.argv, list(sys.path), os.environ.get("MPLBACKEND")
    sys.argv = [str(source), *arguments]
    sys.path.insert(0, str(source.resolve().parent))
    os.environ.setdefault("MPLBACKEND", "Agg")  # figures are made, windows are not
    try:
        yield
    finally:
        sys.argv, sys.path[:] = held[0], held[1]
        if held[2] is None:
            os.environ.pop("MPLBACKEND", None)


@contextlib.contextmanager
def _printing_to(output: TextIO | None) -> Iterator[None]:
    if output is None:
        yield
    else:
        with contextlib.redirect_stdout(output):
            yield


def _what_failed(source: Path, error: Exception) -> str:
    """The line of the program, not of whatever it called."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).resolve() == source.resolve()]
    where = ""
    if own:
        line = linecache.getline(str(source), own[-1].lineno or 0).strip()
        where = f" in line {own[-1].lineno} ({line})"
    return f"{source} failed{where}: {type(error).__name__}: {error}"
