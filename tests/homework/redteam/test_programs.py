"""Every program of the red-team set, in every tier: the grade it must get, and nothing else.

All programs of a tier run in one class, four at a time, so that each also shows that it changes
nothing for the others.
"""

import os
import re
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bayeswd.homework import assignment
from bayeswd.homework.feedback import Feedback
from bayeswd.homework.grading import class_run
from bayeswd.homework.grading.examining import Examined
from bayeswd.homework.sandbox.fork_server import ForkServer
from bayeswd.homework.submissions.contents import Contents

EXERCISES = [assignment.find(name) for name in ("l2_penalty", "l1_penalty")]
SECRET = b"the secret of the red-team set"

SHORT = {
    "RIGHT": (
        "def l2_penalty(w): return (w ** 2).sum() / 2\ndef l1_penalty(w): return w.abs().sum()"
    ),
    "WRONG": "def l2_penalty(w): return 0.0\ndef l1_penalty(w): return 0.0",
    "ATTEMPT": (
        "def attempt(what, action):\n"
        "    try: action()\n"
        "    except (OSError, ImportError, ValueError) as e: print(type(e).__name__, end=' ')\n"
        "    else: print('GOT THROUGH', what)"
    ),
}
POINTS = {"full": {2}, "one": {1}, "zero": {0}, "any": {0, 1, 2}}


@dataclass(frozen=True)
class Program:
    """A submission and what must become of it."""

    id: str
    points: str
    status: str
    says: str
    seconds: float
    source: str


def programs() -> list[Program]:
    found = []
    for path in sorted((Path(__file__).parent / "programs").glob("*.txt")):
        for part in path.read_text().split("#### ")[1:]:
            head, _, source = part.partition("\n")
            cells = [cell.strip() for cell in head.split("|")] + [""] * 3
            for short, long in SHORT.items():
                source = re.sub(rf"^{short}$", lambda _, long=long: long, source, flags=re.M)
            seconds = float(cells[4] or 10) if len(cells) > 4 else 10.0
            found.append(Program(*cells[:4], seconds, source))
    return found


PROGRAMS = programs()


@dataclass(frozen=True)
class Outcome:
    """What became of one program."""

    examined: Examined
    feedback: list[Feedback]

    @property
    def printed(self) -> tuple[str, str]:
        return self.examined.printed, self.examined.printed_later

    @property
    def text(self) -> str:
        said = [each.message for one in self.feedback for each in one.diagnosis]
        faults = [f"{each.type}: {each.text}" for each in self.examined.faults]
        return "\n".join([*said, *faults, *self.examined.notes, *self.printed])


Outcomes = Mapping[str, Outcome]


@pytest.fixture(scope="session")
def outcomes(server: ForkServer, bait: Any) -> Outcomes:
    words = bait.words()

    def one(program: Program) -> Outcome:
        source = re.sub(r"@[A-Z]+@", lambda found: words[found[0]], program.source)
        given = Contents("submission.py", {"submission.py": source.encode()})
        graded = class_run.grade(server, given, SECRET, program.seconds, EXERCISES)
        return Outcome(graded.examined, graded.feedback)

    with ThreadPoolExecutor(4) as pool:
        return dict(zip([each.id for each in PROGRAMS], pool.map(one, PROGRAMS), strict=True))


def test_every_program_has_a_name_of_its_own() -> None:
    assert len(PROGRAMS) == len({program.id for program in PROGRAMS}) > 90


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.id)
def test_the_program_gets_what_it_deserves(program: Program, outcomes: Outcomes) -> None:
    outcome = outcomes[program.id]
    assert "GOT THROUGH" not in outcome.text
    assert sum(each.score for each in outcome.feedback) in POINTS[program.points], outcome.text
    assert outcome.feedback[0].status == program.status or not program.status, outcome.text
    assert program.says in outcome.text


def test_nothing_was_touched_and_nothing_is_left(
    outcomes: Outcomes, bait: Any, server: ForkServer
) -> None:
    assert len(outcomes) == len(PROGRAMS)
    assert bait.untouched() == []
    deadline = time.monotonic() + 10
    while server_family(server) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert server_family(server) == []
    assert server.leftovers() == []


def server_family(server: ForkServer) -> list[int]:
    """Processes of the server's session other than itself."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.getsid(int(name)) == server.process_id != int(name):
                found.append(int(name))
        except OSError:
            continue
    return found
