"""Which files a job may read: Python, its libraries and the C library. Never this package."""

import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

from bayeswd.homework.sandbox.landlock import Grants

_SYSTEM = ("/usr", "/lib", "/lib64", "/lib32", "/etc/ld.so.cache", "/etc/localtime")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/proc/cpuinfo", "/proc/meminfo")


def grants(own: str) -> Grants:
    """Reading for a job whose private folder is `own`: all of the above, except the folder of
    bayeswd wherever it is installed, since it holds the reference answers.

    Paths are real ones; a symbolic link among them is there to be seen, and grants nothing.
    """
    package = os.path.realpath(Path(__file__).parents[2])
    whole: list[str] = [*_DEVICES]
    parts: list[str] = []
    for root in _roots(package):
        if os.path.islink(root):
            whole.append(root)
        for path, complete in trees(os.path.realpath(root), package):
            (whole if complete else parts).append(path)
    return Grants(tuple(_outermost(whole)), tuple(_outermost(parts, among=False)), own)


def trees(root: str, hidden: str) -> Iterator[tuple[str, bool]]:
    """Pairs (path, True) of trees that together are `root` without `hidden`, and (path, False)
    of the folders on the way, of which only the names are to be seen."""
    if os.path.islink(root) or not os.path.isdir(root) or not _is_within(hidden, root):
        yield root, True
    elif root != hidden:
        yield root, False
        for entry in sorted(os.listdir(root)):
            if not entry.startswith("bayeswd-"):  # the metadata of an installation
                yield from trees(os.path.join(root, entry), hidden)


def _roots(package: str) -> Iterable[str]:
    """Places Python imports from. A folder that merely happens to hold a checkout of bayeswd,
    with its tests and its history, is none."""
    checkout = os.path.dirname(package)
    libraries = {path for path in sys.path if os.path.isdir(path)}
    libraries |= {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")}
    libraries |= {os.path.join(prefix, "lib") for prefix in (sys.base_prefix, sys.prefix)}
    real = {os.path.realpath(path) for path in libraries if path and os.path.exists(path)}
    if os.path.basename(checkout) not in ("site-packages", "dist-packages"):
        real -= {checkout}
    return [*filter(os.path.lexists, _SYSTEM), *sorted(real)]


def _outermost(paths: Iterable[str], among: bool = True) -> list[str]:
    """Each path once and, if `among`, none that lies within another."""
    kept: list[str] = []
    for path in sorted(set(paths)):
        if not (among and kept and _is_within(path, kept[-1])):
            kept.append(path)
    return kept


def _is_within(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip("/") + "/")
