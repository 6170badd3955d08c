"""The system calls a job may make, on x86-64. Whatever is not here is refused.

Computing, memory, threads, its own clock and signals, files (which Landlock narrows to the
granted ones). Not here: processes, sockets, signals to others, mounts, names and rights of files,
tracing, keys, io_uring, and whatever future kernels add.
"""

from dataclasses import dataclass

PLAIN = {
    "memory": {9, 10, 11, 12, 25, 27, 28, 239},  # mmap .. madvise, get_mempolicy
    "input and output": {0, 1, 3, 8, 17, 18, 19, 20, 22, 32, 33, 74, 75, 77, 221, 292, 293}
    | {295, 296, 436},
    "files by name": {2, 4, 5, 6, 21, 78, 79, 80, 81, 82, 83, 84, 85, 87, 89, 95, 137, 138, 217}
    | {257, 258, 262, 263, 264, 267, 269, 316, 332, 439},  # open .. faccessat2, no link or chmod
    "waiting": {7, 23, 34, 35, 202, 219, 230, 232, 233, 270, 271, 281, 290, 291, 449},
    "threads": {24, 60, 186, 218, 231, 273, 274, 324, 334},  # sched_yield .. rseq; clone is below
    "signals to itself": {13, 14, 15, 36, 37, 38, 131},
    "questions": {39, 63, 96, 97, 98, 99, 100, 102, 104, 107, 108, 110, 111, 115, 118, 120, 143}
    | {145, 146, 147, 158, 201, 204, 228, 229, 309, 318},
}

CLONE, CLONE3, CLONE_THREAD = 56, 435, 0x10000
# From here on a library that meets "no such system call" falls back to an older one.
FIRST_NEW = 335


@dataclass(frozen=True)
class OnlyWith:
    """A call allowed when one argument (the low 32 bits) has one of the values."""

    number: int
    argument: int
    values: tuple[int, ...]


def conditional(process_id: int) -> list[OnlyWith]:
    """Calls whose harm depends on an argument; `process_id` is the job's own."""
    return [
        # ask a terminal (it is none), bytes waiting, close-on-exec: nothing that changes a device
        OnlyWith(16, 1, (0x5401, 0x5413, 0x541B, 0x5450, 0x5451)),  # ioctl
        # duplicate, flags, locks: not F_SETOWN and F_SETSIG, which send signals to others
        OnlyWith(72, 1, (0, 1, 2, 3, 4, 5, 6, 7, 1030, 1032)),  # fcntl
        OnlyWith(157, 0, (15, 16, 0x53564D41)),  # prctl: names of threads and of memory
        OnlyWith(203, 0, (0,)),  # sched_setaffinity: itself
        OnlyWith(302, 0, (0, process_id)),  # prlimit64: itself, and no limit can be raised
        OnlyWith(234, 0, (process_id,)),  # tgkill: itself, as abort() does
    ]
