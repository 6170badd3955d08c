"""The linear-Gaussian mode in closed form, for any number of prior scales at once.

With A the columns, y the targets and lambda = sigma^2/tau^2, the mode solves
(A'A + lambda I) u = A'y. One factorisation A'A = V diag(values) V' serves every lambda: of the
moments where n > d, of a thin SVD of A where d >= n (then u lies in the row space of A, which is
the dual form).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bayeswd.estimate import linear_design
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat

REFINEMENTS = 2  # each one takes the error from e to about e^2, down to rounding


@dataclass(frozen=True, eq=False)
class Ridge:
    """A problem as (A, y) with one penalty for all columns, and the factors of A'A.

    columns: A, [n, q]. targets: y, [n, K]. values: [r]. vectors: V, [q, r].
    """

    columns: Tensor
    targets: Tensor
    values: Tensor
    vectors: Tensor

    def mode(self, strength: float) -> Tensor:
        """u for lambda = `strength`, [q, K], refined with residuals taken from the data.

        The refinement (Golub & Van Loan 2013, section 3.5.3) undoes what forming A'A costs when
        its condition number is large.
        """
        coefficients = self._solve(self.columns.T @ self.targets, strength)
        for _ in range(REFINEMENTS):
            residual = self.targets - self.columns @ coefficients
            pull = self.columns.T @ residual - strength * coefficients
            coefficients = coefficients + self._solve(pull, strength)
        return coefficients

    def _solve(self, right: Tensor, strength: float) -> Tensor:
        return self.vectors @ ((self.vectors.T @ right) / (self.values + strength)[:, None])


def factorise(problem: Problem) -> Ridge:
    """The one factorisation that every prior scale shares.

    A Flat bias is centred out; a Gaussian one, of scale tau_b, becomes the weight of a column of
    height tau_b/tau, so that the ratio of the two scales is kept for every lambda.
    """
    columns, targets = linear_design.inputs(problem), problem.targets.double()
    bias = linear_design.bias_prior(problem)
    moments = problem.moments
    if isinstance(bias, Flat):
        columns, targets = columns - moments.inputs_mean, targets - moments.targets_mean
        return _factored(columns, targets, moments.xx)
    scatter, _, _ = moments.uncentred()
    if bias is None:
        return _factored(columns, targets, scatter)
    height = bias_height(problem)
    edge = height * moments.count * moments.inputs_mean[:, None]
    corner = torch.full_like(edge[:1], height**2 * moments.count)
    scatter = torch.cat([torch.cat([scatter, edge], 1), torch.cat([edge.T, corner], 1)])
    ones = torch.full_like(columns[:, :1], height)
    return _factored(torch.cat([columns, ones], 1), targets, scatter)


def modes(problem: Problem, strengths: Sequence[float]) -> list[Tensor]:
    """Coefficients [K, p] for each lambda = sigma^2/tau^2, all > 0, from one factorisation."""
    ridge = factorise(problem)
    return [_with_bias(problem, ridge.mode(strength).T) for strength in strengths]


def least_squares(problem: Problem) -> Tensor:
    """Coefficients [K, p] under Flat weights, by QR of columns of full rank.

    A Gaussian bias is one more row: sigma/tau_b times the bias, observed to be 0.
    """
    columns, targets = linear_design.columns(problem), problem.targets.double()
    bias = linear_design.bias_prior(problem)
    if bias is not None and bias.l2_rate > 0:
        row = torch.zeros_like(columns[:1])
        row[0, -1] = (problem.likelihood.loss_scale * bias.l2_rate) ** 0.5
        columns = torch.cat([columns, row])
        targets = torch.cat([targets, torch.zeros_like(targets[:1])])
    sizes = columns.norm(dim=0)
    basis, triangle = torch.linalg.qr(columns / sizes)
    solved = torch.linalg.solve_triangular(triangle, basis.T @ targets, upper=True)
    return (solved / sizes[:, None]).T


def bias_height(problem: Problem) -> float:
    """tau_b/tau: the height of the column whose weight, under the prior of the weights, is b."""
    weight, bias = linear_design.weight_prior(problem), linear_design.bias_prior(problem)
    return (weight.l2_rate / bias.l2_rate) ** 0.5 if bias is not None else 0.0


def _factored(columns: Tensor, targets: Tensor, scatter: Tensor) -> Ridge:
    if len(columns) > columns.shape[1]:
        values, vectors = torch.linalg.eigh(scatter)
        return Ridge(columns, targets, values.clamp(min=0), vectors)
    _, singular, rows = torch.linalg.svd(columns, full_matrices=False)
    return Ridge(columns, targets, singular**2, rows.T)


def _with_bias(problem: Problem, solved: Tensor) -> Tensor:
    bias = linear_design.bias_prior(problem)
    if bias is None:
        return solved
    if isinstance(bias, Flat):  # about the centre of the inputs, the bias is the mean target
        return torch.cat([solved, problem.moments.targets_mean[:, None]], 1)
    return torch.cat([solved[:, :-1], bias_height(problem) * solved[:, -1:]], 1)
