"""Landlock: from now on this process opens only what it was granted (man 7 landlock)."""

import os
import stat
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from bayeswd.homework.sandbox import syscalls

_WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_OF_FILES = _WRITE_FILE | _READ_FILE | _TRUNCATE
_OWN = _OF_FILES | _READ_DIR | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _REFER

# version of the interface -> how many rights on files it knows; each version adds to the last
_RIGHTS_ON_FILES = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_TCP_FROM, _SCOPES_FROM = 4, 6
_ASK_VERSION = 1
_RULE_PATH_BENEATH = 1


@dataclass(frozen=True)
class Grants:
    """What stays reachable: files and trees to read, folders whose names may be listed, and
    one folder of the job's own, to read and write."""

    readable: tuple[str, ...]
    listable: tuple[str, ...]
    own: str


def version() -> int:
    """The kernel's version of Landlock; 0 where it has none or it is switched off."""
    try:
        return syscalls.call("landlock_create_ruleset", None, 0, _ASK_VERSION)
    except OSError:
        return 0


def restrict(grants: Grants) -> None:
    """Lock the calling thread, and every process it starts, into the grants. For good.

    Needs no_new_privs. Paths that do not exist, and links, are left out, so
    they stay closed. OSError where
    the kernel refuses.
    """
    known = version()
    handled = (1 << _RIGHTS_ON_FILES[min(known, max(_RIGHTS_ON_FILES))]) - 1
    tcp = 0b11 if known >= _TCP_FROM else 0  # bind, connect: handled and never granted
    scopes = 0b11 if known >= _SCOPES_FROM else 0  # abstract sockets and signals stay inside
    attributes = struct.pack("=QQQ", handled, tcp, scopes)
    size = 24 if known >= _SCOPES_FROM else 16 if known >= _TCP_FROM else 8
    ruleset = syscalls.call("landlock_create_ruleset", attributes, size, 0)
    try:
        _grant(ruleset, grants.readable, handled & (_READ_FILE | _READ_DIR))
        _grant(ruleset, grants.listable, handled & _READ_DIR)
        _grant(ruleset, [grants.own], handled & _OWN)
        syscalls.call("landlock_restrict_self", ruleset, 0)
    finally:
        os.close(ruleset)


def _grant(ruleset: int, paths: Iterable[str], rights: int) -> None:
    for path in paths:
        try:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            kind = os.fstat(place).st_mode
            if not stat.S_ISLNK(kind):
                allowed = rights if stat.S_ISDIR(kind) else rights & _OF_FILES
                rule = struct.pack("=Qi", allowed, place)
                syscalls.call("landlock_add_rule", ruleset, _RULE_PATH_BENEATH, rule, 0)
        finally:
            os.close(place)
