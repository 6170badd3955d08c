"""Text from strangers, so that it does nothing where it is shown.

HTML is escaped where HTML is made (tables.html, html.escape); this is for terminals and CSV.
"""

import unicodedata

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
_LONGEST = 200


def one_line(text: str, most: int = _LONGEST) -> str:
    """Without control characters, escape sequences, line breaks and marks that change the
    direction of writing; cut at `most` characters."""
    kept = "".join(_shown(character) for character in text[: 4 * most])
    kept = " ".join(kept.split())
    return kept if len(kept) <= most else kept[: most - 1] + "…"


def lines(text: str, most: int = 40) -> str:
    """The same for text of several lines, of which the last `most` are kept."""
    return "\n".join(one_line(line) for line in text.split("\n")[-most:])


def cell(value: object) -> object:
    """A CSV cell that no spreadsheet takes for a formula; numbers stay numbers."""
    if isinstance(value, int | float):
        return value
    text = one_line(str(value))
    return "'" + text if text.startswith(_FORMULA) else text


def _shown(character: str) -> str:
    """Spaces for white space and controls; nothing for invisible format characters."""
    kind = unicodedata.category(character)
    if kind in ("Cf", "Co", "Cn"):
        return ""
    if kind == "Cs":
        return "\N{REPLACEMENT CHARACTER}"
    return " " if kind in ("Cc", "Zl", "Zp") else character
