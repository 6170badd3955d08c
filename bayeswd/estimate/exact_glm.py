"""The mode of logistic, softmax and Poisson regression: convex, so Newton finds it.

Under Gaussian and Flat priors the Newton step is a linear solve, by conjugate gradients where
there are too many coefficients for a dense Hessian; with an L1 part it is the proximal Newton
step. With d > n and Gaussian weights these lie in the row space of the inputs, so the problem is
turned into one with n weights for each output, and back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from bayeswd.estimate import linear_design, proximal_newton
from bayeswd.estimate.glm_misfit import Glm
from bayeswd.estimate.proximal_newton import Minimum, NewtonStep, Smooth
from bayeswd.problem.likelihoods import Bernoulli, Categorical, Likelihood, Poisson
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat

DENSE = 3000  # with more coefficients than this, and no L1 part, no Hessian is formed


def _log_odds(mean: Tensor) -> Tensor:
    return mean.log() - mean.log().mean()


# the outputs whose mean is the given one
LINKS: dict[type[Likelihood], Callable[[Tensor], Tensor]] = {
    Bernoulli: torch.logit,
    Categorical: _log_odds,
    Poisson: torch.log,
}


@dataclass(frozen=True, eq=False)
class GlmMode:
    """The end of the descent, and whether it is a mode: Flat parameters may have none."""

    minimum: Minimum
    exists: bool


def mode(problem: Problem) -> GlmMode:
    """Coefficients [K, p] at the mode."""
    l1, l2 = linear_design.rates(problem)
    columns = linear_design.columns(problem)
    width = problem.initial[linear_design.layout(problem).weight].shape[-1]
    basis = _row_space(columns[:, :width], l1[0], l2[0])
    if basis is not None:
        columns = torch.cat([columns[:, :width] @ basis, columns[:, width:]], 1)
        l1, l2 = l1[-columns.shape[1] :], l2[-columns.shape[1] :]
    found = [_fit(part, _start(problem, part)) for part in _parts(problem, columns, l1, l2)]
    minimum = proximal_newton.joined([minimum for minimum, _ in found])
    coefficients = minimum.weights.reshape(-1, len(l1))
    if basis is not None:
        weights = coefficients[:, : basis.shape[1]] @ basis.T
        coefficients = torch.cat([weights, coefficients[:, basis.shape[1] :]], 1)
    return GlmMode(replace(minimum, weights=coefficients), all(exists for _, exists in found))


def by_conjugate_gradients(
    smooth: Smooth, weights: Tensor, gradient: Tensor, rates: Tensor
) -> Tensor:
    """Where the local quadratic model is lowest, to a relative residual of 1e-6; no L1 part.

    Conjugate gradients preconditioned by the Hessian's diagonal (Golub & Van Loan 2013,
    algorithm 11.5.1).
    """
    assert isinstance(smooth, Glm)
    stiffness = smooth.stiffness(weights)
    move, residual = torch.zeros_like(weights), -gradient
    direction = residual / stiffness
    size = first = residual @ direction
    for _ in range(1000):
        if size <= 1e-12 * first:
            break
        image = smooth.curvature_times(weights, direction)
        share = size / (direction @ image)
        move, residual = move + share * direction, residual - share * image
        scaled = residual / stiffness
        size, former = residual @ scaled, size
        direction = scaled + size / former * direction
    return weights + move


def _row_space(rows: Tensor, l1: Tensor, l2: Tensor) -> Tensor | None:
    """An orthonormal basis [d, n] of the rows, where the weights must lie; None if they need not.

    A Gaussian prior of one scale depends on the length of the weights alone.
    """
    n, d = rows.shape
    if d <= n or l1 > 0 or l2 == 0:
        return None
    return torch.linalg.qr(rows.T).Q


def _parts(problem: Problem, columns: Tensor, l1: Tensor, l2: Tensor) -> list[Glm]:
    """One problem for each independent output; one for all the classes of a softmax."""
    if isinstance(problem.likelihood, Categorical):
        classes = len(problem.initial[linear_design.layout(problem).weight])
        observed = one_hot(problem.targets, classes).double()
        return [Glm(problem.likelihood, columns, problem.targets, observed, l1, l2)]
    targets = problem.targets.double().split(1, dim=1)
    return [Glm(problem.likelihood, columns, column, column, l1, l2) for column in targets]


def _start(problem: Problem, part: Glm) -> Tensor:
    """Zero weights [K * p]; a Flat bias where it is best without them."""
    start = part.columns.new_zeros(part.observed.shape[1], len(part.l1))
    if isinstance(linear_design.bias_prior(problem), Flat):
        edge = 0.5 / problem.n  # no count of none or of all: their link is infinite
        mean = part.observed.mean(0).clamp(min=edge)
        mean = mean if isinstance(problem.likelihood, Poisson) else mean.clamp(max=1 - edge)
        start[:, -1] = LINKS[type(problem.likelihood)](mean)
    return start.flatten()


def _fit(part: Glm, start: Tensor) -> tuple[Minimum, bool]:
    l1 = part.l1.repeat(part.observed.shape[1])
    newton_step: NewtonStep = proximal_newton.by_sign_search
    if len(l1) > DENSE and not (l1 > 0).any():
        newton_step = by_conjugate_gradients
    scale = float(torch.cat([part.gradient(start).abs(), l1]).max())
    minimum = proximal_newton.minimise(part, l1, start, max(scale, 1e-300), newton_step)
    return minimum, _has_mode(part, minimum.weights, newton_step)


def _has_mode(part: Glm, weights: Tensor, newton_step: NewtonStep) -> bool:
    """Whether the objective has a minimum: only along Flat coefficients can it fall for ever.

    Along a Flat bias alone it does where a class has no example, or all of them, or where all
    counts are 0. Along Flat weights the Newton steps then never get short.
    """
    flat = part.l1 + part.l2 == 0
    if not flat[0]:
        total, most = part.observed.sum(0), len(part.observed)
        missing = (total == 0) | ((total == most) & (not isinstance(part.likelihood, Poisson)))
        return not (flat.any() and missing.any())
    l1 = part.l1.repeat(part.observed.shape[1])
    next_step = newton_step(part, weights, part.gradient(weights), l1) - weights
    return _reach(part, next_step) <= 1e-3 * max(_reach(part, weights), 1.0)


def _reach(part: Glm, weights: Tensor) -> float:
    """The largest output, whatever the units of the columns."""
    return float(part.outputs(weights).abs().max())
