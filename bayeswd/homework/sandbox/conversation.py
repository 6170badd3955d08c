"""One job as the grader sees it: ask it something, get plain data or the reason why not."""

import base64
import json
import os
import selectors
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from bayeswd.homework.calls import CRASH, MEMORY, PROTOCOL, TIME
from bayeswd.homework.sandbox import wire
from bayeswd.homework.sandbox.limits import LIMITS, MIB

MOST_REPLY = 4 * MIB
MOST_OUTPUT = 64 * 1024
_PIECE = 1 << 16
_BURIAL = 30.0  # seconds for the kernel to take a killed process's memory apart


class JobError(Exception):
    """The job gave no answer. `fault` is one of the faults of homework.calls; the text says why."""

    def __init__(self, fault: str, words: str) -> None:
        super().__init__(words)
        self.fault = fault


class SandboxError(RuntimeError):
    """A job, or all of them, could not be locked in or watched: a fault of ours."""


class NoSandboxError(SandboxError):
    """This machine lacks something that the sandbox is made of. Nothing was executed."""


@dataclass
class Conversation:
    """The grader's ends of a job's pipes; use it as a context, so that the job ends with it."""

    requests: int
    replies: int
    output: int
    leash: int
    status: int
    printed: bytearray = field(default_factory=bytearray)
    _ending: Mapping[str, Any] | None = None

    def __enter__(self) -> "Conversation":
        for descriptor in (self.requests, self.replies, self.output):
            os.set_blocking(descriptor, False)
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        for descriptor in (self.requests, self.replies, self.output, self.status):
            os.close(descriptor)

    def submit(self, main: str, files: Mapping[str, bytes], seconds: float) -> Any:
        """Hand over a submission; what became of loading it. JobError, SandboxError."""
        carried = {name: base64.b64encode(data).decode() for name, data in files.items()}
        return self.ask({"main": main, "files": carried}, seconds)

    def ask(self, message: Any, seconds: float) -> Any:
        """The decoded reply, which nobody vouches for. JobError where none came in time."""
        try:
            return wire.decode(self._exchange(wire.frame(message), time.monotonic() + seconds))
        except wire.MalformedError as error:
            self.end()
            raise JobError(PROTOCOL, f"{error}") from None
        except TimeoutError:
            self.end()
            raise JobError(TIME, f"no answer within {seconds:g} s") from None
        except EOFError:
            raise self._why_it_ended() from None

    def end(self) -> Mapping[str, Any]:
        """Kill the job if it still runs, wait until nothing of it is left, and say how it ended."""
        if self._ending is None:
            os.close(self.leash)
            self._ending = self._read_status()
        return self._ending

    def _exchange(self, request: bytes, deadline: float) -> bytes:
        """Send the request and read one frame, while what is printed is read and mostly dropped."""
        rest, reply, wanted = memoryview(request), bytearray(), wire.HEADER.size
        with selectors.DefaultSelector() as selector:
            selector.register(self.requests, selectors.EVENT_WRITE)
            selector.register(self.replies, selectors.EVENT_READ)
            selector.register(self.output, selectors.EVENT_READ)
            while len(reply) < wanted:
                for descriptor in self._ready(selector, deadline):
                    if descriptor == self.requests:
                        rest = self._write(rest)
                        if not rest:
                            selector.unregister(self.requests)
                    elif descriptor == self.output:
                        if not self._drain():
                            selector.unregister(self.output)
                    else:
                        reply += self._read(wanted - len(reply))
                if wanted == wire.HEADER.size == len(reply):
                    wanted += wire.length(bytes(reply), MOST_REPLY)
        self._drain()
        return bytes(reply[wire.HEADER.size :])

    def _ready(self, selector: selectors.BaseSelector, deadline: float) -> list[int]:
        left = deadline - time.monotonic()
        events = selector.select(left) if left > 0 else []
        if not events:
            raise TimeoutError
        return [key.fd for key, _ in events]

    def _write(self, rest: memoryview) -> memoryview:
        try:
            return rest[os.write(self.requests, rest[:_PIECE]) :]
        except BrokenPipeError:
            raise EOFError from None

    def _read(self, most: int) -> bytes:
        piece = os.read(self.replies, min(most, _PIECE))
        if not piece:
            raise EOFError
        return piece

    def _drain(self) -> bool:
        """Take what was printed; False once nobody can print any more."""
        with suppress(BlockingIOError):
            piece = os.read(self.output, _PIECE)
            self.printed += piece[: MOST_OUTPUT - len(self.printed)]
            return bool(piece)
        return True

    def _why_it_ended(self) -> JobError:
        ending = self.end()
        if ending["quota"]:
            most = LIMITS.folder_bytes // MIB
            return JobError(CRASH, f"more than {most} MB or too many files were written")
        if (number := ending.get("signal")) is None:
            return JobError(CRASH, f"the program ended itself (exit status {ending['exit']})")
        with suppress(ValueError):
            number = signal.Signals(number).name
        if number == "SIGKILL":
            return JobError(MEMORY, "the program was ended by the system: out of memory")
        return JobError(CRASH, f"the program crashed ({number})")

    def _read_status(self) -> Mapping[str, Any]:
        os.set_blocking(self.status, False)
        deadline, said = time.monotonic() + _BURIAL, b""
        with selectors.DefaultSelector() as selector:
            selector.register(self.status, selectors.EVENT_READ)
            while selector.select(max(0.0, deadline - time.monotonic())):
                piece = os.read(self.status, _PIECE)
                if not piece:
                    break
                said += piece
        ending = json.loads(said or b'{"setup": "the keeper of the job is gone"}')
        if "setup" in ending:
            raise SandboxError(f"a job could not be locked in: {ending['setup']}")
        return ending
