"""What is told of returned lines, to whom, and what is refused."""

import pytest
import sqlalchemy as sa
from support.benefit_world import admit, benefit_world
from support.charges import assert_books_are_right
from support.databases import Databases
from support.refunds import entries, record_of, refused, settle, tried, yuan
from support.settlement_world import AGENCY, HOSPITAL, OTHER_HOSPITAL, REGION, TODAY, World

from yibao.settlement.v1.refund_service_pb2 import (
    TrialReversalResponse,
)
from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao.settlement.v1.settlement_service_pb2 import ReverseSettlementResponse
from yibao_common.commands.request import Request
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.settlement.find import find_explained
from yibao_settlement.application.settlement.listing import Wish
from yibao_settlement.application.settlement.refunded import GivenBack
from yibao_settlement.application.settlement.what_if import Wish as WhatIf
from yibao_settlement.application.settlement.what_if import find_what_if
from yibao_settlement.rules.refund import AskedReturn
from yibao_settlement.servicer.encode import fill_settlement
from yibao_settlement.servicer.refund.calls import reversal_tried
from yibao_settlement.storage import tables


@pytest.fixture(params=["first", "second"])
def world(databases: Databases, request: pytest.FixtureRequest) -> World:
    """A region of either format, with deductibles and limits."""
    if request.param == "first":
        return World(databases.open("yibao_settlement"))
    return benefit_world(databases)


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
    # The newest goes first.
    world.reverse(late, newest_first=True)
    world.reverse(early, newest_first=True)
    assert_books_are_right(world)


def test_of_other_institutions_bills_it_is_told_how_many_there_are(world: World) -> None:
    (person,) = world.enrol()
    early = settle(world, person, [yuan("A1", "40000"), yuan("B1", "90000")])
    settle(world, person, [yuan("A1", "70000")], institution=OTHER_HOSPITAL)
    with pytest.raises(RuleError) as refusal:
        world.reverse(early, newest_first=True)
    assert refusal.value.metadata == {"settlement_ids": "", "elsewhere_count": "1"}


def test_a_returned_bill_is_tried_on_what_the_account_held(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 500_000))
    lines = [yuan("A1", "4000"), yuan("A1", "9000")]
    settlement_id = settle(world, person, lines, account_used=True)
    world.refund(settlement_id, AskedReturn(2))
    record = record_of(world, settlement_id)
    wish = WhatIf(None, "", "", lines_held=True)
    found = find_what_if(world.queries, REGION, settlement_id, wish, parse_caller(AGENCY))
    assert found.otherwise.balance_before_fen == record.as_settled.balance_before_fen == 500_000
    assert found.otherwise.refunds == ()
    paid_fen = found.otherwise.account_fen
    assert found.otherwise.balance_after_fen == 500_000 - paid_fen
    assert paid_fen >= record.account_fen
