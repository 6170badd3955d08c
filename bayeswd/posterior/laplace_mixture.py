"""Laplace weights as normals of random variance, and two ways to renew that variance.

    w ~ Laplace(0, b)   is   w | t ~ N(0, b^2 t),   t ~ Exponential(mean 2)

(Andrews & Mallows 1974). A Gaussian factor of the prior, the other part of an elastic net, does
not touch t given w. `size` below is w / b, whose sign does not matter.
"""

from __future__ import annotations

from torch import Tensor

from bayeswd.posterior import inverse_gaussian
from bayeswd.posterior.random_numbers import RandomNumbers


def exchanged(size: Tensor, mixture: Tensor, random: RandomNumbers) -> Tensor:
    """t' = size^2 / t + z^2: keeps p(t | w), and moves t against itself.

    w / b is a scalar product p . q of two standard normal pairs, with t = |p|^2; given w, the two
    may change places, and |q|^2 = ((p . q)^2 + (p x q)^2) / |p|^2 with p x q = |p| z. In other
    words size^2 / t is inverse Gaussian, and t the sum of such a variable and a chi-square
    (Barndorff-Nielsen & Halgreen 1977). On the way from t to t' the memory of t is inverted, and
    chains mix up to twice as fast as with `independent`, without a square root.
    """
    normal = random.fleeting_normal(len(size))[:, None]
    return (size * size).div_(mixture).addcmul_(normal, normal)


def independent(size: Tensor, mixture: Tensor, random: RandomNumbers) -> Tensor:
    """t' ~ p(t | w), whatever t was (Park & Casella 2008, section 2)."""
    normal, uniform = random.normal(len(size))[:, None], random.uniform(len(size))[:, None]
    return inverse_gaussian.reciprocal(size.abs(), normal, uniform)
