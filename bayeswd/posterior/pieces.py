"""How many numbers of a long array are worked on at a time."""

from __future__ import annotations

import torch


def size(device: torch.device) -> int:
    """On a CPU what its cache holds (half a MiB); elsewhere few launches (128 MiB)."""
    return 2**16 if device.type == "cpu" else 2**24
