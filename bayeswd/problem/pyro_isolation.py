"""Pyro's and torch's global state, borrowed and given back: random numbers, parameters, settings.

Pyro draws from torch's global generator and keeps the parameters of a guide in one global store.
Inside `isolated` both are ours; outside the user finds them as they were.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pyro
import torch


@contextmanager
def isolated(seed: int, device: torch.device) -> Iterator[None]:
    """Random numbers from `seed`, an empty parameter store, no validation; then all as before."""
    with _own_random_numbers(seed, device), _own_parameter_store(), pyro.validation_enabled(False):
        yield


@contextmanager
def _own_random_numbers(seed: int, device: torch.device) -> Iterator[None]:
    """Not torch.manual_seed: it would reseed every device, and devices that are not yet in use."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.default_generator.manual_seed(seed)
        for each in devices:
            with torch.cuda.device(each):
                torch.cuda.manual_seed(seed)
        yield


@contextmanager
def _own_parameter_store() -> Iterator[None]:
    store = pyro.get_param_store()
    try:
        with store.scope(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Encountered ", UserWarning)  # NaN, far out
            yield
    finally:
        for name in store.keys():  # noqa: SIM118
            store[name]  # reading restores param.unconstrained, which scope() takes off
