"""A QR code in half blocks, and whether it fits where it is to be shown.

A code that a terminal breaks or cuts cannot be scanned, and looks as if it were damaged.
"""

from typing import NamedTuple

import segno
from rich.console import Console
from rich.text import Text

QUIET_ZONE = 4
# Pixels of a module in a picture: large enough for a phone held at arm's length.
PNG_SCALE = 8


class Drawing(NamedTuple):
    """A code as text, with the columns and rows that it takes."""

    text: Text
    columns: int
    rows: int


def make_code(qr_text: str) -> segno.QRCode:
    """Returns a code with 15 % of it to spare. Raises ValueError where the text is too long."""
    return segno.make_qr(qr_text, error="m")


def draw(qr_text: str) -> Drawing:
    """Returns a code, dark on light whatever the terminal's colours. Raises as `make_code`."""
    rows = [list(row) for row in make_code(qr_text).matrix_iter(border=QUIET_ZONE)]
    columns = len(rows[0])
    if len(rows) % 2:
        rows.append([0] * columns)
    # Upper and lower module of a character: both light, lower, upper, both dark.
    blocks = " ▄▀█"
    lines = [
        "".join(
            blocks[2 * bool(above) + bool(below)] for above, below in zip(upper, lower, strict=True)
        )
        for upper, lower in zip(rows[::2], rows[1::2], strict=True)
    ]
    text = Text("\n".join(lines), "black on bright_white", no_wrap=True)
    return Drawing(text, columns, len(lines))


def misfit(drawing: Drawing, console: Console, *, more_rows: int | None = None) -> str:
    """Tells what keeps a terminal from showing a code whole, empty where nothing does.

    `more_rows` are shown beside it without scrolling; None where it may scroll. A pipe or a
    file takes any width.
    """
    if not console.is_terminal:
        return ""
    if console.width < drawing.columns:
        return (
            f"the code takes {drawing.columns} columns, and this terminal has {console.width}: "
            "widen the window, or make its letters smaller"
        )
    if more_rows is not None and console.height < drawing.rows + more_rows:
        return (
            f"the code takes {drawing.rows + more_rows} lines, and this terminal has "
            f"{console.height}: make the window higher, or its letters smaller"
        )
    return ""


def print_code(console: Console, drawing: Drawing) -> None:
    """Prints a code that fits, never broken: a pipe gets its lines whole."""
    console.print(drawing.text, soft_wrap=True)
