"""Value, gradient and Hessian of a generalised linear model's misfit and L2 penalty, in float64.

For outputs z and the canonical links of our likelihoods the misfit's slope in z is the mean of
the target less the target, and its curvature the target's variance (McCullagh & Nelder 1989,
section 2.2).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from bayeswd.problem.likelihoods import Bernoulli, Categorical, Likelihood, Poisson


def _bernoulli_variance(outputs: Tensor) -> Tensor:
    return outputs.sigmoid() * (-outputs).sigmoid()


def _softmax(outputs: Tensor) -> Tensor:
    return outputs.softmax(-1)


# the mean of the targets given the outputs, and the diagonal part of their variance
MEANS: dict[type[Likelihood], Callable[[Tensor], Tensor]] = {
    Bernoulli: torch.sigmoid,
    Categorical: _softmax,
    Poisson: torch.exp,
}
SPREADS: dict[type[Likelihood], Callable[[Tensor], Tensor]] = {
    Bernoulli: _bernoulli_variance,
    Categorical: _softmax,  # the variance is diag(p) - pp'
    Poisson: torch.exp,
}


@dataclass(frozen=True, eq=False)
class Glm:
    """Misfit and L2 penalty of outputs = columns @ weights.view(K, p)'.

    columns: [n, p]. targets: as the likelihood wants them. observed: the targets as numbers or
    one-hot rows, [n, K]. l1, l2: [p], the same for every output.
    """

    likelihood: Likelihood
    columns: Tensor
    targets: Tensor
    observed: Tensor
    l1: Tensor
    l2: Tensor

    @property
    def coupled(self) -> bool:
        """Whether the K outputs share one normaliser, as in softmax."""
        return isinstance(self.likelihood, Categorical)

    def outputs(self, weights: Tensor) -> Tensor:
        return self.columns @ weights.view(-1, len(self.l2)).T

    def value(self, weights: Tensor) -> Tensor:
        penalty = 0.5 * (self.l2 * weights.view(-1, len(self.l2)) ** 2).sum()
        return self.likelihood.misfit(self.outputs(weights), self.targets) + penalty

    def gradient(self, weights: Tensor) -> Tensor:
        excess = MEANS[type(self.likelihood)](self.outputs(weights)) - self.observed
        return self._collect(excess, weights)

    def curvature(self, weights: Tensor, chosen: Tensor) -> Tensor:
        """X_k' diag(v_k) X_k for each output k; for softmax less G'G, with G = p_k x_j."""
        output, column = chosen // len(self.l2), chosen % len(self.l2)
        spread = SPREADS[type(self.likelihood)](self.outputs(weights))[:, output]
        chosen_columns = self.columns[:, column]
        weighted = chosen_columns * spread
        hessian = torch.diag(self.l2[column])
        for k in output.unique():
            mine = (output == k).nonzero()[:, 0]
            hessian[mine[:, None], mine] += chosen_columns[:, mine].T @ weighted[:, mine]
        if self.coupled:
            hessian -= weighted.T @ weighted
            hessian += self._shift_cost(column, hessian)
        return hessian

    def curvature_times(self, weights: Tensor, vector: Tensor) -> Tensor:
        """The Hessian times a vector [D], without the Hessian."""
        spread = SPREADS[type(self.likelihood)](self.outputs(weights))
        change = self.outputs(vector) * spread
        if self.coupled:
            change = change - spread * change.sum(-1, keepdim=True)
        return self._collect(change, vector)

    def stiffness(self, weights: Tensor) -> Tensor:
        """The diagonal of the Hessian, [D]; > 0."""
        spread = SPREADS[type(self.likelihood)](self.outputs(weights))
        spread = spread * (1 - spread) if self.coupled else spread
        return (spread.T @ self.columns**2 + self.l2).flatten().clamp(min=1e-300)

    def _shift_cost(self, column: Tensor, hessian: Tensor) -> Tensor:
        """A cost on the shift common to all classes, which is free in a Flat column.

        It is zero at zero shift: it picks that solution and makes the Hessian regular.
        """
        free = self._free[column]
        alike = (column[:, None] == column) & free & free[:, None]
        return alike * hessian.diagonal().mean()

    def _collect(self, forces: Tensor, weights: Tensor) -> Tensor:
        """The forces [n, K] on the outputs as forces on the weights, with those of the penalty."""
        pulled = forces.T @ self.columns
        if self.coupled:  # no force acts along a free shift: what is left of it is rounding
            pulled = pulled - self._free * pulled.mean(0)
        return (pulled + self.l2 * weights.view(-1, len(self.l2))).flatten()

    @property
    def _free(self) -> Tensor:
        return self.l1 + self.l2 == 0
