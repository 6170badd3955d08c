"""The fork servers of the red-team set, one for each tier that this machine has, and its bait."""

import os
import pwd
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import bayeswd
from bayeswd.homework.sandbox import fork_server
from bayeswd.homework.sandbox.conversation import NoSandboxError
from bayeswd.homework.sandbox.fork_server import ForkServer

SECRET = "canary: for the grader alone\n"


@dataclass(frozen=True)
class Bait:
    """Things that an attack must neither read, change nor reach."""

    folder: Path
    listener: socket.socket
    packets: socket.socket
    abstract: socket.socket
    file_socket: socket.socket
    grader: subprocess.Popen[bytes]

    def words(self) -> dict[str, str]:
        return {
            "@SECRET@": str(self.folder / "secret.txt"),
            "@ROSTER@": str(self.folder / "roster.csv"),
            "@OTHER@": str(self.folder / "other.py"),
            "@FOLDER@": str(self.folder),
            "@SERVERFOLDER@": tempfile.gettempdir(),
            "@ADMIN@": pwd.getpwuid(0).pw_dir,
            "@HOMES@": os.sep + "home",
            "@SOCKET@": str(self.folder / "socket"),
            "@ABSTRACT@": f"bayeswd-test-{os.getpid()}",
            "@PORT@": str(self.listener.getsockname()[1]),
            "@GRADER@": str(self.grader.pid),
            "@CHECKOUT@": str(Path(__file__).parents[3]),
            "@PACKAGE@": str(Path(bayeswd.__file__).parent),
            "@PARENTHESES@": "(" * 100_000 + ")" * 100_000,
            "@NUL@": "\0",
        }

    def untouched(self) -> list[str]:
        """What has been touched, in words; nothing if all is well."""
        touched = [] if self.grader.poll() is None else ["the process was ended"]
        names = ["other.py", "roster.csv", "secret.txt", "socket"]
        if sorted(os.listdir(self.folder)) != names:
            touched.append("the folder holds other files")
        for name in names[:3]:
            about = (self.folder / name).stat()
            if (self.folder / name).read_text() != SECRET or about.st_mode & 0o777 != 0o644:
                touched.append(f"{name} was changed")
        for place in (self.listener, self.abstract, self.file_socket):
            place.setblocking(False)
            try:
                place.accept()
                touched.append(f"a connection came to {place.getsockname()}")
            except BlockingIOError:
                pass
        try:
            self.packets.recv(10, socket.MSG_DONTWAIT)
            touched.append("a packet came")
        except BlockingIOError:
            pass
        return touched


@pytest.fixture(scope="session")
def bait() -> Iterator[Bait]:
    with tempfile.TemporaryDirectory() as name, socket.socket() as tcp:
        folder = Path(name)
        folder.chmod(0o755)
        for file in ("secret.txt", "roster.csv", "other.py"):
            (folder / file).write_text(SECRET)
            (folder / file).chmod(0o644)
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(tcp.getsockname())
        abstract, file_socket = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        abstract.bind(f"\0bayeswd-test-{os.getpid()}")
        file_socket.bind(str(folder / "socket"))
        os.chmod(folder / "socket", 0o777)
        for unix in (abstract, file_socket):
            unix.listen()
        with udp, abstract, file_socket, subprocess.Popen(["sleep", "600"]) as grader:
            try:
                yield Bait(folder, tcp, udp, abstract, file_socket, grader)
            finally:
                grader.kill()


FIRST_LANDLOCK = pytest.param("the first Landlock", marks=pytest.mark.slow)


@pytest.fixture(scope="session", params=["namespaces", "landlock", FIRST_LANDLOCK])
def server(request: pytest.FixtureRequest) -> Iterator[ForkServer]:
    """Each tier of the machine; the one with namespaces is skipped where there are none.

    The first version of Landlock, which knew neither truncation nor sockets nor signals, is what
    kernels of 2021 have: there the list of system calls must hold all of that.
    """
    wants_namespaces = request.param == "namespaces"
    patch = pytest.MonkeyPatch()
    if request.param == FIRST_LANDLOCK.values[0]:
        older = "; from bayeswd.homework.sandbox import landlock as l; l.version = lambda: 1; from"
        patch.setattr(fork_server, "_CODE", fork_server._CODE.replace("; from", older))
    try:
        running = ForkServer(wants_namespaces)
    except NoSandboxError as error:
        pytest.skip(str(error))
    finally:
        patch.undo()
    with running:
        if wants_namespaces and not running.tier.namespaces:
            pytest.skip(f"no namespaces here: {running.tier.without_namespaces_because}")
        yield running
