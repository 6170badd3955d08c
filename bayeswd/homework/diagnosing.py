"""Which mistake is it? From the most telling finding to the least: the first one that speaks."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

from bayeswd.homework import answers
from bayeswd.homework.attempt import Attempt
from bayeswd.homework.exercise import Mistake, natural
from bayeswd.homework.feedback import Diagnosis
from bayeswd.homework.ratio_law import factor_in_words

Findings = tuple[Diagnosis, ...]

_READABLE = 200  # characters of an input that is shown


def diagnose(attempt: Attempt) -> Findings:
    """What is said of a wrong answer that gave numbers, most telling first; never empty."""
    for look in _LOOKS:
        found = look(attempt)
        if found:
            return found
    raise AssertionError("a counterexample is always found")


def credit(attempt: Attempt, findings: Findings) -> Fraction:
    """The share of the points that the named mistake of a whole answer is worth."""
    shares = {mistake.code: mistake.credit for mistake in attempt.exercise.mistakes}
    return shares.get(findings[0].code, Fraction(0)) if len(findings) == 1 else Fraction(0)


def named(attempt: Attempt) -> Findings:
    """The named wrong answer that gives the same on every call."""
    fits = [mistake for mistake in attempt.exercise.mistakes if attempt.agrees(mistake.formula)]
    confidence = "matched" if len(fits) == 1 else "likely"
    return tuple(_says(attempt, mistake, confidence) for mistake in fits[:1])


def _named_parts(attempt: Attempt) -> Findings:
    """Part by part where several values are returned, for each that is not right."""
    if len(attempt.exercise.parts) == 1:
        return ()
    found = []
    for part, name in enumerate(attempt.exercise.parts):
        if any(attempt.agrees(right.formula, part) for right in attempt.exercise.accepted):
            continue
        fits = [each for each in attempt.exercise.mistakes if attempt.agrees(each.formula, part)]
        if not fits:
            return ()  # a part that nobody recognises is shown as a counterexample
        found.append(_says(attempt, fits[0], "likely", f"In {name}: "))
    codes = [diagnosis.code for diagnosis in found]
    return tuple(each for i, each in enumerate(found) if each.code not in codes[:i])


def _letter(attempt: Attempt) -> Findings:
    """A multiple-choice answer that is none of the letters."""
    choices = attempt.exercise.choices
    if choices is None:
        return ()
    message = f"Answer with one of the letters {', '.join(choices)}, such as 'a'."
    return (Diagnosis("NO_LETTER", "format", "matched", message),)


def _shape(attempt: Attempt) -> Findings:
    for at, (given, wanted) in enumerate(zip(attempt.given, attempt.wanted, strict=True)):
        assert wanted is not None
        seen = attempt.observations[at].parts if given is None else given
        for name, mine, theirs in zip(attempt.exercise.parts, seen, wanted, strict=True):
            if not answers.same_shape(mine, theirs):
                message = (
                    f"{name} has shape {mine.shape}, and should have shape {theirs.shape}"
                    f"{_for_family(attempt, at)}. {_broadcast(mine.shape, theirs.shape)}"
                ).rstrip()
                shown = attempt.evidence(at)
                return (Diagnosis("SHAPE", "format", "matched", _sentence(message), shown),)
    return ()


def _finite(attempt: Attempt) -> Findings:
    for at, seen in enumerate(attempt.observations):
        for name, part in zip(attempt.exercise.parts, seen.parts, strict=True):
            if not answers.is_finite(part):
                message = (
                    f"{name} is nan or infinite{_for_family(attempt, at)}. Is there a division by "
                    "0, a log of 0, or a step that is too long?"
                )
                shown = attempt.evidence(at)
                return (Diagnosis("NOT_FINITE", "mistake", "matched", _sentence(message), shown),)
    return ()


def _unsteady(attempt: Attempt) -> Findings:
    """The call that is made twice."""
    if attempt.exercise.draws_itself:
        return ()
    for at, call in enumerate(attempt.calls):
        first = attempt.calls.index(call)
        one, again = attempt.observations[first].parts, attempt.observations[at].parts
        if not answers.agree(again, one, max(attempt.exercise.tolerance, 1e-6)):
            message = (
                f"{attempt.exercise.id} gives different answers to the same arguments. Does it "
                "draw random numbers, or keep something from one call to the next?"
            )
            return (Diagnosis("NOT_REPEATABLE", "mistake", "matched", message),)
    return ()


def _ratio(attempt: Attempt) -> Findings:
    """A scalar that is right but for a factor."""
    factors = attempt.exercise.factors
    if factors is None or len(attempt.exercise.parts) > 1:
        return ()
    named = [factors(*map(natural, call.arguments or ())) for call in attempt.calls]
    words = factor_in_words(
        [_scalar(parts) for parts in attempt.given],
        [_scalar(parts) for parts in attempt.wanted],
        named,
    )
    if words is None:
        return ()
    message = (
        f"On every input your {attempt.exercise.id} is {words} times what it should be. "
        f"{attempt.exercise.hint}"
    )
    return (Diagnosis("FACTOR", "mistake", "likely", message.rstrip()),)


def _counterexample(attempt: Attempt) -> Findings:
    """The smallest public call that is wrong; on which kinds of input the answer is right."""
    exercise = attempt.exercise
    wrong = [at for at in range(len(attempt.calls)) if not _is_right(attempt, at)]
    shown = min(wrong, key=lambda at: (at >= attempt.public, _size(attempt, at)))
    evidence = attempt.evidence(shown)
    said = [_example(attempt, shown)]
    families = {attempt.calls[at].family for at in wrong}
    if (
        evidence.public
        and len(families) == 1
        and families != {call.family for call in attempt.calls}
    ):
        said.append(f"It is wrong for {families.pop()} only.")
    if exercise.check is not None:
        said.append(f"{_sentence(attempt.broken(shown))}.")
    elif len(exercise.parts) > 1 and evidence.public:
        said.append(_off(attempt, shown))
    message = " ".join(filter(None, [*said, exercise.hint]))
    return (Diagnosis("UNKNOWN", "mistake", "unknown", message, evidence),)


def _example(attempt: Attempt, at: int) -> str:
    """What was given for an input, where everybody may see it and it is small enough to be read."""
    evidence, name = attempt.evidence(at), attempt.exercise.id
    if not evidence.public:
        return f"{name} is right on the examples, and wrong on other inputs."
    if attempt.calls[at].arguments is None:
        return f"{name} is not {evidence.got}."
    if len(evidence.input) > _READABLE:
        return ""
    return f"For {evidence.input} your {name} gives {evidence.got}."


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.1g} %"


def _off(attempt: Attempt, at: int) -> str:
    """Which parts are wrong, and how far off, relative to their length."""
    given, wanted = attempt.given[at] or (), attempt.wanted[at] or ()
    off = []
    for name, mine, theirs in zip(attempt.exercise.parts, given, wanted, strict=True):
        if not answers.part_agrees(mine, theirs, attempt.exercise.tolerance):
            difference = math.dist(mine.values or (), theirs.values or ())
            length = math.hypot(*(theirs.values or ()))
            off.append(f"{name} by {_percent(difference / length)}" if length else name)
    return f"Off: {', '.join(off)}."


_LOOKS: tuple[Callable[[Attempt], Findings], ...] = (
    named,
    _letter,
    _shape,
    _finite,
    _unsteady,
    _named_parts,
    _ratio,
    _counterexample,
)


def _says(attempt: Attempt, mistake: Mistake, confidence: str, where: str = "") -> Diagnosis:
    wrong = [at for at in range(attempt.public) if not _is_right(attempt, at)]
    shown = attempt.evidence(wrong[0]) if wrong and attempt.calls[0].arguments else None
    return Diagnosis(mistake.code, mistake.kind, confidence, where + mistake.says, shown)


def _is_right(attempt: Attempt, at: int) -> bool:
    if attempt.exercise.check is not None:
        return not attempt.broken(at)
    return attempt.one_agrees(attempt.given[at], attempt.wanted[at])


def _size(attempt: Attempt, at: int) -> int:
    return sum(len(argument.values) for argument in attempt.calls[at].arguments or ())


def _scalar(parts: answers.Parts | None) -> float:
    values = None if parts is None else parts[0].values
    return values[0] if values is not None and len(values) == 1 else float("nan")


def _for_family(attempt: Attempt, at: int) -> str:
    family = attempt.calls[at].family
    return "" if family == "random inputs" else f" for {family}"


def _broadcast(mine: tuple[int, ...], theirs: tuple[int, ...]) -> str:
    if len(mine) == 2 and len(theirs) == 1:
        return "A column of shape (n, 1) minus a vector of shape (n,) is an n × n matrix."
    return "Is a sum missing?" if len(mine) > len(theirs) else ""


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
