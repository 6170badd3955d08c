"""What runs in a job: read the submission, then answer the grader's calls until it hangs up.

By now the process is locked in. It knows the calls and nothing of what the answers should be.
"""

import io
import os
import sys
from contextlib import suppress

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
    sys.path.append(own)
    sys.argv = ["submission"]
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        # anew: the old ones may believe that they write to a file, and a pipe cannot be sought in
        stream = io.TextIOWrapper(
            io.FileIO(descriptor, "w", closefd=False), encoding="utf-8", errors="replace"
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _flush() -> None:
    with suppress(Exception):  # whatever the student's code did to it
        if sys.__stdout__ is not None:
            sys.__stdout__.flush()
