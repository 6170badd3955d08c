"""Feedback as text and HTML: everything said, and nothing that does more than be read."""

from fractions import Fraction

from bayeswd.homework import told
from bayeswd.homework.feedback import Diagnosis, Evidence, Feedback

SEEN = Evidence("w = [3, -4]", "2.5", "12.5", public=True)
HIDDEN = Evidence("w = [0.271]", "0.828", "1.414", public=False)


def wrong(*diagnosis, score=0):
    return Feedback("l2_penalty", "failed", Fraction(score), Fraction(3), diagnosis)


def found(code="L2.NO_HALF", kind="mistake", message="Twice too much.", evidence=SEEN):
    return Diagnosis(code, kind, "matched", message, evidence)


RIGHT = Feedback("l1_penalty", "passed", Fraction(1), Fraction(1), accepted="the proximal step")
MISSING = Feedback(
    "train", "missing", Fraction(0), Fraction(3), (found("EMPTY", "hint", "Write it.", None),)
)


def test_text():
    assert told.as_text([wrong(found())]) == (
        "✗ l2_penalty: not right yet.\n    Twice too much.\n    With w = [3, -4] it gives 2.5."
    )
    assert told.as_text([RIGHT]) == "✓ l1_penalty: right: the proximal step."
    assert told.as_text([MISSING]) == "· train: not written yet."
    assert "worth 2 of 3 points" in told.as_text([wrong(found(), score=2)])


def test_the_count_below_several():
    assert told.as_text([RIGHT, MISSING]).endswith("\n\n1 of 2 is right, 1 is not written yet.")
    assert told.in_short([RIGHT, RIGHT, wrong()]) == "2 of 3 are right."


def test_neither_shows_what_was_expected_or_hidden():
    for feedback in (wrong(found()), wrong(found(evidence=HIDDEN))):
        for text in (told.as_text([feedback]), told.as_html([feedback]), told.message(feedback)):
            assert not [number for number in ("12.5", "0.271", "0.828", "1.414") if number in text]


def test_html_is_escaped_and_text_has_no_controls():
    nasty = "<b>&\x1b[2J\x00\u202e\n" + "x" * 5000
    feedback = wrong(found(message=nasty, evidence=Evidence(nasty[:50], nasty[:50], "", True)))
    html, text = told.as_html([feedback]), told.as_text([feedback])
    assert "<b>" not in html
    assert "&lt;b&gt;&amp;" in html
    assert not {"\x1b", "\x00", "\u202e"} & set(html + text)
    assert len(text) < 2000
    assert max(map(len, text.splitlines())) <= 100


def test_one_paragraph_for_an_assertion():
    assert told.message(wrong(found(), found(message="And once more."))) == (
        "not right yet. Twice too much. And once more."
    )
