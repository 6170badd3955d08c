"""A class: parallel, resumable, one bad submission changes nothing for the others."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from fractions import Fraction
from pathlib import Path

import pytest

from bayeswd.errors import InputError
from bayeswd.homework.grading import class_run, roster, seeds, session
from bayeswd.homework.grading.class_run import Planned
from bayeswd.homework.sandbox.conversation import NoSandboxError, SandboxError
from bayeswd.homework.sandbox.fork_server import ForkServer
from bayeswd.homework.submissions import gathering

RIGHT = "def l2_penalty(w): return (w ** 2).sum() / 2\n"
MAIN = "import sys; from bayeswd.cli.main import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture(scope="module")
def shared() -> Iterator[ForkServer]:
    try:
        with ForkServer() as server:
            yield server
    except NoSandboxError as error:
        pytest.skip(str(error))


@pytest.fixture(autouse=True)
def one_server(shared: ForkServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """One fork server for all tests of this file: starting it takes longer than they do."""
    monkeypatch.setattr(session, "ForkServer", lambda preload: nullcontext(shared))
    monkeypatch.setattr(session.canaries, "try_all", lambda server: [])


def write(folder: Path, **sources: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source)
    return folder


def grade(folder: Path, out: Path, **options: object) -> dict[str, Planned]:
    handed = gathering.gather([str(folder)])
    settings = {"seconds": 2.0, "jobs": 2} | options
    return {each.handed.student: each for each in session.grade(handed, out, **settings)}


def scores(planned: dict[str, Planned]) -> dict[str, str]:
    return {name: each.record["score"] for name, each in planned.items()}


def test_a_hung_a_crashed_and_a_hungry_one_change_nobody_elses_result(tmp_path: Path) -> None:
    good = {f"good{i}": RIGHT * (i % 2) + f"# {i}\n" for i in range(6)}
    bad = {
        "hung": RIGHT + "while True: pass",
        "crashed": RIGHT + "import ctypes\nctypes.string_at(0)",
        "hungry": "rows = []\nwhile True: rows.append([0] * 10**6)",
    }
    (tmp_path / "out").mkdir()
    mixed = grade(write(tmp_path / "class", **good, **bad), tmp_path / "out")
    assert scores(mixed) == dict.fromkeys(bad, "0") | {
        name: "1" if RIGHT in source else "0" for name, source in good.items()
    }
    statuses = {name: mixed[name].record["items"][0]["status"] for name in bad}
    assert statuses["hung"] == "timeout"
    assert statuses["crashed"] == "crashed"
    assert statuses["hungry"] in ("missing", "timeout")  # MemoryError ends the file


def test_a_second_run_grades_only_what_is_new_or_changed(tmp_path: Path) -> None:
    folder = write(tmp_path / "class", ann=RIGHT, bob="", cid="")
    grade(folder, tmp_path)
    places = {path.name.split("-")[0]: path for path in (tmp_path / "records").iterdir()}
    for name, place in places.items():  # a mark that a new grading would wipe out
        marked = json.loads(place.read_text()) | {"printed": f"graded earlier: {name}"}
        place.write_text(json.dumps(marked))
    write(folder, bob=RIGHT, dan=RIGHT)
    places["cid"].write_text("half a rec")  # as a full disk would leave it
    again = grade(folder, tmp_path)
    assert scores(again) == {"ann": "1", "bob": "1", "cid": "0", "dan": "1"}
    kept = {name for name, each in again.items() if "earlier" in each.record["printed"]}
    assert kept == {"ann"}


def test_other_terms_are_graded_anew(tmp_path: Path) -> None:
    folder = write(tmp_path / "class", ann=RIGHT)
    first = grade(folder, tmp_path)["ann"].record
    assert grade(folder, tmp_path)["ann"].record == first
    scaled = grade(folder, tmp_path, points_total=Fraction(10))["ann"].record
    assert scaled["max_score"] == "10"
    assert Fraction(scaled["score"]) == 10 / Fraction(first["max_score"])
    assert sum(Fraction(item["max_score"]) for item in scaled["items"]) == 10


def test_a_killed_run_leaves_no_process_and_is_resumed(tmp_path: Path) -> None:
    slow = RIGHT + "import time\ntime.sleep(0.6)\n"
    folder = write(tmp_path / "class", **{f"s{i}": slow + f"# {i}" for i in range(8)})
    command = [sys.executable, "-c", MAIN, "homework", "grade", str(folder), "-o", str(tmp_path)]
    records = tmp_path / "records"
    run = subprocess.Popen([*command, "--jobs", "1"], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 90
    while len(list(records.glob("*.json"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    children = servers_of(run.pid)
    run.send_signal(signal.SIGKILL)
    run.wait()
    done = {path: path.stat().st_mtime_ns for path in records.glob("*.json")}
    assert 2 <= len(done) < 8
    assert children
    while any(map(alive, children)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(alive, children))
    assert scores(grade(folder, tmp_path, seconds=5.0)) == {f"s{i}": "1" for i in range(8)}
    assert all(path.stat().st_mtime_ns == then for path, then in done.items())


def servers_of(process_id: int) -> list[int]:
    """The children of a process, and every process in their sessions."""
    listed = subprocess.run(
        ["ps", "-eo", "pid=,ppid=,sid="], capture_output=True, text=True, check=True
    ).stdout
    rows = [tuple(map(int, line.split())) for line in listed.splitlines()]
    children = {pid for pid, parent, _ in rows if parent == process_id}
    return [pid for pid, _, sid in rows if sid in children]


def alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def test_hidden_inputs_follow_the_secret_and_the_submission() -> None:
    one, other = seeds.of(b"secret", "aa"), seeds.of(b"secret", "ab")
    assert len({one, other, seeds.of(b"Secret", "aa")}) == 3
    assert one == seeds.of(b"secret", "aa")
    assert seeds.random(one, "x").random() == seeds.random(one, "x").random()
    assert seeds.random(one, "x").random() != seeds.random(one, "y").random()


def test_the_secret_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    secret = seeds.kept_secret(tmp_path / "secret")
    assert seeds.kept_secret(tmp_path / "secret") == secret
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    (tmp_path / "short").write_text("abc")
    for name, says in (("short", "3 bytes; at least 16"), ("none", "cannot be read")):
        with pytest.raises(InputError, match=says):
            seeds.read_secret(tmp_path / name)


def test_a_sandbox_that_does_not_hold_stops_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaky = [session.canaries.Canary("read a file of the grader", held=False)]
    monkeypatch.setattr(session.canaries, "try_all", lambda server: leaky)
    with pytest.raises(SandboxError, match="a test program could read a file of the grader"):
        grade(write(tmp_path / "class", ann=RIGHT), tmp_path)
    assert not list((tmp_path / "records").iterdir())


def test_a_fault_of_ours_is_no_grade(tmp_path: Path) -> None:
    folder = write(tmp_path / "class", ann=RIGHT)
    terms = class_run.Terms("", 5.0)
    planned = class_run.plan(gathering.gather([str(folder)]), terms, tmp_path)

    class Gone:
        def job(self) -> None:
            raise SandboxError("the fork server is gone")

    (lost,) = class_run.run(Gone(), planned, b"secret", terms, tmp_path, jobs=1)
    assert lost.record["status"] == "not_graded"
    assert "the fork server is gone" in lost.record["reason"]
    assert class_run.plan(gathering.gather([str(folder)]), terms, tmp_path)[0].waits


def test_a_roster_gives_the_order_and_who_is_missing(tmp_path: Path) -> None:
    (tmp_path / "roster.csv").write_text(
        'Student,ID,Login\n"Doe, Jane",77,jdoe\n"Roe, Ann",78,aroe@x.org\nSame,1,z\nSame,2,y\n'
    )
    people = roster.read(tmp_path / "roster.csv")
    records = [
        {"submission": {"student": student, "id": number}, "status": "graded"}
        for student, number in (("stranger", ""), ("aroe", ""), ("doejane", "77"), ("Same", ""))
    ]
    found = roster.matched(people, records)
    names = [(person.name, record and record["submission"]["student"]) for person, record in found]
    assert names == [
        ("Doe, Jane", "doejane"),
        ("Roe, Ann", "aroe"),
        ("Same", None),
        ("Same", None),
        ("stranger", "stranger"),
        ("Same", "Same"),
    ]
