"""What runs in a job: read the submission, then answer the grader's calls until it hangs up.

By now the process is locked in. It knows the calls and nothing of what the answers should be.
"""

import io
import os
import sys
import tempfile
from contextlib import suppress
from multiprocessing import process, synchronize

from bayeswd.homework import probe
from bayeswd.homework.calls import Call
from bayeswd.homework.sandbox import wire
from bayeswd.homework.sandbox.job import REPLIES, REQUESTS
from bayeswd.homework.submissions import loading


def work() -> None:
    """First message: the submission; every further one: calls. One reply to each."""
    _settle()
    message = wire.receive(REQUESTS)
    loaded = loading.load(message["main"], loading.unpacked(message["files"]))
    _flush()
    wire.send(REPLIES, loaded.to_dict())
    while (message := wire.receive(REQUESTS)) is not None:
        calls = [Call.from_dict(each) for each in message["calls"]]
        observed = probe.observe(loaded.namespace, calls)
        _flush()
        wire.send(REPLIES, {"observations": [each.to_dict() for each in observed]})


def _settle() -> None:
    """The private folder is home, scratch space and the last place to import from."""
    own = os.getcwd()
    for name in ("HOME", "TMPDIR", "MPLCONFIGDIR", "XDG_CACHE_HOME", "TORCH_HOME"):
        os.environ[name] = own
    tempfile.tempdir = None  # a library may have looked for it before the fork
    sys.path.append(own)
    sys.argv = ["submission"]
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        stream = io.TextIOWrapper(
            io.FileIO(descriptor, "w", closefd=False), "utf-8", errors="replace", write_through=True
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    synchronize.SemLock.__init__ = process.BaseProcess.start = _no_processes  # type: ignore


def _no_processes(*_: object, **__: object) -> None:
    """Clearer than what the system calls below would say."""
    raise OSError("processes cannot be started here: use num_workers=0")


def _flush() -> None:
    for stream in (sys.__stdout__, sys.stdout):
        with suppress(BaseException):  # whatever the student's code did to it
            stream.flush()  # type: ignore[union-attr]
