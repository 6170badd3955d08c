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


def _chance_of_others(mean: Tensor) -> Tensor:
    """1 - p, without the cancellation where p is almost 1."""
    classes = mean.shape[-1]
    return mean @ (1 - torch.eye(classes, dtype=mean.dtype, device=mean.device))


def _bernoulli_excess(outputs: Tensor, observed: Tensor) -> Tensor:
    return torch.where(observed == 1, -(-outputs).sigmoid(), outputs.sigmoid())


def _softmax_excess(outputs: Tensor, observed: Tensor) -> Tensor:
    mean = outputs.softmax(-1)
    return torch.where(observed == 1, -_chance_of_others(mean), mean)


def _poisson_excess(outputs: Tensor, observed: Tensor) -> Tensor:
    return outputs.exp() - observed


def _bernoulli_variance(outputs: Tensor) -> Tensor:
    return outputs.sigmoid() * (-outputs).sigmoid()


def _softmax_variance(outputs: Tensor) -> Tensor:
    mean = outputs.softmax(-1)
    return mean * _chance_of_others(mean)


# the mean of each target less the target, to full relative accuracy where the two almost agree
EXCESSES: dict[type[Likelihood], Callable[[Tensor, Tensor], Tensor]] = {
    Bernoulli: _bernoulli_excess,
    Categorical: _softmax_excess,
    Poisson: _poisson_excess,
}
VARIANCES: dict[type[Likelihood], Callable[[Tensor], Tensor]] = {
    Bernoulli: _bernoulli_variance,
    Categorical: _softmax_variance,
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
        excess = EXCESSES[type(self.likelihood)](self.outputs(weights), self.observed)
        return self._collect(excess, weights)

    def curvature(self, weights: Tensor, chosen: Tensor) -> Tensor:
        """X_k' diag(v_k) X_k for each output k; for softmax -X_k' diag(p_k p_l) X_l between two."""
        output, column = chosen // len(self.l2), chosen % len(self.l2)
        columns = self.columns[:, column]
        hessian = columns.new_zeros(len(chosen), len(chosen))
        if self.coupled:
            weighted = columns * self.outputs(weights).softmax(-1)[:, output]
            hessian = -(weighted.T @ weighted)
        variance = self._variance(weights)
        for k in output.unique():
            mine = (output == k).nonzero()[:, 0]
            block = columns[:, mine]
            hessian[mine[:, None], mine] = block.T @ (variance[:, k, None] * block)
        return hessian + torch.diag(self.l2[column])

    def curvature_times(self, weights: Tensor, vector: Tensor) -> Tensor:
        """The Hessian times a vector [D], without the Hessian."""
        change = self.outputs(vector)
        if self.coupled:
            mean = self.outputs(weights).softmax(-1)
            change = mean * (change - (mean * change).sum(-1, keepdim=True))
        else:
            change = self._variance(weights) * change
        return self._collect(change, vector)

    def stiffness(self, weights: Tensor) -> Tensor:
        """The diagonal of the Hessian, [D]; > 0."""
        diagonal = self._variance(weights).T @ self.columns**2 + self.l2
        return diagonal.flatten().clamp(min=1e-300)

    def _variance(self, weights: Tensor) -> Tensor:
        return VARIANCES[type(self.likelihood)](self.outputs(weights))

    def _collect(self, forces: Tensor, weights: Tensor) -> Tensor:
        """The forces [n, K] on the outputs as forces on the weights, with those of the penalty."""
        pulled = forces.T @ self.columns
        if self.coupled:  # no force acts along a free shift: what is left of it is rounding
            pulled = pulled - (self.l1 + self.l2 == 0) * pulled.mean(0)
        return (pulled + self.l2 * weights.view(-1, len(self.l2))).flatten()
