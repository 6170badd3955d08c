"""A quadratic plus an L1 penalty, minimised exactly by a search over signs.

For given signs of the coefficients that are not zero the minimum is one linear solve. Each round
lets in zeros that the data pull beyond their penalty, solves, and goes along that move to the
lowest point of the true, kinked objective, where a coefficient may stop at exactly zero. Every
round goes down and there are finitely many sign patterns, so it ends (feature-sign search, Lee,
Battle, Raina & Ng 2006, algorithm 1; here several coefficients may enter at once).
"""

from __future__ import annotations

import torch
from torch import Tensor

from bayeswd.estimate import accelerated_descent

ROUNDING = 32 * torch.finfo(torch.float64).eps
FEW = 32  # coefficients up to which the search alone is faster than steps before it
ENTRANTS = 10  # coefficients let in together; many at once send a near-singular solve astray


def minimise(hessian: Tensor, force: Tensor, rates: Tensor, start: Tensor) -> Tensor:
    """argmin_u of u'Hu/2 - force'u + sum_j rates_j |u_j|, [m], for positive definite H [m, m].

    rates: at least 0, [m]; 0 for a coefficient without L1 penalty. start: [m].
    """
    size = hessian.diagonal().rsqrt()  # unit diagonal: coefficients of any unit are alike
    hessian, force, rates = size[:, None] * hessian * size, size * force, size * rates
    weights = start / size
    if (rates > 0).any() and len(weights) > FEW:
        weights = accelerated_descent.approach(hessian, force, rates, weights)
    return size * _search(hessian, force, rates, weights)


def _search(hessian: Tensor, force: Tensor, rates: Tensor, weights: Tensor) -> Tensor:
    sizes = hessian.abs()
    for _ in range(20 * len(weights) + 100):
        slope = force - hessian @ weights
        noise = ROUNDING * (force.abs() + sizes @ weights.abs() + rates)
        held = (weights != 0) | (rates == 0)
        pull = slope - rates * torch.where(held, weights.sign(), slope.sign())
        entering = _strongest(~held & (slope.abs() > rates + noise), pull, ENTRANTS)
        optimal = not (held & (pull.abs() > noise)).any()
        if optimal and not entering.any():
            break
        move = _move(hessian, pull, held, entering, optimal)
        moved = _lowest_point(weights, move, float(pull @ move), rates)
        if torch.equal(moved, weights):
            break
        weights = moved
    return weights


def _strongest(among: Tensor, pull: Tensor, most: int) -> Tensor:
    """At most `most` of the coefficients marked in `among`, those with the strongest pull."""
    index = torch.where(among, pull.abs(), -1.0).topk(min(most, int(among.sum()))).indices
    return torch.zeros_like(among).index_fill(0, index, True)


def _move(hessian: Tensor, pull: Tensor, held: Tensor, entering: Tensor, optimal: bool) -> Tensor:
    """The solve over the held and the entering coefficients; none may enter the wrong way.

    One entrant alone, the held ones being optimal, always enters the way it is pulled.
    """
    first = _strongest(entering, pull, 1)
    move = _solve(hessian, pull, held | entering)
    while (wrong := entering & (move * pull <= 0)).any():
        entering = entering & ~wrong
        if optimal and not entering.any():
            return _solve(hessian, pull, held | first)
        move = _solve(hessian, pull, held | entering)
    return move


def _solve(hessian: Tensor, pull: Tensor, free: Tensor) -> Tensor:
    """The move, zero outside `free`, that takes the pull on `free` to zero."""
    index = free.nonzero()[:, 0]
    factor = _factor(hessian[index[:, None], index])
    solved = torch.cholesky_solve(pull[index, None], factor)[:, 0]
    return torch.zeros_like(pull).index_copy(0, index, solved)


def _factor(block: Tensor) -> Tensor:
    """The Cholesky factor; of a slightly larger matrix where rounding has left none."""
    unit = torch.eye(len(block), dtype=block.dtype)
    for raised in (0.0, 1e-12, 1e-10, 1e-8, 1e-6):
        factor, failed = torch.linalg.cholesky_ex(block + raised * unit)
        if not failed:
            return factor
    return unit


def _lowest_point(weights: Tensor, move: Tensor, drop: float, rates: Tensor) -> Tensor:
    """The lowest point of the objective on weights + t move, t > 0.

    Its slope along the line is drop (t - 1), and at each zero that is crossed it jumps by
    2 rates |move|. Where the slope turns positive in a jump, that coefficient stays at zero.
    """
    crossing = ((weights * move < 0) & (rates > 0)).nonzero()[:, 0]
    times, order = (-weights[crossing] / move[crossing]).sort()
    crossing = crossing[order]
    jumps = 2 * (rates * move.abs())[crossing]
    turning = (drop * (times - 1) + jumps.cumsum(0) >= 0).nonzero()[:, 0]
    passed = int(turning[0]) if len(turning) else len(times)
    smooth = 1 - float(jumps[:passed].sum()) / drop if drop > 0 else 0.0
    if passed == len(times) or smooth < times[passed]:
        return weights + smooth * move
    moved = weights + times[passed] * move
    moved[crossing[times == times[passed]]] = 0.0
    return moved
