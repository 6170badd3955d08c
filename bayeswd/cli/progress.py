"""A progress bar on standard error, for what takes longer than two seconds, and a clean Ctrl-C."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import TextIO

PATIENCE = 2.0  # seconds without a word
REDRAW = 0.1  # seconds between two bars on a terminal
WIDTH = 30  # letters


class Progress:
    """Call it with (done, total). A terminal gets one bar, a file a line now and then.

    In a `with` block the first Ctrl-C waits for the next call, where all that is done is whole; the
    second stops at once.
    """

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
        self._drawn = self._stopping = False

    def __enter__(self) -> Progress:
        if threading.current_thread() is threading.main_thread():
            self._handler = signal.signal(signal.SIGINT, self._interrupted)
        return self

    def __exit__(self, *raised: object) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._handler)
        if self._drawn:
            self._stream.write("\r\033[K")
            self._stream.flush()

    def _interrupted(self, number: int, frame: object) -> None:
        if self._stopping:
            raise KeyboardInterrupt
        self._stopping = True

    def __call__(self, done: int, total: int) -> None:
        if self._stopping:
            raise KeyboardInterrupt
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
