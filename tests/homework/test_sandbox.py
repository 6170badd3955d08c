"""The parts of the sandbox: what a job reads, frames, canaries, and the refusal without one."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bayeswd.cli.main import main
from bayeswd.homework.sandbox import (
    allowed_calls,
    canaries,
    fork_server,
    landlock,
    reach,
    seccomp,
    syscalls,
    wire,
)
from bayeswd.homework.sandbox.canaries import Canary
from bayeswd.homework.sandbox.conversation import NoSandboxError, SandboxError
from bayeswd.homework.sandbox.fork_server import ForkServer


def test_every_canary_gets_through_where_there_is_no_sandbox(tmp_path: Path) -> None:
    """An attack that could not succeed would prove nothing."""
    file = tmp_path / "secret.txt"
    file.write_text("x")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        for name in canaries.ATTEMPTS:
            program = canaries.source(file, listener.getsockname()[1], os.getpid())
            last = f"print({name}() == 1.0)"
            if name == "runs":  # it does not come back
                last = f"print(True, flush=True); {name}()"
            done = subprocess.run(
                [sys.executable, "-c", program + last],
                capture_output=True,
                text=True,
                check=False,
                cwd=Path(__file__).parents[2],
            )
            weak = name in ("traces", "looks", "limits", "answers") and "False" in done.stdout
            assert "True" in done.stdout or weak, (name, done.stderr)


def test_no_filter_line_jumps_too_far_and_the_last_word_is_no() -> None:
    lines = seccomp.program(1)
    for at, (_, if_true, if_false, _) in enumerate(lines):
        assert at + max(if_true, if_false) < len(lines) - (at < len(lines) - 1)
        assert max(if_true, if_false) < 256
    code, _, _, value = lines[-1]
    assert (code, value & 0x7FFF0000) == (0x06, 0x00050000)


def test_dangerous_calls_are_on_no_list() -> None:
    allowed = set().union(*allowed_calls.PLAIN.values())
    # socket, connect, fork, vfork, execve, kill, ptrace, chmod, fchmod, chown, link, symlink,
    # mknod, truncate, mount, unshare, setns, io_uring_setup; execveat, pidfd_open, memfd_create,
    # tkill, process_vm_readv and writev, pidfd_getfd
    for number in (41, 42, 57, 58, 59, 62, 101, 90, 91, 92, 86, 88, 133, 76, 165, 272, 308, 425):
        assert number not in allowed
    assert not {322, 434, 319, 200, 310, 311, 438} & allowed
    assert not {rule.number for rule in allowed_calls.conditional(1)} & allowed


def test_the_references_are_hidden_wherever_the_package_is(tmp_path: Path) -> None:
    root = tmp_path / "lib"
    package = root / "site-packages" / "bayeswd"
    for folder in (package, root / "json", root / "site-packages" / "torch"):
        folder.mkdir(parents=True)
    (root / "site-packages" / "bayeswd-1.dist-info").mkdir()
    (root / "site-packages" / "six.py").touch()
    found = dict(reach.trees(str(root), str(package)))
    inside = {str(Path(path).relative_to(root)): whole for path, whole in found.items()}
    assert inside == {
        ".": False,
        "json": True,
        "site-packages": False,
        "site-packages/six.py": True,
        "site-packages/torch": True,
    }


def test_no_grant_reaches_this_package() -> None:
    package = Path(landlock.__file__).resolve().parents[2]
    for path in reach.grants("/own").readable:
        assert not package.is_relative_to(path)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[" * 10**6, b"9" * 5000, b"NaN", b"[Infinity]", b'"\xff"', b"\x00", b"1 2"],
    ids=range(9),
)
def test_a_reply_that_is_not_json_is_malformed(body: bytes) -> None:
    with pytest.raises(wire.MalformedError):
        wire.decode(body)


def test_a_frame_says_its_length_and_is_refused_above_the_cap() -> None:
    framed = wire.frame({"a": [1, 2]})
    assert wire.length(framed[:4], 100) == len(framed) - 4
    with pytest.raises(wire.MalformedError, match="4294967295 bytes"):
        wire.length(b"\xff" * 4, 100)


@pytest.mark.parametrize("lacking", ["Linux", "x86-64", "Landlock"])
def test_without_a_sandbox_nothing_runs_and_the_code_is_3(
    lacking: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if lacking == "Linux":
        monkeypatch.setattr(syscalls.sys, "platform", "darwin")
    elif lacking == "x86-64":
        monkeypatch.setattr(syscalls.platform, "machine", lambda: "aarch64")
    else:
        without = (
            "; from bayeswd.homework.sandbox import landlock as l; l.version = lambda: 0; from"
        )
        code = fork_server._CODE.replace("; from", without)
        monkeypatch.setattr(fork_server, "_CODE", code)
    (tmp_path / "hw.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    assert main(["homework", "grade", str(tmp_path / "hw.py"), "-o", str(tmp_path / "out")]) == 3
    said = capsys.readouterr().err
    assert "nothing was executed" in said
    assert lacking.split("-")[0] in said
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "out" / "gradebook.csv").exists()
    assert main(["homework", "doctor"]) == 3
    assert "Nothing can be graded here" in capsys.readouterr().out


def test_a_server_that_does_not_start_is_a_fault_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fork_server, "_CODE", "raise SystemExit # {root} {libraries} {arguments}")
    with pytest.raises(SandboxError, match="did not start") as error:
        ForkServer()
    assert not isinstance(error.value, NoSandboxError)


def test_a_server_that_knows_an_answer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    knowing = "; import bayeswd.homework.exercises.l2_penalty; from"
    code = fork_server._CODE.replace("; from", knowing)
    monkeypatch.setattr(fork_server, "_CODE", code)
    with pytest.raises(SandboxError, match=r"would hold bayeswd.homework.exercise") as error:
        ForkServer()
    assert not isinstance(error.value, NoSandboxError)


def test_the_doctor_says_what_holds(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["homework", "doctor"])
    said = capsys.readouterr().out
    if "Nothing can be graded here" in said:
        pytest.skip(said)
    assert code == 0
    assert said.count("refused: ") == len(canaries.ATTEMPTS)
    assert "landlock+seccomp" in said
    assert said.endswith("Submissions can be graded.\n")


def test_the_doctor_refuses_when_an_attack_gets_through(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Running:
        tier = fork_server.Tier(7, False, 0, "switched off", ("/usr/lib",))

        def __enter__(self) -> "Running":
            return self

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(fork_server, "ForkServer", Running)
    monkeypatch.setattr(canaries, "try_all", lambda _: [Canary("open a TCP connection", False)])
    assert main(["homework", "doctor"]) == 3
    said = capsys.readouterr().out
    assert "GOT THROUGH: open a TCP connection" in said
    assert "Without namespaces: switched off." in said
    assert "NOTHING IS GRADED HERE" in said
