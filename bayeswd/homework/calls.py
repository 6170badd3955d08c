"""What is asked of a student's code, and what was seen: frozen plain data, JSON both ways.

Nothing here loads torch or numpy. `from_dict` reads what an untrusted process sent: it checks
every type, size and number, and raises ValueError for anything else.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bayeswd.homework import plain

# The rungs of the ladder that a probe can see; shape and finiteness are for the judge.
RUNGS = ("nothing", "defined", "callable", "runs", "type")
MAX_NUMBERS = 20_000  # in one returned array; more are not carried

# Faults that are not exceptions of the student's code; the process that runs it reports them.
TIME, CRASH, MEMORY, PROTOCOL = "time limit", "crashed", "memory limit", "malformed reply"


@dataclass(frozen=True)
class Argument:
    """One argument: row-major `values` in `shape`, given to the student's code as `kind`.

    kind: "float32" and "float64" are torch tensors, "numpy" a float64 array, "list" (nested)
    lists of floats, "float" and "int" plain numbers.
    """

    kind: str
    shape: tuple[int, ...]
    values: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "shape": list(self.shape), "values": list(self.values)}

    @staticmethod
    def from_dict(found: Any) -> Argument:
        fields = plain.fields(found, "kind", "shape", "values")
        shape = plain.shape(fields["shape"])
        return Argument(
            plain.text(fields["kind"]),
            shape,
            plain.numbers(fields["values"], math.prod(shape), MAX_NUMBERS),
        )


def tensor(rows: Any, kind: str = "float32") -> Argument:
    """An argument from nested sequences of numbers; float32 ones are rounded to what they hold."""
    shape, level = [], rows
    while isinstance(level, Sequence):
        shape.append(len(level))
        level = level[0] if level else 0.0
    values = [float(value) for value in _flat(rows)]
    if kind == "float32":
        values = [struct.unpack("f", struct.pack("f", value))[0] for value in values]
    return Argument(kind, tuple(shape), tuple(values))


def number(value: float) -> Argument:
    """A plain number, int or float as given."""
    return Argument("int" if isinstance(value, int) else "float", (), (float(value),))


@dataclass(frozen=True)
class Call:
    """One question to the student's code.

    name: of the student's function, or of the variable that holds an answer.
    arguments: None where `name` is a variable.
    parts: how many values a tuple that is returned must hold; 1 where no tuple is expected.
    gradient_of: the argument to differentiate the result in, None where no gradient is asked.
    family: what kind of input this is, in words for the student ("a weight that is zero").
    """

    name: str
    arguments: tuple[Argument, ...] | None
    parts: int = 1
    gradient_of: int | None = None
    family: str = "random inputs"

    def to_dict(self) -> dict[str, Any]:
        arguments = self.arguments
        return {
            "name": self.name,
            "arguments": None if arguments is None else [each.to_dict() for each in arguments],
            "parts": self.parts,
            "gradient_of": self.gradient_of,
            "family": self.family,
        }

    @staticmethod
    def from_dict(found: Any) -> Call:
        fields = plain.fields(found, "name", "arguments", "parts", "gradient_of", "family")
        arguments = fields["arguments"]
        return Call(
            name=plain.text(fields["name"]),
            arguments=None
            if arguments is None
            else tuple(Argument.from_dict(each) for each in plain.items(arguments)),
            parts=plain.count(fields["parts"]),
            gradient_of=None
            if fields["gradient_of"] is None
            else plain.count(fields["gradient_of"]),
            family=plain.text(fields["family"]),
        )


@dataclass(frozen=True)
class Returned:
    """One thing that the student's code gave, as plain data.

    type: the name of its type ("Tensor", "float", "NoneType"). dtype: of an array, else "".
    values: row-major numbers; None where it has none that are plain, or too many of them.
    text: of a string; of an object without numbers why it has none.
    """

    type: str
    dtype: str = ""
    shape: tuple[int, ...] = ()
    values: tuple[float, ...] | None = None
    text: str = ""

    def to_dict(self) -> dict[str, Any]:
        values = None if self.values is None else [plain.written(value) for value in self.values]
        return {
            "type": self.type,
            "dtype": self.dtype,
            "shape": list(self.shape),
            "values": values,
            "text": self.text,
        }

    @staticmethod
    def from_dict(found: Any) -> Returned:
        fields = plain.fields(found, "type", "dtype", "shape", "values", "text")
        shape, values = plain.shape(fields["shape"]), fields["values"]
        if values is not None:
            values = plain.numbers(values, math.prod(shape), MAX_NUMBERS)
        return Returned(
            plain.text(fields["type"]),
            plain.text(fields["dtype"]),
            shape,
            values,
            plain.text(fields["text"]),
        )


@dataclass(frozen=True)
class Observation:
    """What one call did.

    reached: the last rung of RUNGS that was reached; "type" means that every part is numbers or
        a string.
    parts: what was returned, split if the call asked for a tuple.
    changed: position -> what an argument holds after the call, for those that were changed.
    gradient: the derivative that the call asked for; None where none was asked, or none flows
        (then `gradient_note` says why).
    error, error_type, line, file: what was raised, and where in the student's own code; or, with
        one of TIME, CRASH, MEMORY, PROTOCOL as `error_type`, what ended the process.
    """

    reached: str
    parts: tuple[Returned, ...] = ()
    changed: tuple[tuple[int, Returned], ...] = ()
    gradient: Returned | None = None
    gradient_note: str = ""
    error: str = ""
    error_type: str = ""
    line: int | None = None
    file: str = ""
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        return {
            "reached": self.reached,
            "parts": [part.to_dict() for part in self.parts],
            "changed": [[index, value.to_dict()] for index, value in self.changed],
            "gradient": None if self.gradient is None else self.gradient.to_dict(),
            "gradient_note": self.gradient_note,
            "error": self.error,
            "error_type": self.error_type,
            "line": self.line,
            "file": self.file,
            "seconds": self.seconds,
        }

    @staticmethod
    def from_dict(found: Any) -> Observation:
        fields = plain.fields(found, *Observation.__dataclass_fields__)
        if fields["reached"] not in RUNGS:
            raise ValueError("an observation with an unknown rung")
        changed = [plain.items(pair, length=2) for pair in plain.items(fields["changed"])]
        gradient, line = fields["gradient"], fields["line"]
        return Observation(
            reached=fields["reached"],
            parts=tuple(Returned.from_dict(part) for part in plain.items(fields["parts"])),
            changed=tuple(
                (plain.count(index), Returned.from_dict(value)) for index, value in changed
            ),
            gradient=None if gradient is None else Returned.from_dict(gradient),
            gradient_note=plain.text(fields["gradient_note"]),
            error=plain.text(fields["error"]),
            error_type=plain.text(fields["error_type"]),
            line=None if line is None else plain.count(line),
            file=plain.text(fields["file"]),
            seconds=plain.number(fields["seconds"]),
        )


def lost(fault: str, words: str, seconds: float = 0.0) -> Observation:
    """The observation of a call whose process ended: fault is TIME, CRASH, MEMORY or PROTOCOL."""
    return Observation("callable", error=words[: plain.MAX_TEXT], error_type=fault, seconds=seconds)


def _flat(rows: Any) -> list[float]:
    if not isinstance(rows, Sequence):
        return [rows]
    return [value for row in rows for value in _flat(row)]
