"""λ → τ² → shrinkage: prior and posterior of single weights along the strengths, through ArviZ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayeswd.analysis.comparison import Comparison, Comparisons
from bayeswd.errors import InputError
from bayeswd.posterior import conjugate
from bayeswd.problem import conventions
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Gaussian, Prior
from bayeswd.report import style
from bayeswd.report.weights import flat_weights, place, weight_name, weight_parameters, weight_prior
from bayeswd.tables import number

FACTORS = (1 / 16, 1 / 4, 1.0, 4.0, 16.0)  # on the strength of this run
DRAWS = 2000
MOST_WEIGHTS = 5
INTERVALS = (0.5, 0.89)
MODELS = {"prior": style.PRIOR, "posterior": style.POSTERIOR}


@style.styled
def forest(result: Comparisons) -> Figure:
    """Exact draws of the prior and the posterior at five strengths around this run's.

    Drawn for the comparison under a Gaussian prior. Raises InputError where none has an exact
    posterior.
    """
    one = next((one for one in result.comparisons if has_exact_posterior(one.problem)), None)
    if one is None:
        raise InputError(
            "no exact posterior here to draw from: it takes a linear model with Gaussian noise "
            "under a Gaussian prior"
        )
    chosen = choose_weights(one)
    names = [weight_name(result.data, one.problem, index) for index in chosen]
    problems = [at_strength(one.problem, factor) for factor in FACTORS]
    labels = [strength_label(one, problem) for problem in problems]
    draws = {
        "prior": np.stack([prior_draws(problem, chosen) for problem in problems], axis=1),
        "posterior": np.stack([posterior_draws(problem, chosen) for problem in problems], axis=1),
    }
    figure = draw_forest(draws, names, labels)
    axes = figure.axes[1]
    _mark_run(axes, one, names)
    total = len(flat_weights(one.problem, one.reference.params))
    style.headline(figure, _finding(one, draws), _reading(one, len(chosen), total))
    return figure


def has_exact_posterior(problem: Problem) -> bool:
    """Whether `conjugate.sample` can draw from it."""
    try:
        conjugate.sample(problem, chains=1, draws=1)
    except InputError:
        return False
    return True
