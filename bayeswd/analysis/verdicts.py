"""One sentence on whether several fits are the same, and one on what their penalty believes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from bayeswd.analysis.comparison import Method, Penalty
from bayeswd.estimate import descent
from bayeswd.problem.conventions import Reading
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Params, Problem
from bayeswd.problem.priors import ElasticNet, Prior
from bayeswd.results import Verdict
from bayeswd.tables import number

# A gap of 0.05 nats makes no weight more than 5 % less probable than the best ones; 0.01 posterior
# sd is far below what any posterior plot can show. Between them: "the same fit".
NATS = 0.05
POSTERIOR_SD = 0.01
# Under L1 the objective is nearly flat along many directions: there NATS decides, up to this.
L1_POSTERIOR_SD = 0.5
STATIONARY = 1e-6


def judge(problem: Problem, methods: Sequence[Method]) -> Verdict:
    """The same fit, a fit of something else, or not there yet: the first that holds.

    Roads to the mode are judged; a posterior mean that is no mode is only told apart from it.
    """
    verdict = _judge_modes(problem, [row for row in methods if row.is_mode])
    means = "".join(f" {_mean_words(row)}" for row in methods if not row.is_mode)
    return Verdict(verdict.equivalent, verdict.text + means)


def _judge_modes(problem: Problem, rows: Sequence[Method]) -> Verdict:
    late = [row for row in rows if not row.converged or (row.gap or 0.0) > NATS]
    for row in late:
        if words := _other_objective(problem, row):
            return Verdict(False, words)
    if late:
        first, *further = (_not_yet(problem, row) for row in late)
        return Verdict(False, "; ".join([first, *(_tail(words) for words in further)]) + ".")
    if problem.linear is None:
        return _same_stationary_point(rows)
    sharp = not any(problem.priors[name].l1_rate for name in problem.priors)
    limit = POSTERIOR_SD if sharp else L1_POSTERIOR_SD
    far = [row for row in rows if (row.max_sd_difference or 0.0) > limit]
    if far:
        return Verdict(
            False,
            f"close, not the same: {far[0].method} is within {number(far[0].gap, 2)} nats of the "
            f"optimum, yet a weight differs by {number(far[0].max_sd_difference, 2)} posterior sd.",
        )
    return Verdict(True, _same_fit(problem, rows))


def chain(problem: Problem, penalty: Penalty, reading: Reading, best: Method) -> str:
    """lambda -> prior variance -> what it says about the weights, with numbers."""
    noise = ""
    if isinstance(problem.likelihood, GaussianNoise):
        noise = f", σ = {number(problem.likelihood.scale)}"
    strength = f"λ = {number(penalty.strength)} ({penalty.convention}, n = {problem.n}{noise})"
    if math.isinf(reading.variance):
        return f"{strength} → no penalty: an improper flat prior, every weight equally believable."
    weights = torch.cat([best.params[name].flatten() for name in problem.penalized])
    largest = float(weights.abs().max()) / math.sqrt(reading.variance)
    return (
        f"{strength} → {_density(reading)}, variance {number(reading.variance)} "
        f"(sd {number(math.sqrt(reading.variance), 3)}) → {reading.says()}; "
        f"the largest fitted weight lies {number(largest, 2)} prior sd from 0."
    )


def penalty_factor(problem: Problem, params: Params) -> tuple[float, float]:
    """The factor on all penalties under which `params` come closest to a mode, and how close.

    Least squares for c in grad misfit + c * grad penalty = 0 over the penalised weights that are
    not zero; the second number is what is left, relative to the data force, flat parameters and
    zeros included. A fit of the same data under c times the penalty has residual 0.
    """
    data_force = problem.misfit_gradient(params)
    pull = {
        name: problem.priors[name].l2_rate * params[name]
        + problem.priors[name].l1_rate * params[name].sign()
        for name in problem.priors
    }
    moved = {name: params[name] != 0 for name in problem.priors}
    data = torch.cat([data_force[name][moved[name]] for name in problem.penalized])
    prior = torch.cat([pull[name][moved[name]] for name in problem.penalized])
    size = float((prior**2).sum())
    if size == 0:
        return math.nan, math.inf
    factor = -float(data @ prior) / size
    left = [(data_force[name] + factor * pull[name])[moved[name]].abs() for name in problem.priors]
    left += [
        (data_force[name][~moved[name]].abs() - factor * problem.priors[name].l1_rate).clamp(min=0)
        for name in problem.penalized
    ]
    worst = max(float(part.max()) for part in left if part.numel())
    largest = max(float(force.abs().max()) for force in data_force.values())
    return factor, worst / largest if largest > 0 else math.inf


def _other_objective(problem: Problem, row: Method) -> str | None:
    """Words for a fit that is the optimum under a multiple of the penalty, else None."""
    if not problem.penalized:
        return None
    factor, residual = penalty_factor(problem, row.params)
    if not (residual <= 1e-4 and factor > 0 and abs(math.log(factor)) > 0.01):
        return None
    ratios = [_variance_ratio(problem.priors[name], factor) for name in problem.penalized]
    return (
        f"different objectives: {row.method} is the optimum under {number(factor, 3)} times this "
        f"penalty, that is {number(ratios[0], 3)} times the prior variance "
        f"(residual {number(residual, 2)})."
    )


def _variance_ratio(prior: Prior, factor: float) -> float:
    """Variance under `factor` times the penalty, over the variance as it is."""
    if isinstance(prior, ElasticNet):
        stronger = ElasticNet(prior.l1_scale / factor, prior.l2_scale / math.sqrt(factor))
        return stronger.variance / prior.variance
    return factor**-2 if prior.l1_rate else 1 / factor


def _mean_words(row: Method) -> str:
    """How the mean of a posterior differs from its mode."""
    told = [f"{row.exact_zeros} exact zeros"]
    if row.gap is not None:
        told.append(f"{number(row.gap, 3)} nats above the optimum")
    if row.max_sd_difference is not None:
        told.append(f"weights up to {number(row.max_sd_difference, 2)} posterior sd from the mode")
    return f"The {row.method.replace('-', ' ')} is another point: {', '.join(told)}."


def _not_yet(problem: Problem, row: Method) -> str:
    gap = "" if row.gap is None else f", {number(row.gap, 3)} nats above the optimum"
    if row.steps is None:
        return f"not the same: {row.method} is not a mode of this objective{gap}"
    if row.history and row.history[-1][1] > row.history[0][1]:
        return f"not yet: {row.method} climbed for {row.steps} steps{gap}; give it a smaller lr"
    share = None
    if not any(prior.l1_rate for prior in problem.priors.values()):  # only decay forgets at a rate
        share = descent.null_space_share(problem, problem.initial, row.params)
    if share is not None and 1e-3 < share < 1:
        needed = descent.steps_to_forget(share, row.steps)
        return (
            f"not yet: after {row.steps} steps {100 * share:.0f} % of the initial weights' "
            f"null-space part is still there; {needed} steps would bring it under 0.1 % "
            f"({row.method}{gap})"
        )
    return (
        f"not yet: {row.method} stopped after {row.steps} steps{gap}; give it more steps, "
        "standardised inputs or, with minibatches, an lr that falls"
    )


def _tail(words: str) -> str:
    """A further clause of the same verdict, without saying "not yet" again."""
    return words.removeprefix("not yet: ").removeprefix("not the same: ")


def _same_fit(problem: Problem, rows: Sequence[Method]) -> str:
    gap = max(row.gap or 0.0 for row in rows)
    apart = max(row.max_abs_difference for row in rows)
    in_sd = [row.max_sd_difference for row in rows if row.max_sd_difference is not None]
    distance = f"weights within {number(apart, 2)}"
    if in_sd:
        distance += f" ({number(max(in_sd), 2)} posterior sd)"
    words = (
        f"the same fit: {_listed([row.method for row in rows])} lie within {number(gap, 2)} nats "
        f"of the certified optimum, {distance}; penalised training is MAP."
    )
    zeros = {row.method: row.exact_zeros for row in rows}
    if max(zeros.values()) > min(zeros.values()):
        words += f" Exact zeros: {', '.join(f'{name} {zeros[name]}' for name in zeros)}."
    return words


def _same_stationary_point(rows: Sequence[Method]) -> Verdict:
    spread = max(row.objective for row in rows) - min(row.objective for row in rows)
    apart = max(row.max_abs_difference for row in rows)
    if spread <= NATS:
        text = f"the same stationary point: objectives within {number(spread, 2)} nats, weights "
        text += f"within {number(apart, 2)}"
    else:
        text = f"different stationary points, {number(spread, 3)} nats apart"
    text += "; no claim of a global optimum is made for a model that is not linear."
    return Verdict(spread <= NATS, text)


def _density(reading: Reading) -> str:
    if reading.family == "elastic-net":
        return (
            f"w ~ exp(-|w|/{number(reading.l1_scale, 3)} - w²/(2·{number(reading.l2_scale, 3)}²))"
        )
    if reading.family == "laplace":
        return f"w ~ Laplace(0, {number(reading.scale, 3)})"
    return f"w ~ N(0, {number(reading.scale, 3)}²)"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else names[0]
