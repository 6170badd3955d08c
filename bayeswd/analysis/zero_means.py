"""Functions of posterior draws whose mean is known to be 0, and means made quiet by them.

For a density p and a vector field v that grows slower than p falls, E[div v + v . grad log p] = 0
(integration by parts; Mira, Solgi & Imparato 2013, section 2). What regression on such functions
explains of a mean's noise is taken off it: the mean stays, the noise goes.
"""

from __future__ import annotations

import torch
from torch import Tensor

MOST = 160  # functions; beyond it their sums over coordinates


def of_weights(weights: Tensor, push: Tensor) -> Tensor:
    """Functions [..., k] of weights [..., m] with push = -d log p / d weight, the same shape.

    The fields along axis k are 1, |w_k|, w_k^2, w_k |w_k| and every w_j: |w| under a prior that
    is nearly alone, and means of linear functions under data that are nearly alone, are among
    what they span. In many dimensions the products of different weights are left out, then all
    but the sums over k.
    """
    unit = weights.flatten(0, -2).square().mean(0).sqrt().clamp(min=1e-300)
    weights, push = weights / unit, push * unit
    size, count = weights.abs(), weights.shape[-1]
    alone = [
        push,
        weights.sign() - size * push,
        2 * weights - weights * weights * push,
        2 * size - weights * size * push,
    ]
    if count * (4 + count) <= MOST:
        crossed = -weights[..., :, None] * push[..., None, :]
        crossed.diagonal(dim1=-2, dim2=-1).add_(1)
        return torch.cat([*alone, crossed.flatten(-2)], -1)
    alone.append(1 - weights * push)
    if count * len(alone) <= MOST:
        return torch.cat(alone, -1)
    return torch.stack([each.sum(-1) for each in alone], -1)


def of_noise(sigma: Tensor, slope: Tensor) -> Tensor:
    """Functions [..., 2] of draws of sigma with slope = d log p / d log sigma, p in log sigma."""
    log = sigma.log()
    return torch.stack([slope, 1 + (log - log.mean()) * slope], -1)


def quieted(values: Tensor, zeros: Tensor) -> Tensor:
    """Values [...] less what regression finds of the zeros [..., k] in them."""
    flat = zeros.flatten(0, -2)
    centred = flat - flat.mean(0)
    centred = centred / centred.square().mean(0).sqrt().clamp(min=1e-300)
    gram = centred.T @ centred
    gram.diagonal().add_(1e-9 * len(flat))
    along = centred.T @ (values - values.mean()).flatten()
    spread = (flat - flat.mean(0)).square().mean(0).sqrt().clamp(min=1e-300)
    return values - zeros @ (torch.linalg.solve(gram, along) / spread)
