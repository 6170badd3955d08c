"""Run a submission, cell by cell, and keep the names it defines. Only where that may be done:
in a locked job, or on the machine of the student whose code it is."""

import base64
import io
import os
import sys
import tokenize
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from bayeswd.homework import plain
from bayeswd.homework.plain import MAX_TEXT
from bayeswd.homework.submissions import notebook
from bayeswd.homework.submissions.notebook import Cell

MODULE = "submission"  # so that a block under __name__ == "__main__" does not run
_MOST_FAULTS = 20


@dataclass(frozen=True)
class Fault:
    """Something that went wrong while a submission was run, in its own file and line."""

    file: str
    line: int | None
    type: str
    text: str

    def to_dict(self) -> dict[str, Any]:
        return {"file": self.file, "line": self.line, "type": self.type, "text": self.text}

    @staticmethod
    def from_dict(found: Any) -> "Fault":
        """From an untrusted process; ValueError for what is no fault."""
        fields = plain.fields(found, "file", "line", "type", "text")
        line = None if fields["line"] is None else plain.count(fields["line"])
        texts = [plain.text(fields[name]) for name in ("file", "type", "text")]
        return Fault(texts[0], line, texts[1], texts[2])


@dataclass
class Loaded:
    """The names that a submission defines, what failed on the way, and what was passed over."""

    namespace: dict[str, Any]
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        faults = [fault.to_dict() for fault in self.faults[:_MOST_FAULTS]]
        return {"faults": faults, "notes": [note[:MAX_TEXT] for note in self.notes[:_MOST_FAULTS]]}


def load(main: str, files: Mapping[str, bytes]) -> Loaded:
    """Run the file `main`, a script or a notebook; the others are put beside it first.

    Everything is written to the working folder, which is last on the import path. Whatever the
    code does, short of ending the process, this returns.
    """
    _put_down(files)
    return run(main, files[main])


def run(name: str, data: bytes) -> Loaded:
    """Run the bytes of a script or a notebook, and put nothing down."""
    module = ModuleType(MODULE)
    module.__file__ = os.path.basename(name)
    sys.modules[MODULE] = module
    loaded = Loaded(module.__dict__)
    for cell in _cells(name, data, loaded):
        _run(cell, loaded)
    return loaded


def unpacked(files: Mapping[str, str]) -> dict[str, bytes]:
    """Files as they travel in a message."""
    return {name: base64.b64decode(data) for name, data in files.items()}


def _cells(main: str, data: bytes, loaded: Loaded) -> list[Cell]:
    name = os.path.basename(main)
    try:
        if main.endswith(".ipynb"):
            loaded.namespace["display"] = lambda *_, **__: None
            return notebook.cells(name, data, loaded.notes)
        return [Cell(name, _decoded(data, loaded.notes))]
    except (ValueError, RecursionError) as error:
        loaded.faults.append(Fault(name, None, type(error).__name__, str(error)[:MAX_TEXT]))
        return []


def _decoded(data: bytes, notes: list[str]) -> str:
    """A script's text in the encoding it declares, else UTF-8, else Latin-1."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError):
        notes.append("The file is not in UTF-8; it was read as Latin-1.")
        return data.decode("latin-1")


def _run(cell: Cell, loaded: Loaded) -> None:
    """One cell; a fault ends the cell and is noted, as in a notebook."""
    try:
        code = compile(cell.source, cell.name, "exec", dont_inherit=True)
    except BaseException as error:
        line = error.lineno if isinstance(error, SyntaxError) else None
        text = error.msg if isinstance(error, SyntaxError) else _text(error)
        loaded.faults.append(Fault(cell.name, line, type(error).__name__, text[:MAX_TEXT]))
        return
    try:
        exec(code, loaded.namespace)
    except BaseException as error:
        loaded.faults.append(_fault(cell.name, error))


def _fault(name: str, error: BaseException) -> Fault:
    """The fault with the last line of the cell that was on the way to it."""
    steps = traceback.walk_tb(error.__traceback__)
    lines = [line for frame, line in steps if frame.f_code.co_filename == name]
    kind = type.__dict__["__name__"].__get__(type(error))
    return Fault(name, lines[-1] if lines else None, kind[:MAX_TEXT], _text(error))


def _text(error: BaseException) -> str:
    try:
        words = str.__getitem__(str(error), slice(MAX_TEXT))
        return words.encode("utf-8", "replace").decode()
    except BaseException:  # an exception whose __str__ raises
        return "(its text cannot be shown)"


def _put_down(files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        if folder := os.path.dirname(name):
            os.makedirs(folder, exist_ok=True)
        with open(name, "wb") as file:
            file.write(data)
