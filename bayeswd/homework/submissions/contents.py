"""The bytes of one submission: which file is run, and what lies beside it."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bayeswd.homework.submissions import archive
from bayeswd.homework.submissions.gathering import CODE, Handed
from bayeswd.homework.submissions.tree import Entry, RefusedError

MIB = 2**20
_MOST = {".py": MIB, ".ipynb": 16 * MIB}
_MOST_ZIPPED = 32 * MIB
_MOST_BESIDE, _MOST_FILES_BESIDE = 4 * MIB, 100
_SAFE_NAME = re.compile(r"[\w.-]{1,80}", re.ASCII)


@dataclass(frozen=True)
class Contents:
    """What is sent to a job: `main` is a key of `files`. sha256 is of all files with their names.
    notes say which files were left out."""

    main: str
    files: Mapping[str, bytes]
    notes: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        digest = hashlib.sha256()
        for name, data in sorted(self.files.items()):
            label = name.encode("utf-8", "surrogateescape")
            digest.update(b"%d %d " % (len(label), len(data)) + label + data)
        return digest.hexdigest()


def read(handed: Handed, exercises: Sequence[str]) -> Contents:
    """Read a submission. Of several scripts and notebooks the one that names most of the
    `exercises` is run; at a tie the notebook, then the first by name.

    RefusedError where there is nothing to run or it must not be read.
    """
    entries = _unzipped(handed.entries)
    code = [entry for entry in entries if entry.path.endswith(CODE)]
    if not code:
        raise RefusedError("there is no .py or .ipynb file in it")
    top = min(entry.path.count("/") for entry in code)
    candidates = [entry for entry in code if entry.path.count("/") == top]
    main, data = _chosen(candidates, exercises)
    folder = main.path.rpartition("/")[0]
    beside, notes = _beside(entries, main, folder)
    name = main.name if _SAFE_NAME.fullmatch(main.name) else "submission" + _ending(main)
    return Contents(name, beside | {name: data}, tuple(notes))


def _unzipped(entries: Sequence[Entry]) -> Sequence[Entry]:
    """What is in the zip file, where a submission is one and has no code outside it."""
    zipped = [entry for entry in entries if entry.path.endswith(".zip")]
    if not zipped or any(entry.path.endswith(CODE) for entry in entries):
        return entries
    return archive.of_zip(zipped[0].read(_MOST_ZIPPED), _MOST_ZIPPED)


def _chosen(candidates: Sequence[Entry], exercises: Sequence[str]) -> tuple[Entry, bytes]:
    if len(candidates) == 1:
        return candidates[0], candidates[0].read(_MOST[_ending(candidates[0])])
    read = []
    for entry in candidates:
        data = entry.read(_MOST[_ending(entry)])
        named = sum(name.encode() in data for name in exercises)
        read.append((-named, entry.path.endswith(".py"), entry.path, entry, data))
    *_, entry, data = min(read)
    return entry, data


def _beside(
    entries: Sequence[Entry], main: Entry, folder: str
) -> tuple[dict[str, bytes], list[str]]:
    """Helper modules and data in the same folder and below, as far as they are small."""
    files: dict[str, bytes] = {}
    notes: list[str] = []
    left = _MOST_BESIDE
    start = folder + "/" if folder else ""
    for entry in entries:
        if entry is main or not entry.path.startswith(start):
            continue
        try:
            if len(files) == _MOST_FILES_BESIDE:
                raise RefusedError(f"more than {_MOST_FILES_BESIDE} files")
            data = entry.read(left)
        except RefusedError as error:
            notes.append(f"{entry.path[len(start) :]} was left out: {error}.")
            continue
        files[entry.path[len(start) :]] = data
        left -= len(data)
    return files, notes


def _ending(entry: Entry) -> str:
    return ".ipynb" if entry.path.endswith(".ipynb") else ".py"
