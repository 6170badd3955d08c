"""Random numbers for many chains: the same ones whatever happens while they are drawn."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import torch

from bayeswd.posterior import random_numbers
from bayeswd.posterior.random_numbers import RandomNumbers


def normals(rows, times):
    numbers = RandomNumbers(3, 5, torch.device("cpu"))
    return torch.cat([numbers.normal(rows) for _ in range(times)])


def test_numbers_do_not_depend_on_how_many_are_taken_at_a_time():
    some, other = normals(7, 300), normals(150, 14)
    assert torch.equal(some, other)
    assert some.mean().abs() < 4 / some.numel() ** 0.5
    assert len(some.flatten().unique()) == some.numel()  # no pool is handed out twice


def pools_of(fill, count):
    """What `count` calls of `next` give where the filling thread gets no core; None if stopped."""
    release, found = Event(), []
    with ThreadPoolExecutor(1) as filler:
        filler.submit(release.wait)
        pools = random_numbers._Pools([np.random.Generator(np.random.SFC64(0))], fill, filler)
        for _ in range(count):
            try:
                found.append(pools.next().clone())
            except KeyboardInterrupt:
                found.append(None)
        release.set()
    return found


def test_numbers_go_on_after_an_interruption():
    calls = []

    def plain(generator, out):
        generator.standard_normal(out=out)

    def stopped(generator, out):
        calls.append(None)
        if len(calls) in (2, 3):
            raise KeyboardInterrupt
        plain(generator, out)

    whole, found = pools_of(plain, 6), pools_of(stopped, 8)
    assert [pool is None for pool in found] == [False, True, True, *[False] * 5]
    assert torch.equal(torch.stack(whole), torch.stack([p for p in found if p is not None]))
