"""Whether a posterior can be normalised: with a flat parameter the data alone must bound it.

The objective of a linear model is convex, so that its posterior is proper exactly where the modes
are bounded. For other models with flat parameters nobody can tell from the outside.
"""

from __future__ import annotations

from bayeswd.errors import InputError
from bayeswd.estimate import exact_glm, linear_design
from bayeswd.problem.checks import require_unique_mode
from bayeswd.problem.likelihoods import Categorical, GaussianNoise
from bayeswd.problem.objective import Problem


def require(problem: Problem, asked: str) -> None:
    """Refuse a linear model whose posterior is improper."""
    flat = flat_names(problem)
    if problem.linear is None or not flat:
        return
    if isinstance(problem.likelihood, Categorical):
        raise _improper(asked, flat, "a shift common to all classes changes no probability")
    if problem.linear.weight in flat:
        require_unique_mode(problem)
        linear_design.require_full_rank(problem)
    if isinstance(problem.likelihood, GaussianNoise):
        return
    if not exact_glm.mode(problem).exists:
        reason = "the objective falls for ever (separable classes, one class only, all counts 0)"
        raise _improper(asked, flat, reason)


def doubt(problem: Problem) -> str:
    """A clause for results that rest on a posterior nobody has shown to be proper; else empty."""
    flat = flat_names(problem)
    if problem.linear is not None or not flat:
        return ""
    return f"whether the posterior is proper under Flat() on {', '.join(flat)} is not known"


def flat_names(problem: Problem) -> list[str]:
    """The parameters under an improper prior."""
    return [name for name in problem.priors if name not in problem.penalized]


def _improper(asked: str, flat: list[str], reason: str) -> InputError:
    names = ", ".join(map(repr, flat))
    return InputError(
        f"{asked}: the posterior is improper under Flat() on {names}: {reason}; give {names} a "
        "proper prior, such as Gaussian(scale=10.0)."
    )
