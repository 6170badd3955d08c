"""The progress bar: silent for two seconds, one line on a terminal, a few in a log."""

import io
import signal

import pytest

from bayeswd.cli.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def told(stream, seconds, total=100):
    """The bar's words when `total` steps take so many seconds."""
    clock = Clock()
    with Progress("gibbs", stream, clock) as bar:
        for done in range(1, total + 1):
            clock.now = seconds * done / total
            bar(done, total)
    return stream.getvalue()


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_what_is_quick_is_not_told(stream):
    assert told(stream(), 1.9) == ""


def test_a_terminal_has_one_line_and_none_at_the_end():
    words = told(Terminal(), 10)
    assert "\n" not in words
    assert words.count("\r") > 20
    assert words.endswith("\r\033[K")
    assert "[###############               ] gibbs: 50 %, about 5 s left" in words


def test_a_log_has_a_line_after_2_4_8_seconds():
    lines = told(io.StringIO(), 20).splitlines()
    assert lines == [
        "gibbs: 10 %, about 18 s left",
        "gibbs: 20 %, about 16 s left",
        "gibbs: 40 %, about 12 s left",
        "gibbs: 80 %, about 4 s left",
    ]


def interrupted(done, steps):
    """What a loop does that is interrupted before each of its steps."""
    with Progress("gibbs", io.StringIO()) as bar:
        for step in steps:
            signal.raise_signal(signal.SIGINT)
            done.append(step)
            if step == "told":
                bar(1, 2)


@pytest.mark.parametrize("steps", [("told", "not reached"), ("not told", "not reached")])
def test_the_first_ctrl_c_waits_for_a_whole_step_and_the_second_does_not(steps):
    before = signal.getsignal(signal.SIGINT)
    done = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(done, steps)
    assert done == [steps[0]]
    assert signal.getsignal(signal.SIGINT) is before
