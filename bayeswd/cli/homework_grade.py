"""Grade a class's submissions, each locked into a sandbox of its own.

Exit codes: 0 done (wrong answers are no error), 2 bad usage, 3 no sandbox here and nothing was
executed, 4 some submissions could not be graded for reasons of ours (run it again: what is graded
is kept).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bayeswd.cli import arguments as shared

if TYPE_CHECKING:
    from bayeswd.homework.grading.gradebook import Row
    from bayeswd.homework.grading.record import Record
    from bayeswd.homework.grading.session import Progress

Number = TypeVar("Number", int, float, Fraction)
DONE, NO_SANDBOX, NOT_ALL_GRADED = 0, 3, 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "submissions",
        nargs="+",
        metavar="SUBMISSION",
        help=".py or .ipynb files, folders of them (also as Canvas, Gradescope and Moodle export"
        " them), zip files",
    )
    parser.add_argument("-o", "--out", required=True, metavar="DIR", help="where results go")
    parser.add_argument("--jobs", type=_jobs, metavar="N", help="at a time (default: the cores)")
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=5.0,
        metavar="S",
        help="seconds for running a file, and again for each exercise (default 5)",
    )
    parser.add_argument(
        "--seed-secret",
        metavar="FILE",
        help="hidden inputs are drawn from this (default: OUT/secret, made by the first run)",
    )
    parser.add_argument(
        "--points-total", type=_points, metavar="P", help="scale the sum of the points to this"
    )
    parser.add_argument(
        "--roster", metavar="CSV", help="the class: who is missing is said, rows in its order"
    )
    parser.add_argument("--json", metavar="FILE", help="all records; '-' for stdout, and no text")


def run(arguments: argparse.Namespace) -> int:
    """Grade, and write every output. InputError before anything is run."""
    shared.check_json(arguments)
    out = shared.out_folder(arguments)
    from bayeswd.homework.grading import roster, session
    from bayeswd.homework.sandbox.conversation import SandboxError
    from bayeswd.homework.submissions import gathering

    people = roster.read(Path(arguments.roster)) if arguments.roster else []
    handed = gathering.gather(arguments.submissions)
    try:
        planned = session.grade(
            handed,
            out,
            seconds=arguments.timeout,
            jobs=arguments.jobs or len(os.sched_getaffinity(0)),
            secret_file=Path(arguments.seed_secret) if arguments.seed_secret else None,
            points_total=arguments.points_total,
            progress=_progress_bar(),
        )
    except SandboxError as error:
        shared.say(f"bayeswd homework grade: {error}; nothing was executed.")
        shared.say("`bayeswd homework doctor` says what works here.")
        return NO_SANDBOX
    rows = roster.matched(people, [each.record for each in planned])
    session.write(out, planned, rows)
    _tell(arguments, out, rows)
    return _lost([each.record for each in planned])


def _tell(arguments: argparse.Namespace, out: Path, rows: Sequence[Row]) -> None:
    from bayeswd.homework.grading import outputs
    from bayeswd.report import homework_page

    homework_page.write(out / "summary.html", rows)
    if arguments.json != "-":
        print(outputs.text(rows))
        print(f"\ngradebook.csv, summary.html, feedback/, gradescope/ and records/ are in {out}")
    if arguments.json:
        shared.write_json(outputs.class_record(rows), arguments.json)


def _lost(records: Sequence[Record]) -> int:
    lost = [record for record in records if record["status"] == "not_graded"]
    for record in lost:
        shared.say(f"not graded: {record['submission']['file']}: {record['reason']}")
    return NOT_ALL_GRADED if lost else DONE


def _progress_bar() -> Progress:
    """A line on the terminal that grows; nothing where standard error is no terminal."""
    started = time.monotonic()

    def show(done: int, of: int) -> None:
        if sys.stderr.isatty():
            full = round(30 * done / of)
            bar = "█" * full + "░" * (30 - full)
            end = "\n" if done == of else ""
            seconds = time.monotonic() - started
            print(f"\r{bar} {done} of {of}, {seconds:.0f} s", end=end, file=sys.stderr, flush=True)

    return show


def _jobs(text: str) -> int:
    return _positive(int, text, "a whole number from 1 to 64", 64)


def _seconds(text: str) -> float:
    return _positive(float, text, "a number of seconds, at most 3600", 3600)


def _points(text: str) -> Fraction:
    return _positive(Fraction, text, "a number of points above 0", 10**6)


def _positive(kind: Callable[[str], Number], text: str, wanted: str, most: int) -> Number:
    try:
        value = kind(text)
        if 0 < value <= most:
            return value
    except (ValueError, ZeroDivisionError):
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is not {wanted}")
