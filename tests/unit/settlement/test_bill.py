"""A bill's lines against price, quantity and the catalogue of the day."""

import datetime as dt

import pytest

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.bill import (
    Bill,
    CatalogueItem,
    ChargedLine,
    LevelPriceCeiling,
    item_on,
)
from yibao_settlement.rules.policy.split import PricedLine
from yibao_settlement.rules.pricing import Days, price_bill

DAY = dt.date(2026, 11, 20)
SINCE = dt.date(2020, 1, 1)


def item(code: str = "A1", **fields: object) -> CatalogueItem:
    values: dict[str, object] = {
        "item_name": "某项目",
        "catalogue_class": "01",
        "first_self_pay_ratio_ppm": None,
        "price_ceiling": "",
        "start_date": SINCE,
        "end_date": None,
    }
    return CatalogueItem(code, **{**values, **fields})  # type: ignore[arg-type]


def bill_of(*lines: ChargedLine, total_fen: int | None = None) -> Bill:
    total = sum(line.amount_fen for line in lines) if total_fen is None else total_fen
    return Bill("visit", "B1", DAY, lines, total, False)


def price_lines(
    bill: Bill, items: dict[str, CatalogueItem | None], *, level: str = "2"
) -> tuple[PricedLine, ...]:
    priced = price_bill(
        *(bill, {DAY: items}, Days(DAY, DAY)), institution_level=level, insurance_type="310"
    )
    return priced.lines


@pytest.mark.parametrize(
    ("amount_fen", "is_accepted"), [(1_234, False), (1_235, True), (1_236, False)]
)
def test_the_amount_of_a_line_is_price_times_quantity_to_the_fen(
    amount_fen: int, is_accepted: bool
) -> None:
    # 2.47 x 4.9999 = 12.349753.
    bill = bill_of(ChargedLine(1, "A1", "2.47", "4.9999", amount_fen))
    if is_accepted:
        (priced,) = price_lines(bill, {"A1": item()})
        assert priced.amount_fen == amount_fen
    else:
        with pytest.raises(RuleError) as caught:
            price_lines(bill, {"A1": item()})
        assert caught.value.reason is Reason.LINE_AMOUNT_MISMATCH
        assert [fault.field for fault in caught.value.faults] == ["bill.lines[0].amount_fen"]


@pytest.mark.parametrize(
    ("total_fen", "is_accepted"), [(2_999, False), (3_000, True), (3_001, False)]
)
def test_the_lines_sum_to_the_bill(total_fen: int, is_accepted: bool) -> None:
    lines = (ChargedLine(1, "A1", "10", "1", 1_000), ChargedLine(2, "A1", "20", "1", 2_000))
    bill = bill_of(*lines, total_fen=total_fen)
    if is_accepted:
        assert len(price_lines(bill, {"A1": item()})) == 2
    else:
        with pytest.raises(RuleError) as caught:
            price_lines(bill, {"A1": item()})
        assert caught.value.reason is Reason.BILL_TOTAL_MISMATCH


@pytest.mark.parametrize(
    ("unit_price", "quantity", "amount_fen", "over_limit_fen"),
    [
        ("99.99", "1", 9_999, 0),
        ("100", "1", 10_000, 0),
        ("100.00", "7", 70_000, 0),
        # 0.004999 above the ceiling is no fen, 0.005 is one.
        ("100.004999", "1", 10_000, 0),
        ("100.005", "1", 10_001, 1),
        ("100.01", "1", 10_001, 1),
        ("150", "3", 45_000, 15_000),
        ("150", "0.0001", 2, 1),
    ],
)
def test_what_exceeds_the_price_ceiling_is_told_apart(
    unit_price: str, quantity: str, amount_fen: int, over_limit_fen: int
) -> None:
    # Rule T-07; the ceiling is 100.00.
    bill = bill_of(ChargedLine(1, "A1", unit_price, quantity, amount_fen))
    (priced,) = price_lines(bill, {"A1": item(price_ceiling="100.00")})
    assert priced.over_limit_fen == over_limit_fen
    assert priced.over_limit_fen <= priced.amount_fen


def test_an_item_without_a_ceiling_has_nothing_above_it() -> None:
    bill = bill_of(ChargedLine(1, "A1", "99999999", "1", 9_999_999_900))
    (priced,) = price_lines(bill, {"A1": item(price_ceiling="")})
    assert priced.over_limit_fen == 0


@pytest.mark.parametrize(
    ("level", "over_limit_fen"),
    [("2", 0), ("12", 0), ("5", 1_000), ("6", 1_000), ("8", 4_000), ("11", 4_000)],
)
def test_the_ceiling_is_that_of_the_level_of_the_institution(
    level: str, over_limit_fen: int
) -> None:
    # Case M4: 200 at the third level, 180 at the second; 150 at every other.
    ceilings = (
        LevelPriceCeiling(("1", "2", "3", "4", "12"), "200"),
        LevelPriceCeiling(("5", "6", "7", "13"), "180.00"),
    )
    row = item(price_ceiling="150", level_price_ceilings=ceilings)
    bill = bill_of(ChargedLine(1, "A1", "190", "1", 19_000))
    (priced,) = price_lines(bill, {"A1": row}, level=level)
    assert priced.over_limit_fen == over_limit_fen


def test_a_level_without_a_ceiling_has_none_where_there_is_none_for_all() -> None:
    row = item(level_price_ceilings=(LevelPriceCeiling(("2",), "1"),))
    bill = bill_of(ChargedLine(1, "A1", "190", "1", 19_000))
    over = [price_lines(bill, {"A1": row}, level=each)[0].over_limit_fen for each in ("2", "3")]
    assert over == [18_900, 0]


def test_a_line_tells_the_group_of_its_item() -> None:
    lines = (ChargedLine(1, "A1", "10", "1", 1_000), ChargedLine(2, "B1", "10", "1", 1_000))
    rows: dict[str, CatalogueItem | None] = {
        "A1": item(item_group="implant"),
        "B1": item("B1"),
    }
    assert [each.item_group for each in price_lines(bill_of(*lines), rows)] == ["implant", ""]


def test_a_line_keeps_its_number_and_takes_class_and_share_from_the_catalogue() -> None:
    bill = bill_of(ChargedLine(7, "B1", "10", "1", 1_000))
    (priced,) = price_lines(
        bill, {"B1": item("B1", catalogue_class="02", first_self_pay_ratio_ppm=300_000)}
    )
    assert (priced.line_number, priced.item_code) == (7, "B1")
    assert (priced.catalogue_class, priced.first_self_pay_ratio_ppm) == ("02", 300_000)


def test_faults_of_one_kind_keep_their_reason_and_several_kinds_are_told_together() -> None:
    unknown = bill_of(ChargedLine(1, "X1", "1", "1", 100), ChargedLine(2, "X2", "1", "1", 100))
    with pytest.raises(RuleError) as caught:
        price_lines(unknown, {"X1": None})
    assert caught.value.reason is Reason.CATALOGUE_ITEM_UNKNOWN
    assert [fault.field for fault in caught.value.faults] == [
        "bill.lines[0].item_code",
        "bill.lines[1].item_code",
    ]
    mixed = bill_of(
        ChargedLine(1, "A1", "1", "1", 101), ChargedLine(1, "A1", "1", "1", 100), total_fen=1
    )
    with pytest.raises(RuleError) as caught:
        price_lines(mixed, {"A1": item()})
    assert caught.value.reason is Reason.FIELDS_INVALID
    assert [fault.reason for fault in caught.value.faults] == [
        Reason.LINE_AMOUNT_MISMATCH,
        Reason.LINE_NUMBER_REPEATED,
        Reason.BILL_TOTAL_MISMATCH,
    ]


@pytest.mark.parametrize(
    ("day", "is_known"),
    [
        (dt.date(2019, 12, 31), False),
        (dt.date(2020, 1, 1), True),
        (dt.date(2026, 6, 30), True),
        (dt.date(2026, 7, 1), False),
    ],
)
def test_a_row_is_in_force_on_its_first_and_its_last_day(day: dt.date, is_known: bool) -> None:
    row = item(end_date=dt.date(2026, 6, 30))
    assert item_on((row,), day) == (row if is_known else None)


def test_of_two_rows_in_force_the_later_one_decides() -> None:
    old, new = item(), item(start_date=DAY, price_ceiling="5")
    assert item_on((old, new), DAY - dt.timedelta(days=1)) is old
    assert item_on((new, old), DAY) is new
    assert item_on((), DAY) is None
