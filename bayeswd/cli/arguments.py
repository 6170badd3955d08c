"""Arguments that several commands share. Nothing heavy is imported before they are used."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayeswd import files
from bayeswd.errors import InputError

if TYPE_CHECKING:
    from bayeswd.analysis.belief import Belief
    from bayeswd.analysis.statement import Statement
    from bayeswd.problem.datasets import Split

KINDS = {"l2": ("l2",), "l1": ("l1",), "elastic-net": ("elastic-net",), "both": ("l2", "l1")}


def add_data(parser: argparse.ArgumentParser, name: str = "data") -> None:
    """DATA and how to read it; `name` is "--data" where files come first on the line."""
    group = parser.add_argument_group("data")
    group.add_argument(
        name,
        default="d2l",
        metavar="DATA",
        help="d2l (default), clear, diabetes, breast-cancer, digits, or a CSV file with a header",
        nargs=None if name.startswith("-") else "?",
    )
    group.add_argument("--target", metavar="COLUMN", help="the CSV column to predict")
    group.add_argument(
        "--likelihood",
        choices=("gaussian", "bernoulli", "categorical", "poisson"),
        help="default: guessed from the target, and said",
    )
    group.add_argument(
        "--standardize",
        action=argparse.BooleanOptionalAction,
        help="inputs to mean 0, sd 1 on the training rows (default: on, off for d2l)",
    )
    group.add_argument(
        "--split",
        type=float,
        default=0.75,
        metavar="FRACTION",
        help="share of the rows that train (default 0.75); 1 trains on all",
    )
    group.add_argument("--train-column", metavar="COLUMN", help="a column that marks training rows")
    group.add_argument("--validation", metavar="FILE", help="a second CSV: the validation rows")
    group.add_argument("--seed", type=int, default=0, help="seed of data, split and start")


def add_penalty(parser: argparse.ArgumentParser) -> None:
    """The penalty as people write it."""
    group = parser.add_argument_group("penalty, that is prior")
    group.add_argument(
        "--penalty",
        choices=tuple(KINDS),
        help="default: both l2 and l1, or what --convention and --l1-ratio imply",
    )
    group.add_argument(
        "--strength",
        type=float,
        metavar="LAMBDA",
        help="the number in front of the penalty (default: d2l 3; other Gaussian data, the "
        "evidence's; else prior scale 1). With both, it is the L2 penalty's, and L1 takes the "
        "same prior variance",
    )
    group.add_argument(
        "--convention",
        default="d2l",
        metavar="NAME",
        help="whose objective the strength belongs to, such as torch.SGD+MSELoss or "
        "sklearn.Ridge (default d2l: mean of half squared errors + lambda/2 |w|^2)",
    )
    group.add_argument("--prior-scale", type=float, metavar="SCALE", help="instead of a strength")
    group.add_argument(
        "--l1-ratio", type=float, metavar="RATIO", help="L1 share of the strength, elastic net only"
    )
    group.add_argument(
        "--noise", metavar="SIGMA", help="the noise sd, or auto (maximum marginal likelihood)"
    )
    group.add_argument("--penalize-bias", action="store_true", help="the same prior on the bias")


def add_output(parser: argparse.ArgumentParser) -> None:
    """Where results go."""
    group = parser.add_argument_group("output")
    group.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="auto is the CPU here: these problems are too small to gain from a GPU",
    )
    group.add_argument("--out", default="bayeswd-out", metavar="DIR", help="figures and data")
    group.add_argument("--json", metavar="FILE", help="machine-readable result; - for stdout")
    group.add_argument(
        "--strict", action="store_true", help="exit 1 when not converged or not equivalent"
    )


def split_of(arguments: argparse.Namespace) -> Split:
    """The data, read and split as asked."""
    from bayeswd.problem import datasets

    data = datasets.load(
        arguments.data,
        target=arguments.target,
        likelihood=arguments.likelihood,
        train_column=arguments.train_column,
        validation=arguments.validation,
        seed=arguments.seed,
    )
    return datasets.split(
        data, fraction=arguments.split, seed=arguments.seed, standardize=arguments.standardize
    )


def belief_of(arguments: argparse.Namespace) -> Belief:
    """The penalty and the noise, as asked."""
    from bayeswd.analysis.belief import Belief

    if arguments.l1_ratio is not None and arguments.penalty not in (None, "elastic-net"):
        raise InputError("--l1-ratio belongs to the elastic net: add --penalty elastic-net.")
    automatic = arguments.noise == "auto"
    return Belief(
        strength=arguments.strength,
        convention=arguments.convention,
        prior_scale=arguments.prior_scale,
        l1_ratio=arguments.l1_ratio,
        noise=None if automatic else _sigma(arguments.noise),
        estimate_noise=automatic,
        penalize_bias=arguments.penalize_bias,
    )


def statement_of(arguments: argparse.Namespace, split: Split, most: int | None = None) -> Statement:
    """The problems that the data and the penalty make; `most` of those that no --penalty named."""
    from bayeswd.analysis import belief, statement

    implied = belief.kinds_of(arguments.convention, arguments.l1_ratio)[:most]
    return statement.state(
        split,
        KINDS.get(arguments.penalty, implied),
        belief_of(arguments),
        seed=arguments.seed,
        device=device_of(arguments),
    )


def heading(arguments: argparse.Namespace, split: Split, statement: Statement) -> str:
    """What was read, and what was assumed on the way."""
    data, summary = split.data, statement.data
    line = (
        f"{summary.name}: {summary.n_train} training rows, {summary.n_validation} validation "
        f"rows, {summary.d} inputs{', standardised' if split.standardized else ''}; "
        f"{data.likelihood} likelihood ({data.likelihood_why})"
    )
    if summary.noise_scale is not None:
        held = arguments.strength is not None or arguments.prior_scale is not None
        held_words = " at this penalty" if held and summary.noise_from == "estimated" else ""
        line += f"; sigma = {summary.noise_scale:.4g} ({summary.noise_from}{held_words})"
    order = [f"classes in order: {', '.join(data.classes)}"] if data.classes else []
    return "\n".join([line, *order, *data.notes])


def device_of(arguments: argparse.Namespace) -> str:
    """`cpu` unless CUDA was asked for; asking without having it is an error."""
    if arguments.device != "cuda":
        return "cpu"
    import torch

    if not torch.cuda.is_available():
        raise InputError("--device cuda: torch finds no CUDA device; use --device cpu.")
    return "cuda"


def out_folder(arguments: argparse.Namespace) -> Path:
    """The output folder, not made yet: checked, so that a bad one is reported before any work."""
    folder = Path(arguments.out)
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise InputError(f"--out {folder}: cannot be used as a folder ({nearest} is in the way).")
    return folder


def say(message: str) -> None:
    """One line for the person at the terminal, never on standard output."""
    print(message, file=sys.stderr, flush=True)


def check_json(arguments: argparse.Namespace) -> None:
    """Refuse, before any work, a --json file that could not be written."""
    if arguments.json not in (None, "-"):
        files.require_writable(arguments.json)


def write_json(record: Mapping[str, Any] | Sequence[Any], where: str) -> None:
    """The record, or several, to standard output (`-`) or, whole or not at all, to a file."""
    text = json.dumps(record, indent=1, allow_nan=False)
    if where == "-":
        print(text)
        return
    with files.whole(where) as unfinished:
        unfinished.write_text(text + "\n", encoding="utf-8")


def _sigma(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        raise InputError(f"--noise {text}: give a number > 0, or auto.") from None
