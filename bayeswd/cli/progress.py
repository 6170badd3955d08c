"""A progress bar on standard error, for what takes longer than two seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

PATIENCE = 2.0  # seconds without a word
REDRAW = 0.1  # seconds between two bars on a terminal
WIDTH = 30  # letters


class Progress:
    """Call it with (done, total). A terminal gets one bar, a file a line now and then."""

    def __init__(
        self,
        label: str,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._label, self._clock = label, clock
        self._stream = sys.stderr if stream is None else stream
        self._began = clock()
        self._next = self._began + PATIENCE
        self._drawn = False

    def __call__(self, done: int, total: int) -> None:
        now = self._clock()
        if now < self._next:
            return
        elapsed = now - self._began
        left = elapsed * (total - done) / max(done, 1)
        text = f"{self._label}: {100 * done // total} %, about {left:.0f} s left"
        if not self._stream.isatty():  # a log: after 2, 4, 8 ... seconds
            self._next = now + elapsed
            print(text, file=self._stream, flush=True)
            return
        self._next = now + REDRAW
        self._drawn = True
        full = WIDTH * done // total
        self._stream.write(f"\r[{'#' * full}{' ' * (WIDTH - full)}] {text}\033[K")
        self._stream.flush()

    def close(self) -> None:
        """Leave the line of the bar, if there is one, empty."""
        if self._drawn:
            self._stream.write("\r\033[K")
            self._stream.flush()
