"""CSV files: what is written comes back to the bit, what is wrong is named by line and column."""

import re

import numpy as np
import pytest

from bayeswd.errors import InputError
from bayeswd.problem import csv_files, csv_text

NASTY_NAMES = ["a,b", "x;y", "tab\there", 'say "hi"', "two\nlines", "größe", "1", "b"]


def write_text(tmp_path, text, name="data.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def any_doubles(seed, shape):
    """Finite float64 of every exponent and sign, drawn by their bits."""
    bits = np.random.default_rng(seed).integers(0, 2**64, size=shape, dtype=np.uint64)
    values = bits.view(np.float64)
    return np.where(np.isfinite(values), values, -0.0)


def bits(values):
    return np.ascontiguousarray(values).view(np.uint64)


@pytest.mark.parametrize("seed", range(3))
def test_every_double_comes_back_to_the_bit(tmp_path, seed):
    values = any_doubles(seed, (200, len(NASTY_NAMES)))
    values[0, :4] = [5e-324, -5e-324, 1.7976931348623157e308, -0.0]
    last = ['q"uote', "com,ma", "semi;colon", "line\nbreak"] * 50
    path = tmp_path / "round.csv"
    csv_files.write(path, [*NASTY_NAMES, "label"], values, last)
    table = csv_files.read(str(path), ["label"])
    assert table.names == tuple(NASTY_NAMES)
    assert (bits(table.numbers) == bits(values)).all()
    assert table.text["label"] == last


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "bom"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_dialects_give_the_same_table(tmp_path, delimiter, newline, mark):
    rows = [["a", '"in, m"', "y"], ["1", '"2.5"', "yes"], ["3 ", "-4e2", "no"], ["", "", ""]]
    text = mark + newline.join(delimiter.join(row) for row in rows) + newline * 2
    table = csv_files.read(write_text(tmp_path, text), ["y"])
    assert table.names == ("a", "in, m")
    assert table.numbers.tolist() == [[1.0, 2.5], [3.0, -400.0]]
    assert table.text == {"y": ["yes", "no"]}
    assert table.lines == [2, 3]
    spoken = {",": (), ";": ("semicolons",), "\t": ("tabs",)}[delimiter]
    assert len(table.notes) == len(spoken)
    assert all(word in note for word, note in zip(spoken, table.notes, strict=True))


def test_commas_win_where_both_delimiters_occur(tmp_path):
    path = write_text(tmp_path, 'a,b;c,y\n1,2,"x;1"\n3,4,"x;2"\n')
    assert csv_files.read(path, ["y"]).names == ("a", "b;c")


BAD_CELLS = [
    ("abc", "'abc' is not a number: write it as a number or remove the column"),
    ("TRUE", "'TRUE' is not a number"),
    ("1_000", "'1_000' is not a number"),
    ("0x1F", "'0x1F' is not a number"),
    ('"1,5"', "'1,5' is not a number: write a decimal point"),
    ('"two\nlines"', r"'two\nlines' is not a number"),
    ("z" * 500, "'" + "z" * 40 + "...' is not a number"),
    ("", "is empty: fill it in or remove the row"),
    ("   ", "is empty: fill it in or remove the row"),
    ("nan", "nan is not finite"),
    ("-Infinity", "-inf is not finite"),
    ("1e400", "inf is not finite"),
]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("cell", "fault"), BAD_CELLS, ids=[fault for _, fault in BAD_CELLS])
def test_a_bad_cell_is_named_by_line_and_column(tmp_path, cell, fault, seed):
    """The line is the one an editor shows, whatever blank or quoted lines stand above it."""
    random = np.random.default_rng(seed)
    rows, columns = 12, 4
    cells = [[f"{value:.3f}" for value in row] for row in random.normal(size=(rows, columns))]
    row, column = int(random.integers(rows)), int(random.integers(columns))
    cells[row][column] = cell
    lines = ['"first\nname",b,c,d']
    for index, values in enumerate(cells):
        lines += [""] * int(random.integers(2)) if index else []
        lines.append(",".join(values))
        if index == row:
            line = 1 + sum(part.count("\n") + 1 for part in lines[:-1])
    path = write_text(tmp_path, "\n".join(lines) + "\n")
    name = ["first\nname", "b", "c", "d"][column]
    with pytest.raises(InputError) as caught:
        csv_files.read(path, [])
    assert str(caught.value).startswith(f"{path!r} line {line}, column {name!r}")
    assert fault in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("cell", ["", " ", "NaN", "-inf"])
def test_text_may_not_be_missing_either(tmp_path, cell):
    path = write_text(tmp_path, f"a,y\n1,p\n2,{cell}\n3,q\n")
    with pytest.raises(InputError, match=r"line 3, column 'y'.*(empty|not finite)"):
        csv_files.read(path, ["y"])


BAD_FILES = [
    ("", "is empty"),
    (" \r\n\n", "is empty"),
    ("\ufeff", "is empty"),
    ("a,y\n", "has a header but no rows"),
    ("a,y\n,\n", "has a header but no rows"),
    ("a,b,y\n1,2,3\n\n1,2\n", "line 4 has 2 fields, its header has 3"),
    ("a,y\n1,2\n1,2,3\n", "line 3 has 3 fields, its header has 2"),
    ("a,y\n1,2\n7\n", "line 3 has 1 field, its header has 2"),
    ("a,y, a\n1,2,3\n", "has 2 columns named 'a': rename them"),
    (",a,y\n0,1,2\n", "column 1 has no name.*numbers the rows"),
    ('a,y\n1,2\n"3,4\n5,6\n', "line 3 cannot be read as CSV: unexpected end"),
    ('a,y\n"1"x,2\n', "line 2 cannot be read as CSV"),
    ('a,y\n1,"' + "z" * 200_000 + '"\n', "line 2 cannot be read as CSV: field larger"),
    (b"a,y\n1,\x002\n", "is a binary file"),
    (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is a binary file"),
    ("a,y\n1,2\n".encode("utf-16"), "is UTF-16 text: save it as CSV in UTF-8"),
    (b"a,y\n1,2\ngr\xf6sse,3\n", r"is not UTF-8 text \(byte 0xf6 in line 3\)"),
]


@pytest.mark.parametrize(("text", "fault"), BAD_FILES, ids=[fault for _, fault in BAD_FILES])
def test_a_bad_file_is_refused_in_one_line(tmp_path, text, fault):
    with pytest.raises(InputError, match=fault) as caught:
        csv_files.read(write_text(tmp_path, text), [])
    assert "\n" not in str(caught.value)
    assert "data.csv" in str(caught.value)


def test_what_is_no_readable_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="is a directory"):
        csv_files.read(str(tmp_path), [])
    with pytest.raises(InputError, match=r"cannot read .*No such file"):
        csv_files.read(str(tmp_path / "absent.csv"), [])
    with pytest.raises(InputError, match=r"cannot read .*null"):
        csv_files.read("a\0b", [])


def test_a_missing_column_offers_the_nearest_names(tmp_path):
    path = write_text(tmp_path, "Age,height,y\n1,2,3\n")
    expected = "has no column 'age' (did you mean 'Age'?): it has 'Age', 'height', 'y'"
    with pytest.raises(InputError, match=re.escape(expected)):
        csv_files.read(path, ["y", "age"])


def test_long_lists_of_names_are_cut():
    assert csv_text.listed(["a", "b"]) == "'a', 'b'"
    assert csv_text.listed(list("abcdefghijklmnop"), most=2) == "'a', 'b' and 14 more"


def test_training_marks(tmp_path):
    marks = ["1", "0", "TRUE", "false", "Train", "validation", "test", "val", "1.0", "0.0"]
    path = write_text(tmp_path, "a,role\n" + "".join(f"1,{mark}\n" for mark in marks))
    mask = csv_files.training_marks(csv_files.read(path, ["role"]), "role")
    assert mask.tolist() == [True, False, True, False, True, False, False, False, True, False]


@pytest.mark.parametrize(
    ("marks", "fault"),
    [
        ("1 0 maybe", "line 4, column 'role': 'maybe' does not say whether the row trains"),
        ("1 2 0", "line 3, column 'role': '2' does not say"),
        ("0 val test", "column 'role' marks no row for training"),
    ],
)
def test_marks_that_do_not_say_who_trains(tmp_path, marks, fault):
    path = write_text(tmp_path, "a,role\n" + "".join(f"1,{mark}\n" for mark in marks.split()))
    with pytest.raises(InputError, match=fault):
        csv_files.training_marks(csv_files.read(path, ["role"]), "role")


def test_a_failed_write_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "kept.csv"
    path.write_text("old")
    with pytest.raises(ValueError, match="shorter"):
        csv_files.write(path, ["a", "y"], np.ones((3, 1)), ["1", "2"])
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["kept.csv"]


def test_where_nothing_can_be_written(tmp_path):
    for path, reason in [(tmp_path / "no" / "x.csv", "No such file"), (tmp_path, "directory")]:
        with pytest.raises(InputError, match=f"cannot write .*{reason}"):
            csv_files.write(path, ["a", "y"], np.ones((1, 1)), ["1"])
