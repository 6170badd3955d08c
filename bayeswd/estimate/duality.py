"""Lower bounds on a convex objective, by Fenchel duality.

For outputs z = X W' + b, losses l_i and penalties r_j, any u [n, K] bounds the minimum from below
by D(u) = -sum_i l_i*(u_i) - sum_j r_j*(v_j) with v = -X'u (Rockafellar 1970, section 31), and

    objective(w) - D(u) = sum_i (l_i(z_i) + l_i*(u_i) - z_i u_i)
                        + sum_j (r_j(w_j) + r_j*(v_j) - w_j v_j)

holds for every w: a sum of Fenchel-Young terms, none of them negative, so that a gap of 1e-12
nats means something. Normalising constants drop out.

u is the slope of the losses at some weights, made feasible in two steps: under flat coefficients
v must be 0 (they are re-optimised first, which alters u and not w), under pure Laplace priors
|v| <= 1/b (u is scaled down). Whatever weights u came from, the bound holds, up to the rounding
of float64.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from bayeswd.estimate.convex_losses import KNOWN, Classes, Curved, Loss, Squares, loss_of
from bayeswd.problem.likelihoods import Categorical
from bayeswd.problem.objective import Problem

MOST_FLAT = 2000  # flat coefficients in one factorisation
_NEWTON_STEPS = 60
_SMALL_STEP = 1e-6  # change of an output whose square is lost in rounding
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Block:
    """One parameter of a linear model: the outputs gain columns [n, m] @ coefficients [K, m]'."""

    columns: Tensor
    coefficients: Tensor
    l1_rate: float
    l2_rate: float

    @property
    def is_flat(self) -> bool:
        return self.l1_rate == 0 and self.l2_rate == 0

    def excess(self, pull: Tensor) -> Tensor:
        """Fenchel-Young terms of |w|/b + w^2/(2 tau^2) for v = `pull`, by output, [K].

        The conjugate is tau^2/2 (|v| - 1/b)_+^2; without a Gaussian part |v| <= 1/b is required.
        """
        bounded = pull.clamp(-self.l1_rate, self.l1_rate)
        terms = self.l1_rate * self.coefficients.abs() - self.coefficients * bounded
        if self.l2_rate > 0:
            rest = self.l2_rate * self.coefficients - (pull - bounded)
            terms = terms + rest**2 / (2 * self.l2_rate)
        return terms.sum(1)


def has_dual(problem: Problem) -> bool:
    """Whether `gap` can work: linear outputs, a likelihood it knows, few flat coefficients."""
    if problem.linear is None or not isinstance(problem.likelihood, KNOWN):
        return False
    flat = [value for name, value in problem.initial.items() if name not in problem.penalized]
    together = isinstance(problem.likelihood, Categorical)
    return sum(len(v.flatten()) if together else v[0].numel() for v in flat) <= MOST_FLAT


def gap(problem: Problem, params: Mapping[str, Tensor], witness: Mapping[str, Tensor]) -> float:
    """Upper bound on objective(params) - minimum, nats, with u from the weights `witness`.

    Needs `has_dual` and float64 throughout; inf where the outputs overflow.
    """
    blocks = _blocks(problem, params)
    outputs = _outputs(blocks)
    loss = loss_of(problem.likelihood, problem.targets, outputs)
    slopes = _feasible_on_flat(loss, _outputs(_blocks(problem, witness)), blocks)
    forces = [(block, -(slopes.T @ block.columns)) for block in blocks if not block.is_flat]
    gaps = []
    for scale in _scales(loss, slopes, forces):
        excess = loss.excess(outputs, scale * slopes)
        for block, force in forces:
            excess = excess + block.excess(scale[:, None] * force)
        gaps.append(excess.sum(0, keepdim=True) if loss.coupled else excess)
    bound = float(torch.stack(gaps).amin(0).sum())
    return bound if bound == bound else float("inf")


def _blocks(problem: Problem, params: Mapping[str, Tensor]) -> list[Block]:
    layout = problem.linear
    assert layout is not None  # has_dual
    inputs = problem.inputs.flatten(1)
    columns = {layout.weight: inputs, layout.bias: inputs.new_ones(len(inputs), 1)}
    return [
        Block(columns[name], params[name].reshape(len(params[name]), -1), p.l1_rate, p.l2_rate)
        for name, p in problem.priors.items()
    ]


def _outputs(blocks: list[Block]) -> Tensor:
    return torch.stack([block.columns @ block.coefficients.T for block in blocks]).sum(0)


def _scales(loss: Loss, slopes: Tensor, forces: list[tuple[Block, Tensor]]) -> list[Tensor]:
    """Factors s that keep s u feasible, one for each output ([1] where outputs are coupled).

    Any s in [0, 1] keeps y + s u a mean; squares allow any s, the best of which is known in
    closed form without an elastic net. The caller takes the best of those returned; s = 0 among
    them keeps the gap below objective - inf(misfit), as for weights whose means explode.
    """
    ones = slopes.new_ones(slopes.shape[1])
    hard = soft = ones * float("inf")  # up to the kink of pure L1 blocks, and of every L1 block
    for block, force in forces:
        if block.l1_rate > 0:
            reach = block.l1_rate / force.abs().amax(1)
            soft = torch.minimum(soft, reach)
            hard = hard if block.l2_rate > 0 else torch.minimum(hard, reach)
    if isinstance(loss, Squares):
        best = _best_for_squares(loss, slopes, forces)
        return [s.clamp(-limit, limit) for s in (ones, best) for limit in (hard, soft)]
    if loss.coupled:
        hard, soft, ones = (s.amin(0, keepdim=True) for s in (hard, soft, ones))
    return [torch.minimum(ones, hard), torch.minimum(ones, soft), 0 * ones]


def _best_for_squares(loss: Squares, slopes: Tensor, forces: list[tuple[Block, Tensor]]) -> Tensor:
    """argmax_s D(s u) without kinks: -u'y / (sigma^2 |u|^2 + tau^2 |v|^2), by output."""
    quadratic = loss.variance * (slopes**2).sum(0)
    for block, force in forces:
        if block.l1_rate == 0:
            quadratic = quadratic + (force**2).sum(1) / block.l2_rate
    return (-(slopes * loss.targets).sum(0) / quadratic).nan_to_num(1.0)


def _feasible_on_flat(loss: Loss, outputs: Tensor, blocks: list[Block]) -> Tensor:
    """Slopes u with F'u = 0 for the columns F of the flat coefficients, which are re-optimised."""
    flat = [block.columns for block in blocks if block.is_flat]
    if not flat:
        return loss.slopes(outputs)
    columns = torch.cat(flat, 1)
    if isinstance(loss, Squares):
        return _without(columns, loss.slopes(outputs))
    return _profiled(loss, outputs, columns)


def _without(columns: Tensor, slopes: Tensor) -> Tensor:
    """The part of the slopes orthogonal to the columns, whatever their rank."""
    left, singular, _ = torch.linalg.svd(columns, full_matrices=False)
    floor = singular[0] * max(columns.shape) * torch.finfo(columns.dtype).eps
    basis = left[:, singular > floor]
    return slopes - basis @ (basis.T @ slopes)


def _profiled(loss: Curved, outputs: Tensor, columns: Tensor) -> Tensor:
    """Slopes at the optimum over the coefficients of `columns`, by damped Newton steps.

    The last step is taken to first order in the slopes themselves: that removes the remainder of
    F'u and keeps y + u a mean. u = 0 is feasible for every loss, and is what is left where the
    optimum lies too far away to be reached.
    """
    step = _newton_step(loss, outputs, columns)
    for _ in range(_NEWTON_STEPS):
        reach = _reach(loss, step)
        if not reach.max() > _SMALL_STEP:
            break
        outputs = outputs + step * (reach.log1p() / reach).nan_to_num(1.0)
        step = _newton_step(loss, outputs, columns)
    slopes = loss.slopes(outputs) + _response(loss, outputs, step)
    remainder = (columns.T @ slopes).abs()
    rounding = _ROUNDING * (columns.abs().T @ (slopes.abs() + loss.targets)).amax(1, keepdim=True)
    in_reach = _reach(loss, step).max() <= 1 and (remainder <= rounding).all()
    return slopes if in_reach else torch.zeros_like(slopes)


def _reach(loss: Curved, step: Tensor) -> Tensor:
    """S with |third derivative| <= S |second| along the step, by output ([1] where coupled).

    A Newton step shortened by log(1 + S)/S then cannot increase the misfit: it minimises the
    upper bound of Bach 2010, lemma 1.
    """
    if isinstance(loss, Classes):
        return (step.amax(1) - step.amin(1)).amax(0, keepdim=True)
    return step.abs().amax(0)


def _newton_step(loss: Curved, outputs: Tensor, columns: Tensor) -> Tensor:
    """Change of the outputs [n, K] in one full Newton step of the flat coefficients."""
    curvature, slopes = loss.curvature(outputs), loss.slopes(outputs)
    hessian = torch.einsum("nk,ni,nj->kij", curvature, columns, columns)
    if isinstance(loss, Classes):
        hessian = _coupled(hessian, outputs.softmax(1), columns)
    gradient = (slopes.T @ columns).reshape(len(hessian), -1, 1)
    if not torch.isfinite(hessian).all():
        return torch.full_like(outputs, float("nan"))
    step = _solve_semidefinite(hessian, gradient).reshape(outputs.shape[1], -1)
    return -(columns @ step.T)


def _coupled(diagonal: Tensor, mean: Tensor, columns: Tensor) -> Tensor:
    """The softmax Hessian [1, K m, K m] from its diagonal blocks [K, m, m]."""
    classes, width, _ = diagonal.shape
    spread = (mean[:, :, None] * columns[:, None, :]).flatten(1)
    hessian = -(spread.T @ spread)
    blocks = hessian.view(classes, width, classes, width).diagonal(dim1=0, dim2=2)
    blocks.copy_(diagonal.permute(1, 2, 0))
    return hessian[None]


def _response(loss: Curved, outputs: Tensor, step: Tensor) -> Tensor:
    """First-order change of the slopes for a change of the outputs."""
    if isinstance(loss, Classes):
        mean = outputs.softmax(1)
        return mean * (step - (mean * step).sum(1, keepdim=True))
    return loss.curvature(outputs) * step


def _solve_semidefinite(matrix: Tensor, vector: Tensor) -> Tensor:
    """A solution of a positive semidefinite system [..., m, m], scaled to unit diagonal first."""
    size = matrix.diagonal(dim1=-2, dim2=-1).clamp(min=1e-300).sqrt()[..., None]
    inverse = torch.linalg.pinv(matrix / (size * size.mT), hermitian=True, rtol=1e-13)
    return inverse @ (vector / size) / size
