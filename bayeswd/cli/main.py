"""The command `bayeswd`: one file per sub-command, nothing heavy imported before one is chosen."""

import argparse
import io
import os
import sys
from collections.abc import Sequence

import bayeswd
from bayeswd.cli import audit, compare, convert, explain, homework, sample, select
from bayeswd.errors import InputError

COMMANDS = {
    "compare": compare,
    "sample": sample,
    "select": select,
    "convert": convert,
    "explain": explain,
    "audit": audit,
    "homework": homework,
}


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bayeswd",
        description="Read a penalty as a prior: L2 is Gaussian, L1 is Laplace, training is MAP.",
    )
    parser.add_argument("--version", action="version", version=f"bayeswd {bayeswd.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        summary = (command.__doc__ or "").splitlines()[0]
        subparser = commands.add_parser(name, help=summary, description=summary)
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 done, 1 a negative answer, 2 bad input, 130 interrupted."""
    arguments = build_parser().parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal without Greek shows "?", not an error
            stream.reconfigure(errors="replace")
    try:
        code = int(arguments.run(arguments) or 0)
        sys.stdout.flush()
        return code
    except InputError as error:
        print(f"bayeswd {arguments.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            f"bayeswd {arguments.command}: interrupted; no file is half-written.", file=sys.stderr
        )
        return 130
    except BrokenPipeError:  # the reader of our output, such as `head`, had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
