"""Which strength: validation, cross-validation, leave-one-out and the evidence, on one axis.

`bayeswd select houses.csv --target price` fits the whole path of strengths exactly and says which
of them each criterion prefers and which it cannot tell from the best.

--json FILE writes the schema `bayeswd.select/1`:

    {"schema",
     "grid": [{"strength", "prior_scale", "train_loss", "validation_loss", "validation_se", "loo",
               "log_evidence", "nonzero", "edf"}],
     "choices": [{"by", "strength", "prior_scale", "interval": [low, high], "identified"}],
     "verdict": text}

by ascending strength; with --penalty both a list of two such records, L2 first. Losses are half
the mean squared error or the mean negative log likelihood, without the penalty; `loo` (expected
log predictive density of the training rows) and `log_evidence` are in nats; null where a number
does not apply. `interval` holds the strengths that a criterion cannot tell from its best;
`identified` is false where the grid ends before the interval does.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bayeswd.analysis.criteria import CRITERIA
from bayeswd.cli import arguments as shared
from bayeswd.errors import InputError

if TYPE_CHECKING:
    from bayeswd.analysis.choice import Selection
    from bayeswd.analysis.in_strengths import InStrengths
    from bayeswd.analysis.statement import Statement

COUNT, MOST = 60, 1000  # strengths from LOW to HIGH
HELP = {
    "penalty": "default: what --convention implies, l2 where it leaves both open",
    "strength": "a strength that you have in mind: it is marked and judged",
    "prior_scale": "the same, as the scale of a prior",
    "strict": "exit 1 when a fit has not converged or no criterion names a strength",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_data(parser)
    shared.add_penalty(parser)
    group = parser.add_argument_group("selection")
    group.add_argument(
        "--grid",
        metavar="GRID",
        help="strengths, as 0.1,1,10 or LOW:HIGH or LOW:HIGH:COUNT, evenly in their logarithm "
        "(default: 60, from where only the data speak to where only the prior does)",
    )
    group.add_argument(
        "--by", metavar="CRITERIA", help=f"some of {','.join(CRITERIA)} (default: all that apply)"
    )
    group.add_argument("--folds", type=int, default=10, help="of cross-validation (default 10)")
    group.add_argument(
        "--no-posterior",
        dest="posterior",
        action="store_false",
        help="no posteriors along the path: faster, and no netCDF file",
    )
    shared.add_output(parser)
    for action in parser._actions:  # the shared options that mean something else here
        action.help = HELP.get(action.dest, action.help)


def run(arguments: argparse.Namespace) -> int:
    folder = shared.out_folder(arguments)
    shared.check_json(arguments)
    strengths, by = grid(arguments.grid), criteria(arguments.by)
    if arguments.folds < 2:
        raise InputError(f"--folds {arguments.folds}: it must be 2 or more.")
    if arguments.strength == 0:
        raise InputError(
            "--strength 0 is the flat prior, and has no place on the path: give one > 0, or none."
        )
    if arguments.penalty == "elastic-net" or arguments.l1_ratio is not None:
        raise InputError(
            "an elastic net has two scales, and its path is no single strength; "
            "give --penalty l2 or l1."
        )
    split = shared.split_of(arguments)
    statement = shared.statement_of(arguments, split, most=1)
    with_kind = len(statement.problems) > 1
    found = [
        _select(arguments, statement, place, strengths, by)
        for place in range(len(statement.problems))
    ]
    to_person = sys.stderr if arguments.json == "-" else sys.stdout
    print(shared.heading(arguments, split, statement), file=to_person)
    for penalty, one in zip(statement.penalties, found, strict=True):
        title = f"\n{penalty.kind.upper()}" if with_kind else ""
        print(f"{title}\n{one}", file=to_person)
    if arguments.json:
        records = [one.to_dict() for one in found]
        shared.write_json(records if with_kind else records[0], arguments.json)
    for penalty, one in zip(statement.penalties, found, strict=True):
        ending = f"-{penalty.kind}" if with_kind else ""
        print(_write(folder, one, ending), file=to_person)
    settled = any(choice.identified for one in found for choice in one.selection.choices)
    return int(arguments.strict and not (settled and all(one.converged for one in found)))


def grid(text: str | None) -> tuple[float, ...] | None:
    """Strengths from `0.1,1,10`, `LOW:HIGH` or `LOW:HIGH:COUNT`; InputError for anything else."""
    if text is None:
        return None
    wrong = InputError(
        f"--grid {text}: give two strengths > 0 or more, as 0.1,1,10 or LOW:HIGH or "
        f"LOW:HIGH:COUNT, up to {MOST}; 0 is the flat prior, which has no place on a "
        "logarithmic axis."
    )
    parts = text.split(":")
    try:
        numbers = [float(part) for part in (parts if len(parts) > 1 else text.split(","))]
    except ValueError:
        raise wrong from None
    count = int(numbers.pop()) if len(parts) == 3 and numbers[2].is_integer() else COUNT
    fine = all(math.isfinite(number) and number > 0 for number in numbers)
    if not fine or not 2 <= count <= MOST or (len(parts) > 1 and len(numbers) != 2):
        raise wrong
    if len(set(numbers)) < 2:
        raise wrong
    if len(parts) == 1:
        return tuple(sorted(set(numbers)))
    low, high = sorted(numbers)
    return tuple(low * (high / low) ** (step / (count - 1)) for step in range(count))


def criteria(text: str | None) -> tuple[str, ...] | None:
    """The criteria of `--by`, in their own order; short names and beginnings will do."""
    if text is None:
        return None
    asked = [name.strip().lower() for name in text.split(",") if name.strip()]
    short = {"cv": "cross-validation", "loo": "leave-one-out"}
    found = {short.get(name) or _beginning(name) for name in asked}
    if not asked or None in found:
        raise InputError(f"--by {text}: give some of {', '.join(CRITERIA)}, separated by commas.")
    return tuple(name for name in CRITERIA if name in found)


def _beginning(name: str) -> str | None:
    return next((criterion for criterion in CRITERIA if criterion.startswith(name)), None)


def _select(
    arguments: argparse.Namespace,
    statement: Statement,
    place: int,
    strengths: tuple[float, ...] | None,
    by: tuple[str, ...] | None,
) -> InStrengths:
    from bayeswd.analysis import in_strengths, selection

    problem, penalty = statement.problems[place], statement.penalties[place]
    scales = None
    if strengths is not None:
        scales = in_strengths.scales_of(problem, penalty, strengths)
    selected = selection.select(
        problem,
        scales,
        validation=statement.validation if statement.data.n_validation else None,
        by=by,
        folds=arguments.folds,
        unknown_noise=statement.data.noise_from == "estimated",
        seed=arguments.seed,
        progress=shared.say,
    )
    if arguments.posterior:
        shared.say("the posteriors along the path")
        selected = _with_posteriors(selected, arguments.seed)
    given = arguments.strength is not None or arguments.prior_scale is not None
    book = statement.data.name == "d2l" and penalty.kind == "l2"  # the book's lambda = 3
    has_in_mind = place == 0 and (given or book)
    return in_strengths.InStrengths(
        selected,
        penalty.convention,
        penalty.strength if has_in_mind else None,
        statement.data.names,
    )


def _with_posteriors(selected: Selection, seed: int) -> Selection:
    from bayeswd.analysis import swift

    try:
        return swift.with_posteriors(selected, seed)
    except InputError as reason:
        return replace(selected, skipped={**selected.skipped, "posteriors": str(reason)})


def _write(folder: Path, found: InStrengths, ending: str) -> str:
    """Figures and posteriors; says where they are."""
    from bayeswd.report import path_draws, plots

    folder.mkdir(parents=True, exist_ok=True)
    shared.say("figures")
    names = [f"select{ending}.png", f"path{ending}.png"]
    plots.save(plots.select(found), folder / names[0])
    plots.save(plots.path(found), folder / names[1])
    if found.selection.path.posteriors is not None:
        names.append(f"posteriors{ending}.nc")
        path_draws.save(found, folder / names[-1])
    return f"Written to {folder}/: {', '.join(names)}"
