"""Are they the same? One problem solved by every road, measured against the certified optimum."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from bayeswd.analysis import verdicts
from bayeswd.analysis.comparison import Comparison, Comparisons, DataSummary, Method, Penalty
from bayeswd.errors import InputError
from bayeswd.estimate import certificate, descent, exact, pyro_map
from bayeswd.posterior import conjugate
from bayeswd.problem import checks, conventions
from bayeswd.problem.conventions import Reading
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Params, Problem
from bayeswd.problem.priors import Flat, Gaussian, Prior
from bayeswd.results import Estimate, GaussianPosterior

Solve = Callable[..., Estimate]
Validation = tuple[Any, Any]


def compare(
    *problems: Problem,
    validation: Validation | None = None,
    train: Solve = descent.train,
    fit_pyro: Solve = pyro_map.fit,
    fits: Mapping[str, Params] | None = None,
    penalties: Sequence[Penalty] | None = None,
    data: DataSummary | None = None,
    progress: Callable[[str], None] = lambda message: None,
) -> Comparisons:
    """Solve each problem exactly, by penalised training and by MAP in Pyro, and compare.

    validation: held-out (inputs, targets); its loss is reported without the penalty.
    train, fit_pyro: the two roads, called as `train(problem, start=...)`.
    fits: further weights by name, parameter dictionaries of your own, to be judged too.
    penalties: how each problem's penalty was written; read in the book's convention if absent.
    Raises InputError where the mode is not unique (strength 0 with more weights than rows).
    """
    if not problems:
        raise InputError("compare() was given no problem; give at least one bw.Problem.")
    for problem in problems:
        checks.require_unique_mode(problem)
    held_out = [_held_out(problem, validation) for problem in problems]
    written = penalties or [as_penalty(problem) for problem in problems]
    comparisons = []
    for problem, penalty, rows in zip(problems, written, held_out, strict=True):
        roads = _roads(problem, train, fit_pyro, fits or {}, penalty, progress)
        comparisons.append(_compare_one(problem, penalty, rows, *roads))
    return Comparisons(data or _summary(problems[0], held_out[0]), tuple(comparisons))


def main_prior(problem: Problem) -> Prior:
    """The prior of the weights: of a linear layer's weight, else of the first decayed parameter."""
    if problem.linear is not None:
        return problem.priors[problem.linear.weight]
    return next((problem.priors[name] for name in problem.penalized), Flat())


def reading_of(problem: Problem) -> Reading:
    """The main prior as `bayeswd.problem.conventions` states one."""
    prior = main_prior(problem)
    l1_scale = 1 / prior.l1_rate if prior.l1_rate else None
    l2_scale = prior.l2_rate**-0.5 if prior.l2_rate else None
    both = l1_scale is not None and l2_scale is not None
    layout = problem.linear
    return Reading(
        family=prior.family,
        scale=None if both else l1_scale or l2_scale or float("inf"),
        variance=float(prior.variance),
        l1_scale=l1_scale,
        l2_scale=l2_scale,
        bias_penalized=layout is not None and layout.bias in problem.penalized,
    )


def as_penalty(problem: Problem, convention: str = "d2l") -> Penalty:
    """The penalty a problem's main prior is, as a number in front of it in a convention."""
    reading = reading_of(problem)
    kinds = {"gaussian": "l2", "laplace": "l1", "elastic-net": "elastic-net", "flat": "l2"}
    noise = problem.likelihood.scale if isinstance(problem.likelihood, GaussianNoise) else None
    one_each = problem.targets.ndim == 1  # class indices: one target for each row
    strength = conventions.strength(
        convention,
        reading,
        n=problem.n,
        noise_scale=noise,
        likelihood=problem.likelihood.family,
        outputs=1 if one_each else problem.targets.shape[1],
    )
    return Penalty(kinds[reading.family], strength, convention)


def _roads(
    problem: Problem,
    train: Solve,
    fit_pyro: Solve,
    fits: Mapping[str, Params],
    penalty: Penalty,
    progress: Callable[[str], None],
) -> tuple[list[Estimate], GaussianPosterior | None]:
    """Every estimate of one problem, the reference first, and its posterior where it is exact."""
    start = problem.initial
    estimates = []
    if problem.linear is not None:
        progress(f"{penalty.kind}: the exact optimum")
        estimates.append(exact.solve(problem))
    progress(f"{penalty.kind}: penalised training")
    estimates.append(train(problem, start=start))
    progress(f"{penalty.kind}: MAP in Pyro")
    estimates.append(fit_pyro(problem, start=start))
    posterior = None
    if has_exact_posterior(problem):
        progress(f"{penalty.kind}: the posterior")
        started = time.perf_counter()
        posterior = conjugate.posterior(problem)
        elapsed = time.perf_counter() - started
        estimates.append(as_estimate(problem, "posterior-mean", posterior.mean, elapsed))
    estimates += [as_estimate(problem, name, params) for name, params in fits.items()]
    return estimates, posterior


def has_exact_posterior(problem: Problem) -> bool:
    """Whether the posterior is Gaussian in closed form."""
    return (
        problem.linear is not None
        and isinstance(problem.likelihood, GaussianNoise)
        and isinstance(problem.priors[problem.linear.weight], Gaussian)
        and all(isinstance(prior, (Gaussian, Flat)) for prior in problem.priors.values())
    )


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
        converged=proof.kkt <= verdicts.STATIONARY,
        seconds=seconds,
    )


def _compare_one(
    problem: Problem,
    penalty: Penalty,
    held_out: tuple[Tensor, Tensor] | None,
    estimates: list[Estimate],
    posterior: GaussianPosterior | None,
) -> Comparison:
    if problem.linear is None:
        estimates = sorted(estimates, key=lambda estimate: estimate.objective)
    rows = tuple(_row(problem, one, estimates[0], posterior, held_out) for one in estimates)
    reading = reading_of(problem)
    return Comparison(
        problem=problem,
        penalty=penalty,
        reading=reading,
        methods=rows,
        verdict=verdicts.judge(problem, rows),
        chain=verdicts.chain(problem, penalty, reading, rows[0]),
        posterior=posterior,
    )


def _row(
    problem: Problem,
    estimate: Estimate,
    reference: Estimate,
    posterior: GaussianPosterior | None,
    held_out: tuple[Tensor, Tensor] | None,
) -> Method:
    params, gap = estimate.params, _gap(problem, estimate, reference)
    names = problem.penalized or list(problem.priors)
    apart = {name: (params[name] - reference.params[name]).abs() for name in names}
    in_sd = [float((apart[name] / posterior.sd[name]).max()) for name in names] if posterior else []
    bias = problem.linear.bias if problem.linear else None
    loss = problem.likelihood.loss
    certified = gap is not None and gap <= verdicts.NATS
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
        converged=certified or (gap is None and estimate.converged),
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
    inputs = checks.as_inputs(validation[0]).to(problem.inputs)
    targets = checks.as_targets(validation[1], inputs)
    return inputs, problem.likelihood.as_targets(targets)


def _loss_on(
    problem: Problem, params: Params, held_out: tuple[Tensor, Tensor] | None
) -> float | None:
    if held_out is None:
        return None
    return float(problem.likelihood.loss(problem.outputs(params, held_out[0]), held_out[1]))


def _summary(problem: Problem, held_out: tuple[Tensor, Tensor] | None) -> DataSummary:
    """What can be said of data that came as tensors."""
    columns = problem.inputs[0].numel()
    noise = problem.likelihood.scale if isinstance(problem.likelihood, GaussianNoise) else None
    return DataSummary(
        name="data",
        names=tuple(f"x{column + 1}" for column in range(columns)),
        n_train=problem.n,
        n_validation=0 if held_out is None else len(held_out[0]),
        d=columns,
        noise_scale=noise,
        noise_from=None if noise is None else "given",
        inputs_mean=(0.0,) * columns,
        inputs_sd=(1.0,) * columns,
    )
