"""Marks of lines: which bills charge the same, and which are told apart (T-31)."""

import datetime as dt

import pytest

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.bill import ChargedLine, LineDetails
from yibao_settlement.rules.duplicate import check_not_repeated, marks_of
from yibao_settlement.rules.stay import StandingBill

TODAY = dt.date(2026, 11, 20)
TABLETS = ChargedLine(1, "A1", "12.50", "4", 5_000)
X_RAY = ChargedLine(2, "B1", "80", "1", 8_000)


def standing(*lines: ChargedLine, service_date: dt.date = TODAY) -> StandingBill:
    marks = marks_of(lines, service_date)
    return StandingBill("s1", service_date, False, 13_000, marks.lines, marks.items)


@pytest.mark.parametrize(
    "lines",
    [
        (TABLETS, X_RAY),
        (X_RAY._replace(line_number=1), TABLETS._replace(line_number=7)),
        (TABLETS._replace(unit_price="12.5", quantity="4.0"), X_RAY._replace(unit_price="080.0")),
        (TABLETS._replace(details=LineDetails(charge_date=TODAY)), X_RAY),
        (TABLETS._replace(details=LineDetails("L1")), X_RAY),
        (
            TABLETS._replace(quantity="6", amount_fen=7_500, details=LineDetails("L1")),
            X_RAY,
            ChargedLine(3, "A1", "12.50", "-2", -2_500, LineDetails("R1", returned_line_id="L1")),
        ),
    ],
    ids=[
        "as it was",
        "in another order",
        "numbers written otherwise",
        "the day said",
        "an id",
        "net",
    ],
)
def test_the_same_lines_under_another_number_are_refused(lines: tuple[ChargedLine, ...]) -> None:
    with pytest.raises(RuleError) as caught:
        check_not_repeated(marks_of(lines, TODAY), [standing(TABLETS, X_RAY)])
    assert caught.value.reason is Reason.LINES_ALREADY_SETTLED
    assert caught.value.metadata == {"settlement_id": "s1"}


@pytest.mark.parametrize(
    "lines",
    [
        (TABLETS,),
        (TABLETS, X_RAY, X_RAY),
        (TABLETS._replace(quantity="5"), X_RAY),
        (TABLETS._replace(unit_price="12.51"), X_RAY),
        (TABLETS._replace(item_code="A2"), X_RAY),
        (TABLETS._replace(details=LineDetails(charge_date=TODAY - dt.timedelta(days=1))), X_RAY),
    ],
    ids=["fewer", "one more", "quantity", "price", "item", "day"],
)
def test_lines_that_differ_in_one_thing_are_others(lines: tuple[ChargedLine, ...]) -> None:
    check_not_repeated(marks_of(lines, TODAY), [standing(TABLETS, X_RAY)])


def test_lines_that_have_other_ids_are_others_whatever_they_charge() -> None:
    bill = standing(TABLETS)
    check_not_repeated(marks_of([TABLETS], TODAY), [bill], told_apart={"s1"})
    check_not_repeated(marks_of([TABLETS], TODAY), [StandingBill("s0", TODAY, False)])


def test_bills_of_the_same_items_have_one_mark_of_their_set() -> None:
    one, other = marks_of([TABLETS, X_RAY], TODAY), marks_of([X_RAY, TABLETS, TABLETS], TODAY)
    assert one.items == other.items
    assert one.lines != other.lines
    assert one.items != marks_of([TABLETS], TODAY).items
