"""Harmless attacks, tried in the very sandbox that is to be used, before anything else is.

Each is a function that gives 1 if it got through and 0 if the system refused. Whatever else comes
back, or nothing, counts as got through.
"""

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bayeswd.homework.calls import Call, Observation
from bayeswd.homework.sandbox.conversation import JobError
from bayeswd.homework.sandbox.fork_server import ForkServer

_SECONDS = 20.0

# name: what it tries, in words, and the body of its function. An OSError, or an ImportError or
# ValueError from Python's own, in it means that it was refused.
ATTEMPTS = {
    "reads": ("read a file of the grader", "open(FILE).read()"),
    "lists": ("list the grader's folder", "os.listdir(os.path.dirname(FILE))"),
    "writes": ("write into the grader's folder", "open(FILE + '.new', 'w').write('x')"),
    "changes": ("change the rights of a file", "os.chmod(FILE, 0o777)"),
    "cuts": ("empty a file", "os.truncate(FILE, 0)"),
    "answers": ("import the reference answers", "import bayeswd.homework.assignment"),
    "connects": ("open a TCP connection", "socket.create_connection(('127.0.0.1', PORT), 1)"),
    "sends": (
        "send a UDP packet",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', PORT))",
    ),
    "forks": ("start a process", "os.fork() or os._exit(0)"),
    "runs": ("run a program", "os.execv('/bin/true', ['true'])"),
    "signals": ("signal the grader", "os.kill(GRADER, 0)"),
    "looks": ("look into the grader's memory", "open(f'/proc/{GRADER}/mem', 'rb')"),
    "traces": (
        "trace the grader",
        "if ctypes.CDLL(None).ptrace(0x4206, GRADER, 0, 0): raise OSError",
    ),
    "limits": (
        "raise its limits",
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2**62, 2**62))",
    ),
}


@dataclass(frozen=True)
class Canary:
    """One attack in words and whether the sandbox held."""

    words: str
    held: bool


def try_all(server: ForkServer) -> list[Canary]:
    """Every attack in a job of `server`. SandboxError if no job can be had."""
    with _bait() as (file, port):
        program = source(file, port, os.getpid())
        seen = {name: _refused(server, program, name) for name in ATTEMPTS}
        untouched = file.read_text() == _SECRET and os.listdir(file.parent) == [file.name]
        if not untouched or file.stat().st_mode & 0o777 != 0o644:
            seen |= dict.fromkeys(("writes", "changes", "cuts"), False)
    return [Canary(ATTEMPTS[name][0], held) for name, held in seen.items()]


def source(file: Path, port: int, grader: int) -> str:
    """The attacks as a program."""
    functions = "".join(
        f"def {name}():\n  try:\n    {body}\n    return 1.0\n"
        "  except (OSError, ImportError, ValueError):\n    return 0.0\n"
        for name, (_, body) in ATTEMPTS.items()
    )
    imports = "import ctypes, os, resource, socket\n"
    return f"{imports}FILE, PORT, GRADER = {str(file)!r}, {port}, {grader}\n{functions}"


_SECRET = "for the grader alone\n"


@contextmanager
def _bait() -> Iterator[tuple[Path, int]]:
    """A file that everybody may read, in a folder of its own, and a port that answers."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as listener:
        os.chmod(folder, 0o755)
        file = Path(folder) / "secret.txt"
        file.write_text(_SECRET)
        file.chmod(0o644)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield file, listener.getsockname()[1]


def _refused(server: ForkServer, program: str, name: str) -> bool:
    """A job of its own for each, so that one that ends the job does not hide the others."""
    with server.job() as job:
        try:
            job.submit("canary.py", {"canary.py": program.encode()}, _SECONDS)
            reply = job.ask({"calls": [Call(name, ()).to_dict()]}, _SECONDS)
            (seen,) = [Observation.from_dict(each) for each in reply["observations"]]
        except (JobError, ValueError, TypeError, KeyError):
            return False
    return seen.reached == "type" and [part.values for part in seen.parts] == [(0.0,)]
