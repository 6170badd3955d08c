"""seccomp-BPF: the kernel refuses every system call that allowed_calls.py does not name.

A filter is a program for the classic Berkeley packet filter that looks at a call's number and
arguments (Linux, Documentation/userspace-api/seccomp_filter.rst).
"""

import ctypes
import errno
import struct
from collections.abc import Iterable

from bayeswd.homework.sandbox import allowed_calls, syscalls

_X86_64 = 0xC000003E
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERROR, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_X32 = 0x40000000  # numbers of the x32 interface start here
_SET_MODE_FILTER, _ALL_THREADS = 1, 1

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, value


def install(process_id: int) -> None:
    """Put every thread of this process behind the filter, for good. Needs no_new_privs."""
    code = b"".join(struct.pack("=HBBI", *each) for each in program(process_id))
    buffer = ctypes.create_string_buffer(code, len(code))
    filter_ = struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer))
    syscalls.call("seccomp", _SET_MODE_FILTER, _ALL_THREADS, filter_)


def program(process_id: int) -> list[Instruction]:
    """The whole filter: the architecture, then each call, then refusal."""
    lines: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, _X86_64),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _KILL),
    ]
    for number in sorted(set().union(*allowed_calls.PLAIN.values())):
        lines += _when_called(number, [(_RETURN, 0, 0, _ALLOW)])
    lines += _when_called(allowed_calls.CLONE, _threads_only())
    for rule in allowed_calls.conditional(process_id):
        lines += _when_called(rule.number, _one_of(rule.argument, rule.values))
    return [
        *lines,
        (_AT_LEAST, 0, 1, allowed_calls.FIRST_NEW),  # the number is still loaded
        (_RETURN, 0, 0, _ERROR | errno.ENOSYS),
        (_RETURN, 0, 0, _ERROR | errno.EPERM),
    ]


def _when_called(number: int, then: list[Instruction]) -> list[Instruction]:
    """`then` must end the program."""
    return [(_EQUAL, 0, len(then), number), *then]


def _one_of(argument: int, values: Iterable[int]) -> list[Instruction]:
    lines: list[Instruction] = [(_LOAD, 0, 0, _ARGUMENTS + 8 * argument)]
    for value in values:
        lines += [(_EQUAL, 0, 1, value), (_RETURN, 0, 0, _ALLOW)]
    return [*lines, (_RETURN, 0, 0, _ERROR | errno.EPERM)]


def _threads_only() -> list[Instruction]:
    return [
        (_LOAD, 0, 0, _ARGUMENTS),
        (_ANY_BIT, 0, 1, allowed_calls.CLONE_THREAD),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _ERROR | errno.EPERM),
    ]
