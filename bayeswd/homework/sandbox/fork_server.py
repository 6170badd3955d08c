"""Start the fork server, learn what it can lock, and get jobs from it."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from bayeswd.homework.sandbox import syscalls
from bayeswd.homework.sandbox.conversation import (
    Conversation,
    NoSandboxError,
    SandboxError,
)
from bayeswd.homework.sandbox.job import JOB_FOLDER

_START = 120.0  # seconds to import torch on a cold, busy machine
_CODE = "import sys, json; sys.path.insert(0, {root!r}); from bayeswd.homework.sandbox import"
_CODE += " server; server.main(*json.loads({arguments!r}))"
# One thread: more would only wait for each other, and namespaces need a process of one.
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True)
class Tier:
    """What holds jobs here. without_namespaces_because: in words, where there are none."""

    landlock: int
    namespaces: bool
    uid: int
    without_namespaces_because: str | None = None
    closed_to_others: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return ("namespaces+" if self.namespaces else "") + "landlock+seccomp"


class ForkServer:
    """A running fork server, as a context. `tier` says what it can lock.

    NoSandboxError if this machine cannot have the sandbox, SandboxError if the server does not
    start; then nothing was executed.
    """

    def __init__(self, allow_namespaces: bool = True, preload: Sequence[str] = ()) -> None:
        if (reason := syscalls.unsupported()) is not None:
            raise NoSandboxError(reason)
        syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)  # the secret is in this process's memory
        self._lock = threading.Lock()
        self._folder = tempfile.mkdtemp(prefix="bayeswd-sandbox-")
        os.chmod(self._folder, 0o711)
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = _start(theirs, [self._folder, allow_namespaces, list(preload)])
        try:
            self.tier = self._hear()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "ForkServer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def job(self) -> Conversation:
        """A new job, waiting for its submission. SandboxError if the server is gone."""
        theirs, ours = [], []
        for written_by_us in (True, False, False, True, False):
            read, write = os.pipe()
            theirs.append(read if written_by_us else write)
            ours.append(write if written_by_us else read)
        try:
            with self._lock:
                socket.send_fds(self._control, [b"job"], theirs)
        except OSError as error:
            for descriptor in ours:
                os.close(descriptor)
            raise SandboxError(f"the fork server is gone: {error}") from None
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        requests, replies, output, leash, status = ours
        return Conversation(requests, replies, output, leash, status)

    @property
    def process_id(self) -> int:
        """The server's own; those of its jobs are in its session."""
        return self._process.pid

    def leftovers(self) -> list[str]:
        """What jobs have left on disk: nothing, once they have ended."""
        found = os.listdir(self._folder) if os.path.isdir(self._folder) else []
        return [name for name in found if name.startswith(JOB_FOLDER)]

    def close(self) -> None:
        """End the server. Jobs whose conversation is open still end with that."""
        self._control.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _hear(self) -> Tier:
        self._control.settimeout(_START)
        said: dict[str, Any] = {}
        with suppress(OSError, ValueError):
            said = json.loads(self._control.recv(1 << 16) or b"{}")
        self._control.settimeout(None)
        if "refused" in said:
            raise NoSandboxError(f"no sandbox on this machine: {said['refused']}")
        if "ready" not in said:
            raise SandboxError("the fork server did not start")
        ready = said["ready"]
        if ready["namespaces"]:  # the server has left this file system for good
            shutil.rmtree(self._folder, ignore_errors=True)
        return Tier(**ready | {"closed_to_others": tuple(ready["closed_to_others"])})


def _start(control: socket.socket, arguments: Sequence[object]) -> subprocess.Popen[bytes]:
    root = str(Path(__file__).parents[3])
    code = _CODE.format(root=root, arguments=json.dumps([control.fileno(), *arguments]))
    environment = {"PATH": os.defpath, "LC_ALL": "C.UTF-8"} | dict.fromkeys(_THREADS, "1")
    return subprocess.Popen(
        [sys.executable, "-I", "-B", "-c", code],
        env=environment | {"MPLBACKEND": "Agg", "PYTHONHASHSEED": "0"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=[control.fileno()],
        cwd="/",
        start_new_session=True,
    )
