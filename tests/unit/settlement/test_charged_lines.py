"""Lines by their own charge day, refused one by one, and what is returned of them."""

import datetime as dt

import pytest

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.bill import (
    Approval,
    Bill,
    CatalogueItem,
    ChargedLine,
    LineDetails,
    RefusedLine,
)
from yibao_settlement.rules.policy.split import OwnCost, PricedLine
from yibao_settlement.rules.pricing import Days, Items, Priced, price_bill

ADMITTED = dt.date(2026, 11, 1)
LAST = dt.date(2026, 11, 20)


def item(code: str = "A1", **fields: object) -> CatalogueItem:
    values: dict[str, object] = {
        "item_name": "某项目",
        "catalogue_class": "01",
        "first_self_pay_ratio_ppm": None,
        "price_ceiling": "",
        "start_date": dt.date(2020, 1, 1),
        "end_date": None,
    }
    return CatalogueItem(code, **{**values, **fields})  # type: ignore[arg-type]


def line(number: int, **details: object) -> ChargedLine:
    """Returns a line of 10.00, with details."""
    return ChargedLine(number, "A1", "10", "1", 1_000, LineDetails(**details))  # type: ignore[arg-type]


def tablets() -> ChargedLine:
    """Returns 7 tablets at 1.958333, which come to 13.71."""
    return ChargedLine(1, "A1", "1.958333", "7", 1_371, LineDetails("T1"))


def back(number: int, quantity: str, amount_fen: int, line_id: str = "T1") -> ChargedLine:
    """Returns tablets that are given back."""
    details = LineDetails(f"R{number}", returned_line_id=line_id)
    return ChargedLine(number, "A1", "1.958333", quantity, amount_fen, details)


def price(*lines: ChargedLine, uncovered: tuple[dt.date, ...] = (), **rows: object) -> Priced:
    """Prices a bill; `A1` is in force throughout, other rows are given by day as `d5={…}`."""
    items: dict[dt.date, Items] = {
        ADMITTED + dt.timedelta(days=day): {"A1": item()} for day in range(-3, 25)
    }
    for name, of_day in rows.items():
        items[ADMITTED.replace(day=int(name[1:]))] = of_day  # type: ignore[assignment]
    total_fen = sum(each.amount_fen for each in lines)
    bill = Bill("visit", "B1", LAST, lines, total_fen, False)
    days = Days(ADMITTED, LAST, uncovered)
    return price_bill(bill, items, days, institution_level="2", insurance_type="310")


def reasons(lost: tuple[RefusedLine, ...]) -> list[tuple[int, str]]:
    return [(each.line_number, each.reason) for each in lost]


def test_class_share_and_ceiling_of_a_line_are_those_of_its_own_charge_day() -> None:
    # Rule T-30.
    dearer = item(catalogue_class="02", first_self_pay_ratio_ppm=100_000, price_ceiling="8")
    priced = price(line(1, charge_date=ADMITTED.replace(day=5)), line(2), d5={"A1": dearer})
    assert [
        (each.catalogue_class, each.first_self_pay_ratio_ppm, each.over_limit_fen)
        for each in priced.lines
    ] == [("02", 100_000, 200), ("01", None, 0)]


def test_lines_after_the_end_of_an_item_are_refused_one_by_one() -> None:
    # Case E7; rule T-30.
    before, after = ADMITTED.replace(day=5), ADMITTED.replace(day=6)
    priced = price(line(1, charge_date=before), line(2, charge_date=after), d6={"A1": None})
    assert [each.line_number for each in priced.lines] == [1]
    assert reasons(priced.refused) == [(2, "CATALOGUE_ITEM_UNKNOWN")]
    assert priced.refused[0].message == "item A1 is not in the catalogue on 2026-11-06"


@pytest.mark.parametrize(
    ("day", "is_charged"),
    [
        (ADMITTED - dt.timedelta(days=1), False),
        (ADMITTED, True),
        (LAST, True),
        (LAST + dt.timedelta(days=1), False),
    ],
)
def test_a_line_outside_the_days_of_the_stay_is_refused_by_itself(
    day: dt.date, is_charged: bool
) -> None:
    # Case E12.
    priced = price(line(1), line(2, charge_date=day, line_id="L2"))
    assert [each.line_number for each in priced.lines] == ([1, 2] if is_charged else [1])
    assert reasons(priced.refused) == ([] if is_charged else [(2, "LINE_OUTSIDE_VISIT")])


def test_where_every_line_is_refused_the_bill_is_and_names_them_all() -> None:
    early = ADMITTED - dt.timedelta(days=1)
    unknown = ChargedLine(2, "X1", "1", "1", 100)
    with pytest.raises(RuleError) as caught:
        price(line(1, charge_date=early), unknown)
    assert [(fault.field, fault.reason) for fault in caught.value.faults] == [
        ("bill.lines[0].charge_date", Reason.LINE_OUTSIDE_VISIT),
        ("bill.lines[1].item_code", Reason.CATALOGUE_ITEM_UNKNOWN),
    ]


def test_a_day_without_cover_makes_its_lines_own_cost_and_others_not() -> None:
    day = ADMITTED.replace(day=5)
    priced = price(line(1, charge_date=day), line(2), uncovered=(day,))
    assert [each.own_cost for each in priced.lines] == [OwnCost.OUTSIDE_COVER, OwnCost.NONE]


@pytest.mark.parametrize(
    ("is_limited_use", "approval", "own_cost"),
    [
        (True, Approval.NONE, OwnCost.LIMITED_USE),
        (True, Approval.APPROVED, OwnCost.NONE),
        (True, Approval.NOT_APPROVED, OwnCost.LIMITED_USE),
        (False, Approval.NONE, OwnCost.NONE),
        (False, Approval.APPROVED, OwnCost.NONE),
        (False, Approval.NOT_APPROVED, OwnCost.LIMITED_USE),
    ],
)
def test_a_limited_use_that_is_not_approved_is_own_cost(
    is_limited_use: bool, approval: Approval, own_cost: OwnCost
) -> None:
    rows = {"A1": item(is_limited_use=is_limited_use)}
    (with_details,) = price(line(1, approval=approval), d20=rows).lines
    assert with_details.own_cost is own_cost
    if approval is Approval.NONE:
        (plain,) = price(ChargedLine(1, "A1", "10", "1", 1_000), d20=rows).lines
        assert plain.own_cost is own_cost


def test_what_is_returned_is_taken_off_before_anything_is_decided() -> None:
    # Case R6: 13.71 less 7.83 is 5.88, which 3 x 1.958333 = 5.87 is not.
    priced = price(tablets(), back(2, "-3", -588))
    (left,) = priced.lines
    assert left == PricedLine(1, "A1", "01", 783, 0, None, "1.958333", "4")
    (own,) = priced.particulars
    assert own is not None
    assert (own.returned_quantity, own.returned_fen) == ("3", 588)


def test_several_returns_of_a_line_take_all_of_it_and_no_fen_more() -> None:
    priced = price(tablets(), back(2, "-3", -588), back(3, "-3.5", -685), back(4, "-0.5", -98))
    (left,) = priced.lines
    assert (left.amount_fen, left.quantity) == (0, "0")


def test_a_return_whose_amount_is_not_what_is_taken_off_is_refused_with_the_bill() -> None:
    with pytest.raises(RuleError) as caught:
        price(tablets(), back(2, "-3", -587))
    (fault,) = caught.value.faults
    assert fault.field == "bill.lines[1].amount_fen"
    assert fault.message == "what is returned comes to -588 fen, got -587"
    assert fault.reason is Reason.LINE_AMOUNT_MISMATCH


@pytest.mark.parametrize(
    ("returned", "reason", "message"),
    [
        (back(2, "-7.0001", -1_371), "RETURN_EXCEEDS_LINE", "7 are left of the line"),
        (back(2, "-1", -196, "T2"), "RETURNED_LINE_UNKNOWN", "there is no line T2 to return"),
        (
            back(2, "-1", -196)._replace(unit_price="2"),
            "RETURN_NOT_OF_LINE",
            "the line it returns has the price 1.958333",
        ),
        (
            back(2, "-1", -196)._replace(item_code="A2"),
            "RETURN_NOT_OF_LINE",
            "the line it returns is of item A1",
        ),
    ],
)
def test_what_cannot_be_returned_is_refused_by_itself(
    returned: ChargedLine, reason: str, message: str
) -> None:
    priced = price(tablets(), returned)
    assert [each.amount_fen for each in priced.lines] == [1_371]
    assert [(each.reason, each.message) for each in priced.refused] == [(reason, message)]


def test_a_return_tells_how_much_is_left_after_those_before() -> None:
    priced = price(tablets(), back(2, "-3", -588), back(3, "-5", -783))
    assert [each.message for each in priced.refused] == ["4 are left of the line"]


def test_a_price_may_be_written_with_more_zeros_where_it_is_returned() -> None:
    one = ChargedLine(1, "A1", "2", "3", 600, LineDetails("T1"))
    returned = ChargedLine(2, "A1", "2.00", "-1", -200, LineDetails("", returned_line_id="T1"))
    assert [each.amount_fen for each in price(one, returned).lines] == [400]


def test_a_negative_quantity_that_returns_nothing_is_refused() -> None:
    with pytest.raises(RuleError) as caught:
        price(line(1), ChargedLine(2, "A1", "10", "-1", -1_000, LineDetails()))
    assert caught.value.reason is Reason.DECIMAL_NEGATIVE


def test_a_return_of_a_return_is_refused_by_itself() -> None:
    priced = price(tablets(), back(2, "-3", -588), back(3, "-1", -100, "R2"))
    assert reasons(priced.refused) == [(3, "RETURN_NOT_OF_LINE")]


def test_a_line_id_stands_in_a_bill_once() -> None:
    with pytest.raises(RuleError) as caught:
        price(line(1, line_id="L1"), line(2, line_id="L1"))
    assert caught.value.reason is Reason.LINE_ID_REPEATED


def test_a_bill_of_plain_lines_has_no_particulars() -> None:
    assert price(ChargedLine(1, "A1", "10", "1", 1_000)).particulars == ()
