"""Hostile and odd files: links, pipes, archives, encodings, names (rows A10, A11, E1 to E8)."""

import io
import os
import stat
import zipfile
from pathlib import Path

import pytest

from bayeswd.errors import InputError
from bayeswd.homework.grading import class_run
from bayeswd.homework.grading.class_run import Planned
from bayeswd.homework.grading.record import Terms
from bayeswd.homework.sandbox.fork_server import ForkServer
from bayeswd.homework.submissions import archive, contents, gathering
from bayeswd.homework.submissions.tree import RefusedError

RIGHT = "def l2_penalty(w): return (w ** 2).sum() / 2\n"
TERMS = Terms("", 10.0)


def graded(server: ForkServer, folder: Path) -> dict[str, tuple[str, str]]:
    """Student -> status, and the score or why there is none."""
    out = folder.parent / "out"
    out.mkdir(exist_ok=True)
    planned = class_run.plan(gathering.gather([str(folder)]), TERMS, out)
    done: list[Planned] = [each for each in planned if not each.waits]
    done += class_run.run(server, planned, b"secret", TERMS, out, jobs=2)
    return {
        each.handed.student: (
            each.record["status"],
            each.record["reason"] or each.record["score"],
        )
        for each in done
    }


def test_text_in_any_encoding_is_read(server: ForkServer, tmp_path: Path) -> None:
    folder = tmp_path / "class"
    folder.mkdir()
    tabs = "def l2_penalty(w):\n\treturn (w ** 2).sum() / 2\n"
    for name, data in {
        "latin": b"# caf\xe9\n" + RIGHT.encode(),
        "declared": b"# -*- coding: cp1252 -*-\nprice = '\x80'\n" + RIGHT.encode(),
        "mark": b"\xef\xbb\xbf" + RIGHT.encode(),
        "windows": ("# one\n" + tabs).replace("\n", "\r\n").encode(),
    }.items():
        (folder / f"{name}.py").write_bytes(data)
    found = graded(server, folder)
    assert found == dict.fromkeys(("latin", "declared", "mark", "windows"), ("graded", "1"))


def test_helpers_beside_the_file_work_and_shadow_nothing(
    server: ForkServer, tmp_path: Path
) -> None:
    ann = tmp_path / "class" / "ann"
    (ann / "pieces").mkdir(parents=True)
    (ann / "hw.py").write_text(
        "import helper, torch, random, numpy\nfrom pieces import half\n"
        "assert torch.zeros(1) == 0 and numpy.pi > 3 and random.random() < 1\n"
        "assert open('data.csv').read() == '2'\n"
        "def l2_penalty(w): return half.of(helper.squares(w))\n"
    )
    (ann / "helper.py").write_text("def squares(w): return (w ** 2).sum()\n")
    (ann / "pieces" / "half.py").write_text("def of(x): return x / 2\n")
    (ann / "data.csv").write_text("2")
    for name in ("torch", "numpy", "random", "bayeswd", "json"):
        (ann / f"{name}.py").write_text("raise SystemExit('shadowed')\n")
    assert graded(server, tmp_path / "class") == {"ann": ("graded", "1")}


def test_what_is_no_plain_small_file_is_refused(server: ForkServer, tmp_path: Path) -> None:
    folder = tmp_path / "class"
    folder.mkdir()
    (folder / "link.py").symlink_to("/etc/shadow")
    os.mkfifo(folder / "pipe.py")
    (folder / "large.py").write_text("#" * 3 * 2**20)
    (folder / "folder.py").mkdir()
    (folder / "linked").symlink_to("/etc")
    (folder / "broken.zip").write_bytes(b"PK\x03\x04 nothing")
    (folder / "comments.py").write_text("# nothing yet\n")
    (folder / "fine.py").write_text(RIGHT)
    found = graded(server, folder)
    assert found["link"] == ("refused", "it is a link")
    assert found["pipe"] == ("refused", "it is no plain file")
    assert found["large"] == ("refused", "it is too large (3.0 MB, at most 1 MB are read)")
    assert found["folder"] == ("refused", "there is no .py or .ipynb file in it")
    assert found["broken"][0] == "refused"
    assert found["comments"] == ("graded", "0")
    assert found["fine"] == ("graded", "1")
    assert "linked" not in found


def test_a_hostile_name_is_harmless_and_its_owner_is_graded(
    server: ForkServer, tmp_path: Path
) -> None:
    folder = tmp_path / "class"
    folder.mkdir()
    names = ["line\nbreak", "=cmd()", "\x1b[31mred", "to\u202eleft", "x" * 250, "é日本", "a;rm -rf"]
    for name in names:
        (folder / f"{name}.py").write_text(RIGHT)
    os.close(os.open(os.fsencode(folder) + b"/\xff\xfe.py", os.O_CREAT))
    found = graded(server, folder)
    assert len(found) == len(names) + 1
    assert [each for each in found.values() if each != ("graded", "1")] == [("graded", "0")]
    assert all(name.isprintable() for name in found)
    written = [path.name for path in (tmp_path / "out").iterdir()]
    assert len(written) == len(names) + 1
    assert all(name.isascii() and len(name) < 60 for name in written)


def test_the_later_of_two_submissions_counts(server: ForkServer, tmp_path: Path) -> None:
    folder = tmp_path / "class"
    folder.mkdir()
    (folder / "doejane_LATE_123_999_hw.py").write_text(RIGHT)
    (folder / "doejane_123_1000_hw.py").write_text("l2_penalty = 1\n")
    planned = class_run.plan(gathering.gather([str(folder)]), TERMS, tmp_path)
    statuses = {each.handed.order: each.record["status"] for each in planned}
    assert statuses == {999: "superseded", 1000: "not_graded"}


def zipped(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in files.items():
            target.writestr(name, data)
    return buffer.getvalue()


def linked() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        info = zipfile.ZipInfo("hw.py")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        target.writestr(info, "/etc/shadow")
    return buffer.getvalue()


def understated() -> bytes:
    """A bomb whose headers say that it holds 10 bytes."""
    data = bytearray(zipped(**{"hw.py": b"#" * 2**25}))
    for start in (b"PK\x03\x04", b"PK\x01\x02"):
        at = data.index(start) + (22 if start == b"PK\x03\x04" else 24)
        data[at : at + 4] = (10).to_bytes(4, "little")
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (zipped(**{"../hw.py": b""}), "leads out"),
        (zipped(**{"/etc/hw.py": b""}), "leads out"),
        (zipped(**{"a/../../hw.py": b""}), "leads out"),
        (zipped(**{"C:/hw.py": b""}), "leads out"),
        (zipped(**{"HW.py": b"", "hw.py": b""}), "two files of one name"),
        (zipped(**{"hw.py": bytes(2**26)}), "zip bomb"),
        (linked(), "link"),
        (b"no zip", "no zip file"),
    ],
)
def test_a_hostile_archive_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(RefusedError, match=says):
        archive.of_zip(data, 2**25)


def test_an_archive_that_lies_about_its_size_is_not_unpacked() -> None:
    (entry,) = archive.of_zip(understated(), 2**25)
    with pytest.raises(RefusedError):
        entry.read(2**20)


def test_archives_of_one_student_and_of_a_class_are_read(
    server: ForkServer, tmp_path: Path
) -> None:
    mine = zipped(**{"work/hw.py": RIGHT.encode(), "__MACOSX/._hw.py": b"\0", "work/a.csv": b"1"})
    both = zipped(
        **{
            "export/Ann Lee_77_assignsubmission_file_/hw.py": RIGHT.encode(),
            "export/bob.zip": mine,
            "export/metadata.yml": b"x: 1",
        }
    )
    (tmp_path / "all.zip").write_bytes(both)
    assert graded(server, tmp_path / "all.zip") == {
        "Ann Lee": ("graded", "1"),
        "bob": ("graded", "1"),
    }


def test_of_several_files_the_one_with_the_answers_is_run(tmp_path: Path) -> None:
    for name, text in {"a.py": "x = 1", "b.py": RIGHT, "notes.txt": "l2_penalty"}.items():
        (tmp_path / "class" / "ann").mkdir(parents=True, exist_ok=True)
        (tmp_path / "class" / "ann" / name).write_text(text)
    (handed,) = gathering.gather([str(tmp_path / "class")])
    given = contents.read(handed, ["l2_penalty"])
    assert given.main == "b.py"
    assert set(given.files) == {"a.py", "b.py", "notes.txt"}


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    for name in ("ann", "bob"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "hw.py").write_text(RIGHT)
    handed = gathering.gather([str(tmp_path / name / "hw.py") for name in ("ann", "bob")])
    assert [each.student for each in handed] == ["ann/hw", "bob/hw"]


@pytest.mark.parametrize("name", ["nowhere", "empty", "hw.txt"])
def test_nothing_to_grade_is_said(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "hw.txt").write_text("")
    with pytest.raises(InputError, match=name):
        gathering.gather([str(tmp_path / name)])
