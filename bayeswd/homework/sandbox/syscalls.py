"""System calls that Python has no name for, on x86-64 Linux; standard library only."""

import ctypes
import os
import platform
import sys

# arch/x86/entry/syscalls/syscall_64.tbl of the Linux source
_NUMBERS = {
    "capset": 126,
    "pivot_root": 155,
    "mount": 165,
    "umount2": 166,
    "unshare": 272,
    "seccomp": 317,
    "mount_setattr": 442,
    "landlock_create_ruleset": 444,
    "landlock_add_rule": 445,
    "landlock_restrict_self": 446,
}
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38


def unsupported() -> str | None:
    """Why this machine cannot have the sandbox at all; None where it may."""
    if sys.platform != "linux":
        return f"the sandbox needs Linux, and this is {sys.platform}"
    if platform.machine() != "x86_64" or sys.maxsize < 2**32:
        return f"the sandbox knows the system calls of 64-bit x86, not of {platform.machine()}"
    return None


def call(name: str, *arguments: object) -> int:
    """The call's result; OSError with its name where the kernel refuses. Pointers as bytes."""
    return _checked(name, _libc().syscall(ctypes.c_long(_NUMBERS[name]), *map(_word, arguments)))


def prctl(option: int, *arguments: int) -> int:
    """prctl(2) of the calling thread; OSError where the kernel refuses."""
    words = [*arguments, 0, 0, 0, 0][:4]
    return _checked("prctl", _libc().prctl(option, *map(ctypes.c_ulong, words)))


def _word(value: object) -> object:
    return ctypes.c_long(value) if isinstance(value, int) else value


def _libc() -> ctypes.CDLL:
    if _LIBC is None:
        raise OSError(unsupported())
    return _LIBC


def _checked(name: str, result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result
