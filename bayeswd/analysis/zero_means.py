"""Functions of posterior draws whose mean is known to be 0, and means made quiet by them.

For a density p and a vector field v that grows slower than p falls, E[div v + v . grad log p] = 0
(integration by parts; Mira, Solgi & Imparato 2013, section 2). What regression on such functions
explains of a mean's noise is taken off it: the mean stays, the noise goes.
"""

from __future__ import annotations

import torch
from torch import Tensor

MOST = 160  # functions of single weights and pairs; beyond it their sums take their place


def of_weights(weights: Tensor, push: Tensor, directions: Tensor) -> Tensor:
    """Functions [..., k] of weights [..., m] with push = -d log p / d weight, the same shape.

    The fields along axis k are 1, |w_k|, w_k^2, w_k |w_k| and every w_j: |w| under a prior that
    is nearly alone, and means of linear functions under data that are nearly alone, are among
    what they span. In many dimensions only sums over k are kept, and along each of the
    directions [m, r] that the data see the fields 1, z and z^2 of the coordinate z there.
    """
    unit = weights.flatten(0, -2).square().mean(0).sqrt().clamp(min=1e-300)
    count = weights.shape[-1]
    scaled, pushed = weights / unit, push * unit
    size = scaled.abs()
    alone = [
        pushed,
        scaled.sign() - size * pushed,
        2 * scaled - scaled * scaled * pushed,
        2 * size - scaled * size * pushed,
    ]
    if count * (4 + count) <= MOST:
        crossed = -scaled[..., :, None] * pushed[..., None, :]
        crossed.diagonal(dim1=-2, dim2=-1).add_(1)
        return torch.cat([*alone, crossed.flatten(-2)], -1)
    alone.append(1 - scaled * pushed)
    sums = torch.stack([each.sum(-1) for each in alone], -1)
    along, against = weights @ directions, push @ directions
    seen = [against, 1 - along * against, 2 * along - along * along * against]
    return torch.cat([sums, *seen], -1)


def of_noise(sigma: Tensor, slope: Tensor) -> Tensor:
    """Functions [..., 2] of draws of sigma with slope = d log p / d log sigma, p in log sigma."""
    log = sigma.log()
    return torch.stack([slope, 1 + (log - log.mean()) * slope], -1)


def quieted(values: Tensor, zeros: Tensor) -> Tensor:
    """Values [chain, draw] less what regression finds of the zeros [chain, draw, k] in them.

    Each half of the chains takes the coefficients of the other half: from its own draws they
    would be fitted to the very noise that they take off, which shifts the mean by about k/draws.
    """
    half = len(values) // 2
    first, last = (slice(0, half), slice(half, None))
    return torch.cat(
        [
            values[part] - zeros[part] @ _coefficients(values[other], zeros[other])
            for part, other in ((first, last), (last, first))
        ]
    )


def _coefficients(values: Tensor, zeros: Tensor) -> Tensor:
    """Of the regression of values [...] on zeros [..., k], [k]."""
    flat = zeros.flatten(0, -2)
    centred = flat - flat.mean(0)
    spread = centred.square().mean(0).sqrt().clamp(min=1e-300)
    centred = centred / spread
    gram = centred.T @ centred
    gram.diagonal().add_(1e-9 * len(flat))  # where some depend on others
    along = centred.T @ (values - values.mean()).flatten()
    return torch.linalg.solve(gram, along) / spread
