"""Every entry is of a month, and a month that is closed stays as it was (H11)."""

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from support.benefit_world import admit, benefit_world
from support.charges import assert_books_are_right
from support.corrections import correct
from support.databases import Databases
from support.periods import (
    DECEMBER,
    FUNDS,
    JANUARY,
    close,
    confirm,
    confirm_command,
    find,
    periods_of,
    propose,
)
from support.settlement_world import (
    AGENCY,
    HOSPITAL,
    NOW,
    OTHER_HOSPITAL,
    REGION,
    TODAY,
    World,
)

from yibao.settlement.v1.clearing_service_pb2 import ProposePeriodCloseResponse
from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.period.close import ProposePeriodClose
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.rules.period.close import Period, PeriodState
from yibao_settlement.servicer.period import confirmed, proposed
from yibao_settlement.storage import tables

Months = set[tuple[str, int, int | None]]
NOVEMBER = Period(HOSPITAL, 202611)


@pytest.fixture
def world(databases: Databases) -> World:
    return benefit_world(databases)


def settle(world: World, person: str, *, institution_id: str = HOSPITAL, **bill: Any) -> Settlement:
    visit = admit(world, person, TODAY, institution_id=institution_id)
    world.run(world.discharge_command(visit, institution_id=institution_id))
    return world.settle(
        visit, person, bill=world.bill(visit, **bill), institution_id=institution_id
    )


def months(world: World) -> Months:
    """Returns the months of all entries: by what posted, their own and the original one."""
    entry = tables.entry.c
    query = sa.select(entry.kind, entry.month, entry.original_month).distinct()
    with world.database.read() as connection:
        return {
            (PostingKind(kind).name, month, original)
            for kind, month, original in connection.execute(query)
        }


def sums_of(found: Any) -> dict[tuple[str, str, int], int]:
    return {
        (each.account_id, PostingKind(each.kind).name, each.original_month): each.amount_fen
        for each in found.sums
    }


def test_what_changes_a_bill_of_an_earlier_month_is_of_its_own_and_refers_back(
    world: World,
) -> None:
    (person,) = world.enrol()
    first, second = settle(world, person), settle(world, person)
    third = settle(world, person)
    world.clock.now = DECEMBER
    world.reverse(first.settlement_id)
    corrected = correct(world, second.settlement_id, world.bill(second.visit_id).lines)
    assert third.settlement_id
    assert months(world) == {
        ("SETTLEMENT", 202611, None),
        ("REVERSAL", 202612, 202611),
        ("ADJUSTMENT", 202612, 202611),
        ("SETTLEMENT", 202612, 202611),
    }
    world.clock.now = JANUARY
    world.reverse(corrected.settlement.settlement_id)
    assert ("REVERSAL", 202701, 202612) in months(world)
    assert_books_are_right(world)


def test_a_month_begins_at_midnight_in_china(world: World) -> None:
    (person,) = world.enrol()
    world.clock.now = dt.datetime(2026, 11, 30, 15, 59, 59, 999_999, tzinfo=dt.UTC)
    settle(world, person)
    assert {month for _, month, _ in months(world)} == {202611}
    world.clock.now += dt.timedelta(microseconds=1)
    settle(world, person)
    assert {month for _, month, _ in months(world)} == {202611, 202612}


def test_case_r5_a_closed_month_stays_and_the_refund_is_of_the_open_one(world: World) -> None:
    (person,) = world.enrol()
    settled = settle(world, person)
    (paid_fen,) = [each.amount_fen for each in settled.entries if "payable" in each.account_id]
    world.clock.now = DECEMBER
    november = close(world, HOSPITAL, 202611)
    assert (november.amount_fen, november.state) == (paid_fen, PeriodState.CLOSED.value)
    before = find(world, HOSPITAL, 202611)
    world.reverse(settled.settlement_id)
    assert find(world, HOSPITAL, 202611) == before
    december = find(world, HOSPITAL, 202612)
    assert (december.state, december.amount_fen) == (PeriodState.OPEN, -paid_fen)
    payable = f"payable:{HOSPITAL}"
    assert sums_of(december)[payable, "REVERSAL", 202611] == -paid_fen
    assert sums_of(before)[payable, "SETTLEMENT", 0] == paid_fen
    assert_books_are_right(world)


def test_case_l4_closing_a_period_twice_gets_the_same_bytes(world: World) -> None:
    (person,) = world.enrol()
    settle(world, person)
    world.clock.now = DECEMBER
    periods, request_id = periods_of(world), new_id()
    request = world.request("ProposePeriodClose", caller=AGENCY, request_id=request_id)
    asked = ProposePeriodClose(request, Period(HOSPITAL, 202611))
    first = periods.propose(asked, proposed)
    assert periods.propose(asked, proposed) == first
    period = propose(world, HOSPITAL, 202611)
    command = confirm_command(world, period)
    answer = periods.confirm(command, confirmed)
    assert periods.confirm(command, confirmed) == answer
    assert periods.propose(asked, proposed) == first
    with world.database.read() as connection:
        rows = connection.execute(sa.select(tables.period_close.c.state)).scalars().all()
    assert sorted(rows) == [PeriodState.PROPOSED, PeriodState.CLOSED]


def test_sums_of_a_period_are_those_of_its_entries_and_come_to_zero(world: World) -> None:
    one, other = world.enrol(2)
    world.run(world.credit_command(one, 500_000))
    settle(world, one, account_used=True)
    left = settle(world, one)
    settle(world, other, institution_id=OTHER_HOSPITAL)
    world.reverse(left.settlement_id)
    funds = find(world, FUNDS, 202611)
    hospitals = [find(world, each, 202611) for each in (HOSPITAL, OTHER_HOSPITAL)]
    for found in (funds, *hospitals):
        assert sum(each.amount_fen for each in found.sums) == 0
    entry = tables.entry.c
    with world.database.read() as connection:
        query = sa.select(entry.account_id, sa.func.sum(entry.amount_fen))
        booked = dict(map(tuple, connection.execute(query.group_by(entry.account_id))))
        count = connection.execute(sa.select(sa.func.count()).select_from(tables.entry)).scalar()
    assert funds.entry_count == count
    named: dict[str, int] = {}
    for each in funds.sums:
        named[each.account_id] = named.get(each.account_id, 0) + each.amount_fen
    kinds = {"person:": f"person:{one}"}
    assert {kinds.get(name, name): fen for name, fen in named.items()} == booked
    for institution_id, found in zip((HOSPITAL, OTHER_HOSPITAL), hospitals, strict=True):
        assert found.amount_fen == booked[f"payable:{institution_id}"]
    of_funds = [
        sum(each.amount_fen for each in found.sums if each.account_id.startswith("fund:"))
        for found in (funds, *hospitals)
    ]
    assert of_funds[0] == sum(of_funds[1:]) < 0
    of_persons = [each for each in hospitals[0].sums if each.account_id == "person:"]
    assert sum(each.amount_fen for each in of_persons) < 0


def refused(world: World, institution_id: str, month: int) -> RuleError:
    with pytest.raises(RuleError) as refusal:
        propose(world, institution_id, month)
    return refusal.value


def test_a_month_that_goes_on_is_not_closed(world: World) -> None:
    refusal = refused(world, HOSPITAL, 202611)
    assert refusal.reason is Reason.PERIOD_NOT_OVER
    assert refusal.metadata == {"month": "202611", "end_time": "2026-11-30T16:00:00+00:00"}
    world.clock.now = dt.datetime(2026, 11, 30, 16, tzinfo=dt.UTC)
    assert propose(world, HOSPITAL, 202611).close.close_id


def test_no_month_is_skipped_and_none_closed_twice(world: World) -> None:
    (person,) = world.enrol()
    settle(world, person)
    world.clock.now = JANUARY
    refusal = refused(world, HOSPITAL, 202612)
    assert (refusal.reason, refusal.metadata) == (
        Reason.PERIOD_OUT_OF_ORDER,
        {"month": "202611"},
    )
    close(world, HOSPITAL, 202611)
    refusal = refused(world, HOSPITAL, 202611)
    assert (refusal.reason, refusal.metadata) == (
        Reason.PERIOD_CLOSED,
        {"month": "202611", "closed_through": "202611"},
    )
    # The funds and the other hospital have months of their own.
    assert refused(world, FUNDS, 202612).reason is Reason.PERIOD_OUT_OF_ORDER
    close(world, FUNDS, 202611)
    close(world, HOSPITAL, 202612)
    assert find(world, HOSPITAL, 202612).entry_count == 0
    close(world, OTHER_HOSPITAL, 202612)
    assert refused(world, HOSPITAL, 202611).reason is Reason.PERIOD_CLOSED
    assert_books_are_right(world)


def test_another_operator_confirms_what_was_read(world: World) -> None:
    (person,) = world.enrol()
    settle(world, person)
    world.clock.now = DECEMBER
    period = propose(world, HOSPITAL, 202611)
    other = propose(world, HOSPITAL, 202611)
    for changes, reason in (
        ({"caller": AGENCY}, Reason.SAME_MAKER_AND_CHECKER),
        ({"amount_fen": period.amount_fen + 1}, Reason.PERIOD_CLOSE_STATE),
        ({"entry_count": period.entry_count + 1}, Reason.PERIOD_CLOSE_STATE),
    ):
        with pytest.raises(RuleError) as refusal:
            confirm(world, period, **changes)
        assert refusal.value.reason is reason
    confirm(world, period)
    for each in (period, other):
        with pytest.raises(RuleError) as refusal:
            confirm(world, each)
        assert refusal.value.reason is Reason.PERIOD_CLOSED
    period.close.close_id = new_id()
    with pytest.raises(RuleError) as refusal:
        confirm(world, period)
    assert refusal.value.reason is Reason.PERIOD_CLOSE_NOT_FOUND
    assert_books_are_right(world)


def test_a_clock_that_is_behind_posts_nothing_in_a_month_that_has_ended(world: World) -> None:
    """Of bills, and of merges that the feed tells."""
    (person,) = world.enrol()
    settle(world, person)
    world.clock.now = DECEMBER
    propose(world, HOSPITAL, 202611)
    world.clock.now = NOW
    late = settle(world, person)
    assert late.settle_time.ToDatetime(dt.UTC) == dt.datetime(2026, 11, 30, 16, tzinfo=dt.UTC)
    retired, survivor = world.enrol(2)
    world.run(world.credit_command(retired, 1_000))
    world.merge(retired, survivor)
    assert ("MERGE", 202612, None) in months(world)
    assert find(world, HOSPITAL, 202612).entry_count == 1
    assert_books_are_right(world)


def test_periods_of_a_month_are_listed_with_their_state(world: World) -> None:
    (person,) = world.enrol()
    settle(world, person)
    world.clock.now = DECEMBER
    close(world, HOSPITAL, 202611)
    propose(world, FUNDS, 202611)
    periods = periods_of(world)
    listed = periods.of_month(REGION, 202611, after=None, limit=500)
    states = {each.period.institution_id: each.state for each in listed}
    assert states[FUNDS] is PeriodState.PROPOSED
    assert states[HOSPITAL] is PeriodState.CLOSED
    assert states[OTHER_HOSPITAL] is PeriodState.OVER
    assert [each.period.institution_id for each in listed] == sorted(states)
    for each in listed:
        found = find(world, each.period.institution_id, 202611)
        assert (each.amount_fen, each.entry_count) == (found.amount_fen, found.entry_count)
    behind = periods.of_month(REGION, 202611, after=HOSPITAL, limit=1)
    assert [each.period.institution_id for each in behind] == [OTHER_HOSPITAL]
    open_ = periods.of_month(REGION, 202612, after=None, limit=1)
    assert [(each.period.institution_id, each.state) for each in open_] == [
        (FUNDS, PeriodState.OPEN)
    ]


class PowerFailureError(Exception):
    """The process is gone."""


def gone(_done: object) -> bytes:
    raise PowerFailureError


def test_a_closing_cut_off_anywhere_is_done_once_it_is_repeated(world: World) -> None:
    (person,) = world.enrol()
    settle(world, person)
    world.clock.now = DECEMBER
    periods = periods_of(world)
    asked = ProposePeriodClose(world.request("ProposePeriodClose", caller=AGENCY), NOVEMBER)
    # After the month was ended, and before what is proposed is durable.
    with pytest.raises(PowerFailureError):
        periods.propose(asked, gone)
    assert stored_closes(world) == ([], 0)
    proposal = ProposePeriodCloseResponse.FromString(periods.propose(asked, proposed)).period
    command = confirm_command(world, proposal)
    with pytest.raises(PowerFailureError):
        periods.confirm(command, gone)
    assert stored_closes(world) == ([PeriodState.PROPOSED], 0)
    assert_books_are_right(world)
    periods.confirm(command, confirmed)
    assert stored_closes(world) == ([PeriodState.CLOSED], len(proposal.sums))
    assert_books_are_right(world)


def stored_closes(world: World) -> tuple[list[int], int]:
    """Returns the states of what was proposed, and how many sums are kept."""
    count = sa.select(sa.func.count()).select_from(tables.period_sum)
    with world.database.read() as connection:
        states = connection.execute(sa.select(tables.period_close.c.state)).scalars().all()
        return list(states), connection.execute(count).scalar_one()
