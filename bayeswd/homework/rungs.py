"""The lower rungs of the ladder: defined, callable, runs, gives numbers. One message for each."""

from __future__ import annotations

import builtins
from dataclasses import replace

from bayeswd.homework.attempt import Attempt
from bayeswd.homework.calls import CRASH, MEMORY, PROTOCOL, TIME, Call, Observation
from bayeswd.homework.exercise import Exercise
from bayeswd.homework.feedback import Diagnosis
from bayeswd.homework.inert import one_line

# exception -> what usually lies behind it
_USUAL = {
    "NameError": "Is it spelled as where it was defined, and imported?",
    "TypeError": "Does the function take the arguments in the order of the exercise?",
    "AttributeError": "Look at the type of the object on the left of the dot.",
    "EOFError": "It seems to wait for input(): the checker types nothing; use the arguments.",
    "MemoryError": "It asks for more memory than there is.",
    "RecursionError": "It calls itself without an end.",
    "ZeroDivisionError": "Which of the arguments may be 0?",
    "ModuleNotFoundError": "Use torch, NumPy and the standard library only.",
    "KeyboardInterrupt": "It was interrupted.",
    "SystemExit": "Do not call exit() or quit(): return the value.",
}
_COMMON = ("NoneType", "bool", "int", "float", "complex", "str", "list", "tuple", "dict", "Tensor")
_ENDED = {
    TIME: ("timeout", "TIME_LIMIT", "took longer than the time limit. Does every loop end?"),
    CRASH: ("crashed", "CRASHED", "ended the program that ran it."),
    MEMORY: ("error", "MEMORY_LIMIT", "asked for more memory than there is."),
    PROTOCOL: ("error", "PROTOCOL", "gave an answer that could not be read."),
}

Fault = tuple[str, Diagnosis, Observation]  # status, what to say, where it was seen


def first_fault(attempt: Attempt) -> Fault | None:
    """The first call that did not get as far as numbers, if there is one."""
    for at, (call, seen) in enumerate(zip(attempt.calls, attempt.observations, strict=True)):
        found = _fault(attempt.exercise, call, seen)
        if found is not None and at >= attempt.public:
            seen = _without_words(seen)
            found = _fault(attempt.exercise, call, seen)
        if found is not None:
            status, code, message = found[0], one_line(found[1], 80), one_line(found[2], 1000)
            kind = "hint" if status == "missing" else "format"
            shown = attempt.evidence(at) if status not in ("missing",) and call.arguments else None
            return status, Diagnosis(code, kind, "matched", message, shown), seen
    return None


def _without_words(seen: Observation) -> Observation:
    """Without anything into which the student's code could write the input it was given."""
    known = not seen.error_type or _is_common(seen.error_type)
    parts = tuple(
        replace(part, text="", type=part.type if part.type in _COMMON else "something else")
        for part in seen.parts
    )
    kind = seen.error_type if known else "an exception of its own"
    return replace(seen, error="", error_type=kind, file="", parts=parts)


def _is_common(name: str) -> bool:
    return name in _ENDED or isinstance(getattr(builtins, name, None), type)


def _fault(exercise: Exercise, call: Call, seen: Observation) -> tuple[str, str, str] | None:
    if call.arguments is None and seen.parts and seen.parts[0].type == "NoneType":
        return "missing", "EMPTY", f"Set {exercise.id}."
    if seen.reached == "nothing":
        what = f"Set {exercise.id}" if call.arguments is None else f"Define {exercise.interface}"
        return "missing", "MISSING", f"{what}."
    if seen.reached == "defined":
        kind = seen.parts[0].type if seen.parts else "something else"
        return (
            "error",
            "NOT_CALLABLE",
            (f"{exercise.id} is of type {kind}, not a function: define {exercise.interface}."),
        )
    if seen.reached == "callable":
        return _raised(exercise, call, seen)
    if len(seen.parts) != len(exercise.parts):
        return (
            "error",
            "PARTS",
            (
                f"{exercise.id} should return {_count(exercise)}, in this order; it returned "
                f"{_type(seen)}."
            ),
        )
    for name, part in zip(exercise.parts, seen.parts, strict=True):
        if exercise.choices is None and (part.values is None or part.dtype == "bool"):
            if part.type == "NoneType" and seen.changed:
                return "error", *_only_changes(exercise, seen)
            why = "it is true or false" if part.dtype == "bool" else part.text
            return "error", *_no_numbers(exercise, name, part.type, why)
    if exercise.choices is not None and seen.parts[0].type != "str":
        letters = ", ".join(exercise.choices)
        return "error", "NO_LETTER", f"Answer with one of the letters {letters}, such as 'a'."
    return None


def _raised(exercise: Exercise, call: Call, seen: Observation) -> tuple[str, str, str]:
    where = f" for {call.family}" if call.family != "random inputs" else ""
    if seen.error_type in _ENDED:
        status, code, words = _ENDED[seen.error_type]
        return status, code, f"{exercise.id} {words}"
    if seen.error_type == "NotImplementedError":
        return "missing", "EMPTY", f"Write {exercise.interface}."
    usual = _USUAL.get(seen.error_type, "")
    if "DataLoader worker" in seen.error or "process" in seen.error.lower():
        usual = "Start no processes: use num_workers=0."
    line = "" if seen.line is None else f" in line {seen.line} of {seen.file}"
    words = f": {seen.error.rstrip('.')}" if seen.error else ""
    message = f"{exercise.id} raised {seen.error_type}{line}{where}{words}. {usual}".rstrip()
    return "error", f"RAISED.{seen.error_type}", message


def _only_changes(exercise: Exercise, seen: Observation) -> tuple[str, str]:
    names = exercise.changed_names(seen)
    return "RETURNS_NONE", (
        f"{exercise.id} changes its argument {names} and returns None: return the result."
    )


def _no_numbers(exercise: Exercise, name: str, kind: str, why: str) -> tuple[str, str]:
    if kind == "NoneType":
        return "RETURNS_NONE", (
            f"{exercise.id} returns None. Is there a return in front of the result? "
            "(print shows a value, it does not return it.)"
        )
    what = exercise.id if exercise.draw is None else f"{name} of {exercise.id}"
    said = f"{what} is of type {kind}" + (f": {why}" if why and kind != "str" else "")
    return "NO_NUMBERS", f"{said}. Give a number, a tensor or an array of real numbers."


def _count(exercise: Exercise) -> str:
    if len(exercise.parts) == 1:
        return "one value"
    return f"{len(exercise.parts)} values ({', '.join(exercise.parts)})"


def _type(seen: Observation) -> str:
    if not seen.parts:
        return "nothing"
    if len(seen.parts) > 1:
        return f"{len(seen.parts)} values"
    part = seen.parts[0]
    return f"one {part.type}" + (f" of shape {part.shape}" if part.shape else "")
