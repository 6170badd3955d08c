"""Inverse-Gaussian variables by a formula without cancellation, finite at every mean.

1/t ~ InverseGaussian(mean 1/q, shape 1) is the law of the precision of a Laplace weight of size q
(in units of its scale b) given that size, and t of its variance in units of b^2.
"""

from __future__ import annotations

import torch
from torch import Tensor


def reciprocal(size: Tensor, normal: Tensor, uniform: Tensor) -> Tensor:
    """t = 1 / InverseGaussian(mean 1/size, shape 1), for size >= 0.

    Michael, Schucany & Haas 1976: both roots x of (q x - 1)^2 = z^2 x give the same z^2; the
    smaller one, 1/r, is taken with probability r / (r + q), else r / q^2. With g = z^2 / 2,
    r = q + g + sqrt(g^2 + 2 q g) has only positive terms, and q = 0 needs no case of its own.
    """
    half = 0.5 * normal**2
    root = size + half + (half * (half + 2 * size)).sqrt()
    smaller = uniform * (root + size) <= root
    return torch.where(smaller, root, size * (size / root))
