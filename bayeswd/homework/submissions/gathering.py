"""Who handed in what: files, folders, zip files, downloads from Canvas, Gradescope and Moodle."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bayeswd.errors import InputError
from bayeswd.homework.inert import one_line
from bayeswd.homework.submissions import archive, tree
from bayeswd.homework.submissions.tree import Entry, RefusedError

CODE = (".py", ".ipynb")
_MOST_IN_BULK = 2**31
_CANVAS = re.compile(r"(?P<student>[^_]+)_(?:LATE_)?(?P<id>\d+)_(?P<order>\d+)_.+", re.DOTALL)
_MOODLE = re.compile(r"(?P<student>.+?)_(?P<id>\d+)_assignsubmission_file_?", re.DOTALL)


@dataclass(frozen=True)
class Handed:
    """One submission, not read yet.

    student: as the name of the file or folder gives it, made harmless. id: the number that a
    course system put into the name, "" where none. key: equal for submissions of one student, and
    the name as it is where there is no id. source: the path, for people. order: the larger was
    handed in later.
    """

    student: str
    source: str
    entries: tuple[Entry, ...]
    key: str
    id: str = ""
    order: int = 0


def gather(paths: Sequence[str]) -> list[Handed]:
    """Every submission under the paths, in order; InputError for a path that has none.

    A file is one submission. In a folder, or a zip file, each script or notebook is one, and so
    is each folder or zip file.
    """
    found: list[Handed] = []
    for path in paths:
        here = _of_path(Path(path))
        if not here:
            raise InputError(f"{one_line(path)!r} holds no submission: no .py, .ipynb or .zip file")
        found += here
    return _told_apart(found)


def _of_path(path: Path) -> list[Handed]:
    if path.is_dir():
        return [*_bulk(_listed(path), str(path)), *_empty_folders(path)]
    if not os.path.lexists(path):
        raise InputError(f"there is no file or folder {one_line(str(path))!r}")
    if path.suffix == ".zip":
        try:
            data = tree.read_plain(path, _MOST_IN_BULK)
            return _bulk(archive.of_zip(data, _MOST_IN_BULK), str(path))
        except RefusedError as error:
            raise InputError(f"{one_line(str(path))!r} is not read: {error}") from None
    if path.suffix not in CODE:
        raise InputError(f"{one_line(str(path))!r} is no .py, .ipynb or .zip file and no folder")
    return [_handed(path.name, str(path), [tree.file_entry(path, path.name)])]


def _listed(folder: Path) -> list[Entry]:
    try:
        return tree.of_folder(folder)
    except (RefusedError, OSError) as error:
        raise InputError(f"{one_line(str(folder))!r} is not read: {error}") from None


def _bulk(entries: Sequence[Entry], source: str) -> list[Handed]:
    """One submission for each script, notebook, zip file or folder at the top."""
    groups: dict[str, list[Entry]] = {}
    for entry in _without_wrapper(entries):
        top, _, below = entry.path.partition("/")
        if below or entry.path.endswith((*CODE, ".zip")):
            groups.setdefault(top, []).append(Entry(below or top, entry.read))
    return [_handed(top, f"{source}/{top}", group) for top, group in groups.items()]


def _without_wrapper(entries: Sequence[Entry]) -> Sequence[Entry]:
    """A download in one folder that holds only folders and zip files: what is below it."""
    tops = {entry.path.partition("/")[0] for entry in entries}
    below = [Entry(entry.path.partition("/")[2], entry.read) for entry in entries]
    nested = any("/" in entry.path or entry.path.endswith(".zip") for entry in below)
    if len(tops) == 1 and nested and not any(_is_code_at_top(entry) for entry in below):
        return _without_wrapper([entry for entry in below if entry.path])
    return entries


def _is_code_at_top(entry: Entry) -> bool:
    return not entry.path or ("/" not in entry.path and entry.path.endswith(CODE))


def _handed(name: str, source: str, entries: Sequence[Entry]) -> Handed:
    match = _CANVAS.fullmatch(name) or _MOODLE.fullmatch(name)
    stem = name.removesuffix(".zip")
    for ending in CODE:
        stem = stem.removesuffix(ending)
    known = match.groupdict() if match else {"student": stem, "id": ""}
    return Handed(
        student=one_line(known["student"]) or "(no name)",
        source=one_line(source),
        entries=tuple(entries),
        key=known["id"] or known["student"],
        id=known["id"],
        order=int(known.get("order") or 0),
    )


def _told_apart(found: Sequence[Handed]) -> list[Handed]:
    """Files of one name from different folders are of different students: alice/hw, bob/hw."""
    folders: dict[str, set[str]] = {}
    for each in found:
        folders.setdefault(each.key, set()).add(os.path.dirname(each.source))
    return [
        _in_its_folder(each) if not each.id and len(folders[each.key]) > 1 else each
        for each in found
    ]


def _in_its_folder(handed: Handed) -> Handed:
    folder = os.path.basename(os.path.dirname(handed.source)) or "."
    name = f"{folder}/{handed.student}"
    return replace(handed, student=name, key=f"{os.path.dirname(handed.source)}/{handed.key}")


def _empty_folders(folder: Path) -> list[Handed]:
    """A student whose folder is there and holds nothing should not vanish from the table."""
    return [
        _handed(place.name, str(place), [])
        for place in sorted(folder.iterdir())
        if place.is_dir() and not place.is_symlink() and not tree.is_junk(place.name)
        if not any(place.iterdir())
    ]
