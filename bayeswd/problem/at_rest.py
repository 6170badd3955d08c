"""Do a problem's own weights rest at a mode? A warning with the residual where they do not."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

from bayeswd.problem.objective import Problem
from bayeswd.problem.stationarity import kkt_residual

AT_REST = 1e-3  # relative KKT residual up to which weights count as a mode


def warn_unless_at_rest(problem: Problem, reasons: Iterable[str], *, stacklevel: int = 2) -> None:
    """Warn where `problem.initial` is not stationary, with what may be the reason, one a clause.

    Around such weights no Laplace approximation and no comparison with a posterior means
    anything. `stacklevel` is that of `warnings.warn`, counted from the caller.
    """
    residual = kkt_residual(problem, problem.initial)
    if residual <= AT_REST:
        return
    warnings.warn(
        "these weights are not a mode of the objective that is read here: KKT residual "
        f"{residual:.2g} (a mode has less than {AT_REST:g}). Perhaps {'; or '.join(reasons)}. "
        "Read no posterior around them.",
        stacklevel=stacklevel + 1,
    )
