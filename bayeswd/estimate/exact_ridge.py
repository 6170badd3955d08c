"""The linear-Gaussian mode in closed form, for any number of prior scales at once.

With A the columns, y the targets and lambda = sigma^2/tau^2, the mode solves
(A'A + lambda I) u = A'y. One factorisation A'A = V diag(values) V' serves every lambda: of the
moments where n > p; where p >= n, of a thin SVD of A, for then u lies in the row space of A (the
dual form). Where A'A has lost too much to rounding, a QR factorisation of A itself is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bayeswd.estimate import linear_design
from bayeswd.problem.objective import Problem
from bayeswd.problem.priors import Flat

REFINEMENTS = 2  # each one multiplies the error by about 1e-16 / WELL_CONDITIONED
WELL_CONDITIONED = 1e-8  # smallest over largest eigenvalue of A'A + lambda I


@dataclass(frozen=True, eq=False)
class Ridge:
    """A problem as (A, y) with the same penalty on all coefficients, and the factors of A'A.

    columns: A, [n, q]. targets: y, [n, K]. values: [r]. vectors: V, [q, r].
    """

    columns: Tensor
    targets: Tensor
    values: Tensor
    vectors: Tensor

    def mode(self, strength: float) -> Tensor:
        """u for lambda = `strength`, [q, K]."""
        n, q = self.columns.shape
        spread = float(self.values.min() + strength) / float(self.values.max() + strength)
        if n > q and spread < WELL_CONDITIONED:
            return penalised_least_squares(
                self.columns, self.targets, torch.full_like(self.columns[0], strength)
            )
        return self._refined(strength)

    def _refined(self, strength: float) -> Tensor:
        """The solution by the factors, refined with residuals taken from the data.

        (Golub & Van Loan 2013, section 3.5.3.)
        """
        coefficients = torch.zeros_like(self.columns.T @ self.targets)
        for _ in range(1 + REFINEMENTS):
            residual = self.targets - self.columns @ coefficients
            pull = self.columns.T @ residual - strength * coefficients
            inverse = 1 / (self.values + strength)[:, None]
            coefficients = coefficients + self.vectors @ (inverse * (self.vectors.T @ pull))
        return coefficients


def modes(problem: Problem, strengths: Sequence[float]) -> list[Tensor]:
    """Coefficients [K, p] for each lambda = sigma^2/tau^2, all > 0, from one factorisation."""
    ridge = factorise(problem)
    return [_with_bias(problem, ridge.mode(strength).T) for strength in strengths]


def factorise(problem: Problem) -> Ridge:
    """The one factorisation that every prior scale shares.

    A Flat bias is centred out. A Gaussian one, of scale tau_b, becomes the weight of a column of
    height tau_b/tau, so that the ratio of the two scales is the same for every lambda.
    """
    columns, targets = linear_design.inputs(problem), problem.targets.double()
    bias, moments = linear_design.bias_prior(problem), problem.moments
    if isinstance(bias, Flat):
        columns, targets = columns - moments.inputs_mean, targets - moments.targets_mean
        return _factored(columns, targets, moments.xx)
    scatter, _, _ = moments.uncentred()
    if bias is None:
        return _factored(columns, targets, scatter)
    height = _bias_height(problem)
    edge = height * moments.count * moments.inputs_mean[:, None]
    corner = torch.full_like(edge[:1], height**2 * moments.count)
    scatter = torch.cat([torch.cat([scatter, edge], 1), torch.cat([edge.T, corner], 1)])
    ones = torch.full_like(columns[:, :1], height)
    return _factored(torch.cat([columns, ones], 1), targets, scatter)


def least_squares(problem: Problem) -> Tensor:
    """Coefficients [K, p] under Flat weights; the bias may be Gaussian."""
    _, l2 = linear_design.rates(problem)
    strengths = problem.likelihood.loss_scale * l2
    targets = problem.targets.double()
    return penalised_least_squares(linear_design.columns(problem), targets, strengths).T


def penalised_least_squares(columns: Tensor, targets: Tensor, strengths: Tensor) -> Tensor:
    """argmin_u |y - A u|^2 + sum_j strengths_j u_j^2, [q, K], by QR of columns of unit length.

    A penalty is one more row, sqrt(strength) times the coefficient, observed to be 0.
    """
    rows = torch.diag(strengths.sqrt())[strengths > 0]
    columns = torch.cat([columns, rows])
    targets = torch.cat([targets, targets.new_zeros(len(rows), targets.shape[1])])
    sizes = columns.norm(dim=0)
    basis, triangle = torch.linalg.qr(columns / sizes)
    solved = torch.linalg.solve_triangular(triangle, basis.T @ targets, upper=True)
    return solved / sizes[:, None]


def _factored(columns: Tensor, targets: Tensor, scatter: Tensor) -> Ridge:
    if len(columns) > columns.shape[1]:
        values, vectors = torch.linalg.eigh(scatter)
        return Ridge(columns, targets, values.clamp(min=0), vectors)
    _, singular, rows = torch.linalg.svd(columns, full_matrices=False)
    floor = singular[0] * max(columns.shape) * torch.finfo(columns.dtype).eps
    kept = singular > floor  # the others are directions that no row has
    return Ridge(columns, targets, singular[kept] ** 2, rows[kept].T)


def _with_bias(problem: Problem, solved: Tensor) -> Tensor:
    bias = linear_design.bias_prior(problem)
    if bias is None:
        return solved
    if isinstance(bias, Flat):  # about the centre of the inputs, the bias is the mean target
        return torch.cat([solved, problem.moments.targets_mean[:, None]], 1)
    return torch.cat([solved[:, :-1], _bias_height(problem) * solved[:, -1:]], 1)


def _bias_height(problem: Problem) -> float:
    """tau_b/tau: the height of the column whose weight, under the prior of the weights, is b."""
    weight, bias = linear_design.weight_prior(problem), linear_design.bias_prior(problem)
    return (weight.l2_rate / bias.l2_rate) ** 0.5 if bias is not None else 0.0
