"""The sheet that a student fills in: a script with `# %%` cells, or a notebook."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from typing import Any

from bayeswd.homework.exercise import Exercise
from bayeswd.homework.submissions.notebook import IGNORE_TAG

_WIDTH = 92
_TITLE = "Weight decay: a penalty is a prior"
_HOW = (
    "Replace each `raise NotImplementedError`, and each `None`, by your answer. The names and the "
    "arguments stay as they are. Arguments called w, grad, A, X, y are torch tensors; you may "
    "return tensors, NumPy arrays or plain numbers. Use torch, NumPy and the standard library."
)
_CHECK_FILE = "Look at your answers as often as you like:  bayeswd homework check "
_CHECK_CELL = "import bayeswd as bw\n\nbw.homework.check_all()"


def script(exercises: Sequence[Exercise], name: str) -> str:
    """The sheet as Python, one cell for each exercise."""
    head = [_TITLE, "", *_wrapped(_HOW, _WIDTH), "", _CHECK_FILE + name]
    cells = ["\n".join(f"# {line}".rstrip() for line in head) + "\n\nimport torch"]
    for exercise in exercises:
        asked = "" if exercise.draw else "\n" + _commented(exercise)
        cells.append(f"# %% {_heading(exercise)}{asked}\n{_stub(exercise)}")
    return "\n\n\n".join(cells) + "\n"


def notebook(exercises: Sequence[Exercise]) -> str:
    """The sheet as a notebook (nbformat 4.5); its last cell checks all answers."""
    cells = [_markdown("title", f"# {_TITLE}\n\n{_HOW}"), _code("imports", "import torch")]
    for exercise in exercises:
        cells.append(_markdown(f"{exercise.id}-text", _asked(exercise)))
        cells.append(_code(exercise.id, _stub(exercise)))
    cells.append(_code("check", _CHECK_CELL, IGNORE_TAG))
    about = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    sheet = {"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(sheet, indent=1, ensure_ascii=False) + "\n"


def _wrapped(words: str, width: int) -> list[str]:
    return textwrap.wrap(words, width, break_on_hyphens=False)


def _heading(exercise: Exercise) -> str:
    points = f"{exercise.points} point" + "s" * (exercise.points != 1)
    return f"{exercise.title} ({points})"


def _stub(exercise: Exercise) -> str:
    if exercise.draw is None:
        return f"{exercise.id} = None"
    said = _wrapped(exercise.prompt, _WIDTH - 4)
    convention = _wrapped(f"Convention: {exercise.convention}", _WIDTH - 4)
    body = [f'"""{said[0]}', *said[1:], "", *convention, '"""', "raise NotImplementedError"]
    return "\n".join([f"def {exercise.interface}:", *(f"    {line}".rstrip() for line in body)])


def _commented(exercise: Exercise) -> str:
    said = _wrapped(f"{exercise.prompt} {exercise.convention}", _WIDTH)
    options = [f"  {letter}) {text}" for letter, text in (exercise.choices or {}).items()]
    return "\n".join(f"# {line}" for line in [*said, *options])


def _asked(exercise: Exercise) -> str:
    options = [f"- **{letter}** {text}" for letter, text in (exercise.choices or {}).items()]
    said = [f"## {_heading(exercise)}", exercise.prompt, exercise.convention]
    return "\n\n".join([*said, "\n".join(options)] if options else said)


def _markdown(name: str, source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": _id(name), "metadata": {}, "source": source}


def _code(name: str, source: str, *tags: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": _id(name),
        "metadata": {"tags": list(tags)} if tags else {},
        "execution_count": None,
        "outputs": [],
        "source": source,
    }


def _id(name: str) -> str:
    """Letters, digits, - and _ only, as nbformat asks."""
    return name.replace("_", "-")[:64]
