"""The empty sheet: a script and a notebook that run, and say what is asked."""

import ast
import json

import pytest

from bayeswd.homework import self_check, template
from bayeswd.homework.assignment import EXERCISES

SCRIPT = template.script(EXERCISES, "hw.py")
NOTEBOOK = template.notebook(EXERCISES)


def test_the_script_defines_every_name():
    defined = {}
    for node in ast.parse(SCRIPT).body:
        if isinstance(node, ast.FunctionDef):
            defined[node.name] = [argument.arg for argument in node.args.args]
        if isinstance(node, ast.Assign):
            defined[node.targets[0].id] = []
    assert defined == {each.id: list(each.argument_names) for each in EXERCISES}


def test_both_say_what_is_asked_and_the_convention():
    cells = json.loads(NOTEBOOK)["cells"]
    in_notebook = " ".join("".join(cell["source"]) for cell in cells)
    in_script = " ".join(SCRIPT.replace("#", " ").split())
    for exercise in EXERCISES:
        for words in (exercise.prompt, exercise.convention, *(exercise.choices or {}).values()):
            assert words in in_notebook
            assert " ".join(words.split()) in in_script


def test_lines_are_short_enough():
    assert max(map(len, SCRIPT.splitlines())) <= 100


def test_the_notebook_is_of_format_4_5():
    sheet = json.loads(NOTEBOOK)
    assert (sheet["nbformat"], sheet["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in sheet["cells"]]
    assert len(set(ids)) == len(ids)
    assert all(identity.replace("-", "").isalnum() for identity in ids)
    code = [cell for cell in sheet["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert code[-1]["metadata"]["tags"] == ["bayeswd-ignore"]  # the grader does not run the check


@pytest.mark.parametrize(("name", "sheet"), [("hw.py", SCRIPT), ("hw.ipynb", NOTEBOOK)])
def test_an_empty_sheet_runs_and_nothing_is_written_yet(name, sheet, tmp_path):
    path = tmp_path / name
    path.write_text(sheet)
    feedback, loaded = self_check.of_file(path, EXERCISES)
    assert loaded.faults == []
    assert {each.status for each in feedback} == {"missing"}


def test_no_answer_is_in_the_sheet():
    for exercise in EXERCISES:
        for mistake in exercise.mistakes:
            assert mistake.says not in NOTEBOOK
    assert "bayeswd.homework.exercises" not in NOTEBOOK
