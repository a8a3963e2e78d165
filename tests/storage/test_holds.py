"""Held bills: what they count for, what they become, and what their end moves (section 7)."""

import datetime as dt

import pytest
import sqlalchemy as sa
from support.benefit_world import admit, benefit_world, policy_text, stay_bill
from support.charges import assert_books_are_right, refusal
from support.databases import Databases
from support.holds import (
    HALF_AN_HOUR,
    confirm,
    confirm_command,
    hold,
    hold_command,
    release,
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

from yibao.settlement.v1.hold_pb2 import HoldState
from yibao.settlement.v1.settlement_pb2 import SETTLEMENT_STATE_HELD, Settlement
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.hold.find import find_hold
from yibao_settlement.application.settlement.trial import Trial, trial
from yibao_settlement.rules.hold import MOST_HOLDS
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.storage import tables

# Of the year a deductible of 500.00 yuan is left, and 1,000.00 of the pool (case E11).
LITTLE_LEFT = (
    policy_text()
    .replace("      window: stay\n", "      window: year\n")
    .replace("amount: 5_000", "amount: 50_000")
    .replace("limit: 2_000_000", "limit: 100_000")
)


@pytest.fixture
def world(databases: Databases) -> World:
    return benefit_world(databases)


def outpatient(world: World, person: str, **changes: str) -> str:
    return world.register(person, care_type="11", start_date=TODAY, **changes)


def postings(world: World) -> int:
    with world.database.read() as connection:
        count = sa.select(sa.func.count()).select_from(tables.entry)
        return connection.execute(count).scalar_one()


def posted(world: World, kind: PostingKind) -> dict[str, int]:
    entry = tables.entry.c
    with world.database.read() as connection:
        rows = connection.execute(
            sa.select(entry.account_id, sa.func.sum(entry.amount_fen))
            .where(entry.kind == int(kind))
            .group_by(entry.account_id)
        ).all()
    return {account_id: int(fen) for account_id, fen in rows if fen}


def borne(settlement: Settlement) -> tuple[int, int, int, int]:
    return (
        settlement.deductible_fen,
        settlement.fund_total_fen,
        settlement.account_fen,
        settlement.cash_fen,
    )


def tried(world: World, visit: str, fen: int, *, account_used: bool = False) -> Trial:
    bill = stay_bill(world, visit, TODAY, fen, account_used=account_used)
    return trial(world.queries, REGION, bill, institution_id=HOSPITAL, now=world.clock.now)


def state_of(world: World, hold_id: str) -> "HoldState.ValueType":
    found = world.queries.hold(REGION, hold_id)
    assert found is not None
    return HoldState.ValueType(found.state)


def test_a_held_bill_counts_for_others_and_books_nothing(world: World) -> None:
    (person,) = world.enrol()
    before = postings(world)
    first, second = admit(world, person, TODAY), outpatient(world, person)
    held = hold(world, first, person, bill=stay_bill(world, first, TODAY, 900_000))
    assert held.state == HoldState.HOLD_STATE_HELD
    assert held.quote.state == SETTLEMENT_STATE_HELD
    assert held.expire_time.ToDatetime(dt.UTC) == NOW + HALF_AN_HOUR
    assert postings(world) == before
    settled = world.settle(second, person, bill=stay_bill(world, second, TODAY, 900_000))
    # The first one's share of the brackets of the year is taken.
    assert settled.fund_total_fen > held.quote.fund_total_fen
    assert_books_are_right(world)


def test_a_trial_tells_how_many_holds_it_counted_and_comes_to_what_settling_does(
    world: World,
) -> None:
    (person,) = world.enrol()
    visits = [outpatient(world, person) for _ in range(3)]
    for number, visit in enumerate(visits[:2], 1):
        bill = stay_bill(world, visit, TODAY, 900_000)
        hold(world, visit, person, bill=bill, valid_for=number * HALF_AN_HOUR)
    found = tried(world, visits[2], 600_000)
    assert [each.expire_time for each in found.holds] == [
        NOW + HALF_AN_HOUR,
        NOW + 2 * HALF_AN_HOUR,
    ]
    bill = stay_bill(world, visits[2], TODAY, 600_000)
    settled = world.settle(visits[2], person, bill=bill)
    assert settled.fund_total_fen == found.record.fund_total_fen


def test_a_confirmed_hold_is_settled_as_quoted_at_its_place(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 50_000))
    first, second = outpatient(world, person), outpatient(world, person)
    bill = stay_bill(world, first, TODAY, 900_000, account_used=True)
    held = hold(world, first, person, bill=bill)
    world.settle(second, person, bill=stay_bill(world, second, TODAY, 700_000))
    windows = world.queries.standing(REGION, person)
    assert windows is not None
    world.clock.now += HALF_AN_HOUR - dt.timedelta(microseconds=1)
    settled = confirm(world, held.hold_id)
    assert borne(settled) == borne(held.quote)
    assert settled.account_fen == 50_000
    record = world.queries.settlement(REGION, settled.settlement_id)
    assert record is not None
    assert record.place == held.hold_id
    assert record.settle_time == world.clock.now
    after = world.queries.standing(REGION, person)
    assert after is not None
    assert (after.accumulators, after.balance_fen) == (windows.accumulators, 0)
    assert after.hold_expire_time is None
    told = find_hold(world.queries, REGION, held.hold_id, parse_caller(AGENCY))
    assert (told.settlement_id, told.end_time) == (settled.settlement_id, world.clock.now)
    assert_books_are_right(world)
    world.reverse(settled.settlement_id)
    assert_books_are_right(world)


def test_an_adjusted_hold_posts_what_moved_once_it_is_confirmed(world: World) -> None:
    (person,) = world.enrol()
    first, second = outpatient(world, person), outpatient(world, person)
    earlier = world.settle(first, person, bill=stay_bill(world, first, TODAY, 900_000))
    held = hold(world, second, person, bill=stay_bill(world, second, TODAY, 900_000))
    answer = world.run(world.reverse_command(earlier.settlement_id))
    assert answer
    assert posted(world, PostingKind.ADJUSTMENT) == {}
    assert_books_are_right(world)
    settled = confirm(world, held.hold_id)
    assert borne(settled) == borne(held.quote)
    assert settled.effective.fund_total_fen == earlier.fund_total_fen
    moved_fen = earlier.fund_total_fen - held.quote.fund_total_fen
    assert posted(world, PostingKind.ADJUSTMENT)["fund:390100"] == -moved_fen != 0
    assert_books_are_right(world)


def test_the_code_of_a_hold_is_used_up_whatever_becomes_of_it(world: World) -> None:
    (person,) = world.enrol()
    visit = outpatient(world, person)
    command = hold_command(world, visit, person)
    world.run(command)
    held = world.queries.standing_bills(REGION, visit)[0].settlement_id
    release(world, held)
    error = refusal(lambda: world.settle(visit, person, code=command.settling.code))
    assert error.reason is Reason.QR_ALREADY_USED
    assert_books_are_right(world)


def test_a_held_bill_stands_for_its_number_and_its_lines(world: World) -> None:
    (person,) = world.enrol()
    visit = outpatient(world, person)
    bill = world.bill(visit)
    held = hold(world, visit, person, bill=bill)
    error = refusal(lambda: world.settle(visit, person, bill=bill))
    assert (error.reason, error.metadata) == (
        Reason.BILL_ALREADY_SETTLED,
        {"hold_id": held.hold_id},
    )
    again = bill._replace(bill_number="another")
    assert refusal(lambda: world.settle(visit, person, bill=again)).reason is (
        Reason.LINES_ALREADY_SETTLED
    )
    found = trial_refusal(world, again)
    assert found.reason is Reason.LINES_ALREADY_SETTLED
    assert refusal(lambda: world.run(world.cancel_command(visit))).reason is Reason.VISIT_SETTLED
    release(world, held.hold_id)
    world.settle(visit, person, bill=bill)
    assert_books_are_right(world)


def trial_refusal(world: World, bill: object) -> RuleError:
    return refusal(
        lambda: trial(
            world.queries,
            REGION,
            bill,  # type: ignore[arg-type]
            institution_id=HOSPITAL,
            now=world.clock.now,
        )
    )


def test_a_held_final_bill_ends_the_stay_and_its_release_opens_it_again(world: World) -> None:
    (person,) = world.enrol()
    visit = admit(world, person, TODAY)
    held = hold(world, visit, person, bill=stay_bill(world, visit, TODAY, 900_000))
    # Nobody is in two places at a time; it is elsewhere by now.
    admit(world, person, TODAY, institution_id=OTHER_HOSPITAL)
    release(world, held.hold_id)
    assert_books_are_right(world)
    found = world.queries.visit(REGION, visit)
    assert found is not None
    assert found.end_date == TODAY
    (other,) = world.enrol()
    visit = admit(world, other, TODAY)
    held = hold(world, visit, other, bill=stay_bill(world, visit, TODAY, 900_000))
    release(world, held.hold_id)
    error = refusal(lambda: admit(world, other, TODAY))
    assert error.reason is Reason.STAY_OPEN_ELSEWHERE


def test_what_holds_reserve_of_an_account_nobody_else_pays_with(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 30_000))
    visits = [outpatient(world, person) for _ in range(3)]
    bills = [stay_bill(world, visit, TODAY, 20_000, account_used=True) for visit in visits]
    quotes = [
        hold(world, visit, person, bill=bill).quote
        for visit, bill in zip(visits[:2], bills, strict=False)
    ]
    paid = [quote.account_fen for quote in quotes]
    assert sum(paid) <= 30_000
    found = tried(world, visits[2], 20_000, account_used=True)
    settled = world.settle(visits[2], person, bill=bills[2])
    assert settled.account_fen == found.record.account_fen == 30_000 - sum(paid)
    standing = world.queries.standing(REGION, person)
    assert standing is not None
    assert standing.balance_fen == sum(paid)
    assert_books_are_right(world)


def test_a_person_has_eight_holds_at_most(world: World) -> None:
    (person,) = world.enrol()
    visits = [outpatient(world, person) for _ in range(MOST_HOLDS + 1)]
    held = [hold(world, visit, person) for visit in visits[:MOST_HOLDS]]
    error = refusal(lambda: hold(world, visits[-1], person))
    assert error.reason is Reason.HOLDS_TOO_MANY
    assert error.metadata == {
        "limit": "8",
        "earliest_expire_time": (NOW + HALF_AN_HOUR).isoformat(),
    }
    confirm(world, held[3].hold_id)
    hold(world, visits[-1], person)
    assert_books_are_right(world)


def test_two_holds_at_once_keep_limits_and_deductible_together(databases: Databases) -> None:
    """Case E11: both limits are held together or not at all; voiding one frees both."""
    world = benefit_world(databases, text=LITTLE_LEFT)
    (person,) = world.enrol()
    visits = [outpatient(world, person) for _ in range(3)]
    bills = [stay_bill(world, visit, TODAY, 400_000) for visit in visits]
    outcomes = world.work(
        REGION,
        [
            hold_command(world, visit, person, bill=bill)
            for visit, bill in zip(visits[:2], bills, strict=False)
        ],
    )
    assert not any(isinstance(each, RuleError) for each in outcomes)
    first, second = tried(world, visits[2], 400_000).holds
    assert [
        (each.record.deductible_fen, each.record.fund_total_fen) for each in (first, second)
    ] == [(50_000, 100_000), (0, 0)]
    release(world, first.hold_id)
    settled = confirm(world, second.hold_id)
    assert borne(settled)[:2] == (0, 0)
    assert settled.effective.deductible_fen == 50_000
    assert settled.effective.fund_total_fen == 100_000
    third = world.settle(visits[2], person, bill=bills[2])
    assert borne(third)[:2] == (0, 0)
    assert_books_are_right(world)


def test_a_repeat_gets_the_first_answer_byte_for_byte(world: World) -> None:
    (person,) = world.enrol()
    visit = outpatient(world, person)
    command = hold_command(world, visit, person, request_id=new_id())
    first = world.run(command)
    hold_id = world.queries.standing_bills(REGION, visit)[0].settlement_id
    confirming = confirm_command(world, hold_id, request_id=new_id())
    settled = world.run(confirming)
    before = postings(world)
    world.clock.now += 2 * HALF_AN_HOUR
    assert world.run(command) == first
    assert world.run(confirming) == settled
    assert postings(world) == before
    error = refusal(lambda: confirm(world, hold_id))
    assert error.reason is Reason.HOLD_CONFIRMED
    assert refusal(lambda: release(world, hold_id)).reason is Reason.HOLD_CONFIRMED


def test_others_see_no_hold_and_an_agency_may_release_it(world: World) -> None:
    (person,) = world.enrol()
    visit = outpatient(world, person)
    held = hold(world, visit, person)
    asked = {"institution_id": OTHER_HOSPITAL}
    for act in (confirm, release):
        error = refusal(lambda act=act: act(world, held.hold_id, **asked))
        assert error.reason is Reason.HOLD_NOT_FOUND
    other = parse_caller(f"institution/{OTHER_HOSPITAL}")
    error = refusal(lambda: find_hold(world.queries, REGION, held.hold_id, other))
    assert error.reason is Reason.HOLD_NOT_FOUND
    assert refusal(lambda: world.reverse(held.hold_id)).reason is Reason.SETTLEMENT_NOT_FOUND
    released = release(world, held.hold_id, institution_id=None)
    assert released.hold.state == HoldState.HOLD_STATE_RELEASED
    assert released.hold.release_reason
    assert refusal(lambda: confirm(world, held.hold_id)).reason is Reason.HOLD_RELEASED
    assert refusal(lambda: release(world, held.hold_id)).reason is Reason.HOLD_RELEASED
    with world.database.read() as connection:
        methods = connection.execute(sa.select(tables.audit.event.c.method)).scalars().all()
    assert "ReleaseHold" in methods


def test_a_merge_loses_no_hold(world: World) -> None:
    retired, survivor = world.enrol(2)
    world.run(world.credit_command(retired, 10_000))
    visits = [outpatient(world, person) for person in (retired, survivor)]
    held = [
        hold(world, visit, person, bill=stay_bill(world, visit, TODAY, 200_000, account_used=True))
        for visit, person in zip(visits, (retired, survivor), strict=True)
    ]
    assert held[0].quote.account_fen == 10_000
    world.merge(retired, survivor)
    standing = world.queries.standing(REGION, survivor)
    assert standing is not None
    assert standing.hold_expire_time == NOW + HALF_AN_HOUR
    assert_books_are_right(world)
    settled = confirm(world, held[0].hold_id)
    assert borne(settled) == borne(held[0].quote)
    assert f"person:{survivor}" in {entry.account_id for entry in settled.entries}
    release(world, held[1].hold_id)
    assert_books_are_right(world)
    assert state_of(world, held[1].hold_id) == HoldState.HOLD_STATE_RELEASED


def test_a_hold_that_had_ended_by_a_merge_is_told_as_ended(world: World) -> None:
    retired, survivor = world.enrol(2)
    held = [hold(world, outpatient(world, retired), retired).hold_id for _ in range(2)]
    confirm(world, held[0])
    release(world, held[1])
    world.merge(retired, survivor)
    for hold_id, told in zip(held, (Reason.HOLD_CONFIRMED, Reason.HOLD_RELEASED), strict=True):
        for act in (confirm, release):
            assert refusal(lambda act=act, hold_id=hold_id: act(world, hold_id)).reason is told


def test_a_hold_whose_account_pays_ends_with_the_year(world: World) -> None:
    """After that, what it reserved is of another purse."""
    world.clock.now = dt.datetime(2026, 12, 31, 15, 50, tzinfo=dt.UTC)
    (person,) = world.enrol()
    world.run(world.credit_command(person, 10_000))
    today = dt.date(2026, 12, 31)
    for account_used, ends in (
        (True, dt.datetime(2026, 12, 31, 16, tzinfo=dt.UTC)),
        (False, world.clock.now + HALF_AN_HOUR),
    ):
        visit = world.register(person, care_type="11", start_date=today)
        bill = stay_bill(world, visit, today, 20_000, account_used=account_used)
        held = hold(world, visit, person, bill=bill)
        assert held.expire_time.ToDatetime(dt.UTC) == ends


def test_nobody_holds_longer_than_a_day(world: World) -> None:
    (person,) = world.enrol()
    visit = outpatient(world, person)
    held = hold(world, visit, person, valid_for=dt.timedelta(days=3))
    assert held.expire_time.ToDatetime(dt.UTC) == NOW + dt.timedelta(hours=24)
