"""Weights from files beside the data that they were fitted to: the problem, and the fits on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from bayeswd.analysis import belief as beliefs
from bayeswd.analysis import statement
from bayeswd.analysis.belief import Belief
from bayeswd.analysis.comparison import DataSummary
from bayeswd.analysis.explain import explain_difference, infer_strength
from bayeswd.analysis.explanation import Explanation
from bayeswd.analysis.forces import Written
from bayeswd.analysis.statement import Statement
from bayeswd.analysis.strength_finding import StrengthFinding
from bayeswd.errors import InputError
from bayeswd.problem import conventions, datasets, settings
from bayeswd.problem.datasets import Data, Split
from bayeswd.problem.objective import Problem
from bayeswd.problem.weights_csv import WeightsFile


@dataclass(frozen=True, eq=False)
class OnData:
    """Fits on their data: the finding on each, in the order of the files, and their difference.

    reference: which file stands for A. explanation: None for one file, and where no file is the
    optimum of any penalty and none was stated.
    """

    split: Split
    data: DataSummary
    files: tuple[WeightsFile, ...]
    findings: tuple[StrengthFinding, ...]
    reference: int
    explanation: Explanation | None


def explain(
    data: Data,
    files: Sequence[WeightsFile],
    belief: Belief,
    kind: str | None = None,
    *,
    fraction: float | None = None,
    standardize: bool | None = None,
    seed: int = 0,
    batch_size: int | None = None,
) -> OnData:
    """What these weights are the optimum of, and why the second differs from the first.

    belief: the penalty of A (its strength may be None: then it is read from A's own weights).
    kind: "l2", "l1" or "elastic-net"; None for what the belief implies. fraction: of the rows
    that train, None for all of them. standardize None: inputs as they are or standardised,
    whichever the first file fits better.
    """
    settings.refuse_without_prior(conventions.find(belief.convention))
    if data.likelihood == "categorical":
        raise InputError(
            f"the target has {len(data.classes or ())} classes, a weight for each: a file holds "
            "those of one output; use bw.explain_difference in Python."
        )
    for file in files:
        file.require_columns(data.names)
    if fraction is None:
        fraction = 1.0 if data.train is None else 0.75  # some data say themselves what trains
    kinds = (True, False) if standardize is None else (standardize,)
    splits = [datasets.split(data, fraction=fraction, seed=seed, standardize=k) for k in kinds]
    found = [_on(split, files, belief, kind, batch_size) for split in splits]
    return min(found, key=lambda each: each.findings[each.reference].residual)


def _on(
    split: Split,
    files: Sequence[WeightsFile],
    belief: Belief,
    kind: str | None,
    batch_size: int | None,
) -> OnData:
    stated = _stated(split, belief, kind)
    problem, columns = stated.problems[0], split.data.names
    if all(file.intercept_name(columns) is None for file in files):
        problem = _without_bias(problem)
    fits = [_written(file, columns, problem) for file in files]
    findings = tuple(infer_strength(fit, problem, convention=belief.convention) for fit in fits)
    reference = _reference(files, columns, findings, belief)
    explanation = None
    if len(files) == 2 and (_has_strength(belief) or findings[reference].found):
        if not _has_strength(belief):
            priors = findings[reference].priors
            problem = problem.with_priors(lambda name, _: priors[name])
        a, b = fits[reference], fits[1 - reference]
        explanation = explain_difference(a, b, problem, batch_size=batch_size)
    return OnData(split, stated.data, tuple(files), findings, reference, explanation)


def _stated(split: Split, belief: Belief, kind: str | None) -> Statement:
    """The problem as stated; without a strength, one that only says what is penalised."""
    if _has_strength(belief):
        implied = beliefs.kinds_of(belief.convention, belief.l1_ratio)[0]
        return statement.state(split, (kind or implied,), belief)
    any_strength = replace(belief, convention=beliefs.BOOK, l1_ratio=None)
    return statement.state(split, ("l2",), any_strength)


def _reference(
    files: Sequence[WeightsFile],
    columns: Sequence[str],
    findings: Sequence[StrengthFinding],
    belief: Belief,
) -> int:
    """0; 1 where only the second file has an intercept, or only it is an optimum at all."""
    if len(files) == 1 or _has_strength(belief):
        return 0
    has_intercept = [file.intercept_name(columns) is not None for file in files]
    if has_intercept[0] != has_intercept[1]:
        return has_intercept.index(True)
    return int(findings[1].found and not findings[0].found)


def _has_strength(belief: Belief) -> bool:
    return belief.strength is not None or belief.prior_scale is not None


def _without_bias(problem: Problem) -> Problem:
    model = nn.Linear(problem.inputs.shape[1], 1, bias=False, dtype=torch.float64)
    priors = {"weight": problem.priors["weight"]}
    return Problem(model, problem.likelihood, priors, problem.inputs, problem.targets)


def _written(file: WeightsFile, columns: Sequence[str], problem: Problem) -> Written:
    """The file as parameters of the linear model, an intercept that it lacks as 0."""
    values: dict[str, list[float]] = {"weight": [file.values[name] for name in columns]}
    rounding = {"weight": [file.rounding[name] for name in columns]}
    if "bias" in problem.priors:
        name = file.intercept_name(columns)
        values["bias"] = [0.0 if name is None else file.values[name]]
        rounding["bias"] = [0.0 if name is None else file.rounding[name]]
    return Written(values, rounding)
