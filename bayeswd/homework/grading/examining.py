"""Put the calls of every exercise to a submission, in jobs, and collect what was observed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bayeswd.homework import plain
from bayeswd.homework.calls import PROTOCOL, Call, Observation, lost
from bayeswd.homework.sandbox.conversation import Conversation, JobError
from bayeswd.homework.sandbox.fork_server import ForkServer
from bayeswd.homework.submissions.contents import Contents
from bayeswd.homework.submissions.loading import Fault

# A submission whose answers keep ending their job is not started more often than this.
_MOST_JOBS = 4
_MOST_PRINTED = 4000

Calls = Mapping[str, Sequence[Call]]
Seen = dict[str, list[Observation]]


@dataclass
class Examined:
    """What a submission did.

    seen: exercise -> one observation per call. faults: of running the file. notes: what was passed
    over, and what ended a job. printed: the start of what it printed while it was being run;
    printed_later: the end of what its functions printed, which may show hidden inputs.
    cpu_seconds: of all its jobs.
    """

    seen: Seen = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    printed: str = ""
    printed_later: str = ""
    cpu_seconds: float = 0.0


def examine(server: ForkServer, contents: Contents, calls: Calls, seconds: float) -> Examined:
    """At most `seconds` for loading and again for each exercise. An answer that ends its job, or
    runs out of time, costs only itself: the rest are asked in a new one. SandboxError."""
    examined = Examined(notes=list(contents.notes))
    waiting = list(calls)
    for _ in range(_MOST_JOBS):
        if not waiting:
            break
        with server.job() as job:
            try:
                loaded = _loaded(job, contents, seconds)
            except JobError as error:
                words = f"while the file was being run: {error}"
                _lose(examined, calls, waiting, error.fault, words)
                examined.faults.append(Fault(contents.main, None, error.fault, str(error)))
                examined.printed = _text(job.printed[:_MOST_PRINTED])
                waiting = []
            else:
                if not examined.seen:  # the first job; later ones load the same
                    examined.faults = loaded[0]
                    examined.notes += loaded[1]
                    examined.printed = _text(job.printed[:_MOST_PRINTED])
                before = len(job.printed)
                waiting = _ask_all(job, calls, waiting, seconds, examined)
                examined.printed_later = _text(job.printed[before:][-_MOST_PRINTED:])
        examined.cpu_seconds += float(job.end()["cpu_seconds"])
    if waiting:
        last = examined.seen[[name for name in calls if name not in waiting][-1]][0]
        words = "not asked: earlier answers ended the program or used up the time"
        _lose(examined, calls, waiting, last.error_type or PROTOCOL, words)
    return examined


def _loaded(job: Conversation, contents: Contents, seconds: float) -> tuple[list[Fault], list[str]]:
    reply = job.submit(contents.main, contents.files, seconds)
    try:
        fields = plain.fields(reply, "faults", "notes")
        faults = [Fault.from_dict(each) for each in plain.items(fields["faults"])]
        return faults, [plain.text(each) for each in plain.items(fields["notes"])]
    except ValueError as error:
        raise JobError(PROTOCOL, f"malformed reply: {error}") from None


def _ask_all(
    job: Conversation, calls: Calls, waiting: Sequence[str], seconds: float, examined: Examined
) -> list[str]:
    """Ask in order until one ends the job; the exercises that are left then."""
    for index, name in enumerate(waiting):
        try:
            reply = job.ask({"calls": [call.to_dict() for call in calls[name]]}, seconds)
            examined.seen[name] = _observations(reply, len(calls[name]))
        except JobError as error:
            _lose(examined, calls, [name], error.fault, str(error))
            examined.notes.append(f"{name}: {error}.")
            return list(waiting[index + 1 :])
    return []


def _observations(reply: Any, count: int) -> list[Observation]:
    try:
        found = plain.items(plain.fields(reply, "observations")["observations"], count)
        return [Observation.from_dict(each) for each in found]
    except (ValueError, OverflowError) as error:
        raise JobError(PROTOCOL, f"malformed reply: {error}") from None


def _text(printed: bytearray) -> str:
    return printed.decode("utf-8", "replace")


def _lose(examined: Examined, calls: Calls, names: Sequence[str], fault: str, words: str) -> None:
    for name in names:
        examined.seen[name] = [lost(fault, words)] * len(calls[name])
