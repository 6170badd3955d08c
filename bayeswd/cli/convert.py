"""What prior a framework's penalty number means, and the same prior's number elsewhere."""

import argparse
import math
from dataclasses import replace
from typing import Any

from bayeswd.cli import arguments as shared
from bayeswd.errors import InputError
from bayeswd.problem import conventions, formulas, knobs, settings
from bayeswd.problem.conventions import Elsewhere, Reading
from bayeswd.problem.knobs import Knob
from bayeswd.report import conversion

SCHEMA = "bayeswd.convert/1"

# option -> (argument of conventions.reading, what it is)
_NUMBERS = {
    "--n": ("n", "training rows, never the batch size"),
    "--noise": ("noise_scale", "sigma, the standard deviation of the noise"),
    "--outputs": ("outputs", "K, the outputs of the model (1)"),
    "--batch-size": ("batch_size", "rows in a mini-batch"),
    "--batches": ("batches", "mini-batches in an epoch"),
    "--momentum": ("momentum", "of an optimiser whose decay is decoupled"),
    "--dispersion": ("dispersion", "phi of a Gamma likelihood"),
    "--sd-y": ("sd_y", "standard deviation of the target"),
    "--sd-x": ("column_sd", "standard deviation of the column"),
    "--beta": ("beta", "of SmoothL1Loss (1)"),
    "--lambd": ("lambd", "ASGD's second decay (1e-4)"),
    "--eps": ("eps", "of AdamW, where it is large"),
    "--accumulation": ("accumulation", "micro-batches added to a gradient"),
    "--class-weight-sum": ("class_weight_sum", "class weights summed over the rows"),
    "--irls-weight-sum": ("irls_weight_sum", "IRLS weights summed over the rows (Spark)"),
    "--penalty-factor": ("penalty_factor", "glmnet's factor after rescaling"),
    "--ess": ("ess", "IVON's effective sample size"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "NAME is framework.Object or framework.Optimizer+Loss, a variant after a colon:"
        " sklearn.Lasso, torch.SGD+MSELoss, torch.SGD+MSELoss:sum. Example:"
        " bayeswd convert 3 --from d2l --n 20 --noise 0.01"
    )
    parser.add_argument("strength", nargs="?", type=float, help="the number as written")
    parser.add_argument("--from", dest="source", metavar="NAME", help="where it is written")
    parser.add_argument(
        "--to", action="append", metavar="NAME", help="the same prior there, or 'all' (repeatable)"
    )
    parser.add_argument(
        "--list", nargs="?", const="", metavar="TEXT", help="every row (whose name has TEXT)"
    )
    parser.add_argument("--json", metavar="FILE", help="write JSON; '-' for stdout, and no text")
    backwards = parser.add_argument_group("backwards, from a prior")
    backwards.add_argument("--prior-scale", type=float, metavar="S", help="tau or b")
    backwards.add_argument("--prior-variance", type=float, metavar="V", help="tau^2 or 2 b^2")
    backwards.add_argument("--family", choices=("gaussian", "laplace"), help="default gaussian")
    asked = parser.add_argument_group("what a row may ask for, or be asked")
    asked.add_argument("--penalty", choices=settings.PENALTIES, help="if not the knob's own")
    asked.add_argument("--l1-ratio", type=float, metavar="X", help="share of L1 in an elastic net")
    asked.add_argument("--likelihood", help="gaussian, bernoulli, categorical, poisson, ...")
    asked.add_argument(
        "--bias", choices=("penalized", "free"), help="if not as the knob treats it by default"
    )
    for option, (name, meaning) in _NUMBERS.items():
        asked.add_argument(option, dest=name, type=float, metavar="X", help=meaning)


def run(arguments: argparse.Namespace) -> int:
    """Print the prior and its numbers; JSON on request. InputError for what has no answer."""
    if arguments.list is not None:
        if arguments.json:
            raise InputError("--list is a table to read: --to all --json has the numbers")
        print(_listing(arguments.list))
        return 0
    given = {name: getattr(arguments, name) for name, _ in _NUMBERS.values()}
    given["outputs"] = given["outputs"] or 1
    source, reading = _read(arguments, given)
    likelihood = arguments.likelihood
    if source is not None:
        likelihood = settings.likelihood(source, likelihood)
    found = _elsewhere(arguments.to, source, reading, likelihood, given)
    if arguments.json:
        shared.write_json(_document(arguments.strength, source, reading, found), arguments.json)
    if arguments.json != "-":
        print("\n\n".join(filter(None, _paragraphs(arguments, source, reading, given, found))))
    return 0


def _paragraphs(
    arguments: argparse.Namespace,
    source: Knob | None,
    reading: Reading,
    given: dict[str, float],
    found: list[Elsewhere],
) -> list[str]:
    """The source, if there is one; the prior; its numbers elsewhere; Pyro."""
    told, formula, likelihood = [], "", arguments.likelihood
    if source is not None:
        likelihood = settings.likelihood(source, likelihood)
        told = [conversion.source(source, arguments.strength, reading, likelihood, given)]
        formula = formulas.prior(source, likelihood, conversion.l1_share(source, reading))
    prior = conversion.prior(reading, formula)
    elsewhere = conversion.elsewhere(found, likelihood, reading)
    return [*told, prior, elsewhere, conversion.pyro(reading)]


def _listing(text: str) -> str:
    rows = [row for row in knobs.rows().values() if text.lower() in row.name.lower()]
    if not rows:
        raise InputError(f"--list {text}: no name has that in it")
    return conversion.listing(rows)


def _read(arguments: argparse.Namespace, given: dict[str, float]) -> tuple[Knob | None, Reading]:
    backwards = arguments.prior_scale is not None or arguments.prior_variance is not None
    if backwards and (arguments.strength is not None or arguments.source):
        raise InputError("give a strength and --from, or a prior, not both")
    if backwards:
        return None, _prior(arguments)
    if arguments.strength is None or not arguments.source:
        raise InputError(
            "give a strength and --from NAME, or --prior-scale (--prior-variance); --list shows"
            " every name"
        )
    source = _named(arguments.source)
    reading = conventions.reading(
        source,
        arguments.strength,
        penalty=arguments.penalty,
        l1_ratio=arguments.l1_ratio,
        likelihood=arguments.likelihood,
        bias_penalized={"penalized": True, "free": False}.get(arguments.bias),
        **given,  # type: ignore[arg-type]
    )
    return source, reading


def _prior(arguments: argparse.Namespace) -> Reading:
    if arguments.prior_scale is not None and arguments.prior_variance is not None:
        raise InputError("give --prior-scale or --prior-variance, not both")
    laplace = arguments.family == "laplace"
    if arguments.prior_scale is not None:
        make = conventions.laplace if laplace else conventions.gaussian
        return make(arguments.prior_scale)
    of = conventions.laplace_of_variance if laplace else conventions.gaussian_of_variance
    return of(arguments.prior_variance)


def _named(name: str) -> Knob:
    knob, guessed = knobs.nearest(name)
    if guessed:
        shared.say(f"read {name!r} as {knob.name}")
    return knob


def _elsewhere(
    names: list[str] | None,
    source: Knob | None,
    reading: Reading,
    likelihood: str | None,
    given: dict[str, float],
) -> list[Elsewhere]:
    """The rows asked for; all of them; or, when nothing is asked, the headline rows that fit."""
    if names and "all" not in names:
        return [_asked_for(_named(name), reading, likelihood, given) for name in names]
    rows = [row for row in knobs.rows().values() if source is None or row.name != source.name]
    found = [conventions.elsewhere(r, reading, likelihood=likelihood, **given) for r in rows]
    if names:
        return found
    return [each for each in found if each.row.headline and each.strength is not None]


def _asked_for(
    knob: Knob, reading: Reading, likelihood: str | None, given: dict[str, float]
) -> Elsewhere:
    """One row by name: a prior may be carried to another likelihood, and a refusal is an error."""
    own = likelihood if likelihood in knob.likelihoods else None
    conventions.strength_and_ratio(knob, reading, likelihood=own, **given)
    found = conventions.elsewhere(knob, reading, likelihood=own, **given)
    if own == likelihood:
        return found
    note = f"with its own likelihood, {knob.likelihoods[0]}; {found.note}"
    return replace(found, note=note)


def _document(
    strength: float | None, source: Knob | None, reading: Reading, found: list[Elsewhere]
) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "from": {
            "framework": source and source.framework,
            "object": source and source.object,
            "knob": source and source.knob_for(conversion.l1_share(source, reading)),
            "strength": _finite(strength),
        },
        "prior": {
            "family": reading.family,
            "scale": _finite(reading.scale),
            "variance": _finite(reading.variance),
            "bias_penalized": reading.bias_penalized,
            "status": reading.status,
        },
        "to": [
            {
                "name": each.row.name,
                "knob": each.knob,
                "strength": _finite(each.strength),
                "status": each.row.status,
                "note": _noted(each),
            }
            for each in found
        ],
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _noted(each: Elsewhere) -> str:
    if each.l1_ratio is not None:
        return f"l1_ratio = {each.l1_ratio:.12g}; {each.note}"
    return f"infinite: no penalty; {each.note}" if each.strength == math.inf else each.note
