"""What prior a training program really trains, measured while it runs as it is.

`bayeswd audit train.py` runs the program under observation, and `--entry FUNCTION` calls one of its
functions instead of running it as the main program. What the program prints goes to standard
error. The report: one sentence, a table of the parameters, what a reviewer would remark, and a
figure of the measured forces.

--json FILE writes the schema `bayeswd.audit/1`:

    {"schema",
     "parameters": [{"name", "prior": {"family", "scale", "variance", "proper"}, "strength",
                     "status"}],
     "data_term": {"reduction", "half", "scale"},
     "findings": [{"code", "severity", "parameter", "message", "evidence"}],
     "converged": {"steps", ...},
     "sentence"}

`strength` stands in front of |w|^2/2, |w|_1 or |w| in the loss that one update sees; `scale` is
null where it hangs on a noise scale that was not given (--noise). Numbers that are infinite or
unknown are null. `status` is "measured", "cannot tell" or "not trained".
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bayeswd.cli import arguments as shared
from bayeswd.errors import InputError

if TYPE_CHECKING:
    from bayeswd.analysis.audit import Audit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("script", metavar="SCRIPT", help="a Python program that trains with torch")
    parser.add_argument(
        "--arguments", default="", metavar="TEXT", help="the program's own arguments, in quotes"
    )
    parser.add_argument("--entry", metavar="FUNCTION", help="call this function of the program")
    parser.add_argument("--noise", type=float, metavar="SIGMA", help="the noise sd, if it is known")
    parser.add_argument("--out", metavar="DIR", help="where the figure is saved (default: nowhere)")
    parser.add_argument("--json", metavar="FILE", help="machine-readable result; - for stdout")
    parser.add_argument("--strict", action="store_true", help="exit 1 if an error was found")


def run(arguments: argparse.Namespace) -> int:
    shared.check_json(arguments)
    folder = shared.out_folder(arguments) if arguments.out else None
    from bayeswd.analysis import audit

    result = audit.script(
        arguments.script,
        entry=arguments.entry,
        arguments=shlex.split(arguments.arguments),
        noise_scale=arguments.noise,
        output=sys.stderr,
    )
    to_person = sys.stderr if arguments.json == "-" else sys.stdout
    print(result, file=to_person)
    if folder is not None:
        _draw(result, folder)
    if arguments.json:
        shared.write_json(result.to_dict(), arguments.json)
    return int(arguments.strict and any(one.severity == "error" for one in result.findings))


def _draw(result: Audit, folder: Path) -> None:
    from bayeswd.report import audit_figure, plots

    try:
        figure = audit_figure.forces(result)
    except InputError as reason:
        shared.say(f"no figure: {reason}")
        return
    path = folder / "forces.png"
    plots.save(figure, path)
    shared.say(f"figure: {path}")
