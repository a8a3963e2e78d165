"""The form of a sheet: what stands on it in which order, as text, whatever it is drawn with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Pair(NamedTuple):
    """A label and its value; an empty value is a line to write on."""

    label: str
    value: str


class Grid(NamedTuple):
    """Labels with their values, row by row; rows of fewer pairs have wider ones."""

    rows: tuple[tuple[Pair, ...], ...]


class Column(NamedTuple):
    """A column of a table; widths are relative, amounts stand to the right."""

    title: str
    width: int
    is_amount: bool = False


class Table(NamedTuple):
    """Rows under titles, of which the first says what it is of; `strong` rows are sums.

    A row is at least `lines` lines high, so that one can write in it by hand.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    strong: frozenset[int] = frozenset()
    lines: int = 1


class Lines(NamedTuple):
    """Running text, a paragraph a line."""

    caption: str
    lines: tuple[str, ...]


class Prose(NamedTuple):
    """Paragraphs over the whole width, as letters have them; an empty caption is left out."""

    caption: str
    paragraphs: tuple[str, ...]


class Room(NamedTuple):
    """A box to write in by hand, so many lines high; `text` stands in its first lines.

    `sign` stands at its end, to the right: who signs or stamps what is said in it.
    """

    caption: str
    text: str
    lines: int
    sign: str = ""


Block = Grid | Table | Lines | Prose | Room


@dataclass(frozen=True, slots=True)
class Sheet:
    """A paper: `front` is the sheet proper, `list_pages` the itemised list behind it, if any.

    `mark` is what a sheet that is no longer good bears across its head. `signatures` are
    the labels of lines to sign on, none where nobody signs. `seam` is what stands on the line
    along which it is cut from the sheet before it; without one it begins a page. `is_wide`
    sheets lie on the long side of the paper.
    """

    title: str
    unit: str
    mark: str
    front: tuple[Block, ...]
    signatures: tuple[str, ...]
    foot: str
    list_title: str
    list_pages: tuple[Block, ...]
    seam: str = ""
    is_wide: bool = False


def cells_of(blocks: Sequence[Block]) -> list[str]:
    """Returns every value and cell of blocks, without labels, titles and running text."""
    found: list[str] = []
    for block in blocks:
        if isinstance(block, Grid):
            found += [pair.value for row in block.rows for pair in row]
        elif isinstance(block, Table):
            found += [cell for row in block.rows for cell in row]
    return found
