"""Posteriors that a path can be given in seconds: all but those that take HMC.

Its draws under a prior so wide that the classes nearly separate take minutes at each scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bayeswd.analysis import bands, path
from bayeswd.analysis.bands import Posterior
from bayeswd.analysis.choice import Selection
from bayeswd.errors import InputError
from bayeswd.estimate import linear_design, prior_scales
from bayeswd.estimate.exact_requirements import without_l1
from bayeswd.posterior import choose, conjugate, hmc, laplace_approximation
from bayeswd.problem.objective import Problem


def needs_hmc(problem: Problem) -> bool:
    """Whether the posterior has neither a closed form nor a Gibbs sampler."""
    return not conjugate.applies_to(problem) and choose.pick(problem)[0] is hmc.sample


def posteriors(problem: Problem, scales: Sequence[float], seed: int = 0) -> list[Posterior]:
    """At each scale exact, or by Gibbs, or the Gaussian at the mode.

    Raises InputError where there is none of the three: an L1 penalty without Gaussian noise.
    """
    if not needs_hmc(problem):
        return path.posteriors(problem, scales, seed=seed)
    if not without_l1(problem):
        raise InputError(
            "under an L1 penalty and this likelihood the posteriors take HMC at every strength; "
            "bayeswd sample draws one."
        )
    return [
        laplace_approximation.posterior(each)
        for each in prior_scales.along(problem, scales, "swift.posteriors")
    ]


def with_posteriors(selection: Selection, seed: int = 0, probability: float = 0.95) -> Selection:
    """The selection with posteriors and bands along its path; InputError as `posteriors`."""
    along, name = selection.path, linear_design.layout(selection.problem).weight
    drawn = tuple(posteriors(selection.problem, along.scales, seed))
    spans = bands.of(drawn, name, probability)
    return replace(selection, path=replace(along, posteriors=drawn, bands=spans))
