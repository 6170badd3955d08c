"""In place of rows that were summed away: a tensor with a shape and a dtype but no numbers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from bayeswd.errors import InputError


class AbsentRows(Tensor):
    """Tells its shape, dtype and device; whoever asks for a number is refused with one line."""

    @staticmethod
    def __new__(cls, shape: tuple[int, ...], like: Tensor) -> AbsentRows:
        made = Tensor._make_wrapper_subclass
        return made(cls, shape, dtype=like.dtype, device=like.device)

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        raise InputError(
            f"{func.__name__.partition('.')[0]} asks for the rows of a problem that was "
            "stated from moments and has none: use conjugate, gibbs or hmc, which need none, or "
            "state the problem from its rows."
        )

    def __repr__(self, **_: Any) -> str:  # type: ignore[override]
        return f"AbsentRows({tuple(self.shape)})"


def of(shape: tuple[int, ...], like: Tensor) -> Tensor:
    """[n, ...] without rows, of the dtype and on the device of `like`."""
    with torch.no_grad():
        return AbsentRows(shape, like)
