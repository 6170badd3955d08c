"""Rows to aligned text or escaped HTML."""

from collections.abc import Sequence
from html import escape

Cell = object


def number(value: float | None, digits: int = 4) -> str:
    """A number for a person: `digits` significant digits, an em dash where there is none."""
    if value is None or value != value:
        return "—"
    if value == 0 or isinstance(value, int):
        return str(int(value))
    text = f"{value:.{digits}g}"
    return text.replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")


def text(rows: Sequence[Sequence[Cell]], header: Sequence[str]) -> str:
    """Columns aligned on their widest cell: words to the left, numbers to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    columns = list(zip(*([list(header), *cells]), strict=True))
    widths = [max(map(len, column)) for column in columns]
    to_right = [_is_numeric(column[1:]) for column in columns]
    lines = [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, to_right, strict=True)
        ).rstrip()
        for line in [list(header), *cells]
    ]
    rule = "  ".join("─" * width for width in widths)
    return "\n".join([lines[0], rule, *lines[1:]])


def html(rows: Sequence[Sequence[Cell]], header: Sequence[str], caption: str = "") -> str:
    """The same table as HTML, every cell escaped."""
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _is_numeric(cells: Sequence[str]) -> bool:
    return all(cell[:1] in "0123456789-+.—" or cell == "inf" for cell in cells)
