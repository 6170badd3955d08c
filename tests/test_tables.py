"""Tables and numbers as a person reads them."""

import math
from html.parser import HTMLParser

import pytest

from bayeswd import tables


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "—"),
        (math.nan, "—"),
        (0.0, "0"),
        (-0.0, "0"),
        (3, "3"),
        (1234567, "1234567"),
        (0.0012909944, "0.001291"),
        (-2.5, "-2.5"),
        (12345.678, "1.235e4"),
        (1e10, "1e10"),
        (1.5e100, "1.5e100"),
        (3.21e-9, "3.21e-9"),
        (4.5678e-12, "4.568e-12"),
        (1e-100, "1e-100"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
    ],
)
def test_numbers(value: float | None, shown: str) -> None:
    assert tables.number(value) == shown


def test_the_digits_can_be_chosen() -> None:
    assert tables.number(math.pi, 2) == "3.1"
    assert tables.number(math.pi * 1e-7, 6) == "3.14159e-7"


def test_text_aligns_words_left_and_numbers_right() -> None:
    rows: list[list[object]] = [["exact", "0.05", None], ["penalized-sgd", "-12.5", "x"]]
    assert tables.text(rows, ["method", "bias", "note"]).splitlines() == [
        "method          bias  note",
        "─────────────  ─────  ────",
        "exact           0.05  None",
        "penalized-sgd  -12.5  x",
    ]


def test_missing_and_infinite_numbers_keep_their_column_to_the_right() -> None:
    rows = [["1.5"], [tables.number(None)], ["inf"], ["-inf"], [""]]
    lines = tables.text(rows, ["gap"]).split("\n")
    assert lines == [" gap", "────", " 1.5", "   —", " inf", "-inf", ""]


def test_a_table_without_rows_is_its_header() -> None:
    assert tables.text([], ["method", "gap"]).splitlines() == ["method  gap", "──────  ───"]


def test_a_row_of_another_length_is_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        tables.text([["exact"]], ["method", "gap"])


class Cells(HTMLParser):
    """Collects what a browser would show, by tag."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.shown: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.shown.append((self.open[-1], data))


def test_html_shows_the_same_cells_and_escapes_them() -> None:
    page = tables.html([["<b>&", 3], ['"q"', None]], ["a<b", "n"], caption="<script>")
    assert "<b>" not in page
    assert "<script>" not in page
    reader = Cells()
    reader.feed(page)
    assert reader.open == []
    assert reader.shown == [
        ("caption", "<script>"),
        *[("th", "a<b"), ("th", "n")],
        *[("td", "<b>&"), ("td", "3")],
        *[("td", '"q"'), ("td", "None")],
    ]


def test_html_without_caption_has_none() -> None:
    assert "caption" not in tables.html([[1]], ["n"])
