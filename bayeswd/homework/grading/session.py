"""One grading session: what is waiting is graded in a sandbox that was tried first, in a folder
that keeps what was done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

from bayeswd.homework.grading import class_run, gradebook, outputs, seeds
from bayeswd.homework.grading.class_run import Planned
from bayeswd.homework.grading.gradebook import Row
from bayeswd.homework.grading.record import Terms
from bayeswd.homework.sandbox import canaries
from bayeswd.homework.sandbox.conversation import SandboxError
from bayeswd.homework.sandbox.fork_server import ForkServer
from bayeswd.homework.submissions.gathering import Handed

Progress = Callable[[int, int], None]  # done, of how many


def grade(
    handed: Sequence[Handed],
    out: Path,
    *,
    seconds: float,
    jobs: int,
    secret_file: Path | None = None,
    points_total: Fraction | None = None,
    progress: Progress = lambda done, of: None,
) -> list[Planned]:
    """Every submission with its record; those graded earlier in `out`, and unchanged, as they are.

    `secret_file` is None for a secret that `out` keeps. SandboxError, and nothing was executed,
    where the sandbox is not to be had or does not hold.
    """
    given = None if secret_file is None else seeds.read_secret(secret_file)
    records = out / "records"
    records.mkdir(parents=True, exist_ok=True)
    secret = seeds.kept_secret(out / "secret") if given is None else given
    terms = Terms(seeds.fingerprint(secret), seconds, points_total)
    planned = class_run.plan(handed, terms, records)
    waiting = [each for each in planned if each.waits]
    done = {each.name: each for each in planned}
    if waiting:
        with ForkServer(preload=class_run.preload(waiting)) as server:
            require_held(server)
            for graded in class_run.run(server, waiting, secret, terms, records, jobs):
                done[graded.name] = graded
                finished = sum(not each.waits for each in done.values())
                progress(finished - len(planned) + len(waiting), len(waiting))
    return list(done.values())


def require_held(server: ForkServer) -> None:
    """SandboxError, naming them, if one of the canary attacks gets through."""
    through = [canary.words for canary in canaries.try_all(server) if not canary.held]
    if through:
        raise SandboxError(f"the sandbox does not hold: a test program could {through[0]}")


def write(out: Path, planned: Sequence[Planned], rows: Sequence[Row]) -> None:
    """What is made from the records: a file per student and the gradebook."""
    for each in planned:
        if not each.waits:
            class_run.write(each.record, out / "records", each.name)
        outputs.write_student_files(out, each.name, each.record)
    gradebook.write(out / "gradebook.csv", rows)
