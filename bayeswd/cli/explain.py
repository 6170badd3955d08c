"""What penalty fitted weights are the optimum of; with two files, why they are not the same.

`bayeswd explain A.csv --data houses.csv --target price` says which strength and family A's weights
mean; with B.csv after it, which single difference explains B. Files of weights have the columns
name and value; a row called bias or intercept is the intercept.

--json FILE writes the schema `bayeswd.explain/1`:

    {"schema", "data": {"name", "n", "d", "standardized", "noise_scale", "noise_from"},
     "files": [path, ...],
     "findings": [{"family", "strength", "convention", "residual", "tolerance", "found", "text",
                   "parameters": [{"name", "weights", "zeros", "family", "nearest", "strength",
                                   "l1_ratio", "at_least", "scale", "l1_scale", "l2_scale",
                                   "residual", "alternatives"}]}],
     "explanation": null or {"a": path, "b": path, "cause", "verdict", "ties", "tolerance",
                   "cause_a", "residual_a", "difference", "gap",
                   "hypotheses": [{"name", "words", "residual", "factor", "fitted"}]}}

`findings` are in the order of the files. Residuals are relative KKT residuals, null where
infinite; `gap` is in nats. `factor` is on A's penalty, relative to the data. `fitted` counts the
numbers that a hypothesis took from B's weights; `cause` names a hypothesis, or is "not converged"
or "none".
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from bayeswd.cli import arguments as shared
from bayeswd.errors import InputError

if TYPE_CHECKING:
    from bayeswd.analysis.weights_on_data import OnData

SCHEMA = "bayeswd.explain/1"
HELP = {
    "data": "the rows behind the weights: a CSV file with a header, or d2l, clear, diabetes, ...",
    "standardize": "inputs to mean 0, sd 1 (default: whichever way A's weights fit them)",
    "split": "share of the rows that trained (default: all of them)",
    "penalty": "A's penalty (default: what --convention and --l1-ratio imply)",
    "strength": "the number in front of A's penalty (default: read from A's own weights)",
    "convention": "whose objective strengths belong to, such as torch.SGD+MSELoss or "
    "sklearn.Ridge (default d2l: mean of half squared errors + lambda/2 |w|^2)",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("weights", nargs="+", metavar="WEIGHTS", help="A.csv, or A.csv and B.csv")
    shared.add_data(parser, "--data")
    shared.add_penalty(parser)
    parser.add_argument("--batch-size", type=int, metavar="B", help="if B was trained in batches")
    parser.add_argument("--json", metavar="FILE", help="machine-readable result; - for stdout")
    parser.add_argument(
        "--strict", action="store_true", help="exit 1 unless A is an optimum and B the same"
    )
    parser.set_defaults(data=None, split=None)
    for action in parser._actions:  # the shared options whose default is another one here
        action.help = HELP.get(action.dest, action.help)


def run(arguments: argparse.Namespace) -> int:
    result = _explain(arguments)
    to_person = sys.stderr if arguments.json == "-" else sys.stdout
    print(_report(result), file=to_person)
    if arguments.json:
        shared.write_json(_document(result), arguments.json)
    return int(arguments.strict and not _is_agreed(result))


def _explain(arguments: argparse.Namespace) -> OnData:
    if len(arguments.weights) > 2:
        raise InputError(f"{len(arguments.weights)} files of weights: give one or two.")
    if arguments.penalty == "both":
        raise InputError("--penalty both: a fit has one penalty; give l2, l1 or elastic-net.")
    if arguments.batch_size is not None and arguments.batch_size < 1:
        raise InputError(f"--batch-size {arguments.batch_size}: it must be 1 or more.")
    if arguments.data is None:
        raise InputError("give --data, the rows (a CSV file or a name) behind these weights.")
    from bayeswd.analysis import weights_on_data
    from bayeswd.problem import datasets, weights_csv

    files = [weights_csv.read(path) for path in arguments.weights]
    data = datasets.load(
        arguments.data,
        target=arguments.target,
        likelihood=arguments.likelihood,
        train_column=arguments.train_column,
        validation=arguments.validation,
        seed=arguments.seed,
    )
    return weights_on_data.explain(
        data,
        files,
        shared.belief_of(arguments),
        arguments.penalty,
        fraction=arguments.split,
        standardize=arguments.standardize,
        seed=arguments.seed,
        batch_size=arguments.batch_size,
    )


def _report(result: OnData) -> str:
    """The data, what each file is the optimum of, and the difference."""
    paths = [file.path for file in result.files]
    order = [result.reference, 1 - result.reference][: len(paths)]
    names = ["A", "B"] if len(paths) == 2 else [""]
    parts = [_heading(result)]
    if result.reference == 1:
        parts.append("The second file is A: the first has no intercept or is no optimum at all.")
    for name, index in zip(names, order, strict=True):
        title = f"{name} = {paths[index]}" if name else paths[index]
        parts.append(f"{title}\n{result.findings[index]}")
    if result.explanation is not None:
        parts.append(f"B against the objective of A\n{result.explanation}")
    elif len(paths) == 2:
        parts.append(
            "Verdict: neither file is the optimum of any penalty, so there is no objective to "
            "measure the other by; give --strength (and --convention) to state A's."
        )
    return "\n\n".join(parts)


def _heading(result: OnData) -> str:
    data, split = result.data, result.split
    kind = "standardised" if split.standardized else "as they are"
    line = f"{data.name}: {data.n_train} rows, {data.d} inputs, {kind}; "
    line += f"{split.data.likelihood} likelihood ({split.data.likelihood_why})"
    if data.noise_scale is not None:
        line += f"; sigma = {data.noise_scale:.4g} ({data.noise_from})"
    return "\n".join([line, *split.data.notes])


def _document(result: OnData) -> dict[str, Any]:
    data, paths = result.data, [file.path for file in result.files]
    explanation = None
    if result.explanation is not None:
        named = {"a": paths[result.reference], "b": paths[1 - result.reference]}
        explanation = {**named, **result.explanation.to_dict()}
    return {
        "schema": SCHEMA,
        "data": {
            "name": data.name,
            "n": data.n_train,
            "d": data.d,
            "standardized": result.split.standardized,
            "noise_scale": data.noise_scale,
            "noise_from": data.noise_from,
        },
        "files": paths,
        "findings": [finding.to_dict() for finding in result.findings],
        "explanation": explanation,
    }


def _is_agreed(result: OnData) -> bool:
    if result.explanation is None:
        return len(result.files) == 1 and result.findings[0].found
    return result.explanation.cause == result.explanation.cause_a == "same objective"
