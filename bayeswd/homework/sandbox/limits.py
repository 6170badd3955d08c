"""How much a job may use. Wall time is watched from outside; the rest is the kernel's."""

import os
import resource
from dataclasses import dataclass

MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """memory_bytes: address space on top of what a process with torch loaded has; file_bytes: of
    one file; folder_bytes, folder_files: of the private folder; cpu_seconds: a last resort."""

    memory_bytes: int = 1024 * MIB
    file_bytes: int = 16 * MIB
    folder_bytes: int = 32 * MIB
    folder_files: int = 1000
    open_files: int = 128
    cpu_seconds: int = 900


LIMITS = Limits()


def address_space() -> int:
    """Bytes of address space this process has; needs /proc."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def apply(limits: Limits, already: int) -> None:
    """Set them as hard limits; `already` is the address space in use."""
    for which, most in (
        (resource.RLIMIT_AS, already + limits.memory_bytes),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        _, hard = resource.getrlimit(which)
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(which, (bound, bound))
