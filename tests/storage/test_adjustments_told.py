"""What moved of a settlement is told: to an agency all of it, to an institution its own alone."""

import datetime as dt
from typing import NamedTuple

import pytest
from support.benefit_world import at, benefit_world, stay_bill
from support.corrections import charged, correct
from support.databases import Databases
from support.differences import difference
from support.settlement_world import AGENCY, HOSPITAL, NOW, OTHER_HOSPITAL, REGION, TODAY, World

from yibao.settlement.v1 import adjustment_pb2 as pb
from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao_common.values.caller import parse_caller
from yibao_settlement.application.change import ChangeKind, ChangeWish
from yibao_settlement.application.settlement.past import find_with_past
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.refund import AskedReturn
from yibao_settlement.servicer.adjustment import fill_adjustments
from yibao_settlement.servicer.encode import fill_settlement

OF_OTHER_HOSPITAL = f"institution/{OTHER_HOSPITAL}"
DAY = dt.timedelta(days=1)


class Two(NamedTuple):
    """Two stays of a person, at a hospital each."""

    person: str
    first: str
    second: str


@pytest.fixture
def world(databases: Databases) -> World:
    return benefit_world(databases)


@pytest.fixture
def two(world: World) -> Two:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 300_000))
    first = settle(world, person, HOSPITAL, 1_200_000, 800_000)
    second = settle(world, person, OTHER_HOSPITAL, 1_000_000, 900_001)
    return Two(person, first, second)


def settle(world: World, person: str, institution: str, *amounts: int) -> str:
    visit_id = world.register(person, care_type="11", start_date=TODAY, institution_id=institution)
    bill = stay_bill(world, visit_id, TODAY, *amounts, account_used=True)
    return world.settle(visit_id, person, bill=bill, institution_id=institution).settlement_id


def told(world: World, settlement_id: str, caller: str) -> Settlement:
    """Returns a settlement as a caller reads it."""
    message = Settlement()
    asked = (REGION, settlement_id, parse_caller(caller))
    record, adjustments = find_with_past(world.queries, *asked)
    fill_settlement(message, record)
    fill_adjustments(message, adjustments)
    return message


def record_of(world: World, settlement_id: str) -> SettlementRecord:
    found = world.queries.settlement(REGION, settlement_id)
    assert found is not None
    return found


def changes(each: pb.Adjustment) -> list[int]:
    return [
        each.fund_change_fen,
        each.other_change_fen,
        each.account_change_fen,
        each.cash_change_fen,
    ]


def test_a_bill_that_nothing_happened_to_tells_of_no_adjustment(world: World, two: Two) -> None:
    message = told(world, two.second, OF_OTHER_HOSPITAL)
    assert (list(message.adjustments), message.revision) == ([], 0)


def test_an_institution_learns_the_kind_of_the_cause_and_nothing_of_the_other_hospital(
    world: World, two: Two
) -> None:
    reversal_id = world.reverse(two.first).reversal_id
    message = told(world, two.second, OF_OTHER_HOSPITAL)
    (adjustment,) = message.adjustments
    assert adjustment.cause == pb.ADJUSTMENT_CAUSE_REVERSAL
    assert (adjustment.revision, message.revision) == (2, 2)
    assert (adjustment.cause_id, adjustment.cause_settlement_id) == ("", "")
    sent = message.SerializeToString()
    for secret in (two.first, reversal_id, HOSPITAL):
        assert secret.encode() not in sent
    # What the counter showed is what it was settled with.
    record = record_of(world, two.second)
    assert message.fund_total_fen == record.as_settled.fund_total_fen
    assert adjustment.fund_change_fen == record.effective.fund_total_fen - record.fund_total_fen
    assert adjustment.fund_change_fen != 0


def test_an_agency_learns_which_bill_was_the_cause_and_how(world: World, two: Two) -> None:
    refund = world.refund(two.first, AskedReturn(line_number=1))
    reversal_id = world.reverse(two.first).reversal_id
    message = told(world, two.second, AGENCY)
    causes = [(each.cause, each.cause_id, each.cause_settlement_id) for each in message.adjustments]
    assert causes == [
        (pb.ADJUSTMENT_CAUSE_REFUND, refund.refund.refund_id, two.first),
        (pb.ADJUSTMENT_CAUSE_REVERSAL, reversal_id, two.first),
    ]


def test_a_correction_of_an_earlier_bill_is_told_as_such(world: World, two: Two) -> None:
    answer = correct(world, two.first, charged(("A1", 300_000)))
    (moved,) = told(world, two.second, OF_OTHER_HOSPITAL).adjustments
    assert moved.cause == pb.ADJUSTMENT_CAUSE_CORRECTION
    (moved,) = told(world, two.second, AGENCY).adjustments
    assert moved.cause_settlement_id == two.first
    kinds = [
        each.place.kind
        for each in world.queries.changes(
            REGION, ChangeWish(None, NOW - DAY, NOW + DAY), after=None, limit=100
        )
        if each.place.settlement_id in (two.first, answer.settlement.settlement_id)
    ]
    assert kinds == [ChangeKind.SETTLED, ChangeKind.SETTLED, ChangeKind.REVERSED]


def test_what_moved_comes_to_what_lies_between_the_columns(world: World, two: Two) -> None:
    """Also where the bill's own lines are returned, of which the counter gives back its part."""
    world.reverse(two.first)
    at(world, TODAY + DAY)
    world.refund(two.second, AskedReturn(line_number=2), institution_id=OTHER_HOSPITAL)
    message = told(world, two.second, OF_OTHER_HOSPITAL)
    assert [each.cause for each in message.adjustments] == [
        pb.ADJUSTMENT_CAUSE_REVERSAL,
        pb.ADJUSTMENT_CAUSE_REFUND,
    ]
    assert all(sum(changes(each)) == 0 for each in message.adjustments)
    sums = [sum(each) for each in zip(*map(changes, message.adjustments), strict=True)]
    record = record_of(world, two.second)
    counter, effective = record.counter, record.effective
    assert sums == [
        effective.fund_total_fen - counter.fund_total_fen,
        effective.other_total_fen - counter.other_total_fen,
        effective.account_fen - counter.account_fen,
        effective.cash_fen - counter.cash_fen,
    ]
    assert sums[1] != 0
    found = difference(world, two.person)
    assert sum(row.fund_change_fen for row in found.rows) == sums[0]
    assert found.difference_fen == -sums[3]
    assert sum(row.due_fen for row in found.rows) == -sums[2]


def test_a_reversal_takes_back_what_had_moved(world: World, two: Two) -> None:
    world.reverse(two.first)
    world.reverse(two.second, institution_id=OTHER_HOSPITAL)
    message = told(world, two.second, OF_OTHER_HOSPITAL)
    moved, taken_back = map(changes, message.adjustments)
    assert [-each for each in taken_back] == moved
    assert not message.HasField("effective")


def test_causes_are_found_under_whichever_record_the_bill_was_settled(
    world: World, two: Two
) -> None:
    (survivor,) = world.enrol()
    world.merge(two.person, survivor)
    reversal_id = world.reverse(two.first).reversal_id
    (*_, newest) = told(world, two.second, AGENCY).adjustments
    assert (newest.cause_id, newest.cause_settlement_id) == (reversal_id, two.first)
