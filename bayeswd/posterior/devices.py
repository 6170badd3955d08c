"""Where to draw: a GPU pays only where one step of all chains is a large batch."""

from __future__ import annotations

from bayeswd.errors import InputError

# Numbers in one step of all chains from which a GPU is expected to win. Reckoned, not measured: a
# step is some tens of operations, each about 10 microseconds to launch on a GPU, and about a
# nanosecond for each number on a CPU core.
BATCH = 2**16
ON_GPU = ("gibbs", "hmc")


def choose(asked: str, engine: str, chains: int, parameters: int) -> tuple[str, str]:
    """("cpu" or "cuda", the reason) for `asked`: auto, cpu or cuda.

    engine: by its short name; chains x parameters is the batch. Raises InputError where CUDA was
    asked for and there is none.
    """
    import torch

    available = torch.cuda.is_available()
    if asked == "cuda" and not available:
        raise InputError("--device cuda: torch finds no CUDA device; use --device cpu.")
    if asked != "auto":
        return asked, "asked for"
    if not available:
        return "cpu", "torch finds no CUDA device"
    if engine not in ON_GPU:
        return "cpu", f"{engine} has no batch of chains to gain from"
    size = chains * parameters
    batch = f"{chains} chains x {parameters} parameters"
    if size < BATCH:
        return "cpu", f"{batch} are too few numbers at once to gain from a GPU (from {BATCH} on)"
    return "cuda", f"{batch} are {BATCH} numbers at once or more"
