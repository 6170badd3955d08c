"""Random numbers for many chains at once; on the CPU each chain has a stream of its own.

There numpy's ziggurat gives a float64 normal in half the time of torch's generator, one seed for
each block of chains, so that a chain is the same whatever the number of chains beside it. On
other devices the numbers come from torch's generator of that device and never visit the host.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Generator, Tensor

_BLOCK = 128  # chains that share a generator

Fill = Callable[[np.random.Generator, np.ndarray], object]


class RandomNumbers:
    """Normals, uniforms and gammas for `chains` chains, float64, from one seed."""

    def __init__(self, seed: int, chains: int, device: torch.device) -> None:
        self.chains = chains
        self.device = device
        starts = range(0, chains, _BLOCK) if device.type == "cpu" else ()
        self._blocks = [(start, _stream(seed, start // _BLOCK)) for start in starts]
        self._generator = Generator(device).manual_seed(seed)

    def normal(self, rows: int) -> Tensor:
        """Standard normals, [rows, chains]."""
        if not self._blocks:
            return self._empty(rows).normal_(generator=self._generator)
        return self._filled(rows, lambda stream, out: stream.standard_normal(out=out))

    def uniform(self, rows: int) -> Tensor:
        """Uniform on [0, 1), [rows, chains]."""
        if not self._blocks:
            return self._empty(rows).uniform_(generator=self._generator)
        return self._filled(rows, lambda stream, out: stream.random(out=out))

    def gamma(self, shape: float) -> Tensor:
        """Gamma variables of this shape and rate 1, [chains]."""
        if not self._blocks:
            shapes = self._empty(1)[0].fill_(shape)
            return torch._standard_gamma(shapes, generator=self._generator)
        return self._filled(1, lambda stream, out: stream.standard_gamma(shape, out=out))[0]

    def _filled(self, rows: int, fill: Fill) -> Tensor:
        out, buffer = self._empty(rows), torch.empty(rows, _BLOCK, dtype=torch.float64)
        for start, stream in self._blocks:
            fill(stream, buffer.numpy())  # a whole block, whatever part of it is asked for
            part = out[:, start : start + _BLOCK]
            part.copy_(buffer[:, : part.shape[1]])
        return out

    def _empty(self, rows: int) -> Tensor:
        return torch.empty(rows, self.chains, dtype=torch.float64, device=self.device)


def _stream(seed: int, block: int) -> np.random.Generator:
    sequence = np.random.SeedSequence(seed % 2**64, spawn_key=(block,))
    return np.random.Generator(np.random.SFC64(sequence))
