"""Check homework answers, explain what is wrong with them, and grade a class safely.

`list` and `template` say what is asked; `check` is for the student, on his own machine; `grade`
runs strangers' code in a sandbox, and `doctor` says whether there is one.

Exit codes: 0 done; 1 `check` found an answer that is not right; 2 bad usage; 3 no sandbox;
4 some submissions could not be graded.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bayeswd import files
from bayeswd.cli import arguments as shared
from bayeswd.cli import homework_doctor, homework_grade
from bayeswd.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bayeswd.homework.exercise import Exercise
    from bayeswd.homework.submissions.loading import Loaded


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    listed = actions.add_parser("list", help="the exercises: names, points, what is asked")
    listed.set_defaults(act=_list)

    sheet = actions.add_parser("template", help="an empty sheet to fill in")
    sheet.add_argument("-o", "--out", required=True, metavar="FILE", help="hw.py or hw.ipynb")
    sheet.add_argument("--force", action="store_true", help="write over a file that is there")
    sheet.set_defaults(act=_template)

    check = actions.add_parser("check", help="look at your own answers; runs them here")
    check.add_argument("file", metavar="FILE", help="hw.py or hw.ipynb")
    check.add_argument("-q", action="append", metavar="NAME", help="this exercise only; repeatable")
    check.add_argument("--json", metavar="FILE", help="machine-readable result; - for stdout")
    check.set_defaults(act=_check)

    for name, command in (("grade", homework_grade), ("doctor", homework_doctor)):
        summary = (command.__doc__ or "").splitlines()[0]
        short = summary[0].lower() + summary[1:].rstrip(".")
        subparser = actions.add_parser(name, help=short, description=summary)
        command.add_arguments(subparser)
        subparser.set_defaults(act=command.run)


def run(arguments: argparse.Namespace) -> int:
    return int(arguments.act(arguments) or 0)


def _list(arguments: argparse.Namespace) -> int:
    from bayeswd import tables
    from bayeswd.homework import assignment

    rows = [[each.interface, each.points, each.title] for each in assignment.EXERCISES]
    print(tables.text(rows, ["you define", "points", "what"]))
    total = sum(each.points for each in assignment.EXERCISES)
    print(f"\n{len(rows)} exercises, {total} points.")
    print("An empty sheet: bayeswd homework template -o hw.py")
    return 0


def _template(arguments: argparse.Namespace) -> int:
    from bayeswd.homework import assignment, template

    target = Path(arguments.out)
    if target.suffix not in (".py", ".ipynb"):
        raise InputError(f"--out {arguments.out}: give a name that ends in .py or .ipynb.")
    files.require_writable(target)
    if target.exists() and not arguments.force:
        raise InputError(f"{arguments.out!r} is there already; --force writes over it.")
    as_script = target.suffix == ".py"
    sheet = (
        template.script(assignment.EXERCISES, arguments.out)
        if as_script
        else template.notebook(assignment.EXERCISES)
    )
    with files.whole(target) as unfinished:
        unfinished.write_text(sheet, encoding="utf-8")
    print(f"{arguments.out}: {len(assignment.EXERCISES)} exercises.")
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from bayeswd.homework import assignment, self_check
    from bayeswd.homework.notebook import CheckReport

    chosen = _chosen(arguments.q)
    feedback, loaded = self_check.of_file(Path(arguments.file), chosen or assignment.EXERCISES)
    report = CheckReport(tuple(feedback))
    to_person = sys.stderr if arguments.json == "-" else sys.stdout
    for line in _on_the_way(loaded):
        print(line, file=to_person)
    print(report, file=to_person)
    if arguments.json:
        shared.write_json(report.to_dict(), arguments.json)
    return 0 if report.passed else 1


def _chosen(names: Sequence[str] | None) -> list[Exercise]:
    from bayeswd.homework import assignment

    return [assignment.find(name) for name in names or ()]


def _on_the_way(loaded: Loaded) -> list[str]:
    """What went wrong while the file was run, and what was passed over."""
    from bayeswd.homework.inert import one_line

    faults = [
        f"! {fault.file}{'' if fault.line is None else f', line {fault.line}'}: "
        f"{fault.type}: {fault.text}"
        for fault in loaded.faults
    ]
    return [one_line(line, 500) for line in [*faults, *loaded.notes]]
