"""Pages and papers show the sheet and nothing of it is taken for markup."""

import re
from html.parser import HTMLParser

import pypdfium2  # type: ignore[import-untyped]
import pytest
from support.former_policies import former_region
from support.policies import classify, line, policy_of, tiers
from support.real_bills import REAL_BILLS, RealBill
from support.statements import REVERSAL, SIGNED, statement_for

from yibao_common.papers.page import html_of
from yibao_common.papers.pdf import pdf_of
from yibao_common.values.sheet import Sheet, cells_of
from yibao_settlement.files.policy.file import load_policy
from yibao_settlement.rules.policy.split import Facts, PricedLine
from yibao_settlement.rules.statement.form import MOST_ITEMS_PRINTED, sheet_of
from yibao_settlement.rules.statement.statement import Statement

POLICY = policy_of(
    classify(), tiers("P1", {"add": ["eligible"]}, [(0, None, 700_000)], fund_type="390100")
)
each_bill = pytest.mark.parametrize("bill", REAL_BILLS.values(), ids=REAL_BILLS)
each_print = pytest.mark.parametrize("large", [False, True], ids=["common", "large"])


class Page(HTMLParser):
    """The texts of a page and what its tags name outside of it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def bill_of_lines(count: int, name: str = "复方丹参滴丸") -> Statement:
    lines = [line(1_234, number=number) for number in range(1, count + 1)]
    return statement_for(POLICY, *lines, names={each.item_code: name for each in lines})


def pages_of(pdf: bytes) -> list[str]:
    """Returns the text of each page, without white space: cells are broken into lines."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        texts = []
        for page in document:
            text = page.get_textpage()
            texts.append(re.sub(r"\s", "", text.get_text_bounded()))
            text.close()
        return texts
    finally:
        document.close()


def ink_of(pdf: bytes, page: int) -> float:
    """Returns how much of a page is dark, from 0 to 1."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        picture = document[page].render(scale=1.5).to_pil().convert("L")
        dark: int = sum(picture.histogram()[:128])
        return dark / float(picture.width * picture.height)
    finally:
        document.close()


def without_space(texts: list[str]) -> list[str]:
    return [re.sub(r"\s", "", text) for text in texts if text]


def front_of(sheet: Sheet) -> list[str]:
    return without_space([sheet.title, sheet.unit, sheet.foot, *cells_of(sheet.front)])


@each_bill
@each_print
def test_a_page_shows_every_cell_and_names_nothing_outside(bill: RealBill, large: bool) -> None:
    sheet = sheet_of(bill.statement, SIGNED)
    html = html_of(sheet, large=large)
    page = Page(html)
    assert set(cells_of((*sheet.front, *sheet.list_pages))) - {""} <= set(page.texts)
    assert page.links == []
    assert page.tags.isdisjoint({"script", "img", "link", "iframe", "object"})
    assert "url(" not in html
    assert "@import" not in html


@each_print
def test_markup_in_a_name_is_text(large: bool) -> None:
    name = "<script>alert('&amp;')</script>\"<b>"
    printing = SIGNED._replace(person_name=name, certificate_number="<i>&lt;")
    sheet = sheet_of(bill_of_lines(1, name="</td><img src=x onerror=y>"), printing)
    page = Page(html_of(sheet, large=large))
    assert page.tags.isdisjoint({"script", "img", "b", "i"})
    assert {name, "<i>&lt;", "</td><img src=x onerror=y>"} <= set(page.texts)
    assert re.sub(r"\s", "", name) in "".join(pages_of(pdf_of(sheet, large=large)))


@each_bill
def test_a_common_bill_is_one_page_with_its_list_behind(bill: RealBill) -> None:
    sheet = sheet_of(bill.statement, SIGNED)
    front, back = pages_of(pdf_of(sheet, large=False))
    for text in front_of(sheet):
        assert text in front
    for text in without_space(cells_of(sheet.list_pages)):
        assert text in back
    for label in sheet.signatures:
        assert label in front
    assert "第1页共2页" in front
    assert "第2页共2页" in back


@pytest.mark.parametrize("region_name", ["500112", "999019", "999029"])
def test_a_published_bill_of_a_region_is_one_page(region_name: str) -> None:
    region = former_region(region_name)
    bill, items = region.sample_bill, {item.item_code: item for item in region.items}
    lines = [
        PricedLine(
            each.line_number,
            each.item_code,
            items[each.item_code].catalogue_class,
            each.amount_fen,
            0,
            items[each.item_code].first_self_pay_ratio_ppm,
            each.unit_price,
            each.quantity,
        )
        for each in bill.lines
    ]
    level = region.institutions[0].institution_level
    person = bill.person
    facts = Facts(bill.care_type, person.person_class, person.entitlement_groups, level, person.age)
    policy = load_policy(region.policy_file, name=region.policy_name)
    statement = statement_for(
        policy, *lines, facts=facts, names={code: item.item_name for code, item in items.items()}
    )
    assert len(pages_of(pdf_of(sheet_of(statement, SIGNED), large=False))) == 2


def test_fifteen_lines_are_one_page_and_large_print_shows_the_same() -> None:
    sheet = sheet_of(bill_of_lines(15), SIGNED)
    assert len(pages_of(pdf_of(sheet, large=False))) == 2
    large = "".join(pages_of(pdf_of(sheet, large=True)))
    for text in front_of(sheet):
        assert text in large


def test_the_glyphs_of_a_paper_are_visible() -> None:
    """A paper without its font would extract as well and show nothing."""
    written = pdf_of(sheet_of(bill_of_lines(15), SIGNED), large=False)
    assert ink_of(written, 0) > 0.02
    assert b"/FontFile2" in written


def test_the_same_sheet_gives_the_same_bytes_and_only_the_glyphs_that_it_shows() -> None:
    sheet = sheet_of(bill_of_lines(15), SIGNED)
    written = pdf_of(sheet, large=False)
    assert written == pdf_of(sheet, large=False)
    # The font has five million bytes.
    assert len(written) < 200_000


def test_a_character_that_the_font_has_not_is_left_to_be_written() -> None:
    printing = SIGNED._replace(person_name="\U00020bb7野")
    text = pages_of(pdf_of(sheet_of(bill_of_lines(1), printing), large=False))[0]
    assert "姓名□野" in text


def test_a_reversed_settlement_is_marked_on_every_form() -> None:
    sheet = sheet_of(statement_for(POLICY, line(1_234), reversal=REVERSAL), SIGNED)
    assert "本结算已撤销" in Page(html_of(sheet, large=False)).texts
    front, back = pages_of(pdf_of(sheet, large=False))
    assert "本结算已撤销" in front
    assert "本结算已撤销" in back


def test_a_list_without_end_is_cut_and_says_so() -> None:
    sheet = sheet_of(bill_of_lines(MOST_ITEMS_PRINTED + 3), SIGNED)
    cells = cells_of(sheet.list_pages)
    assert "其余3项未列" in cells
    assert cells.count("复方丹参滴丸") == MOST_ITEMS_PRINTED
