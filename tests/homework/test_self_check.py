"""A student's own file, run on his own machine."""

import json
import sys

import pytest

from bayeswd.errors import InputError
from bayeswd.homework import assignment, self_check
from bayeswd.homework.assignment import EXERCISES

L2 = [assignment.find("l2_penalty")]
RIGHT = "def l2_penalty(w): return w @ w / 2\n"


def checked(path, source, exercises=L2):
    path.write_text(source)
    return self_check.of_file(path, exercises)


def test_a_script(tmp_path):
    (feedback,), loaded = checked(tmp_path / "hw.py", RIGHT)
    assert feedback.passed
    assert loaded.faults == []


def test_the_main_block_does_not_run(tmp_path):
    (feedback,), loaded = checked(
        tmp_path / "hw.py", RIGHT + "if __name__ == '__main__': raise SystemExit\n"
    )
    assert feedback.passed
    assert not loaded.faults


def test_a_fault_in_the_file_is_told_with_its_line(tmp_path):
    (feedback,), loaded = checked(tmp_path / "hw.py", RIGHT + "x = 1 / 0\n")
    assert feedback.passed
    (fault,) = loaded.faults
    assert (fault.file, fault.line, fault.type) == ("hw.py", 2, "ZeroDivisionError")


def test_a_notebook_goes_on_after_a_cell_that_fails(tmp_path):
    cells = ["1 / 0", RIGHT, "!ls"]
    sheet = {
        "cells": [{"cell_type": "code", "source": [cell], "metadata": {}} for cell in cells],
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
    }
    (feedback,), loaded = checked(tmp_path / "hw.ipynb", json.dumps(sheet))
    assert feedback.passed
    assert loaded.faults[0].file == "hw.ipynb[cell 1]"
    assert len(loaded.notes) == 1


def test_a_module_beside_the_file_can_be_imported(tmp_path):
    (tmp_path / "my_helpers.py").write_text("def half(x): return x / 2\n")
    source = "from my_helpers import half\ndef l2_penalty(w): return half(w @ w)\n"
    path = list(sys.path)
    (feedback,), _ = checked(tmp_path / "hw.py", source)
    assert feedback.passed
    assert sys.path == path
    assert "my_helpers" not in sys.modules


def test_a_module_beside_the_file_shadows_nothing(tmp_path):
    (tmp_path / "statistics.py").write_text("raise SystemExit\n")
    source = "import torch, statistics\nstatistics.mean\n" + RIGHT
    (feedback,), loaded = checked(tmp_path / "hw.py", source)
    assert feedback.passed
    assert loaded.faults == []


def test_nothing_is_written_beside_the_file(tmp_path):
    checked(tmp_path / "hw.py", RIGHT)
    assert [path.name for path in tmp_path.iterdir()] == ["hw.py"]


@pytest.mark.parametrize(("name", "words"), [("hw.txt", "no .py"), ("none.py", "cannot read")])
def test_a_file_that_cannot_be_read(name, words, tmp_path):
    (tmp_path / "hw.txt").write_text(RIGHT)
    with pytest.raises(InputError, match=words):
        self_check.of_file(tmp_path / name, L2)


def test_a_check_gives_the_same_twice():
    namespace = {}
    exec("def l2_penalty(w): return (w ** 3).sum()", namespace)
    first, second = (self_check.of_namespace(namespace, EXERCISES[:2]) for _ in range(2))
    assert [each.diagnosis for each in first] == [each.diagnosis for each in second]
