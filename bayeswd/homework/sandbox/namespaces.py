"""Namespaces: a file system, a process tree and a network of the job's own.

The fork server enters them once, with a root that holds nothing but what jobs may read; each job
then gets a process tree, so that killing its first process kills them all, and a private folder in
memory. These are the calls bubblewrap makes; making them here keeps the fork server possible.
"""

import os
import struct

from bayeswd.homework.sandbox import syscalls
from bayeswd.homework.sandbox.landlock import Grants
from bayeswd.homework.sandbox.limits import Limits

_NEWNS, _NEWUTS, _NEWIPC = 0x00020000, 0x04000000, 0x08000000
_NEWUSER, _NEWPID, _NEWNET = 0x10000000, 0x20000000, 0x40000000
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_BIND, _MS_REC, _MS_PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
_MNT_DETACH = 2
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_ATTR_RDONLY, _ATTR_NOSUID = 1, 2


def enter(grants: Grants, scratch: str) -> None:
    """Leave the machine's file system and network for good; OSError where that is not allowed.

    `scratch` is an empty folder to build the new root on; the process must have one thread. What
    could already be done stays done after an error, so a process that failed here must end.
    """
    outside = os.getuid(), os.getgid()
    try:
        syscalls.call("unshare", _NEWNS | _NEWUTS | _NEWIPC | _NEWNET)
    except OSError:  # not root: first become the root of a user namespace, which is
        syscalls.call("unshare", _NEWUSER | _NEWNS | _NEWUTS | _NEWIPC | _NEWNET)
        _map_user(*outside)
    _mount("none", "/", None, _MS_REC | _MS_PRIVATE)
    _mount("tmpfs", scratch, "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=755,size=1m")
    for path in (*grants.readable, *grants.listable):
        _bind(path, scratch + path, whole=path in grants.readable)
    os.makedirs(scratch + grants.own)
    os.chdir(scratch)
    syscalls.call("pivot_root", b".", b".")
    syscalls.call("umount2", b".", _MNT_DETACH)
    os.chdir("/")
    _set_read_only("/", recursive=False)


def new_process_tree() -> None:
    """The next child is the first process of a tree of its own, and mounts stay its own."""
    syscalls.call("unshare", _NEWPID | _NEWNS)


def private_folder(path: str, limits: Limits, uid: int) -> None:
    """Memory mounted at `path`, with a quota; it vanishes with the process tree."""
    options = f"size={limits.folder_bytes},nr_inodes={limits.folder_files},mode=700,uid={uid}"
    _mount("tmpfs", path, "tmpfs", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC, options)


def _map_user(uid: int, gid: int) -> None:
    for name, line in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(line)


def _bind(source: str, target: str, whole: bool) -> None:
    """Show `source` at `target`, read-only; of a folder that is not whole only that it exists."""
    if not os.path.exists(source):
        return
    if os.path.islink(source):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if not os.path.lexists(target):
            os.symlink(os.readlink(source), target)
        return
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o444))
    if whole:
        _mount(source, target, None, _MS_BIND | _MS_REC)
        _set_read_only(target, recursive=True)


def _set_read_only(path: str, recursive: bool) -> None:
    attributes = struct.pack("=QQQQ", _ATTR_RDONLY | _ATTR_NOSUID, 0, 0, 0)
    flags = _AT_RECURSIVE if recursive else 0
    syscalls.call("mount_setattr", _AT_FDCWD, path.encode(), flags, attributes, len(attributes))


def _mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    syscalls.call(
        "mount",
        os.fsencode(source),
        os.fsencode(target),
        None if kind is None else kind.encode(),
        flags,
        options.encode() or None,
    )
