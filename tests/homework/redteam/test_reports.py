"""Nothing of a student's does anything in a report; none gives an answer away (R1 to R3)."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bayeswd.homework import assignment
from bayeswd.homework.calls import Call
from bayeswd.homework.grading import class_run, gradebook, outputs, record, roster, seeds
from bayeswd.homework.grading.gradescope import feedback, results
from bayeswd.homework.grading.record import Record, Terms
from bayeswd.homework.inert import cell, one_line
from bayeswd.homework.sandbox.fork_server import ForkServer
from bayeswd.homework.submissions import gathering
from bayeswd.report import homework_page

SECRET = b"the secret of the class"
EVIL = "<script>alert(1)</script>\x1b[31m\x1b]0;title\x07\u202e=HYPERLINK(1)\r\n"

# Every way out that a student's own words have, and all that he can say of hidden inputs.
LOUD = f"""
evil = {EVIL!r}
print(evil)
class Evil(Exception): pass
Evil.__name__ = evil
def l2_penalty(w):
    raise Evil(evil)
def l1_penalty(w):
    print("hidden", w.tolist())
    return evil
def frobenius_squared(A):
    if A.abs().max() > 0 and A.shape not in seen:
        seen.append(A.shape)
        return (A ** 2).sum()
    raise type("leak" + str(A.tolist()), (Exception,), {{}})(str(A.tolist()))
seen = []
def sgd_step_l2(w, grad, lr, strength): return w - lr * grad
small_weights = evil
raise Evil(evil)
"""


@pytest.fixture
def graded(server: ForkServer, tmp_path: Path) -> Callable[[str, str], Record]:
    def grade(name: str, source: str) -> Record:
        place = tmp_path / f"{name}.py"
        place.write_text(source)
        terms = Terms("", 10.0)
        planned = class_run.plan(gathering.gather([str(place)]), terms, tmp_path)
        (done,) = class_run.run(server, planned, SECRET, terms, tmp_path, jobs=1)
        return done.record

    return grade


def is_inert(text: str) -> bool:
    return all(character.isprintable() or character == "\n" for character in text)


def texts(value: Any) -> list[str]:
    """Every string in a record."""
    if isinstance(value, dict):
        return [text for each in value.values() for text in texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in texts(each)]
    return [value] if isinstance(value, str) else []


def test_words_of_a_student_do_nothing_anywhere(
    graded: Callable[[str, str], Record], tmp_path: Path
) -> None:
    evil = graded("=cmd()\x1b[1m<b>", LOUD)
    assert "=HYPERLINK(1)" in str(evil)  # it is there, as text
    assert all(map(is_inert, texts(evil)))
    rows = roster.matched([], [evil])
    assert is_inert(outputs.text(rows))
    assert is_inert(feedback(record.student_view(evil)))
    page = homework_page.page(rows)
    assert "<script" not in page
    assert "<b>" not in page
    assert is_inert(page)
    gradebook.write(tmp_path / "grades.csv", rows)
    with (tmp_path / "grades.csv").open(newline="", encoding="utf-8") as file:
        cells = [cell for line in csv.reader(file) for cell in line]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert "'=cmd() [1m<b>" in cells


def test_what_is_printed_is_capped(graded: Callable[[str, str], Record]) -> None:
    flood = "import sys\nfor i in range(10**5): print('line', i)\nsys.stdout.flush()\n"
    flood += "import os\nos.write(1, b'\\xff\\x00\\xfe' * 10**5)\n"
    found = graded("flood", flood)
    assert found["status"] == "graded"
    assert 0 < len(found["printed"]) < 10_000
    assert is_inert(found["printed"])


def hidden_numbers(found: Record, exercise: str) -> set[str]:
    """The hidden inputs as a student's code may have written them."""
    asked = assignment.find(exercise)
    calls: list[Call] = list(asked.calls(seeds.random(found["seed"], exercise)))
    public = asked.public_calls()
    assert tuple(calls[: len(public)]) == public
    arguments = [each for call in calls[len(public) :] for each in call.arguments]
    values = {str(value) for each in arguments for value in each.values}
    return {value for value in values if len(value) > 6}


def test_a_student_sees_no_hidden_input_and_no_answer(
    graded: Callable[[str, str], Record],
) -> None:
    found = graded("loud", LOUD)
    view = record.student_view(found)
    shown = json.dumps(results(view, 1.0)) + feedback(view) + json.dumps(view)
    for exercise in ("l1_penalty", "frobenius_squared", "sgd_step_l2"):
        hidden = hidden_numbers(found, exercise)
        assert len(hidden) > 20
        assert not [number for number in hidden if number in shown], exercise
    printed = set(found["printed_later"].replace(",", " ").split())
    assert hidden_numbers(found, "l1_penalty") & printed  # the teacher sees it
    assert "expected" not in shown
    assert found["seed"] not in shown
    assert "fingerprint" not in shown
    items = {item["id"]: item for item in found["items"]}
    assert items["sgd_step_l2"]["status"] == "failed"
    assert items["sgd_step_l2"]["diagnosis"][0]["code"].endswith("NO_PENALTY")


def test_no_message_of_a_wrong_answer_holds_its_reference(
    graded: Callable[[str, str], Record],
) -> None:
    wrong = "".join(
        f"def {each.interface}: return 7.25\n" for each in assignment.EXERCISES if each.draw
    )
    view = record.student_view(graded("wrong", wrong))
    shown = feedback(view)
    for exercise in assignment.EXERCISES:
        if exercise.id in ("prior_variance", "strength_from_prior", "laplace_scale"):
            for call in exercise.calls(Random(0)):
                given = [argument.values[0] for argument in call.arguments]
                right = exercise.accepted[0].formula(*given)
                assert f"{right:.5g}" not in shown


def test_gradescope_gets_the_points_and_plain_text(graded: Callable[[str, str], Record]) -> None:
    view = record.student_view(graded("ann", "def l2_penalty(w): return (w ** 2).sum() / 2\n"))
    found = results(view, 1.5)
    assert found["score"] == sum(test["score"] for test in found["tests"]) == 1.0
    assert found["output_format"] == "text"
    first = found["tests"][0]
    assert {name: first[name] for name in ("name", "status", "score", "max_score")} == {
        "name": "l2_penalty",
        "status": "passed",
        "score": 1.0,
        "max_score": 1.0,
    }
    assert {test["output_format"] for test in found["tests"]} == {"text"}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", "\n=", " =", "|", "%"])
def test_a_cell_is_never_a_formula(start: str) -> None:
    assert str(cell(start + "1+1")).startswith("'")
    assert cell(-1.5) == -1.5


def test_one_line_keeps_letters_and_drops_the_rest() -> None:
    assert one_line("Zoë 日本 a\u200bb\x00c\ud800") == "Zoë 日本 ab c\N{REPLACEMENT CHARACTER}"
    assert one_line("a" * 300, 10) == "a" * 9 + "…"
