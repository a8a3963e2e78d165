"""Texts on papers stay within their boxes, whatever marks they have; seams cut pages in two."""

import pypdfium2  # type: ignore[import-untyped]
import pytest

from yibao_common.papers.letters import load_font, wrapped
from yibao_common.papers.page import html_of
from yibao_common.papers.pdf import HALF, LETTER, WIDE, pdf_of_sheets, print_of
from yibao_common.values.sheet import Prose, Room, Sheet

SIZE = 10.0


def sheet(title: str, lines: int, *, seam: str = "", is_wide: bool = False) -> Sheet:
    front = (Prose("", (title,) * lines),)
    return Sheet(title, "", "", front, (), "", "", (), seam, is_wide)


def pages_of(*sheets: Sheet) -> list[str]:
    document = pypdfium2.PdfDocument(pdf_of_sheets(sheets, LETTER))
    try:
        return [page.get_textpage().get_text_range() for page in document]
    finally:
        document.close()


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("一二三四五六", 50, ["一二三四五", "六"]),
        ("一二三四五，六", 50, ["一二三四", "五，六"]),
        ("一二三四，五六", 50, ["一二三四，", "五六"]),
        ("一二三四（五）", 50, ["一二三四", "（五）"]),
        ("一二三（四五）", 50, ["一二三（四", "五）"]),
        # Nothing but marks: the box holds, and no rule is left to keep.
        ("，，，，，，，", 50, ["，，，，，", "，，"]),
        ("一", 5, ["一"]),
        ("", 50, [""]),
    ],
)
def test_a_line_breaks_where_chinese_lines_do(text: str, width: float, lines: list[str]) -> None:
    assert wrapped(text, SIZE, width).split("\n") == lines


@pytest.mark.parametrize("piece", ["欧", "，", "）（", "”%", "欧，", "H50011200001、", "mmHg）"])
@pytest.mark.parametrize("width", [11, 23, 50, 187])
def test_no_line_is_wider_than_its_box(piece: str, width: float) -> None:
    lines = wrapped(piece * 60, SIZE, width).split("\n")
    assert max(load_font().stringWidth(each, SIZE) for each in lines) <= width
    assert "".join(lines) == piece * 60


def test_a_half_stands_below_its_seam_where_the_page_has_room_and_whole_on_the_next() -> None:
    (both,) = pages_of(sheet("上联", 10), sheet("下联", 10, seam="骑缝章"))
    assert both.index("上联") < both.index("骑缝章") < both.index("下联")
    first, second = pages_of(sheet("上联", 25), sheet("下联", 25, seam="骑缝章"))
    assert "骑缝章" in first
    assert "下联" not in first
    # The title and each of its lines.
    assert second.count("下联") == 26


def test_a_wide_sheet_lies_on_the_long_side_and_a_half_has_small_letters() -> None:
    wide, half = sheet("表", 1, is_wide=True), sheet("联", 1, seam="骑缝章")
    assert print_of([wide], large=False) is WIDE
    assert print_of([half], large=False) is HALF
    document = pypdfium2.PdfDocument(pdf_of_sheets([wide], WIDE))
    width, height = document[0].get_size()
    document.close()
    assert width > height


def test_a_page_shows_who_signs_a_box() -> None:
    box = Room("意见", "<同意>", 2, "盖章：")
    html = html_of(Sheet("表", "", "", (box,), (), "", "", ()), large=False)
    assert "&lt;同意&gt;" in html
    assert "盖章：" in html
