"""Where chains start, and where a chain goes that cannot leave its start.

Far out on an exponential wall the forces are as large as the density is small: no step that suits
the posterior can be taken from there, and a chain that began there would never move.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

SPREAD = 1.5  # of the starts, in sds of the posterior as far as it is known
_HALVINGS = 20
_SURPRISE = 2.0  # of the rise of energy that a Gaussian predicts is still no surprise
_ALWAYS = 1.0  # nats that are never one


def pulled_in(
    energy: Callable[[Tensor], Tensor], centre: Tensor, offset: Tensor, predicted: Tensor
) -> Tensor:
    """centre + s offset, with the first s of 1, 1/2, 1/4 ... whose energy is no surprise; [D, C].

    predicted: nats by which the energy would rise from the centre to s = 1 were it quadratic, [C].
    energy: of columns [D, C], nats, [C]; an infinite one, or nan, is a surprise.
    """
    share = torch.ones_like(predicted)
    least = energy(centre)
    for _ in range(_HALVINGS):
        rise = energy(torch.addcmul(centre, offset, share.to(offset))) - least
        high = ~(rise <= _SURPRISE * share**2 * predicted + _ALWAYS)
        share = torch.where(high, 0.5 * share, share)
    return torch.addcmul(centre, offset, share.to(offset))


def substitutes(bad: Tensor, merit: Tensor) -> Tensor:
    """The chain whose place each chain takes, [C]: its own; the worst bad one that of the best.

    bad: [C], whether a chain has to move. merit: [C], nan for the worst.
    """
    order = merit.nan_to_num(nan=-torch.inf, neginf=-torch.inf).argsort()
    source = torch.empty_like(order)
    source[order] = torch.where(bad[order], order.flip(0), order)
    return source
