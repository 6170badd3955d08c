"""Words on a figure: letters that its font has, within the inches there are."""

from __future__ import annotations

from functools import cache

from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import text_to_path

FONT = "DejaVu Sans"  # ships with matplotlib and has λ, τ, σ and ±
MISSING = "□"
HAIR_SPACE = "\u200a"
SAFE = 0.97  # of a width: letters are fitted to pixels when they are drawn


def drawable(text: str) -> str:
    """A user's text on one line; each run of letters that the font lacks becomes one □."""
    shown = ""
    for letter in " ".join(text.split()):
        known = ord(letter) in _letters()
        if known or not shown.endswith(MISSING):
            shown += letter if known else MISSING
    return shown


def is_drawable(text: str) -> bool:
    """Whether the font has every letter, and there is one."""
    return bool(text.split()) and all(ord(letter) in _letters() for letter in "".join(text.split()))


@cache
def _letters() -> frozenset[int]:
    """Those of the bold face too: headlines name columns."""
    faces = [FontProperties(family=[FONT], weight=weight) for weight in ("normal", "bold")]
    normal, bold = (get_font(findfont(face)).get_charmap() for face in faces)
    return frozenset(normal) & frozenset(bold)


def width(text: str, size: float, bold: bool = False) -> float:
    """Inches that one line takes in letters of `size` points."""
    face = FontProperties(family=[FONT], size=size, weight="bold" if bold else "normal")
    return float(text_to_path.get_text_width_height_descent(text, face, ismath=False)[0]) / 72


def wrapped(text: str, inches: float, size: float, bold: bool = False, indent: str = "") -> str:
    """Lines that fit, broken at spaces; all but the first begin with `indent`."""
    room = SAFE * inches
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1].strip() else lines[-1] + word
        if width(longer, size, bold) <= room or not lines[-1].strip():
            lines[-1] = longer
        else:
            lines.append(indent + word)
    return "\n".join(lines)


def shortened(name: str, inches: float, size: float) -> str:
    """A name that fits: its beginning and its end."""
    if width(name, size) <= inches:
        return name
    kept = len(name) - 1
    while kept > 3 and width(_ends(name, kept), size) > inches:
        kept -= 1
    return _ends(name, kept)


def _ends(name: str, kept: int) -> str:
    return f"{name[: kept - kept // 3]}…{name[-(kept // 3) :]}"


def counted(count: int, noun: str) -> str:
    """`1 step`, `200 steps`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def percent(share: float) -> str:
    """`89 %`."""
    return f"{100 * share:g} %"
