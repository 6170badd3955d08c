"""λ → τ² → shrinkage: the prior and the posterior of single weights along the strengths."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.figure import Figure

from bayeswd.analysis.comparison import Comparison, Comparisons
from bayeswd.errors import InputError
from bayeswd.posterior import conjugate
from bayeswd.problem import conventions
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Gaussian, Prior
from bayeswd.report import style
from bayeswd.report.forest_plot import draw_forest
from bayeswd.report.same_prior import as_reading, known_to
from bayeswd.report.weights import (
    flat_weights,
    is_penalised,
    weight_names,
    weight_parameters,
    weight_prior,
)

FACTORS = (1 / 16, 1 / 4, 1.0, 4.0, 16.0)  # on the strength of this run
OWN = FACTORS.index(1.0)
DRAWS = 2000
ENTRIES = 4e6  # of all weights in all draws at one strength
MOST_WEIGHTS = 5


@style.styled
def forest(result: Comparisons) -> Figure:
    """Exact draws of the prior and the posterior at five strengths around this run's.

    Drawn for the comparison under a Gaussian prior. Raises InputError where none has an exact
    posterior.
    """
    exact = [o for o in result.comparisons if o.posterior and is_penalised(o.problem)]
    if not exact:
        raise InputError(
            "no exact posterior to draw from: that takes a linear model with Gaussian noise and "
            "a Gaussian prior"
        )
    one = exact[0]
    chosen = choose_weights(flat_weights(one.problem, one.reference.params))
    problems = [at_strength(one.problem, factor) for factor in FACTORS]
    pairs = [draws_of(problem, chosen) for problem in problems]
    draws = {
        "prior": np.stack([prior for prior, _ in pairs], axis=1),
        "posterior": np.stack([posterior for _, posterior in pairs], axis=1),
    }
    names = weight_names(result.data, one.problem, chosen)
    labels = [strength_label(one.penalty.convention, problem) for problem in problems]
    labels[OWN] += " ●"
    figure = draw_forest(draws, names, labels)
    style.headline(
        figure,
        _finding(one, (problems[0], problems[-1]), dict(zip(names, chosen, strict=True))),
        _reading(one, len(chosen)),
    )
    return figure


def choose_weights(fitted: np.ndarray) -> list[int]:
    """All of a few; of many the three largest, a middling one and the smallest."""
    order = np.argsort(-np.abs(fitted), kind="stable")
    if len(order) <= MOST_WEIGHTS:
        return order.tolist()
    return [*order[:3].tolist(), int(order[len(order) // 2]), int(order[-1])]


def at_strength(problem: Problem, factor: float) -> Problem:
    """The problem with `factor` times the strength on the weights (and on what shares a prior)."""
    own = weight_prior(problem)
    assert isinstance(own, Gaussian)

    def change(name: str, prior: Prior) -> Prior:
        return Gaussian(own.scale / factor**0.5) if prior == own else prior

    return problem.with_priors(change)


def draws_of(problem: Problem, chosen: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Draws of the chosen weights from the prior and from the posterior, each [weight, sample].

    The same random numbers at every strength: what differs between rows is the strength.
    """
    (name,) = weight_parameters(problem)
    count = int(min(DRAWS, max(200, ENTRIES // problem.initial[name].numel())))
    generator = torch.Generator().manual_seed(0)
    like = torch.zeros(0, dtype=torch.float64)
    prior = weight_prior(problem).draw((len(chosen), count), generator, like)
    posterior = conjugate.sample(problem, chains=1, draws=count, seed=0).params
    flat = posterior[name].reshape(count, -1)[:, chosen]
    return prior.numpy(), flat.T.detach().cpu().double().numpy()


def strength_label(convention: str, problem: Problem) -> str:
    """`3 → 1.7e-6`: the strength as a person writes it, and the prior variance."""
    reading = as_reading(weight_prior(problem))
    strength = conventions.strength(convention, reading, **known_to(problem))
    return f"{style.brief(strength, 2)} → {style.brief(reading.variance, 2)}"


def _finding(one: Comparison, ends: tuple[Problem, Problem], shown: Mapping[str, int]) -> str:
    """How narrow belief is at this strength, and the weight that moves most along the strengths."""
    weak, strong = (flat_weights(p, conjugate.posterior(p).mean) for p in ends)
    name = max(shown, key=lambda name: abs(strong[shown[name]] - weak[shown[name]]))
    first, last = (style.brief(float(end[shown[name]]), 2) for end in (weak, strong))
    moved = f"{name} goes from {first} to {last}"
    if first == last:
        moved = f"{'no weight' if len(shown) > 1 else name} moves in two digits"
    return (
        f"{style.strength(one)} → τ = {style.brief(one.reading.variance**0.5)}; {moved} "
        f"over {FACTORS[-1] / FACTORS[0]:g} times the penalty"
    )


def _reading(one: Comparison, shown: int) -> str:
    total = len(flat_weights(one.problem, one.reference.params))
    which = (
        "all weights"
        if shown == total
        else (f"{shown} of {total} weights: the three largest, a middling one and the smallest")
    )
    return f"{which.capitalize()}. ● is this run. Exact draws."
