"""The page on adding an exercise: its example is one."""

import re
from pathlib import Path
from random import Random

import bayeswd

PAGE = (Path(bayeswd.__file__).parent / "homework" / "ADDING.md").read_text()


def test_the_example_is_an_exercise(by_formula):
    (source,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names = {}
    exec(source, names)
    exercise = names["EXERCISE"]
    for seed in range(30):
        calls = exercise.calls(Random(seed))
        assert by_formula(exercise, exercise.accepted[0].formula, calls).passed
        for mistake in exercise.mistakes:
            found = by_formula(exercise, mistake.formula, calls).diagnosis[0]
            assert (found.code, found.confidence) == (mistake.code, "matched")


def test_what_it_names_is_there():
    package = Path(bayeswd.__file__).parent
    for path in ("exercises/numbers.py", "exercises/choices.py", "assignment.py", "probe.py"):
        assert path in PAGE
        assert (package / "homework" / path).exists()
    for path in re.findall(r"tests/\S+\.py", PAGE):
        assert (Path(__file__).parents[2] / path).exists()
