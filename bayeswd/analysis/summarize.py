"""From draws to a posterior that can be read: every coefficient beside the penalised fit."""

from __future__ import annotations

import numpy as np

from bayeswd.analysis import coefficients, data_summary, main_prior
from bayeswd.analysis.comparison import DataSummary, Penalty
from bayeswd.analysis.posterior_summary import Noise, PosteriorSummary
from bayeswd.errors import InputError
from bayeswd.estimate import exact
from bayeswd.problem.checks import is_positive_number
from bayeswd.problem.objective import Problem
from bayeswd.results import Draws, Estimate

PROBABILITY = 0.95


def summarize(
    draws: Draws,
    problem: Problem,
    *,
    fit: Estimate | None = None,
    probability: float = PROBABILITY,
    penalty: Penalty | None = None,
    data: DataSummary | None = None,
    asked: int | None = None,
) -> PosteriorSummary:
    """Mean, sd, median, interval, ESS and R-hat of every coefficient, with the penalised fit.

    fit: the penalised fit; default the exact one of a linear model, none for any other.
    probability: of the equal-tailed intervals. penalty: as it was written; default in the book's
    convention. data: names and origin of the columns and of sigma. asked: draws of each chain that
    were asked for, where an interrupt may have cut them short.

    `print` the result, or draw it: `bw.plots.posterior(result)`. Raises InputError.
    """
    if not (is_positive_number(probability) and probability < 1):
        raise InputError(f"summarize(probability={probability}): give a number between 0 and 1.")
    if set(draws.params) != set(problem.priors):
        raise InputError(
            f"summarize: draws of {', '.join(draws.params)} for a problem of "
            f"{', '.join(problem.priors)}; give the problem that was sampled."
        )
    if fit is None and problem.linear is not None:
        fit = exact.solve(problem)
    known = data or data_summary.of(problem)
    values = coefficients.flat(problem, draws.params, leading=2)
    names = coefficients.names(problem, known.names)
    at_mode = None if fit is None else coefficients.flat(problem, fit.params)
    return PosteriorSummary(
        draws=draws,
        problem=problem,
        penalty=penalty or main_prior.as_penalty(problem),
        data=known,
        fit=fit,
        coefficients=coefficients.summarized(names, values, at_mode, probability),
        noise=_noise(draws, known, probability),
        asked=values.shape[1] if asked is None else asked,
    )


def _noise(draws: Draws, data: DataSummary, probability: float) -> Noise:
    if draws.noise_scale is None:
        return Noise(data.noise_scale, data.noise_from)
    values = draws.noise_scale.detach().cpu().double().numpy()[..., None]
    stated = None if data.noise_scale is None else np.array([data.noise_scale])
    (row,) = coefficients.summarized(["sigma"], values, stated, probability)
    return Noise(row.mean, "sampled", row)
