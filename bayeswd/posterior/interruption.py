"""Ctrl-C, or memory running out: the draws that are whole by then are kept."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType

import torch


@dataclass
class Made:
    """How many of the draws asked for are whole; a `with` block that an interruption may end.

    by: what ended the block early, else empty. Where no draw is whole the error goes on.
    """

    asked: int
    done: int = 0
    by: str = ""

    def __enter__(self) -> Made:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        reason = _reason(error)
        if not reason or self.done == 0:
            return False
        self.by = reason
        return True

    @property
    def clause(self) -> str:
        """For `Draws.why`; empty when all are made."""
        return f"cut short after {self.done} of {self.asked} draws ({self.by})" if self.by else ""


def _reason(error: BaseException | None) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    # torch's allocator for the CPU raises a plain RuntimeError
    plain = isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
    if plain or isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)):
        return "out of memory"
    return ""
