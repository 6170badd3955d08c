"""How many weights an estimate really spends: its effective degrees of freedom.

For a Gaussian likelihood it is the trace of the matrix that takes targets to fitted targets, less
what flat coefficients spend: over the weights that are not 0,

    sum of v / (v + sigma^2/tau^2),   v the eigenvalues of X'X, the flat bias centred out

(Hastie, Tibshirani & Friedman 2009, eq. 3.50; MacKay 1992, eq. 4.9, gamma). Without an L2 part it
is the rank of X, for the lasso an unbiased estimate of the degrees of freedom (Tibshirani & Taylor
2012). Other likelihoods put the curvature of the misfit at the mode in the place of X'X / sigma^2.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bayeswd.estimate import linear_design
from bayeswd.posterior import columns
from bayeswd.problem.likelihoods import GaussianNoise
from bayeswd.problem.objective import Params, Problem
from bayeswd.problem.priors import Flat

_ROUNDING = 1e-12  # of the largest eigenvalue: below it a direction is not seen at all


def of(problem: Problem, params: Params) -> float:
    """Effective degrees of freedom of the penalised parameters of a linear model."""
    if isinstance(problem.likelihood, GaussianNoise):
        return _gaussian(problem, params)
    return _generalised(problem, params)


def _gaussian(problem: Problem, params: Params) -> float:
    """One sum for each output: outputs are independent, and differ in which weights are 0."""
    l1, l2 = linear_design.rates(problem)
    scatter = _scatter(problem, len(l1)) / problem.likelihood.loss_scale
    return sum(_spent(scatter, l2, (row != 0) & (l1 + l2 > 0)) for row in _rows(problem, params))


def _spent(scatter: Tensor, l2: Tensor, chosen: Tensor) -> float:
    """tr (A + L)^-1 A for the chosen coefficients."""
    if not chosen.any():
        return 0.0
    rates = l2[chosen]
    part = scatter[chosen][:, chosen]
    if (rates == 0).all():
        sizes = part.diagonal().clamp(min=1e-300).sqrt()
        values = torch.linalg.eigvalsh(part / sizes / sizes[:, None])
        return float((values > _ROUNDING * values.max() * len(values)).sum())
    if (rates > 0).all():  # in the units of each prior
        values = torch.linalg.eigvalsh(part / rates.sqrt() / rates.sqrt()[:, None]).clamp(min=0)
        return float((values / (values + 1)).sum())
    return len(rates) - float(
        (rates * torch.linalg.pinv(part + torch.diag(rates)).diagonal()).sum()
    )


def _scatter(problem: Problem, width: int) -> Tensor:
    """A'A of the columns [p, p], a flat bias centred out."""
    moments = problem.moments
    if isinstance(linear_design.bias_prior(problem), Flat):
        padded = torch.zeros(width, width, dtype=torch.float64, device=moments.xx.device)
        padded[:-1, :-1] = moments.xx
        return padded
    table = linear_design.columns(problem)
    return table.T @ table


def _generalised(problem: Problem, params: Params) -> float:
    """Flat coefficients spend one degree each, which is taken off."""
    _, glm = columns.generalised_linear(problem)
    rows = _rows(problem, params)
    l1, l2 = (rate.repeat(len(rows)) for rate in (glm.l1, glm.l2))
    weights = rows.flatten()
    penalized = l1 + l2 > 0
    chosen = ((weights != 0) | ~penalized).nonzero()[:, 0]
    curvature = glm.curvature(weights, chosen)  # with the L2 rates on its diagonal
    counted, rates = penalized[chosen], l2[chosen]
    if not counted.any():
        return 0.0
    if (rates[counted] == 0).all():
        kept = int(torch.linalg.matrix_rank(curvature, hermitian=True))
        return float(kept - torch.linalg.matrix_rank(curvature[~counted][:, ~counted]))
    inverse = torch.linalg.pinv(curvature, hermitian=True).diagonal()
    return int(counted.sum()) - float((rates * inverse).sum())


def _rows(problem: Problem, params: Params) -> Tensor:
    """Coefficients [K, p] of the columns, float64, the bias last and about their centre."""
    names = linear_design.layout(problem)
    weight = params[names.weight].double()
    if names.bias is None:
        return weight
    bias = params[names.bias].double() + weight @ linear_design.centre(problem)
    return torch.cat([weight, bias[:, None]], 1)
