"""Give up what a job must not have: the uid of root, capabilities, ways to gain new ones."""

import os
import struct
from contextlib import suppress

from bayeswd.homework.sandbox import syscalls

JOB_UID = 65433  # an account nobody has; root's limits would not bind root
_LAST_CAPABILITY = 63
_CAPABILITIES_V3 = 0x20080522


def drop(to_job_uid: bool) -> None:
    """No capabilities from here on; where root asks for it, the job's own uid as well. OSError."""
    for capability in range(_LAST_CAPABILITY + 1):
        with suppress(OSError):  # a number this kernel does not know, or nothing to drop
            syscalls.prctl(syscalls.PR_CAPBSET_DROP, capability)
    if to_job_uid:
        os.setgroups([])
        os.setresgid(JOB_UID, JOB_UID, JOB_UID)
        os.setresuid(JOB_UID, JOB_UID, JOB_UID)
    header = struct.pack("=Ii", _CAPABILITIES_V3, 0)
    syscalls.call("capset", header, bytes(24))
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)


def open_to_all(path: str) -> bool:
    """May any uid read the file or folder at `path`, by the permission bits on the way to it?"""
    try:
        if not os.stat(path).st_mode & 0o004:
            return False
        parents = [os.path.realpath(path)]
        while parents[-1] != "/":
            parents.append(os.path.dirname(parents[-1]))
        return all(os.stat(parent).st_mode & 0o001 for parent in parents[1:])
    except OSError:
        return False
