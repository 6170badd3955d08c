"""The fork server: a process that has torch loaded, holds no secret, and forks one job per request.

Started by the grader as `python -I` with nothing in its environment; it never sees a reference
answer, a hidden input, a roster or another submission. Its control socket carries, with each
request, the ends of the pipes between the grader and the job; what passes through them is not seen
here.
"""

import gc
import importlib
import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

from bayeswd.homework.sandbox import job, landlock, limits, namespaces, privileges, reach, syscalls
from bayeswd.homework.sandbox.job import Pipes, Setting

OWN_FOLDER = "/submission"  # the private folder, where there are namespaces
# What of this package may be in memory with a student's code: nothing that knows an answer.
_HARMLESS = (
    *(f"bayeswd.homework.{name}" for name in ("sandbox", "submissions", "calls", "plain", "probe")),
    "bayeswd.errors",
)
_KEPT_FREE = 16  # the pipes of a job get numbers from here on, so that none is in the way


def main(
    control_descriptor: int, folder: str, allow_namespaces: bool, preload: Sequence[str]
) -> None:
    """Load, lock what can be locked once, report how, then serve until the control socket ends.

    folder: an empty one of this server's own, removed at the end. preload: libraries that
    submissions are likely to want; one that is not installed is left out.
    """
    control = socket.socket(fileno=control_descriptor)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the grader decides what an interrupt means
    try:
        try:
            if landlock.version() == 0:
                raise OSError("this kernel has no Landlock, or it is switched off")
            _load(folder, preload)
            setting, notes = _prepare(folder, allow_namespaces)
        except OSError as error:
            control.send(json.dumps({"refused": str(error)}).encode())
            return
        control.send(json.dumps({"ready": notes}).encode())
        _serve(control, setting)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _load(folder: str, preload: Sequence[str]) -> None:
    importlib.import_module("bayeswd.homework.sandbox.worker")
    os.environ["MPLCONFIGDIR"] = os.environ["HOME"] = folder  # what they write is removed with it
    for name in preload:
        with suppress(Exception):
            importlib.import_module(name)
    _load_optimizers()
    _require_ignorance()
    sys.path[:] = [os.path.realpath(path) for path in sys.path]
    while os.open(os.devnull, os.O_RDWR) < _KEPT_FREE:
        pass


def _require_ignorance() -> None:
    """Refuse to start with anything of bayeswd in memory that knows an answer."""
    packages = {"bayeswd", "bayeswd.homework"}  # empty, or names without what they stand for
    known = {name for name in sys.modules if name.split(".")[0] == "bayeswd"} - packages
    if unwanted := sorted(name for name in known if not name.startswith(_HARMLESS)):
        raise OSError(f"the fork server would hold {unwanted[0]}, which a job could look into")


def _load_optimizers() -> None:
    """The first optimizer of a process makes torch load a second's worth of modules: once, here."""
    import torch

    torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)


def _prepare(folder: str, allow_namespaces: bool) -> tuple[Setting, dict[str, object]]:
    """The setting for all jobs, and what a person should know about it."""
    grants = reach.grants(OWN_FOLDER)
    used = limits.address_space()
    lacking = "switched off" if not allow_namespaces else _tried(_enter, grants, folder)
    if lacking is None:
        _enter(grants, folder)
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)  # only now: it closes /proc/self to its own user
    closed = [] if lacking is None else [*filter(os.path.exists, grants.readable)]
    closed = [path for path in closed if not privileges.open_to_all(path)]
    other_uid = os.getuid() == 0 and not closed and _tried(privileges.drop, True) is None
    gc.collect()
    gc.freeze()  # a collection in a job would copy every page of the libraries' objects
    setting = Setting(grants, lacking is None, folder, other_uid, used)
    uid = privileges.JOB_UID if other_uid else os.getuid()
    return setting, {
        "landlock": landlock.version(),
        "namespaces": lacking is None,
        "without_namespaces_because": lacking,
        "uid": uid,
        "closed_to_others": closed[:1],
    }


def _enter(grants: landlock.Grants, folder: str) -> None:
    root = os.path.join(folder, "root")
    os.makedirs(root, exist_ok=True)
    namespaces.enter(grants, root)
    if os.path.exists(os.path.join(folder, "root")):  # the old file system is still in reach
        raise OSError("the new root did not replace the old one")


def _tried(action: Callable[..., None], *arguments: object) -> str | None:
    """Why an action fails, seen in a child of its own; None where it works."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            action(*arguments)
            if action is _enter:
                namespaces.new_process_tree()
        except BaseException as error:
            os.write(write, str(error).encode()[:300] or b"unknown")
        os._exit(0)
    os.close(write)
    _, status = os.waitpid(child, 0)
    said = os.read(read, 300).decode("utf-8", "replace")
    os.close(read)
    return said or (None if status == 0 else f"it ended with status {status}")


def _serve(control: socket.socket, setting: Setting) -> None:
    """One keeper for each request; the kernel buries those that have ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        request, received, _, _ = socket.recv_fds(control, 16, 5)
        if not request:
            return
        if len(received) == 5:
            keeper = os.fork()
            if keeper == 0:
                control.close()
                _keep(setting, Pipes(*received))
        for descriptor in received:
            os.close(descriptor)


def _keep(setting: Setting, pipes: Pipes) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    worker = importlib.import_module("bayeswd.homework.sandbox.worker")
    try:
        ending = job.keep(setting, pipes, worker.work)
    except BaseException as error:
        ending = {"setup": f"{type(error).__name__}: {error}"[:500]}
    os.write(pipes.status, json.dumps(ending).encode())
    os._exit(0)
