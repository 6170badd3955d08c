"""Grade a whole class: in parallel, resumable, one record per submission, come what may."""

from __future__ import annotations

import hashlib
import json
import re
import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bayeswd import files
from bayeswd.homework import assignment
from bayeswd.homework.exercise import Exercise
from bayeswd.homework.grading import record, seeds
from bayeswd.homework.grading.examining import examine
from bayeswd.homework.grading.record import Graded, Record, Terms
from bayeswd.homework.grading.verdicts import verdicts
from bayeswd.homework.sandbox.conversation import SandboxError
from bayeswd.homework.sandbox.fork_server import ForkServer
from bayeswd.homework.submissions import contents
from bayeswd.homework.submissions.contents import Contents
from bayeswd.homework.submissions.gathering import Handed
from bayeswd.homework.submissions.tree import RefusedError

# what submissions import beside torch; loaded once for all if one of them mentions it
LIBRARIES = ("matplotlib", "pandas", "scipy", "sklearn")
_PRELOADED = {"matplotlib": "matplotlib.pyplot", "scipy": "scipy.stats"}


def grade(
    server: ForkServer,
    given: Contents,
    secret: bytes,
    seconds: float,
    exercises: Sequence[Exercise],
) -> Graded:
    """One submission, on inputs drawn from the secret and its own digest. SandboxError."""
    seed = seeds.of(secret, given.sha256)
    calls = {each.id: each.calls(seeds.random(seed, each.id)) for each in exercises}
    examined = examine(server, given, calls, seconds)
    return Graded(seed, examined, verdicts(exercises, calls, examined.seen))


@dataclass(frozen=True)
class Planned:
    """A submission and its record so far: an earlier one where nothing has changed since, a
    refusal, or not_graded for one that waits."""

    handed: Handed
    name: str
    record: Record
    libraries: frozenset[str] = frozenset()

    @property
    def waits(self) -> bool:
        return bool(self.record["status"] == "not_graded")


def plan(handed: Sequence[Handed], terms: Terms, folder: Path) -> list[Planned]:
    """Read every submission once, and find what is graded already in `folder`."""
    latest = _latest(handed)
    return [_planned(each, terms, folder, latest[each.key]) for each in handed]


def preload(planned: Sequence[Planned]) -> list[str]:
    """Modules worth loading in the fork server."""
    wanted = {name for each in planned if each.waits for name in each.libraries}
    return [_PRELOADED.get(name, name) for name in LIBRARIES if name in wanted]


def run(
    server: ForkServer,
    planned: Sequence[Planned],
    secret: bytes,
    terms: Terms,
    folder: Path,
    jobs: int,
) -> Iterator[Planned]:
    """Grade what waits, `jobs` at a time; each record is on disk when it is given."""

    def one(each: Planned) -> Planned:
        done = _record(server, each, secret, terms)
        write(done, folder, each.name)
        return replace(each, record=done)

    waiting = [each for each in planned if each.waits]
    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(one, each) for each in waiting]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def write(done: Record, folder: Path, name: str) -> None:
    """One record, whole or not at all."""
    with files.whole(folder / f"{name}.json") as unfinished:
        unfinished.write_text(record.as_json(done), encoding="ascii")


def read(folder: Path, name: str) -> Record | None:
    """The record of an earlier run; None where there is none that can be read."""
    try:
        found = json.loads((folder / f"{name}.json").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    whole = isinstance(found, dict) and found.get("schema") == record.SCHEMA
    return found if whole else None


def _record(server: ForkServer, each: Planned, secret: bytes, terms: Terms) -> Record:
    started = time.perf_counter()
    try:
        given = contents.read(each.handed, _ids())
        graded = grade(server, given, secret, terms.seconds, assignment.EXERCISES)
    except RefusedError as error:
        return record.empty(each.handed, "", terms, "refused", str(error))
    except (SandboxError, OSError, MemoryError) as error:
        return each.record | {"reason": f"{type(error).__name__}: {error}"[:300]}
    blank = record.empty(each.handed, given.sha256, terms, "graded", "")
    seconds = time.perf_counter() - started
    return record.graded(blank, terms, server.tier, graded, seconds)


def _planned(handed: Handed, terms: Terms, folder: Path, latest: Handed) -> Planned:
    name = _file_name(handed)
    if latest is not handed:
        reason = f"a later submission counts: {latest.source}"
        return Planned(handed, name, record.empty(handed, "", terms, "superseded", reason))
    try:
        given = contents.read(handed, _ids())
    except RefusedError as error:
        return Planned(handed, name, record.empty(handed, "", terms, "refused", str(error)))
    fresh = record.empty(handed, given.sha256, terms, "not_graded", "not reached")
    earlier = read(folder, name)
    if earlier is not None and _still_holds(earlier, fresh):
        return Planned(handed, name, earlier)
    data = b" ".join(given.files.values())
    return Planned(
        handed, name, fresh, frozenset(each for each in LIBRARIES if each.encode() in data)
    )


def _still_holds(earlier: Mapping[str, Any], fresh: Mapping[str, Any]) -> bool:
    same = all(earlier.get(name) == fresh[name] for name in ("submission", "terms"))
    return same and earlier.get("status") == "graded"


def _latest(handed: Sequence[Handed]) -> dict[str, Handed]:
    """Of several submissions of one student: the one a course system numbered highest, else the
    last by path."""
    latest: dict[str, Handed] = {}
    for each in sorted(handed, key=lambda one: (one.order, one.source)):
        latest[each.key] = each
    return latest


def _file_name(handed: Handed) -> str:
    """A plain file name for a submission: readable, and another for each path."""
    letters = unicodedata.normalize("NFKD", handed.student).encode("ascii", "ignore").decode()
    readable = re.sub(r"[^A-Za-z0-9]+", "-", letters).strip("-")[:40] or "student"
    digest = hashlib.sha256(handed.source.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{readable}-{digest[:8]}"


def _ids() -> list[str]:
    return [exercise.id for exercise in assignment.EXERCISES]
