"""Are they the same? One problem solved by every road, measured against the certified optimum."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from bayeswd.analysis import coefficients, data_summary, main_prior, quick_draws, verdicts
from bayeswd.analysis.comparison import Comparison, Comparisons, DataSummary, Method, Penalty
from bayeswd.analysis.mixing import is_mixed
from bayeswd.errors import InputError
from bayeswd.estimate import certificate, descent, exact, pyro_map
from bayeswd.posterior import conjugate, with_arviz
from bayeswd.problem import checks
from bayeswd.problem.objective import Params, Problem
from bayeswd.results import Draws, Estimate, GaussianPosterior

Solve = Callable[..., Estimate]
Draw = Callable[[Problem], Draws | None]
Validation = tuple[Any, Any]


def compare(
    *problems: Problem,
    validation: Validation | None = None,
    train: Solve = descent.train,
    fit_pyro: Solve = pyro_map.fit,
    draw: Draw = quick_draws.draw,
    fits: Mapping[str, Params] | None = None,
    penalties: Sequence[Penalty] | None = None,
    data: DataSummary | None = None,
    progress: Callable[[str], None] = lambda message: None,
) -> Comparisons:
    """Solve each problem exactly, by penalised training and by MAP in Pyro, and compare.

    validation: held-out (inputs, targets); its loss is reported without the penalty.
    train, fit_pyro: the two roads, called as `train(problem, start=...)`.
    draw: draws of a problem's posterior, or None for those that take too long; the mean and sds
        of a posterior that is not Gaussian are those of its draws.
    fits: further weights by name, parameter dictionaries of your own, to be judged too.
    penalties: how each problem's penalty was written; read in the book's convention if absent.
    data: what to say of the data; names x1, x2, ... if absent. progress: told each stage.

    Returns one Comparison for each problem, with rows, verdict, `to_dict` and an HTML face.
    Raises InputError where the mode is not unique or does not exist, where validation does not
    fit the model, and for problems on different data.
    """
    _require_same_data(problems)
    for problem in problems:
        checks.require_unique_mode(problem)
    held_out = [_held_out(problem, validation) for problem in problems]
    written = penalties or [main_prior.as_penalty(problem) for problem in problems]
    comparisons = []
    for problem, penalty, rows in zip(problems, written, held_out, strict=True):
        estimates = _roads(problem, train, fit_pyro, penalty, progress)
        progress(f"{penalty.kind}: the posterior")
        known = _posterior_of(problem, draw)
        estimates += [as_estimate(problem, name, params) for name, params in (fits or {}).items()]
        comparisons.append(_compare_one(problem, penalty, rows, estimates, known))
    return Comparisons(data or data_summary.of(problems[0], held_out[0]), tuple(comparisons))


def _require_same_data(problems: Sequence[Problem]) -> None:
    if not problems or not all(isinstance(problem, Problem) for problem in problems):
        raise InputError(
            "compare() was given no problem: give one bw.Problem or more, then keywords."
        )
    first = problems[0]
    for problem in problems[1:]:
        if not (
            torch.equal(problem.inputs, first.inputs)
            and torch.equal(problem.targets, first.targets)
            and problem.likelihood == first.likelihood
        ):
            raise InputError(
                "compare() was given problems on different data or noise; compare each by itself."
            )


def _roads(
    problem: Problem,
    train: Solve,
    fit_pyro: Solve,
    penalty: Penalty,
    progress: Callable[[str], None],
) -> list[Estimate]:
    """Every road to the mode of one problem, the reference first."""
    start = problem.initial
    estimates = []
    if problem.linear is not None:
        progress(f"{penalty.kind}: the exact optimum")
        estimates.append(_optimum(problem))
    progress(f"{penalty.kind}: penalised training")
    estimates.append(train(problem, start=start))
    progress(f"{penalty.kind}: MAP in Pyro")
    estimates.append(fit_pyro(problem, start=start))
    return estimates


def _optimum(problem: Problem) -> Estimate:
    """The certified optimum; refused where there is none to compare with."""
    best = exact.solve(problem)
    if not best.converged:
        raise InputError(f"{problem} has no exact optimum to compare with: {best.note}")
    return best


def as_estimate(problem: Problem, method: str, params: Params, seconds: float = 0.0) -> Estimate:
    """Weights from anywhere, with the certificate of how good they are for this problem."""
    missing = [name for name in problem.priors if name not in params]
    if missing:
        raise InputError(f"the weights {method!r} lack the parameter {missing[0]!r}.")
    kept = {name: torch.as_tensor(params[name]).to(problem.inputs) for name in problem.priors}
    proof = certificate.certify(problem, kept)
    return Estimate(
        method=method,
        params=kept,
        objective=float(problem.objective(kept)),
        certificate=proof,
        converged=proof.kkt <= verdicts.STATIONARY or (proof.gap or math.inf) <= verdicts.NATS,
        seconds=seconds,
    )


class Known(NamedTuple):
    """What is known of a posterior: in closed form, as draws, its mean as a row, its sds."""

    gaussian: GaussianPosterior | None = None
    draws: Draws | None = None
    mean: Estimate | None = None
    sd: Params | None = None


def _posterior_of(problem: Problem, draw: Draw) -> Known:
    started = time.perf_counter()
    if conjugate.applies_to(problem):
        gaussian = conjugate.posterior(problem)
        elapsed = time.perf_counter() - started
        mean = as_estimate(problem, "posterior-mean", gaussian.mean, elapsed)
        return Known(gaussian, draw(problem), mean, gaussian.sd)
    drawn = draw(problem)
    if drawn is None:
        return Known()
    every = {name: values.flatten(0, 1) for name, values in drawn.params.items()}
    means = {name: values.mean(0) for name, values in every.items()}
    values = coefficients.flat(problem, drawn.params, leading=2)
    ess, r_hat = with_arviz.ess_and_r_hat(values)
    mean = as_estimate(problem, "posterior-mean", means, time.perf_counter() - started)
    chains, length = values.shape[:2]
    note = (
        f"{drawn.engine}, {chains} chains of {length} draws, R-hat at most {r_hat.max():.3f}, ESS "
        f"at least {ess.min():.0f}; a mean, no mode"
    )
    mean = replace(mean, converged=is_mixed(r_hat.max(), ess.min()), note=note)
    return Known(None, drawn, mean, {name: values.std(0) for name, values in every.items()})


def _compare_one(
    problem: Problem,
    penalty: Penalty,
    held_out: tuple[Tensor, Tensor] | None,
    estimates: list[Estimate],
    known: Known,
) -> Comparison:
    if problem.linear is None:
        estimates = sorted(estimates, key=lambda estimate: estimate.objective)
    rows = [_row(problem, one, estimates[0], known.sd, held_out) for one in estimates]
    if known.mean is not None:
        mean = _row(problem, known.mean, estimates[0], known.sd, held_out)
        place = 3 if problem.linear is not None else 2  # after the roads, before what users bring
        rows.insert(place, replace(mean, is_mode=known.gaussian is not None))
    reading = main_prior.reading_of(problem)
    return Comparison(
        problem=problem,
        penalty=penalty,
        reading=reading,
        methods=tuple(rows),
        verdict=verdicts.judge(problem, rows),
        chain=verdicts.chain(problem, penalty, reading, rows[0]),
        posterior=known.gaussian,
        draws=known.draws,
    )


def _row(
    problem: Problem,
    estimate: Estimate,
    reference: Estimate,
    sd: Params | None,
    held_out: tuple[Tensor, Tensor] | None,
) -> Method:
    params, gap = estimate.params, _gap(problem, estimate, reference)
    names = problem.penalized or list(problem.priors)
    apart = {name: (params[name] - reference.params[name]).abs() for name in names}
    in_sd = [float((apart[name] / sd[name]).max()) for name in names] if sd else []
    bias = problem.linear.bias if problem.linear else None
    loss = problem.likelihood.loss
    return Method(
        method=estimate.method,
        params=params,
        objective=estimate.objective,
        gap=gap,
        kkt=estimate.certificate.kkt,
        max_abs_difference=max(float(distance.max()) for distance in apart.values()),
        max_sd_difference=max(in_sd, default=None),
        exact_zeros=sum(int((params[name] == 0).sum()) for name in names),
        bias=tuple(params[bias].tolist()) if bias else (),
        train_loss=float(loss(problem.outputs(params), problem.targets)),
        validation_loss=_loss_on(problem, params, held_out),
        steps=estimate.steps,
        seconds=estimate.seconds,
        converged=estimate.converged,
        history=estimate.history,
        note=estimate.note,
    )


def _gap(problem: Problem, estimate: Estimate, reference: Estimate) -> float | None:
    """The certified gap; its lower bound may come from the reference where that one is better."""
    if estimate is reference or estimate.certificate.gap is None:
        return estimate.certificate.gap
    return certificate.duality_gap(problem, estimate.params, witness=reference.params)


def _held_out(problem: Problem, validation: Validation | None) -> tuple[Tensor, Tensor] | None:
    if validation is None or len(validation[0]) == 0:
        return None
    inputs = torch.as_tensor(validation[0]).to(problem.inputs)
    try:  # the checks of a problem's own data are those of its validation data
        held = Problem(problem.model, problem.likelihood, problem.priors, inputs, validation[1])
    except InputError as error:
        raise InputError(f"validation: {error}") from error
    return held.inputs, held.targets


def _loss_on(
    problem: Problem, params: Params, held_out: tuple[Tensor, Tensor] | None
) -> float | None:
    if held_out is None:
        return None
    return float(problem.likelihood.loss(problem.outputs(params, held_out[0]), held_out[1]))
