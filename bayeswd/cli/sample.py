"""The whole posterior beside the penalised fit: draws, a table, figures, a netCDF file.

`bayeswd sample DATA` draws with the engine that suits, says which and why, and shows for each
coefficient what the one point of the penalised fit leaves out. `--penalty both` draws two
posteriors. Ctrl-C keeps the draws that are done, and says so; the exit code is then 130.

--json FILE writes the schema `bayeswd.sample/1`, of two posteriors a list, L2 first:

    {"schema", "engine", "engine_why", "seconds", "converged", "noise": {"scale", "from"},
     "coefficients": [{"name", "mean", "sd", "median", "interval": [low, high],
                       "interval_probability", "ess_bulk", "r_hat", "penalized_fit"}]}

Weights come in the order of the columns, the bias last. `noise.from` is given, known, estimated,
or sampled (then `scale` is the posterior mean); both are null without Gaussian noise. `r_hat` is
null for a single chain. `converged`: R-hat at most 1.01 and a bulk ESS of at least 400 everywhere,
and no more than 1 % of the draws diverged; independent draws always are.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bayeswd.cli import arguments as shared
from bayeswd.cli import posterior_file
from bayeswd.cli.posterior_file import Sampled
from bayeswd.cli.progress import Progress
from bayeswd.errors import InputError

if TYPE_CHECKING:
    from bayeswd.analysis.posterior_summary import PosteriorSummaries, PosteriorSummary
    from bayeswd.analysis.statement import Statement
    from bayeswd.posterior.named_engines import Plan
    from bayeswd.problem.datasets import Split

INTERRUPTED = 130
ENGINES = "exact, gibbs, hmc, nuts (Pyro), svi (Pyro) or laplace"
HELP = {
    "penalty": "default: l2, or what --convention and --l1-ratio imply; both draws two posteriors",
    "device": "auto takes the GPU where there is one and the batch of chains is large enough",
    "strict": "exit 1 when a posterior has not converged",
    "out": "figures and posterior.nc, which xarray.open_datatree opens",
    "json": "a bayeswd.sample/1 record (with --penalty both a list of two); - for stdout",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_data(parser)
    shared.add_penalty(parser)
    group = parser.add_argument_group("sampling")
    group.add_argument(
        "--engine",
        metavar="NAME",
        help=f"{ENGINES}; default: exact where it can be, gibbs under an L1 prior with Gaussian "
        "noise, else hmc",
    )
    group.add_argument("--chains", type=int, metavar="N", help="default 32, exact ones and nuts 4")
    group.add_argument(
        "--draws", type=int, metavar="N", help="of each chain; default 400, exact 1000, nuts 500"
    )
    group.add_argument(
        "--warmup", type=int, metavar="N", help="of each chain; default the engine's"
    )
    group.add_argument(
        "--unknown-noise",
        nargs="?",
        const="penalty-tied",
        metavar="MODEL",
        help="sample sigma too, sigma^2 with density 1/sigma^2. penalty-tied (default): what a "
        "fixed penalty means at any sigma, tau^2 or b in proportion to sigma^2; park-casella: b in "
        "proportion to sigma; fixed-scale: tau or b as it is, refused where that is improper",
    )
    shared.add_output(parser)
    for action in parser._actions:
        action.help = HELP.get(action.dest, action.help)


def run(arguments: argparse.Namespace) -> int:
    folder = shared.out_folder(arguments)
    shared.check_json(arguments)
    _check_sizes(arguments)
    split = shared.split_of(arguments)
    if split.data.likelihood == "categorical" and not arguments.penalize_bias:
        raise InputError(
            f"{split.data.name}: a shift common to all classes changes no probability, so that "
            "without a prior on the bias the posterior is improper; add --penalize-bias."
        )
    statement, plans, where = _planned(arguments, split)
    result, stopped = _draw_all(arguments, statement, plans)

    to_person = sys.stderr if arguments.json == "-" else sys.stdout
    heading = f"{shared.heading(arguments, split, statement)}\n{where}"
    print(*[*stopped, *result.warnings(), heading], sep="\n", file=to_person)
    print(f"\n{result.body()}", file=to_person)
    if arguments.json:
        shared.write_json(result.to_json(), arguments.json)
    written = posterior_file.write(folder, _sampled(result), arguments.seed, posterior_file.MANY)
    print("", *written, _draw_figures(folder, result), sep="\n", file=to_person)
    if stopped:
        return INTERRUPTED
    return int(arguments.strict and not result.converged)


def _check_sizes(arguments: argparse.Namespace) -> None:
    for name, least in (("chains", 1), ("draws", 4), ("warmup", 0)):
        value = getattr(arguments, name)
        if value is not None and value < least:
            raise InputError(f"--{name} {value}: it must be {least} or more.")


def _planned(arguments: argparse.Namespace, split: Split) -> tuple[Statement, list[Plan], str]:
    """The problems on the device where they are drawn, an engine for each, and words on where."""
    from bayeswd.posterior import devices, named_engines

    statement = shared.statement_of(arguments, split, most=1)
    plans = [
        named_engines.plan(
            problem,
            engine=arguments.engine,
            noise_model=arguments.unknown_noise,
            chains=arguments.chains,
            draws=arguments.draws,
            warmup=arguments.warmup,
        )
        for problem in statement.problems
    ]
    size = sum(value.numel() for value in statement.problems[0].initial.values())
    chosen = [devices.choose(arguments.device, plan.name, plan.chains, size) for plan in plans]
    place, why = max(chosen)  # cuda, if one of two batches is large enough
    if place == "cuda" and arguments.device == "auto":
        arguments.device = place
        statement = shared.statement_of(arguments, split, most=1)
    return statement, plans, f"drawn on the {'GPU' if place == 'cuda' else 'CPU'}: {why}"


def _draw_all(
    arguments: argparse.Namespace, statement: Statement, plans: list[Plan]
) -> tuple[PosteriorSummaries, list[str]]:
    """The posteriors; after an interrupt those that have draws, and a line that says so."""
    from bayeswd.analysis.posterior_summary import PosteriorSummaries

    done: list[PosteriorSummary] = []
    for place, plan in enumerate(plans):
        try:
            done.append(_draw_one(arguments, statement, place, plan))
        except KeyboardInterrupt:
            if not done:
                raise
            kind = statement.penalties[place].kind
            return PosteriorSummaries(tuple(done)), [f"INTERRUPTED: no draws under {kind}."]
        if done[-1].cut_short:
            left = [penalty.kind for penalty in statement.penalties[place + 1 :]]
            further = f" Not begun: {', '.join(left)}." if left else ""
            return PosteriorSummaries(tuple(done)), [f"INTERRUPTED by Ctrl-C.{further}"]
    return PosteriorSummaries(tuple(done)), []


def _draw_one(
    arguments: argparse.Namespace, statement: Statement, place: int, plan: Plan
) -> PosteriorSummary:
    from bayeswd.analysis.summarize import summarize

    problem, penalty = statement.problems[place], statement.penalties[place]
    shared.say(f"{penalty.kind}: the posterior, by {plan.name}")
    with Progress(f"{penalty.kind}: {plan.name}") as progress:
        draws = plan.run(problem, seed=arguments.seed, progress=progress)
    shared.say(f"{penalty.kind}: the penalised fit")
    return summarize(draws, problem, penalty=penalty, data=statement.data, asked=plan.draws)


def _sampled(result: PosteriorSummaries) -> list[Sampled]:
    return [
        Sampled(one.draws, one.problem, one.penalty, one.data.names) for one in result.posteriors
    ]


def _draw_figures(folder: Path, result: PosteriorSummaries) -> str:
    """Save the figures; says which there are and why others are not."""
    from bayeswd.report import plots

    shared.say("figures")
    figures = plots.posterior(result, folder)
    names = ", ".join(f"{name}.png" for name, _ in figures)
    lines = [f"Written to {folder}/: {names}"]
    return "\n".join(lines + [f"No {name}.png: {why}" for name, why in figures.skipped.items()])
