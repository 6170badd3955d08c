"""The command `bayeswd homework`: what is for the student."""

import json

import pytest

from bayeswd.cli.main import main

SHEET = (
    "def l2_penalty(w): return w @ w / 2\n"
    "def l1_penalty(w): return -w.abs().sum()\n"
    "zero_function = 'b'\n"
)


@pytest.fixture
def sheet(tmp_path):
    path = tmp_path / "hw.py"
    path.write_text(SHEET)
    return str(path)


def run(capsys, *arguments):
    code = main(["homework", *arguments])
    return code, capsys.readouterr()


def test_list(capsys):
    code, seen = run(capsys, "list")
    assert code == 0
    assert "proximal_step(w, grad, lr, strength)" in seen.out
    assert "31 exercises, 37 points" in seen.out


def test_check_says_what_is_wrong_and_exits_with_1(capsys, sheet):
    code, seen = run(capsys, "check", sheet, "-q", "l2_penalty", "-q", "l1_penalty")
    assert code == 1
    assert "✓ l2_penalty: right" in seen.out
    assert "Your answer is negative" in seen.out
    assert "1 of 2 is right." in seen.out


def test_check_exits_with_0_where_all_that_was_asked_is_right(capsys, sheet):
    assert run(capsys, "check", sheet, "-q", "l2_penalty", "-q", "zero_function")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check", "none.py"], "cannot read 'none.py'"),
        (["check", "SHEET", "-q", "l3_penalty"], "there is no exercise 'l3_penalty'"),
        (["template", "-o", "hw.txt"], ".py or .ipynb"),
        (["template", "-o", "no/hw.py"], "no folder"),
        (["template", "-o", "SHEET"], "--force"),
    ],
)
def test_bad_usage_exits_with_2(arguments, words, capsys, sheet, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    code, seen = run(capsys, *(sheet if each == "SHEET" else each for each in arguments))
    assert code == 2
    assert words in seen.err


def test_an_unknown_action_exits_with_2(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["homework", "guess"])
    assert stopped.value.code == 2
    assert "invalid choice: 'guess'" in capsys.readouterr().err


def test_check_json(capsys, sheet, tmp_path):
    code, seen = run(capsys, "check", sheet, "-q", "l1_penalty", "--json", "-")
    record = json.loads(seen.out)
    assert code == 1
    assert record["items"][0]["diagnosis"][0]["code"] == "L1.SIGN"
    assert "Your answer is negative" in seen.err


def test_faults_of_the_file_are_told_first(capsys, tmp_path):
    path = tmp_path / "hw.py"
    path.write_text(SHEET + "open('/no/such/file\x1b[31m')\n")
    code, seen = run(capsys, "check", str(path), "-q", "l2_penalty")
    assert code == 0
    assert seen.out.startswith("! hw.py, line 4: FileNotFoundError")
    assert "\x1b" not in seen.out


@pytest.mark.parametrize("name", ["hw.py", "hw.ipynb"])
def test_template_and_check_fit_together(name, capsys, tmp_path):
    out = str(tmp_path / name)
    assert run(capsys, "template", "-o", out)[0] == 0
    assert run(capsys, "template", "-o", out, "--force")[0] == 0
    code, seen = run(capsys, "check", out)
    assert code == 1
    assert "0 of 31 are right, 31 are not written yet" in seen.out
