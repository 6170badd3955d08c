"""Feedback as a student reads it: text for a terminal, HTML for a notebook. Both inert."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from html import escape

from bayeswd.homework.feedback import Diagnosis, Feedback
from bayeswd.homework.inert import one_line

_MARKS = {"passed": "✓", "missing": "·", "skipped": "·"}
_LONGEST = 1000
_STYLE = (
    "<style>.bayeswd-check{border-collapse:collapse;text-align:left}"
    ".bayeswd-check td{text-align:left;vertical-align:top;padding:.3em .8em;max-width:44em}"
    ".bayeswd-check .seen{opacity:.7;font-family:monospace}</style>"
)


def as_text(feedbacks: Sequence[Feedback]) -> str:
    """A line or more for each exercise, and the count of those that are right."""
    blocks = ["\n".join(_lines(feedback)) for feedback in feedbacks]
    return "\n".join([*blocks, "", in_short(feedbacks)] if len(blocks) > 1 else blocks)


def as_html(feedbacks: Sequence[Feedback]) -> str:
    """The same as a table, every word escaped."""
    rows = "".join(
        f"<tr><td>{_MARKS.get(feedback.status, '✗')}</td>"
        f"<td><code>{escape(feedback.exercise)}</code></td><td>{_cell(feedback)}</td></tr>"
        for feedback in feedbacks
    )
    below = f"<p>{escape(in_short(feedbacks))}</p>" if len(feedbacks) > 1 else ""
    return f'{_STYLE}<table class="bayeswd-check"><tbody>{rows}</tbody></table>{below}'


def in_short(feedbacks: Sequence[Feedback]) -> str:
    """Such as "12 of 31 are right, 15 are not written yet."."""
    right = sum(feedback.passed for feedback in feedbacks)
    missing = sum(feedback.status == "missing" for feedback in feedbacks)
    later = f", {missing} {'is' if missing == 1 else 'are'} not written yet" * bool(missing)
    return f"{right} of {len(feedbacks)} {'is' if right == 1 else 'are'} right{later}."


def message(feedback: Feedback) -> str:
    """Everything said of one exercise, without its name, in one paragraph."""
    return " ".join([_verdict(feedback), *map(_said, feedback.diagnosis)]).strip()


def _lines(feedback: Feedback) -> list[str]:
    lines = [f"{_MARKS.get(feedback.status, '✗')} {feedback.exercise}: {_verdict(feedback)}"]
    for diagnosis in _told(feedback):
        for words in filter(None, (_said(diagnosis), _seen(diagnosis))):
            lines += textwrap.wrap(words, 96, initial_indent="    ", subsequent_indent="    ")
    return lines


def _cell(feedback: Feedback) -> str:
    parts = [f"<strong>{escape(_verdict(feedback).capitalize())}</strong>"]
    for diagnosis in _told(feedback):
        parts.append(escape(_said(diagnosis)))
        if seen := _seen(diagnosis):
            parts.append(f'<span class="seen">{escape(seen)}</span>')
    return "<br>".join(parts)


def _verdict(feedback: Feedback) -> str:
    if feedback.passed:
        return f"right: {feedback.accepted}." if feedback.accepted else "right."
    worth = f", worth {float(feedback.score):.3g} of {feedback.max_score} points"
    not_right = "not right yet" + worth * (feedback.score > 0)
    return {"missing": "not written yet", "skipped": "not looked at"}.get(
        feedback.status, not_right
    ) + "."


def _told(feedback: Feedback) -> list[Diagnosis]:
    return [diagnosis for diagnosis in feedback.diagnosis if diagnosis.code != "EMPTY"]


def _said(diagnosis: Diagnosis) -> str:
    return one_line(diagnosis.message, _LONGEST)


def _seen(diagnosis: Diagnosis) -> str:
    """An input that everybody may see, and what the answer was; never what it should be."""
    shown = diagnosis.to_dict(for_student=True)["evidence"]
    in_message = diagnosis.code == "UNKNOWN" or diagnosis.kind == "format"
    if shown is None or (in_message and diagnosis.code != "SHAPE") or len(shown["input"]) > 200:
        return ""
    return one_line(f"With {shown['input']} it gives {shown['got']}.", _LONGEST)
