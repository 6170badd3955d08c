"""Random numbers for many chains at once; on the CPU each chain has a stream of its own.

There numpy's ziggurat gives a float64 normal in half the time of torch's generator, and a thread
fills the next rows while the last ones are used. Each block of chains has a generator of its own,
so that a chain is the same whatever the number of chains beside it. On other devices the numbers
come from torch's generator of that device and never visit the host.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from zlib import crc32

import numpy as np
import torch
from torch import Generator, Tensor

_BLOCK = 128  # chains that share a generator
_AHEAD = 2**16  # numbers filled at a time, half a millisecond's work

Fill = Callable[[np.random.Generator, np.ndarray], object]


class RandomNumbers:
    """Normals, uniforms and gammas for `chains` chains, float64, from one seed."""

    def __init__(self, seed: int, chains: int, device: torch.device) -> None:
        self.chains, self.device, self._seed = chains, device, seed % 2**64
        self._generator = Generator(device).manual_seed(seed)
        self._filler = ThreadPoolExecutor(1)
        self._streams: dict[str, _Stream] = {}

    def normal(self, rows: int) -> Tensor:
        """Standard normals, [rows, chains]."""
        return self._own(self.fleeting_normal(rows))

    def fleeting_normal(self, rows: int) -> Tensor:
        """The same without a copy, to be used before many more are taken.

        On the CPU other numbers are written to their place after the next `_AHEAD`.
        """
        if self.device.type == "cpu":
            return self._take("normal", rows, lambda one, out: one.standard_normal(out=out))
        return self._empty(rows).normal_(generator=self._generator)

    def uniform(self, rows: int) -> Tensor:
        """Uniform on [0, 1), [rows, chains]."""
        if self.device.type == "cpu":
            return self._own(self._take("uniform", rows, lambda one, out: one.random(out=out)))
        return self._empty(rows).uniform_(generator=self._generator)

    def gamma(self, shape: float) -> Tensor:
        """Gamma variables of this shape and rate 1, [chains]."""
        if self.device.type == "cpu":
            name = f"gamma {shape}"
            taken = self._take(name, 1, lambda one, out: one.standard_gamma(shape, out=out))
            return self._own(taken[0])
        return torch._standard_gamma(self._empty(1)[0].fill_(shape), generator=self._generator)

    def _take(self, name: str, rows: int, fill: Fill) -> Tensor:
        if name not in self._streams:
            kind = crc32(name.encode())
            blocks = range(-(-self.chains // _BLOCK))
            sequences = [np.random.SeedSequence((self._seed, kind, block)) for block in blocks]
            generators = [np.random.Generator(np.random.SFC64(each)) for each in sequences]
            self._streams[name] = _Stream(generators, fill, self._filler)
        taken = self._streams[name].take(rows)
        return taken if taken.shape[1] == self.chains else taken[:, : self.chains]

    def _own(self, taken: Tensor) -> Tensor:
        return taken.clone() if self.device.type == "cpu" else taken

    def _empty(self, rows: int) -> Tensor:
        return torch.empty(rows, self.chains, dtype=torch.float64, device=self.device)


class _Stream:
    """Numbers of one kind: the same ones, however many rows are taken at a time."""

    def __init__(
        self, generators: list[np.random.Generator], fill: Fill, filler: ThreadPoolExecutor
    ) -> None:
        self._pools = _Pools(generators, fill, filler)
        self._pool, self._at = self._pools.next(), 0

    def take(self, rows: int) -> Tensor:
        """The next rows, [rows, chains in whole blocks], without a copy where they lie together.

        They are to be used before many more are taken: their place is filled again.
        """
        start = self._at
        self._at = start + rows
        if self._at <= len(self._pool):
            return self._pool[start : self._at]
        out = self._pool.new_empty(rows, self._pool.shape[1])
        done = 0
        while done < rows:
            part = self._pool[start : start + rows - done]
            out[done : done + len(part)] = part
            done, self._at = done + len(part), start + len(part)
            if done < rows:
                self._pool, start = self._pools.next(), 0
        return out


class _Pools:
    """Tensors [row, chain]; each is filled while the one before it is in use.

    A third one keeps the numbers before those, which may still be read. `next` can be called again
    after it was interrupted.
    """

    def __init__(
        self, generators: list[np.random.Generator], fill: Fill, filler: ThreadPoolExecutor
    ) -> None:
        self._generators, self._fill, self._filler = generators, fill, filler
        blocks, rows = len(generators), max(1, _AHEAD // (len(generators) * _BLOCK))
        self._pools = torch.empty(3, rows, blocks * _BLOCK, dtype=torch.float64)
        self._by_block = torch.empty(blocks, rows, _BLOCK, dtype=torch.float64)
        self._turn, self._pending = 0, filler.submit(self._filled, 0)

    def next(self) -> Tensor:
        # where the thread has found no core to run on, there is nothing to wait for
        late = self._pending.cancel()
        ready = self._filled(self._turn) if late else self._pending.result()
        turn = (self._turn + 1) % 3
        self._turn, self._pending = turn, self._filler.submit(self._filled, turn)
        return ready

    def _filled(self, turn: int) -> Tensor:
        pool, (blocks, rows, _) = self._pools[turn], self._by_block.shape
        for generator, block in zip(self._generators, self._by_block.numpy(), strict=True):
            self._fill(generator, block)
        pool.view(rows, blocks, _BLOCK).copy_(self._by_block.transpose(0, 1))
        return pool
