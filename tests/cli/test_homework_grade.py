"""`bayeswd homework grade`: what it prints and writes, and how it ends."""

import csv
import json
from pathlib import Path

import pytest

from bayeswd.cli.main import main

ANN = "import matplotlib\ndef l2_penalty(w): return (w ** 2).sum() / 2\n"
BOB = "def l2_penalty(w): return (w ** 2).sum()\ndef l1_penalty(w): return unknown\n"


def grade(folder: Path, *options: str) -> int:
    return main(["homework", "grade", str(folder / "class"), "-o", str(folder / "out"), *options])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "ann.py").write_text(ANN)
    (tmp_path / "class" / "bob.py").write_text(BOB)
    (tmp_path / "class" / "cid.py").symlink_to("/etc/hostname")
    (tmp_path / "roster.csv").write_text("name,id\nbob,2\nann,1\neve,3\n")
    return tmp_path


def test_a_class_is_graded_told_and_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--roster", str(folder / "roster.csv"), "--points-total", "100", "--jobs", "1"]
    code = grade(folder, *options, "--json", str(folder / "all.json"))
    said = capsys.readouterr()
    if code == 3:
        pytest.skip(said.err)
    assert code == 0
    assert "bob" in said.out
    assert "l2_penalty L2.NO_HALF, l1_penalty error" in said.out
    assert "cid" in said.out
    assert "refused: it is a link" in said.out
    out = folder / "out"
    with (out / "gradebook.csv").open(newline="", encoding="utf-8") as file:
        table = {row["student"]: row for row in csv.DictReader(file)}
    assert list(table) == ["bob", "ann", "eve", "cid"]
    assert table["eve"]["status"] == "nothing handed in"
    assert table["ann"]["max_score"] == "100.0"
    assert float(table["ann"]["score"]) == float(table["ann"]["l2_penalty"]) > 0
    everything = json.loads((folder / "all.json").read_text())
    assert [each["student"] for each in everything["students"]] == list(table)
    assert "1 submission" not in (out / "summary.html").read_text()
    (results,) = (out / "gradescope").glob("bob-*/results.json")
    failed = json.loads(results.read_text())["tests"][0]
    assert (failed["status"], failed["tags"][0]) == ("failed", "L2.NO_HALF")
    (told,) = (out / "feedback").glob("bob-*.txt")
    assert told.read_text().startswith("0 of 100 points")

    assert grade(folder, *options, "--json", "-") == 0  # nothing is graded again
    again = capsys.readouterr().out
    assert json.loads(again) == everything


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--jobs", "0"], "'0' is not a whole number from 1 to 64"),
        (["--timeout", "soon"], "'soon' is not a number of seconds"),
        (["--points-total", "-1"], "'-1' is not a number of points above 0"),
    ],
)
def test_a_bad_option_is_said_before_any_work(
    options: list[str], says: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        grade(folder, *options)
    assert end.value.code == 2
    assert says in capsys.readouterr().err
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--roster", "nowhere.csv"], "nowhere.csv"),
        (["--seed-secret", "nowhere"], "--seed-secret 'nowhere' cannot be read"),
    ],
)
def test_a_missing_file_is_said(
    options: list[str], says: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert grade(folder, *options) == 2
    assert says in capsys.readouterr().err
