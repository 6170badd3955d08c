"""The files under a folder or in an archive, by name; nothing is opened before it is asked for."""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_JUNK = {"__MACOSX", "__pycache__", ".ipynb_checkpoints", ".git", ".DS_Store", "node_modules"}
_DEEPEST = 12
_MOST_ENTRIES = 20_000


class RefusedError(Exception):
    """Why a file or an archive is not read, in words for the teacher and the student."""


@dataclass(frozen=True)
class Entry:
    """A file that can be read: its path below the root, and its bytes up to a size.

    `read(most)` raises RefusedError for more bytes than that, and for what is no plain file.
    """

    path: str
    read: Callable[[int], bytes]

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


def is_junk(path: str) -> bool:
    """Left by an operating system or a tool, not handed in."""
    parts = path.split("/")
    return bool(_JUNK & set(parts)) or parts[-1].startswith("._")


def of_folder(folder: Path) -> list[Entry]:
    """Every file under a folder, links included (reading them is refused), sorted by path.

    RefusedError if there are more than anyone hands in.
    """
    entries = []
    for path in _walk(str(folder), "", 0):
        entries.append(file_entry(folder / path, path))
        if len(entries) > _MOST_ENTRIES:
            raise RefusedError(f"it holds more than {_MOST_ENTRIES} files")
    return sorted(entries, key=lambda entry: entry.path)


def file_entry(place: Path, path: str) -> Entry:
    return Entry(path, lambda most: read_plain(place, most))


def read_plain(place: Path, most: int) -> bytes:
    """The bytes of a plain file, not of a link, a pipe or a device, and at most `most`."""
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        link = place.is_symlink()
        raise RefusedError("it is a link" if link else f"{error.strerror}") from None
    with open(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise RefusedError("it is no plain file")
        if about.st_size > most:
            raise RefusedError(too_large(about.st_size, most))
        return file.read(most)


def too_large(size: int, most: int) -> str:
    return f"it is too large ({size / 2**20:.1f} MB, at most {most / 2**20:.0f} MB are read)"


def _walk(root: str, below: str, depth: int) -> Iterator[str]:
    """Paths of everything that is no folder; linked folders are not entered."""
    if depth > _DEEPEST:
        return
    with os.scandir(os.path.join(root, below)) as found:
        for entry in found:
            path = f"{below}/{entry.name}" if below else entry.name
            if is_junk(path):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(root, path, depth + 1)
            else:
                yield path
