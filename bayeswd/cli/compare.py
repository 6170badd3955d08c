"""The same fit three ways: exact, penalised training, MAP in Pyro; and the prior behind it."""

from __future__ import annotations

import argparse
import shlex
import sys
from functools import partial
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayeswd.cli import arguments as shared
from bayeswd.cli import posterior_file
from bayeswd.cli.posterior_file import Sampled
from bayeswd.errors import InputError

if TYPE_CHECKING:
    from bayeswd.analysis.comparison import Comparisons
    from bayeswd.analysis.statement import Statement
    from bayeswd.problem.datasets import Split
    from bayeswd.problem.objective import Problem
    from bayeswd.results import Estimate

BOOK = {"steps": 40, "lr": 0.01, "batch_size": 5, "momentum": 0.0}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_data(parser)
    shared.add_penalty(parser)
    training = parser.add_argument_group("penalised training")
    training.add_argument("--steps", type=int, help="default: until converged")
    training.add_argument("--lr", type=float, help="default: from the curvature of the loss")
    training.add_argument("--optimizer", metavar="NAME", help="a class of torch.optim, as SGD")
    training.add_argument("--batch-size", type=int, help="default: full batch")
    training.add_argument(
        "--as-in-the-book", action="store_true", help="40 steps of batches of 5 at lr 0.01"
    )
    shared.add_output(parser)


def run(arguments: argparse.Namespace) -> int:
    folder = shared.out_folder(arguments)
    shared.check_json(arguments)
    data_is_there = _data_is_there(arguments, folder)
    training = training_options(arguments)
    split = shared.split_of(arguments)
    statement = shared.statement_of(arguments, split)

    result = _compare(statement, training, arguments.steps)
    to_person = sys.stderr if arguments.json == "-" else sys.stdout
    print(f"{shared.heading(arguments, split, statement)}\n\n{result}", file=to_person)
    if arguments.json:
        shared.write_json(result.to_dict(), arguments.json)
    if not data_is_there:
        _write_data(folder, split)
    sampled = posterior_file.write(folder, _draws_of(result), arguments.seed, posterior_file.FEWER)
    print(f"\n{_draw(folder, result, sampled)}", file=to_person)
    print(f"Again from the files: {_again(arguments, folder, split, statement)}", file=to_person)
    return int(arguments.strict and not (result.converged and result.equivalent))


def _data_is_there(arguments: argparse.Namespace, folder: Path) -> bool:
    """Whether the data files of the output folder are this run's input: then they stay as is."""
    written = {(folder / name).resolve() for name in ("train.csv", "validation.csv")}
    read = {Path(name).resolve() for name in (arguments.data, arguments.validation) if name}
    if not written & read:
        return False
    if Path(arguments.data).resolve() != (folder / "train.csv").resolve() or (
        arguments.validation is None and arguments.split != 1
    ):
        raise InputError(
            f"--out {folder}: the training rows would be written over the data file; "
            "name another folder."
        )
    return True


def training_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """The options of `descent.train` that were asked for."""
    asked = {"steps": arguments.steps, "lr": arguments.lr, "batch_size": arguments.batch_size}
    for name, value in asked.items():
        if value is not None and not value > 0:
            raise InputError(f"--{name.replace('_', '-')} {value:g}: it must be > 0.")
    book = BOOK if arguments.as_in_the_book else {}
    options = {**book, **{name: value for name, value in asked.items() if value is not None}}
    if arguments.optimizer not in (None, "SGD", "ProximalSGD"):
        options.pop("momentum", None)  # the book's: 0
    if arguments.optimizer is not None:
        options["optimizer"] = _optimizer(arguments.optimizer, options.pop("lr", None))
    return {**options, "seed": arguments.seed, "progress": True}


def _train(problem: Problem, **options: Any) -> Estimate:
    """Training as asked; what the optimizer cannot decay goes into the loss."""
    from bayeswd.estimate import descent
    from bayeswd.estimate.proximal import ProximalSGD

    maker = options.get("optimizer")
    chosen = getattr(maker, "func", maker)
    has_l1 = any(prior.l1_rate for prior in problem.priors.values())
    cannot = has_l1 or (chosen and "weight_decay" not in signature(chosen).parameters)
    in_loss = bool(cannot) and chosen not in (None, ProximalSGD)
    return descent.train(problem, penalty_in_loss=in_loss, **options)


def _optimizer(name: str, lr: float | None) -> Any:
    """A maker of the named optimizer, ours or torch's, from param groups."""
    import torch

    from bayeswd.estimate.proximal import ProximalSGD

    known = {"ProximalSGD": ProximalSGD}
    maker = known.get(name) or getattr(torch.optim, name, None)
    if not (isinstance(maker, type) and issubclass(maker, torch.optim.Optimizer)):
        raise InputError(
            f"--optimizer {name}: torch.optim has no such class; "
            "try SGD, Adam, RMSprop or ProximalSGD."
        )
    make: Any = maker  # torch types no lr on its base class
    return make if lr is None else partial(make, lr=lr)


def _compare(statement: Statement, training: dict[str, Any], steps: int | None) -> Comparisons:
    from bayeswd.analysis import equivalence
    from bayeswd.estimate import pyro_map

    return equivalence.compare(
        *statement.problems,
        validation=statement.validation,
        train=partial(_train, **training),
        fit_pyro=partial(pyro_map.fit, steps=steps, progress=True),
        penalties=statement.penalties,
        data=statement.data,
        progress=shared.say,
    )


def _write_data(folder: Path, split: Split) -> None:
    """The rows of both parts at full precision."""
    from bayeswd.problem import datasets

    folder.mkdir(parents=True, exist_ok=True)
    datasets.write_csv(folder / "train.csv", split.data, split.train_rows)
    datasets.write_csv(folder / "validation.csv", split.data, ~split.train_rows)


def _draws_of(result: Comparisons) -> list[Sampled]:
    return [
        Sampled(one.draws, one.problem, one.penalty, result.data.names)
        for one in result.comparisons
        if one.draws is not None
    ]


def _draw(folder: Path, result: Comparisons, sampled: list[str]) -> str:
    """Save the figures; says which there are and why others are not."""
    from bayeswd.report import plots

    shared.say("figures")
    figures = plots.compare(result, folder)
    names = ", ".join(f"{name}.png" for name, _ in figures)
    lines = [f"Written to {folder}/: train.csv, validation.csv, {names}", *sampled]
    lines += [f"No {name}.png: {reason}" for name, reason in figures.skipped.items()]
    return "\n".join(lines)


def _again(arguments: argparse.Namespace, folder: Path, split: Split, statement: Statement) -> str:
    """The command that repeats this run from the CSV files."""
    summary, penalty = statement.data, statement.penalties[0]
    words = ["bayeswd", "compare", str(folder / "train.csv"), "--target", split.data.target_name]
    if summary.n_validation:
        words += ["--validation", str(folder / "validation.csv")]
    else:
        words += ["--split", "1"]
    kinds = [each.kind for each in statement.penalties]
    words += ["--likelihood", split.data.likelihood]
    words += ["--penalty", kinds[0] if len(kinds) == 1 else "both"]
    words += ["--strength", repr(penalty.strength), "--convention", penalty.convention]
    if summary.noise_scale is not None:
        words += ["--noise", repr(summary.noise_scale)]
    if arguments.l1_ratio is not None:
        words += ["--l1-ratio", repr(arguments.l1_ratio)]
    words += ["--standardize" if split.standardized else "--no-standardize"]
    words += ["--penalize-bias"] if arguments.penalize_bias else []
    words += ["--as-in-the-book"] if arguments.as_in_the_book else []
    for option in ("seed", "steps", "lr", "optimizer", "batch_size"):
        value = getattr(arguments, option)
        words += [f"--{option.replace('_', '-')}", str(value)] if value else []
    return shlex.join(words)
