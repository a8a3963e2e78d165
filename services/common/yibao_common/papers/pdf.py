"""Sheets as a PDF on A4. Of its Chinese font it holds the glyphs that it shows.

Texts are broken into lines before and drawn as they are: nothing in them is read as markup.
"""

import io
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, KeepTogether, PageBreak, SimpleDocTemplate, Spacer
from reportlab.platypus import Table as Drawn

from yibao_common.papers.letters import FONT, load_font, wrapped
from yibao_common.values.sheet import Block, Grid, Lines, Pair, Prose, Room, Sheet, Table

_MARGIN = 12 * mm
# The library's frame keeps so much free on each side.
_INSET = 6
_TOP, _BOTTOM = 7 * mm, 9 * mm
_HEIGHT = A4[1] - _TOP - _BOTTOM - 2 * _INSET
_LINE_COLOUR = colors.Color(0.3, 0.3, 0.3)
_SHADE = colors.Color(0.93, 0.93, 0.93)
# The longest label of a grid.
_LABEL_CHARACTERS = 6.1
# In large print a row of a table with more columns than these is a block of its own.
_MOST_COLUMNS_LARGE = 9

# Commands of a table's style, as the library has them.
_Style = list[tuple[Any, ...]]


class Print(NamedTuple):
    """Sizes of letters and of the room around them, in points; how sentences stand."""

    size: float
    padding: float
    pairs_a_row: int
    sentences_a_row: int
    signatures_a_row: int
    page: tuple[float, float] = A4

    @property
    def leading(self) -> float:
        """The height of a line."""
        return self.size * 1.3

    @property
    def width(self) -> float:
        """What is drawn on between the margins."""
        return self.page[0] - 2 * _MARGIN


COMMON = Print(8.5, 0.9, 3, 2, 3)
# For sheets that would miss one page by little; the habit is 8 to 9 points.
COMPACT = Print(8, 0.6, 3, 2, 3)
LARGE = Print(14, 3, 2, 1, 2)
# Forms that are filled in by hand and read out at counters.
LETTER = Print(11, 3, 2, 1, 2)
# Two halves of a page.
HALF = Print(10, 2.5, 2, 1, 2)
# Lists on the long side of the paper.
WIDE = Print(8, 2, 3, 2, 4, landscape(A4))


def pdf_of(sheet: Sheet, *, large: bool) -> bytes:
    """Returns the PDF of a sheet; the same sheet gives the same bytes."""
    return pdf_of_sheets([sheet], LARGE if large else _smallest_needed(sheet))


def print_of(sheets: Sequence[Sheet], *, large: bool) -> Print:
    """Returns how the sheets of a form are printed."""
    if large:
        return LARGE
    if any(sheet.is_wide for sheet in sheets):
        return WIDE
    return HALF if any(sheet.seam for sheet in sheets) else LETTER


def pdf_of_sheets(sheets: Sequence[Sheet], print_: Print) -> bytes:
    """Returns one PDF of sheets, such as the copies of a form.

    Each begins a page, but for one with a seam, which is kept whole below the one before it
    where that page has the room.
    """
    load_font()
    written = io.BytesIO()
    document = SimpleDocTemplate(
        written,
        pagesize=print_.page,
        # What the library leaves free inside the margins is part of them.
        leftMargin=_MARGIN - _INSET,
        rightMargin=_MARGIN - _INSET,
        topMargin=_TOP,
        bottomMargin=_BOTTOM,
        title=sheets[0].title,
        lang="zh-CN",
        invariant=1,
    )
    story: list[Flowable] = []
    for sheet in sheets:
        if sheet.seam:
            story.append(_seam(sheet.seam, print_))
            story.append(KeepTogether(list(_story(sheet, print_))))
            continue
        if story:
            story.append(PageBreak())
        story += _story(sheet, print_)
    document.build(story, canvasmaker=_NumberedCanvas)
    return written.getvalue()


class _NumberedCanvas(Canvas):
    """Writes `第1页 共2页` under each page, which is known when the last one is drawn."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802 (the library's name)
        """Keeps the page open until all are known."""
        self._pages.append(dict(self.__dict__))
        self._startPage()  # type: ignore[attr-defined]

    def save(self) -> None:
        """Numbers and writes the pages."""
        for number, page in enumerate(self._pages, 1):
            self.__dict__.update(page)
            self.setFont(FONT, COMMON.size)
            text = f"第{number}页　共{len(self._pages)}页"
            self.drawCentredString(self._pagesize[0] / 2, 5 * mm, text)  # type: ignore[attr-defined]
            super().showPage()
        super().save()


def _smallest_needed(sheet: Sheet) -> Print:
    """Returns COMPACT where the sheet proper is one page with it, and would not be without."""
    for print_ in (COMMON, COMPACT):
        height = sum(each.wrap(print_.width, A4[1])[1] for each in _front(sheet, print_))
        if height <= _HEIGHT:
            return print_
    return COMMON


def _story(sheet: Sheet, print_: Print) -> Iterator[Flowable]:
    yield from _front(sheet, print_)
    if not sheet.list_pages:
        return
    yield PageBreak()
    yield from _head(sheet.list_title, sheet, print_)
    for block in sheet.list_pages:
        yield from _block(block, print_)


def _front(sheet: Sheet, print_: Print) -> Iterator[Flowable]:
    yield from _head(sheet.title, sheet, print_)
    for block in sheet.front:
        yield from _block(block, print_)
    if sheet.signatures:
        yield _signatures(sheet.signatures, print_)
    yield Spacer(0, print_.size / 2)
    yield _text(sheet.foot, print_)


def _head(title: str, sheet: Sheet, print_: Print) -> Iterator[Flowable]:
    yield _text(title, print_, size=print_.size * 1.6, align="CENTER")
    if sheet.mark:
        yield _text(f"【{sheet.mark}】", print_, size=print_.size * 1.4, align="CENTER")
    yield _text(sheet.unit, print_, align="RIGHT")


def _block(block: Block, print_: Print) -> Iterator[Flowable]:
    match block:
        case Grid():
            yield from _grid(block, print_)
        case Table():
            if print_ == LARGE and len(block.columns) > _MOST_COLUMNS_LARGE:
                yield from _blocks_of_rows(block, print_)
            else:
                yield _table(block, print_)
        case Lines():
            yield _text(block.caption, print_, size=print_.size * 1.1)
            yield _lines(block.lines, print_)
        case Prose():
            if block.caption:
                yield _text(block.caption, print_, size=print_.size * 1.1)
            for paragraph in block.paragraphs:
                yield _text(paragraph, print_)
        case Room():
            caption = _text(block.caption, print_, size=print_.size * 1.1)
            yield KeepTogether([caption, _room(block, print_)])
    yield Spacer(0, print_.size / 2)


def _drawn(
    rows: list[list[str]],
    widths: Sequence[float],
    style: _Style,
    *,
    head_rows: int = 0,
    heights: Sequence[float] | None = None,
) -> Flowable:
    # The library's type of a style lists every command; ours are made of parts.
    return Drawn(
        rows,
        colWidths=list(widths),
        rowHeights=None if heights is None else list(heights),
        style=cast(Any, style),
        repeatRows=head_rows,
    )


def _text(text: str, print_: Print, *, size: float = 0, align: str = "LEFT") -> Flowable:
    """Returns a paragraph without lines around it."""
    size = size or print_.size
    style = [*_plain_style(size), ("ALIGN", (0, 0), (-1, -1), align)]
    return _drawn([[wrapped(text, size, print_.width)]], [print_.width], style)


def _seam(text: str, print_: Print) -> Flowable:
    """Returns the line along which a page is cut, with what is stamped across it."""
    middle = load_font().stringWidth(text, print_.size) + 2 * print_.size
    side = (print_.width - middle) / 2
    style = [
        *_plain_style(print_.size),
        ("SPAN", (1, 0), (1, 1)),
        ("ALIGN", (1, 0), (1, 1), "CENTER"),
        ("VALIGN", (1, 0), (1, 1), "MIDDLE"),
        *(("LINEBELOW", (at, 0), (at, 0), 0.6, _LINE_COLOUR, None, (4, 3)) for at in (0, 2)),
    ]
    height = print_.leading * 0.9
    rows = [["", text, ""], ["", "", ""]]
    return _drawn(rows, [side, middle, side], style, heights=[height, height])


def _lines(lines: Sequence[str], print_: Print) -> Flowable:
    """Returns numbered sentences, one column after the other."""
    columns = print_.sentences_a_row
    width = print_.width / columns
    numbered = [
        wrapped(f"{number}. {line}", print_.size, width - 5) for number, line in enumerate(lines, 1)
    ]
    length = -(-len(numbered) // columns)
    cells = ["\n".join(numbered[at * length : (at + 1) * length]) for at in range(columns)]
    style = [*_plain_style(print_.size), ("VALIGN", (0, 0), (-1, -1), "TOP")]
    return _drawn([cells], [width] * columns, style)


def _room(room: Room, print_: Print) -> Flowable:
    """Returns a box of so many lines to write in, higher where its text needs it."""
    text = wrapped(room.text, print_.size, print_.width - 5)
    # Written by hand, a line takes more than a printed one.
    by_hand = room.lines * print_.leading * 1.6
    printed = (text.count("\n") + 1) * print_.leading + 2 * print_.padding
    height = max(by_hand, printed)
    rows, heights = [[text]], [height]
    style = [*_ruled_style(print_), ("VALIGN", (0, 0), (-1, 0), "TOP")]
    if room.sign:
        style = [command for command in style if command[0] != "GRID"]
        # What is signed and where stand on one page.
        sign = wrapped(room.sign, print_.size, print_.width - 5)
        rows.append([sign])
        heights.append((sign.count("\n") + 1) * print_.leading + print_.size)
        style += [
            ("BOX", (0, 0), (-1, -1), 0.4, _LINE_COLOUR),
            ("ALIGN", (0, 1), (-1, 1), "RIGHT"),
            ("NOSPLIT", (0, 0), (-1, -1)),
        ]
    return _drawn(rows, [print_.width], style, heights=heights)


def _grid(grid: Grid, print_: Print) -> Iterator[Flowable]:
    """Yields rows as tables of their own, since rows have different columns."""
    pairs_a_row = print_.pairs_a_row
    label = print_.size * _LABEL_CHARACTERS + 5
    value = print_.width / pairs_a_row - label
    for pairs in grid.rows:
        for at in range(0, len(pairs), pairs_a_row):
            row = pairs[at : at + pairs_a_row]
            widths = [label, value] * len(row)
            widths[-1] += print_.width - sum(widths)
            texts = [text for pair in row for text in pair]
            shades = [("BACKGROUND", (at, 0), (at, 0), _SHADE) for at in range(0, len(texts), 2)]
            yield _drawn([_cells(texts, widths, print_)], widths, [*_ruled_style(print_), *shades])


def _blocks_of_rows(table: Table, print_: Print) -> Iterator[Flowable]:
    """Yields each row as pairs of title and cell, which letters of this size have room for."""
    titles = [column.title for column in table.columns]
    for cells in table.rows:
        pairs = tuple(Pair(*each) for each in zip(titles, cells, strict=True))
        yield KeepTogether(list(_grid(Grid((pairs,)), print_)))
        yield Spacer(0, print_.size / 2)


def _table(table: Table, print_: Print) -> Flowable:
    total = sum(column.width for column in table.columns)
    widths = [print_.width * column.width / total for column in table.columns]
    head = _cells([column.title for column in table.columns], widths, print_)
    rows = [_cells(row, widths, print_) for row in table.rows]
    amounts = [at for at, column in enumerate(table.columns) if column.is_amount]
    style = [
        *_ruled_style(print_),
        ("BACKGROUND", (0, 0), (-1, 0), _SHADE),
        *(("ALIGN", (at, 0), (at, -1), "RIGHT") for at in amounts),
        *(("BACKGROUND", (0, at + 1), (-1, at + 1), _SHADE) for at in sorted(table.strong)),
    ]
    if table.lines > 1:
        # An empty line keeps its height.
        rows = [
            [each + "\n" * (table.lines - 1 - each.count("\n")) for each in row] for row in rows
        ]
    return _drawn([head, *rows], widths, style, head_rows=1)


def _signatures(labels: Sequence[str], print_: Print) -> Flowable:
    """Returns lines to sign on, as many in a row as are readable."""
    a_row = print_.signatures_a_row
    rows = [
        [f"{label}：" for label in labels[at : at + a_row]] for at in range(0, len(labels), a_row)
    ]
    rows[-1] += [""] * (a_row - len(rows[-1]))
    ruled = [(at % a_row, at // a_row) for at in range(len(labels))]
    style = [
        *_plain_style(print_.size),
        ("TOPPADDING", (0, 0), (-1, -1), print_.size),
        *(("LINEBELOW", place, place, 0.5, _LINE_COLOUR) for place in ruled),
    ]
    return _drawn(rows, [print_.width / a_row] * a_row, style)


def _plain_style(size: float) -> _Style:
    return [
        ("FONT", (0, 0), (-1, -1), FONT, size, size * 1.3),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("RIGHTPADDING", (0, 0), (-1, -1), 0),
        ("TOPPADDING", (0, 0), (-1, -1), 0),
        ("BOTTOMPADDING", (0, 0), (-1, -1), size / 6),
    ]


def _ruled_style(print_: Print) -> _Style:
    return [
        ("FONT", (0, 0), (-1, -1), FONT, print_.size, print_.leading),
        ("GRID", (0, 0), (-1, -1), 0.4, _LINE_COLOUR),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("LEFTPADDING", (0, 0), (-1, -1), 2.5),
        ("RIGHTPADDING", (0, 0), (-1, -1), 2.5),
        ("TOPPADDING", (0, 0), (-1, -1), print_.padding),
        ("BOTTOMPADDING", (0, 0), (-1, -1), print_.padding),
    ]


def _cells(texts: Sequence[str], widths: Sequence[float], print_: Print) -> list[str]:
    return [
        wrapped(text, print_.size, width - 5) for text, width in zip(texts, widths, strict=True)
    ]
