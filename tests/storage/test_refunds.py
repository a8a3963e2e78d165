"""Lines of a settled bill are returned: what is left is decided anew (T-28, R1, R3, R5 to R7)."""

import datetime as dt
import random
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

import pytest
import sqlalchemy as sa
from support.benefit_world import admit, at, benefit_world
from support.charges import assert_books_are_right
from support.databases import Databases
from support.settlement_world import AGENCY, HOSPITAL, OTHER_HOSPITAL, REGION, TODAY, World

from yibao.settlement.v1.refund_service_pb2 import (
    RefundSettlementResponse,
    TrialReversalResponse,
)
from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao.settlement.v1.settlement_service_pb2 import ReverseSettlementResponse
from yibao_common.commands.request import Request
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.settlement.find import find_explained
from yibao_settlement.application.settlement.listing import Wish
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.application.settlement.refunded import GivenBack
from yibao_settlement.ledger_check.check import check_ledger
from yibao_settlement.rules.bill import ChargedLine, LineDetails
from yibao_settlement.rules.refund import AskedReturn
from yibao_settlement.servicer.encode import fill_settlement
from yibao_settlement.servicer.refund.calls import refunded, reversal_tried
from yibao_settlement.storage import tables

# A policy of which the pool pays 60 % of everything, so that a hand can check it.
SIXTY = """\
format: yibao-policy/2
policy_id: sixty
title: Sixty per cent
title_zh: 六成
region: "{region}"
insurance_type: "390"
start_date: 2014-01-01
sources:
  page: {{title: 某文件, url: "https://example.cn/1"}}
care_groups:
  all: ["*"]
steps:
  - classify:
      id: S1
      title: Classes
      title_zh: 目录类别
      rows:
        - shares: {{"01": 0, "02": 100_000, "03": own_cost}}
  - tiers:
      id: P1
      title: Pool
      title_zh: 统筹基金
      base: [eligible]
      fund_type: "390100"
      window: year
      rows:
        - brackets:
            - {{over_fen: 0, ratio_ppm: 600_000}}
"""


class Charged(NamedTuple):
    """A line of a bill in numbers: item, price in micro yuan, quantity in ten-thousandths."""

    item: str
    price: int
    quantity: int

    @property
    def fen(self) -> int:
        exact = Decimal(self.price * self.quantity) / 10**8
        return int(exact.quantize(Decimal(1), ROUND_HALF_UP))

    def line(self, number: int, line_id: str = "") -> ChargedLine:
        price, quantity = Decimal(self.price) / 10**6, Decimal(self.quantity) / 10**4
        details = LineDetails(line_id=line_id) if line_id else None
        return ChargedLine(number, self.item, f"{price:f}", f"{quantity:f}", self.fen, details)


def yuan(item: str, price: str, quantity: str = "1") -> Charged:
    return Charged(item, int(Decimal(price) * 10**6), int(Decimal(quantity) * 10**4))


@pytest.fixture(params=["first", "second"])
def world(databases: Databases, request: pytest.FixtureRequest) -> World:
    """A region of either format, with deductibles and limits."""
    if request.param == "first":
        return World(databases.open("yibao_settlement"))
    return benefit_world(databases)


def settle(
    world: World,
    person: str,
    lines: list[Charged],
    *,
    institution: str = HOSPITAL,
    visit_id: str = "",
    **bill: object,
) -> str:
    if not visit_id:
        visit_id = admit(world, person, TODAY, institution_id=institution)
        # A reversal would open the stay again.
        world.run(world.discharge_command(visit_id, institution_id=institution))
    charged = tuple(line.line(number) for number, line in enumerate(lines, 1) if line.quantity)
    values = {"lines": charged, "total_fen": sum(line.fen for line in lines), **bill}
    told = world.settle(
        visit_id, person, bill=world.bill(visit_id, **values), institution_id=institution
    )
    return told.settlement_id


def record_of(world: World, settlement_id: str) -> SettlementRecord:
    found = world.queries.settlement(REGION, settlement_id)
    assert found is not None
    return found


def refused(world: World, settlement_id: str, *returned: AskedReturn, **changes: object) -> Reason:
    before = world.queries.standing(REGION, record_of(world, settlement_id).person_id)
    with pytest.raises(RuleError) as refusal:
        world.refund(settlement_id, *returned, **changes)
    assert world.queries.standing(REGION, record_of(world, settlement_id).person_id) == before
    assert_books_are_right(world)
    return refusal.value.reason


def balance(world: World, person: str) -> int:
    standing = world.queries.standing(REGION, person)
    return 0 if standing is None else standing.balance_fen


def test_r1_one_line_of_three_is_returned(databases: Databases) -> None:
    world = World(
        databases.open("yibao_settlement"), policy_file=SIXTY.format(region=REGION).encode()
    )
    (person,) = world.enrol()
    settlement_id = settle(world, person, [yuan("A1", each) for each in ("99", "100", "101")])
    answer = world.refund(settlement_id, AskedReturn(2))
    back = answer.refund.amounts
    assert (back.fund_total_fen, back.cash_fen, back.account_fen) == (6_000, 4_000, 0)
    left = record_of(world, settlement_id)
    assert [line.amount_fen for line in left.lines] == [9_900, 0, 10_100]
    assert [line.eligible_fen for line in left.lines] == [9_900, 0, 10_100]
    assert (left.fund_total_fen, left.cash_fen) == (12_000, 8_000)
    assert {entry.account_id: entry.amount_fen for entry in answer.settlement.entries} == {
        "fund:390100": 6_000,
        f"payable:{HOSPITAL}": -6_000,
    }
    assert_books_are_right(world)


def test_r3_a_repeat_gets_the_same_bytes_and_what_is_gone_is_refused(world: World) -> None:
    (person,) = world.enrol()
    settlement_id = settle(world, person, [yuan("A1", "4000"), yuan("B1", "3000")])
    request_id = new_id()
    first = world.run(world.refund_command(settlement_id, AskedReturn(2), request_id=request_id))
    again = world.run(world.refund_command(settlement_id, AskedReturn(2), request_id=request_id))
    assert again == first
    assert refused(world, settlement_id, AskedReturn(2)) is Reason.RETURN_EXCEEDS_LINE
    assert len(record_of(world, settlement_id).refunds) == 1


def test_a_repeat_after_its_answer_is_gone_returns_nothing_again(world: World) -> None:
    (person,) = world.enrol()
    settlement_id = settle(world, person, [yuan("A1", "40", "100")])
    request_id = new_id()
    part = AskedReturn(1, quantity="10")
    world.refund(settlement_id, part, request_id=request_id)
    with world.database.write() as connection:
        connection.execute(sa.delete(tables.answer))
    assert refused(world, settlement_id, part, request_id=request_id) is Reason.REQUEST_ID_REUSED


def test_r5_a_refund_is_of_its_own_day_and_leaves_what_was_posted(world: World) -> None:
    (person,) = world.enrol()
    settlement_id = settle(world, person, [yuan("A1", "40000"), yuan("A1", "39000")])
    before = entries(world)
    at(world, dt.date(2026, 12, 15))
    answer = world.refund(settlement_id, AskedReturn(1), AskedReturn(2))
    after = entries(world)
    assert before.items() <= after.items()
    made = {key: fen for key, fen in after.items() if key not in before}
    assert {account: -fen for (_, account), fen in before.items()} == {
        account: fen for (_, account), fen in made.items()
    }
    assert answer.refund.refund_time.ToDatetime().date() == dt.date(2026, 12, 15)
    # What is left is nothing, and counts nothing.
    left = record_of(world, settlement_id)
    assert (left.total_fen, left.fund_total_fen, dict(left.effective.accumulations)) == (0, 0, {})
    standing = world.queries.standing(REGION, person)
    assert standing is not None
    assert dict(standing.accumulators) == {}
    assert_books_are_right(world)


def entries(world: World) -> dict[tuple[str, str], int]:
    entry = tables.entry.c
    with world.database.read() as connection:
        rows = connection.execute(sa.select(entry.posting_id, entry.account_id, entry.amount_fen))
        return {(row[0], row[1]): row[2] for row in rows}


def test_r6_amounts_are_of_the_quantity_left(world: World) -> None:
    (person,) = world.enrol()
    settlement_id = settle(world, person, [yuan("A1", "1.958333", "7"), yuan("C1", "100.05")])
    first = world.refund(settlement_id, AskedReturn(1, quantity="3"))
    assert [(line.quantity, line.amount_fen) for line in first.refund.lines] == [("3", 588)]
    second = world.refund(settlement_id, AskedReturn(1))
    assert [(line.quantity, line.amount_fen) for line in second.refund.lines] == [("4", 783)]
    told = first.settlement.lines[0]
    assert (told.amount_fen, told.returned_quantity, told.returned_fen) == (783, "3", 588)
    last = second.settlement.lines[0]
    assert (last.amount_fen, last.returned_quantity, last.returned_fen) == (0, "7", 1_371)
    assert refused(world, settlement_id, AskedReturn(1, quantity="0.0001")) is (
        Reason.RETURN_EXCEEDS_LINE
    )
    for refund in (first.refund, second.refund):
        back = refund.amounts
        parts = (back.fund_total_fen, back.other_total_fen, back.account_fen, back.cash_fen)
        assert sum(parts) == sum(line.amount_fen for line in refund.lines)


def test_r7_an_account_that_is_spent_since_gets_its_money_back(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 100_000))
    lines = [yuan("A1", "300"), yuan("A1", "400")]
    settlement_id = settle(world, person, lines, account_used=True)
    paid_fen = record_of(world, settlement_id).account_fen
    assert paid_fen
    settle(world, person, [yuan("A1", "1800"), yuan("C1", "999")], account_used=True)
    spent = balance(world, person)
    answer = world.refund(settlement_id, AskedReturn(1), AskedReturn(2))
    assert answer.refund.amounts.account_fen == paid_fen
    assert balance(world, person) == spent + paid_fen
    assert answer.settlement.account_balance_fen == spent + paid_fen
    assert_books_are_right(world)


def test_money_of_a_year_that_is_over_goes_back_to_earlier_years(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 50_000))
    settlement_id = settle(world, person, [yuan("A1", "300"), yuan("A1", "400")], account_used=True)
    at(world, dt.date(2027, 1, 20))
    world.run(world.credit_command(person, 1_000))
    before = world.queries.standing(REGION, person)
    answer = world.refund(settlement_id, AskedReturn(1))
    after = world.queries.standing(REGION, person)
    assert before is not None
    assert after is not None
    back = answer.refund.amounts.account_fen
    assert back > 0
    assert after.carried_fen == before.carried_fen + back
    assert answer.settlement.carried_balance_fen == after.carried_fen
    assert_books_are_right(world)


def test_what_exceeds_a_ceiling_is_of_the_quantity_left(world: World) -> None:
    (person,) = world.enrol()
    # The ceiling is 100.00; 33.333333 exceed it, of each of seven.
    settlement_id = settle(world, person, [yuan("B2", "133.333333", "7"), yuan("A1", "1")])
    assert record_of(world, settlement_id).over_limit_fen == 23_333
    world.refund(settlement_id, AskedReturn(1, quantity="2"))
    left = record_of(world, settlement_id)
    assert left.over_limit_fen == left.lines[0].over_limit_fen == 16_667
    assert_books_are_right(world)


def test_every_fault_is_told_at_once_and_nothing_is_stored(world: World) -> None:
    (person,) = world.enrol()
    settlement_id = settle(world, person, [yuan("A1", "40", "3"), yuan("B1", "30")])
    with pytest.raises(RuleError) as refusal:
        world.refund(
            settlement_id,
            AskedReturn(1, quantity="4"),
            AskedReturn(9),
            AskedReturn(line_id="unknown"),
            AskedReturn(2),
            AskedReturn(2),
        )
    faults = refusal.value.faults
    assert [(each.field, each.reason) for each in faults] == [
        ("lines[0].quantity", Reason.RETURN_EXCEEDS_LINE),
        ("lines[1].line_number", Reason.LINE_NOT_FOUND),
        ("lines[2].line_id", Reason.LINE_NOT_FOUND),
        ("lines[4]", Reason.LINE_NUMBER_REPEATED),
    ]
    assert "3 are left" in faults[0].message
    assert record_of(world, settlement_id).refunds == ()
    assert_books_are_right(world)


def test_a_line_is_returned_by_the_id_that_the_institution_gave_it(world: World) -> None:
    (person,) = world.enrol()
    visit_id = admit(world, person, TODAY)
    lines = (yuan("A1", "40", "3").line(1, "L-1"), yuan("B1", "30").line(2, "L-2"))
    bill = world.bill(visit_id, lines=lines, total_fen=15_000)
    settlement_id = world.settle(visit_id, person, bill=bill).settlement_id
    answer = world.refund(settlement_id, AskedReturn(line_id="L-1", quantity="1"))
    assert [line.line_number for line in answer.refund.lines] == [1]
    assert answer.settlement.lines[0].line_id == "L-1"


def test_what_was_shown_must_come_out(world: World) -> None:
    (person,) = world.enrol()
    settlement_id = settle(world, person, [yuan("A1", "40000"), yuan("A1", "9000")])
    returned = AskedReturn(2)
    told = tried(world, settlement_id, returned).refund.amounts
    sums = (told.fund_total_fen, told.other_total_fen, told.account_fen, told.cash_fen)
    wrong = GivenBack(sums[0] - 1, sums[1], sums[2], sums[3] + 1)
    assert refused(world, settlement_id, returned, expected=wrong) is (
        Reason.AMOUNTS_NOT_AS_EXPECTED
    )
    answer = world.refund(settlement_id, returned, expected=GivenBack(*sums))
    assert answer.refund.amounts == told


def tried(world: World, settlement_id: str, *returned: AskedReturn) -> RefundSettlementResponse:
    caller = parse_caller(f"institution/{HOSPITAL}")
    request = Request.trial(caller, method="TrialRefund", region=REGION)
    command = world.refund_command(settlement_id, *returned)
    values = (settlement_id, returned, "", refunded)
    return RefundSettlementResponse.FromString(world.run(type(command)(request, *values)))


def test_a_trial_tells_what_the_refund_answers_and_keeps_nothing(world: World) -> None:
    (person,) = world.enrol()
    early = settle(world, person, [yuan("A1", "4000"), yuan("B1", "9000")])
    settle(world, person, [yuan("A1", "70000")], institution=OTHER_HOSPITAL)
    before = entries(world)
    told = tried(world, early, AskedReturn(2))
    assert entries(world) == before
    assert record_of(world, early).refunds == ()
    answer = world.refund(early, AskedReturn(2))
    for each in (told, answer):
        each.refund.ClearField("refund_id")
        each.refund.ClearField("reason")
        for refund in each.settlement.refunds:
            refund.ClearField("refund_id")
            refund.ClearField("reason")
    assert told == answer


def test_a_trial_of_a_reversal_tells_what_it_would_move(world: World) -> None:
    (person,) = world.enrol()
    early = settle(world, person, [yuan("A1", "4000"), yuan("B1", "9000")])
    settle(world, person, [yuan("A1", "70000")], institution=OTHER_HOSPITAL)
    caller = parse_caller(f"institution/{HOSPITAL}")
    request = Request.trial(caller, method="TrialReversal", region=REGION)
    command = type(world.reverse_command(early))(request, early, "", reversal_tried)
    before = entries(world)
    told = TrialReversalResponse.FromString(world.run(command))
    assert entries(world) == before
    record = record_of(world, early)
    assert record.reversal is None
    assert told.amounts.fund_total_fen == record.fund_total_fen
    answer = ReverseSettlementResponse.FromString(world.run(world.reverse_command(early)))
    assert (told.adjusted_count, told.adjusted_fund_change_fen) == (
        answer.adjusted_count,
        answer.adjusted_fund_change_fen,
    )
    assert list(told.settlement.entries) == list(answer.settlement.entries)


def test_another_institution_finds_nothing_and_an_agency_is_on_record(world: World) -> None:
    (person,) = world.enrol()
    settlement_id = settle(world, person, [yuan("A1", "40", "3")])
    part = AskedReturn(1, quantity="1")
    assert refused(world, settlement_id, part, institution_id=OTHER_HOSPITAL) is (
        Reason.SETTLEMENT_NOT_FOUND
    )
    world.refund(settlement_id, part, institution_id=None)
    with world.database.read() as connection:
        rows = connection.execute(
            sa.select(tables.audit.event.c.caller, tables.audit.event.c.detail).where(
                tables.audit.event.c.method == "RefundSettlement"
            )
        ).all()
    ((caller, detail),) = rows
    assert caller == AGENCY
    assert record_of(world, settlement_id).refunds[-1].refund_id in detail


def test_what_is_left_is_read_listed_and_explained(world: World) -> None:
    (person,) = world.enrol()
    settlement_id = settle(world, person, [yuan("A1", "4000"), yuan("B1", "9000", "3")])
    answer = world.refund(settlement_id, AskedReturn(2, quantity="2"))
    record = record_of(world, settlement_id)
    message = Settlement()
    fill_settlement(message, record)
    message.ClearField("entries")
    answer.settlement.ClearField("entries")
    assert message == answer.settlement
    (summary,) = world.queries.settlements(REGION, Wish(person_id=person), after=None, limit=9)
    assert (summary.total_fen, summary.fund_total_fen, summary.cash_fen) == (
        record.total_fen,
        record.fund_total_fen,
        record.cash_fen,
    )
    explained, trace, _ = find_explained(world.queries, REGION, settlement_id, parse_caller(AGENCY))
    assert explained.total_fen == 1_300_000
    assert trace


def test_a_reversal_takes_back_what_is_left(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 100_000))
    lines = [yuan("A1", "4000"), yuan("B1", "9000")]
    settlement_id = settle(world, person, lines, account_used=True)
    world.refund(settlement_id, AskedReturn(1))
    world.reverse(settlement_id)
    sums: dict[str, int] = {}
    for (_, account_id), fen in entries(world).items():
        sums[account_id] = sums.get(account_id, 0) + fen
    assert {each: fen for each, fen in sums.items() if fen} == {
        f"person:{person}": 100_000,
        "source:allocation": -100_000,
    }
    assert refused(world, settlement_id, AskedReturn(2)) is Reason.SETTLEMENT_REVERSED


def anew(world: World, bills: dict[str, list[Charged]]) -> list[tuple[int, int, int]]:
    """Returns what bills with these lines cost somebody who never had other ones."""
    (person,) = world.enrol()
    found = []
    for lines in bills.values():
        if any(line.quantity for line in lines):
            record = record_of(world, settle(world, person, lines))
            found.append((record.fund_total_fen, record.deductible_fen, record.cash_fen))
        else:
            found.append((0, 0, 0))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_what_is_left_costs_what_it_would_have_cost_alone(world: World, seed: int) -> None:
    """Rule T-28: never a share, and whatever the path."""
    chance = random.Random(seed)  # which bills there are is no secret
    (person,) = world.enrol()
    bills: dict[str, list[Charged]] = {}
    for _ in range(14):
        if len(bills) > 1 and chance.random() < 0.5:
            settlement_id = chance.choice(sorted(bills))
            lines = bills[settlement_id]
            if chance.random() < 0.2:
                world.reverse(settlement_id)
                del bills[settlement_id]
                continue
            left = [at for at, line in enumerate(lines) if line.quantity]
            if not left:
                continue
            number = chance.choice(left)
            gone = chance.randrange(1, lines[number].quantity + 1)
            returned = AskedReturn(number + 1, quantity=f"{Decimal(gone) / 10**4:f}")
            amounts = tried(world, settlement_id, returned).refund.amounts
            sums = (amounts.fund_total_fen, amounts.other_total_fen, 0, amounts.cash_fen)
            world.refund(settlement_id, returned, expected=GivenBack(*sums))
            lines[number] = lines[number]._replace(quantity=lines[number].quantity - gone)
        else:
            lines = [
                Charged(item, chance.randrange(1, 9_000_000_000), chance.randrange(1, 30_000))
                for item in chance.choices(["A1", "B1", "B2", "C1"], k=3)
            ]
            bills[settle(world, person, lines)] = lines
    told = [record_of(world, each).effective for each in bills]
    assert [(each.fund_total_fen, each.deductible_fen, each.cash_fen) for each in told] == anew(
        world, bills
    )
    assert_books_are_right(world)


ALTERED = {
    "number": sa.update(tables.refund).values(number=7),
    "record": sa.update(tables.refund).values(record="{}"),
    "cash": sa.update(tables.refund).values(cash_fen=tables.refund.c.cash_fen + 1),
    "gone": sa.delete(tables.refund),
}


@pytest.mark.parametrize("what", ALTERED)
def test_the_ledger_checker_finds_an_altered_refund(world: World, what: str) -> None:
    (person,) = world.enrol()
    settlement_id = settle(world, person, [yuan("A1", "40", "100"), yuan("B1", "90", "100")])
    world.refund(settlement_id, AskedReturn(1, quantity="10"))
    assert_books_are_right(world)
    with world.database.write() as connection:
        connection.execute(ALTERED[what])
    assert check_ledger(world.database).drifts


def test_the_newest_first_alone_where_a_region_says_so(world: World) -> None:
    (person,) = world.enrol()
    early = settle(world, person, [yuan("A1", "40000"), yuan("B1", "90000")])
    late = settle(world, person, [yuan("A1", "70000")])
    for act in (
        lambda: world.refund(early, AskedReturn(1), AskedReturn(2), newest_first=True),
        lambda: world.reverse(early, newest_first=True),
    ):
        with pytest.raises(RuleError) as refusal:
            act()
        assert refusal.value.reason is Reason.LATER_SETTLEMENTS_EXIST
        assert refusal.value.metadata == {"settlement_ids": late, "elsewhere_count": "0"}
    # The agency is not bound.
    world.reverse(early, newest_first=True, institution_id=None)
    assert_books_are_right(world)


def test_of_other_institutions_bills_it_is_told_how_many_there_are(world: World) -> None:
    (person,) = world.enrol()
    early = settle(world, person, [yuan("A1", "40000"), yuan("B1", "90000")])
    settle(world, person, [yuan("A1", "70000")], institution=OTHER_HOSPITAL)
    with pytest.raises(RuleError) as refusal:
        world.reverse(early, newest_first=True)
    assert refusal.value.metadata == {"settlement_ids": "", "elsewhere_count": "1"}
