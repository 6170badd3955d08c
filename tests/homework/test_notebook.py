"""`bw.homework` in a notebook and in the test cells of other graders."""

import json
import subprocess
import sys

import pytest

import bayeswd as bw
from bayeswd.errors import InputError
from bayeswd.homework import assignment


def l2_penalty(w):
    return w @ w / 2


def l1_penalty(w):
    return w.abs().sum() / 2


def test_a_right_answer():
    report = bw.homework.check(l2_penalty)
    assert report.passed
    assert (report.score, report.max_score) == (1.0, 1.0)
    assert repr(report) == "✓ l2_penalty: right."


def test_a_wrong_answer_is_explained():
    report = bw.homework.check(l1_penalty)
    assert not report.passed
    assert "half of the penalty" in repr(report)
    assert "With w = [3, -4, 1] it gives 4." in repr(report)
    assert "half of the penalty" in report._repr_html_()


def test_answers_without_a_name_need_one():
    assert bw.homework.check("b", q="zero_function").passed
    assert bw.homework.check(lambda w: w @ w / 2, q="l2_penalty").passed
    with pytest.raises(InputError, match="say which exercise it answers"):
        bw.homework.check(3)
    with pytest.raises(InputError, match="there is no exercise '<lambda>'; the exercises are l2"):
        bw.homework.check(lambda w: w)


def test_a_check_is_neither_true_nor_false():
    with pytest.raises(TypeError, match="use check"):
        bool(bw.homework.check(l2_penalty))


def test_assert_correct_fails_with_the_reason():
    bw.homework.assert_correct("l2_penalty", l2_penalty)
    with pytest.raises(AssertionError, match=r"l1_penalty: not right yet.*half of the penalty"):
        bw.homework.assert_correct("l1_penalty", l1_penalty)


def test_score_is_a_number_for_nbgrader():
    assert bw.homework.score("l2_penalty", l2_penalty, points=4) == 4.0
    assert bw.homework.score("l2_penalty", l2_penalty) == 1.0
    assert bw.homework.score("l1_penalty", l1_penalty, points=4) == 0.0


def test_check_all_looks_at_the_callers_names():
    report = bw.homework.check_all()
    verdicts = {each.exercise: each.status for each in report.feedback}
    assert verdicts["l2_penalty"] == "passed"
    assert verdicts["l1_penalty"] == "failed"
    assert verdicts["train"] == "missing"
    assert list(verdicts) == bw.homework.exercises() == [each.id for each in assignment.EXERCISES]
    assert repr(report).endswith("1 of 31 is right, 29 are not written yet.")
    assert bw.homework.check_all({"zero_function": "b"}).score == 1


def test_the_record_is_for_the_student():
    record = bw.homework.check(l1_penalty).to_dict()
    assert record["schema"] == "bayeswd.homework.check/1"
    (item,) = record["items"]
    assert item["status"] == "failed"
    assert item["diagnosis"][0]["code"] == "L1.HALF"
    assert "expected" not in json.dumps(record)


NASTY = "<script>alert(1)</script>\x1b[31m\u202e=HYPERLINK()"


def words(value):
    """Every string in a record."""
    if isinstance(value, dict | list):
        parts = value.values() if isinstance(value, dict) else value
        return [word for part in parts for word in words(part)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("kind", ["message", "type", "text"])
def test_students_text_is_inert(kind):
    def raising(w):
        if kind == "message":
            raise ValueError(NASTY)
        if kind == "type":
            raise type(NASTY, (Exception,), {})
        return NASTY

    report = bw.homework.check(raising, q="l2_penalty")
    (feedback,) = report.feedback
    assert not report.passed
    assert "<script" not in report._repr_html_()
    for text in (report._repr_html_(), repr(report), *words(feedback.to_dict())):
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_the_line_of_an_error_is_found(tmp_path):
    namespace = {"__name__": "__main__"}
    source = "import torch\ndef l2_penalty(w):\n    return w @ torch.zeros(99)\n"
    exec(compile(source, "<ipython-input-3>", "exec"), namespace)
    report = bw.homework.check(namespace["l2_penalty"])
    assert "RuntimeError in line 3 of <ipython-input-3>" in " ".join(repr(report).split())


PROGRAMS = [
    "import sys\nimport bayeswd as bw\n"
    "assert 'torch' not in sys.modules\nassert 'homework' in dir(bw)\n"
    "bw.homework.check\nfrom bayeswd.homework import probe\nbw.homework.check\n"
    "import bayeswd.homework.plain as p\np.count\n",
    "import bayeswd.homework.plain\nbayeswd.homework.plain.count\nbayeswd.homework.check\n"
    "try:\n    bayeswd.homework.nothing\nexcept AttributeError:\n    pass\nelse:\n    1 / 0\n",
]


@pytest.mark.parametrize("program", PROGRAMS, ids=["checks first", "sub-package first"])
def test_the_name_means_the_checks_whatever_was_imported(program):
    subprocess.run([sys.executable, "-c", program], check=True)
