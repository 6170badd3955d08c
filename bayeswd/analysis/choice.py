"""What a criterion says of a grid of prior scales: the best one, and those it cannot tell from it.

Values that compute nothing. A scale is the tau of a Gaussian prior, the b of a Laplace prior, the
l1_scale of an elastic net; wider priors are weaker penalties. `choice_words` puts them in words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bayeswd.analysis.path import Path
from bayeswd.problem.objective import Problem

Numbers = tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Choice:
    """One criterion's answer to: which prior scale?

    by: "validation", "cross-validation", "leave-one-out", "evidence" or "hyperprior".
    scale: the best one; between two scales of the grid where the criterion is a smooth function.
    interval: the scales that the criterion cannot tell from the best, at 95 %. An end that is an
        end of the grid is open: the criterion sets no bound there.
    identified: whether neither end of the interval is open.
    prior_sd: standard deviation of a weight under the prior of that scale.
    scales, curve: the criterion's own grid, ascending, and its value at each scale, in `unit`.
        Leave-one-out from draws has fewer scales than the path.
    error: standard error of each value of the curve; None for exact values.
    difference, difference_error: of each value to that of the best scale of the grid, and its
        standard error, which is far smaller than `error` because the rows are the same. None
        for evidence and hyperprior.
    simplest: the narrowest prior whose loss is within one standard error of the least (the
        one-standard-error rule: Hastie, Tibshirani & Friedman 2009, section 7.10); losses only.
    noise_scale: the sigma that goes with `scale`; it is estimated where the criterion takes the
        noise as unknown. None for other likelihoods. Scales are stated at the problem's own
        sigma, `prior_sd` at this one.
    density: posterior density of log scale at each scale, evidence and hyperprior only.
    k_hat: the largest Pareto k of the rows at each scale, leave-one-out from draws only.
    note: what else must be said, such as an approximation or fits that did not converge.
    """

    by: str
    scale: float
    interval: tuple[float, float]
    identified: bool
    prior_sd: float
    scales: Numbers = field(repr=False)
    curve: Numbers = field(repr=False)
    higher_is_better: bool
    unit: str
    error: Numbers | None = field(default=None, repr=False)
    difference: Numbers | None = field(default=None, repr=False)
    difference_error: Numbers | None = field(default=None, repr=False)
    simplest: float | None = None
    noise_scale: float | None = None
    density: Numbers | None = field(default=None, repr=False)
    k_hat: Numbers | None = field(default=None, repr=False)
    note: str = ""

    @property
    def open_ends(self) -> tuple[bool, bool]:
        """Whether the interval is bounded by the grid alone: (at narrow priors, at wide ones)."""
        return self.interval[0] <= self.scales[0], self.interval[1] >= self.scales[-1]

    @property
    def best_index(self) -> int:
        """Position in the grid of the best value of the curve."""
        best = max if self.higher_is_better else min
        return self.curve.index(best(self.curve))


@dataclass(frozen=True, eq=False)
class Selection:
    """All criteria that apply to one problem, on one grid.

    choices: in the order validation, cross-validation, leave-one-out, evidence, hyperprior,
        those that were asked for and apply.
    skipped: criterion -> why it does not apply.
    """

    problem: Problem
    path: Path
    choices: tuple[Choice, ...]
    skipped: Mapping[str, str]

    def choice(self, by: str) -> Choice | None:
        """The choice of one criterion; None where it is not there."""
        return next((choice for choice in self.choices if choice.by == by), None)

    @property
    def verdict(self) -> str:
        """What the criteria say together, in prior scales; `choice_words` takes other names."""
        from bayeswd.analysis import choice_words

        return choice_words.verdict(self)
