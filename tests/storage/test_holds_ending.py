"""Holds that are released or run out: later bills move, whoever notes it, and once."""

import asyncio
import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from support.benefit_world import (
    admit,
    benefit_world,
    given_behind_the_deductible,
    stay_bill,
)
from support.charges import assert_books_are_right, refusal
from support.databases import Databases, as_owner
from support.holds import (
    HALF_AN_HOUR,
    confirm,
    confirm_command,
    hold,
    release,
    release_command,
)
from support.serving import open_test_log
from support.settlement_world import (
    HOSPITAL,
    OTHER_HOSPITAL,
    REGION,
    TODAY,
    FakeClock,
    World,
)

from yibao_common.commands.blocking import Blocking
from yibao_common.commands.request import Outcome
from yibao_common.db.batcher import Batcher
from yibao_common.process.metrics import Metrics
from yibao_common.process.supervisor import Supervisor
from yibao_common.values.errors import RuleError, TransientError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.batch.work import BatchWork
from yibao_settlement.application.hold.expire import ExpireHolds
from yibao_settlement.application.settlement.trial import HoldsRunOutError, trial
from yibao_settlement.housekeeping import hold_sweep
from yibao_settlement.ledger_check import INVARIANTS, check_ledger
from yibao_settlement.rules.benefit.bill import Given
from yibao_settlement.rules.difference import Cause
from yibao_settlement.rules.hold import HoldState
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.transaction import SettlementTransactions
from yibao_settlement.storage.reading import StoredReads
from yibao_settlement.storage.reference import ReferenceCache

MICROSECOND = dt.timedelta(microseconds=1)


@pytest.fixture
def world(databases: Databases) -> World:
    return benefit_world(databases)


def adjusted(world: World) -> list[tuple[str, Cause, str]]:
    adjustment = tables.adjustment.c
    with world.database.read() as connection:
        rows = connection.execute(
            sa.select(adjustment.settlement_id, adjustment.cause, adjustment.cause_id).where(
                adjustment.posting_id.is_not(None)
            )
        ).all()
    return [(row.settlement_id, Cause(row.cause), row.cause_id) for row in rows]


def state_of(world: World, hold_id: str) -> HoldState:
    found = world.queries.hold(REGION, hold_id)
    assert found is not None
    return found.state


def held_and_later(world: World) -> tuple[str, str, str, int, int]:
    """Returns person, hold, a later bill elsewhere, and what funds pay of each as it is told."""
    (person,) = world.enrol()
    visit = admit(world, person, TODAY)
    held = hold(world, visit, person, bill=stay_bill(world, visit, TODAY, 900_000))
    other = admit(world, person, TODAY, institution_id=OTHER_HOSPITAL)
    bill = stay_bill(world, other, TODAY, 900_000)
    later = world.settle(other, person, bill=bill, institution_id=OTHER_HOSPITAL)
    return (
        person,
        held.hold_id,
        later.settlement_id,
        held.quote.fund_total_fen,
        later.fund_total_fen,
    )


def test_a_release_moves_later_bills_and_tells_the_holder_of_its_own_alone(world: World) -> None:
    _, hold_id, later, first_fen, second_fen = held_and_later(world)
    released = release(world, hold_id)
    assert released.adjusted_count == 1
    assert released.adjusted_fund_change_fen == first_fen - second_fen
    assert list(released.adjusted_settlement_ids) == []
    assert adjusted(world) == [(later, Cause.RELEASE, hold_id)]
    record = world.queries.settlement(REGION, later)
    assert record is not None
    assert record.effective.fund_total_fen == first_fen
    assert record.fund_total_fen == second_fen
    assert_books_are_right(world)


def test_a_hold_that_ran_out_ends_before_a_command_that_is_refused(world: World) -> None:
    """Example X5: it stands even so."""
    _, hold_id, later, *_ = held_and_later(world)
    world.clock.now += HALF_AN_HOUR
    error = refusal(lambda: confirm(world, hold_id))
    assert error.reason is Reason.HOLD_EXPIRED
    assert error.metadata == {"hold_id": hold_id, "expire_time": world.clock.now.isoformat()}
    assert state_of(world, hold_id) is HoldState.EXPIRED
    assert adjusted(world) == [(later, Cause.RELEASE, hold_id)]
    assert_books_are_right(world)


def test_a_hold_is_over_at_the_very_moment_and_not_before(world: World) -> None:
    person, hold_id, *_ = held_and_later(world)
    world.clock.now += HALF_AN_HOUR - MICROSECOND
    world.run(world.credit_command(person, 1))
    assert state_of(world, hold_id) is HoldState.HELD
    world.clock.now += MICROSECOND
    world.run(world.credit_command(person, 1))
    assert state_of(world, hold_id) is HoldState.EXPIRED
    found = world.queries.hold(REGION, hold_id)
    assert found is not None
    assert found.end_time == found.expire_time == world.clock.now
    assert_books_are_right(world)


def test_expiry_comes_before_all_commands_of_its_batch(world: World) -> None:
    person, hold_id, later, *_ = held_and_later(world)
    visit = world.register(person, care_type="11", start_date=TODAY)
    world.clock.now += HALF_AN_HOUR
    bill = stay_bill(world, visit, TODAY, 200_000)
    outcomes = world.work(
        REGION,
        [
            confirm_command(world, hold_id),
            world.settle_command(visit, person, bill=bill),
            world.reverse_command(later, institution_id=OTHER_HOSPITAL),
            release_command(world, hold_id),
        ],
    )
    reasons = [each.reason if isinstance(each, RuleError) else None for each in outcomes]
    assert reasons == [Reason.HOLD_EXPIRED, None, None, Reason.HOLD_EXPIRED]
    assert_books_are_right(world)


def test_a_bill_of_a_released_or_expired_hold_is_settled_anew(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person, care_type="11", start_date=TODAY)
    bill = world.bill(visit)
    world.run(world.credit_command(person, 10_000))
    for end in (lambda hold_id: release(world, hold_id), None):
        held = hold(world, visit, person, bill=bill._replace(account_used=True))
        if end is not None:
            end(held.hold_id)
        else:
            world.clock.now += HALF_AN_HOUR
    settled = world.settle(visit, person, bill=bill._replace(account_used=True))
    assert settled.account_fen == 10_000
    assert_books_are_right(world)


def test_a_trial_asks_that_holds_end_first(world: World) -> None:
    person, *_ = held_and_later(world)
    visit = world.register(person, care_type="11", start_date=TODAY)
    world.clock.now += HALF_AN_HOUR
    bill = stay_bill(world, visit, TODAY, 600_000)

    def tried() -> int:
        found = trial(world.queries, REGION, bill, institution_id=HOSPITAL, now=world.clock.now)
        assert not found.holds
        return found.record.fund_total_fen

    with pytest.raises(HoldsRunOutError) as caught:
        tried()
    assert caught.value.person_id == person
    before = tables_written(world)
    assert world.work(REGION, [ExpireHolds.of(REGION, person)]) == [b""]
    assert tables_written(world) == before
    assert tried() == world.settle(visit, person, bill=bill).fund_total_fen


def tables_written(world: World) -> int:
    """Returns how many answers are stored: expiry has none."""
    with world.database.read() as connection:
        count = sa.select(sa.func.count()).select_from(tables.answer)
        return connection.execute(count).scalar_one()


def test_a_hold_that_a_later_bill_needs_is_not_released_and_does_not_expire(
    databases: Databases,
) -> None:
    world = benefit_world(databases, text=given_behind_the_deductible())
    (person,) = world.enrol()
    visit = admit(world, person, TODAY)
    held = hold(world, visit, person, bill=stay_bill(world, visit, TODAY, 800_000))
    visit = admit(world, person, TODAY, institution_id=OTHER_HOSPITAL)
    bill = stay_bill(world, visit, TODAY, 1_000_000, given=(Given("630100", 950_000),))
    later = world.settle(visit, person, bill=bill, institution_id=OTHER_HOSPITAL)
    for institution_id, metadata in (
        (HOSPITAL, {}),
        (None, {"settlement_id": later.settlement_id}),
    ):
        asked = {"institution_id": institution_id}
        error = refusal(lambda asked=asked: release(world, held.hold_id, **asked))
        assert (error.reason, error.metadata) == (Reason.READJUDICATION_FAILED, metadata)
    world.clock.now += HALF_AN_HOUR
    world.run(world.credit_command(person, 1))
    assert state_of(world, held.hold_id) is HoldState.HELD
    assert refusal(lambda: confirm(world, held.hold_id)).reason is Reason.HOLD_EXPIRED
    assert adjusted(world) == []
    assert_books_are_right(world)
    metrics = Metrics()
    sweep(world, metrics, rounds=1, later_by=HALF_AN_HOUR)
    assert metrics.registry.get_sample_value("yibao_holds_stuck", {"region": REGION}) == 1
    # Once the later bill is gone, nothing keeps it.
    world.reverse(later.settlement_id, institution_id=OTHER_HOSPITAL)
    world.run(world.credit_command(person, 1))
    assert state_of(world, held.hold_id) is HoldState.EXPIRED
    sweep(world, metrics, rounds=1)
    assert metrics.registry.get_sample_value("yibao_holds_stuck", {"region": REGION}) == 0
    assert_books_are_right(world)


def sweep(
    world: World, metrics: Metrics, *, rounds: int, later_by: dt.timedelta = dt.timedelta()
) -> str:
    """Runs the sweeper of a service of its own, to which it is later; returns its log."""
    clock = FakeClock(world.clock.now + later_by)
    log, lines = open_test_log()

    async def run() -> None:
        supervisor = Supervisor(asyncio.Event(), log=log)
        blocking = Blocking(threads=1)
        work = BatchWork(
            SettlementTransactions(world.database, ReferenceCache()), clock=clock, ids=new_id
        )
        batcher: Batcher[Command, bytes] = Batcher(
            work,
            party_of=lambda command: command.request.caller.party,
            regions=(REGION,),
            max_size=8,
            linger_seconds=0,
            max_queue=100,
        )
        task = hold_sweep(
            StoredReads(world.database, ReferenceCache(), clock=clock),
            batcher,
            blocking,
            regions=(REGION,),
            metrics=metrics,
            clock=clock,
            log=log,
        )
        for start in (blocking.start, batcher.start, task.start):
            start(supervisor)
        for _ in range(rounds):
            await task.first_round()
        await task.close()
        await batcher.close()
        blocking.close()

    asyncio.run(run())
    return lines.getvalue()


def test_the_sweeper_ends_what_ran_out_and_nothing_else(world: World) -> None:
    persons = world.enrol(3)
    held = []
    for number, person in enumerate(persons):
        visit = world.register(person, care_type="11", start_date=TODAY)
        held.append(hold(world, visit, person, valid_for=(number + 1) * HALF_AN_HOUR))
    world.clock.now += 2 * HALF_AN_HOUR
    sweep(world, Metrics(), rounds=1)
    assert [state_of(world, each.hold_id) for each in held] == [
        HoldState.EXPIRED,
        HoldState.EXPIRED,
        HoldState.HELD,
    ]
    assert_books_are_right(world)


def test_a_hold_that_cannot_be_ended_holds_up_no_other(world: World) -> None:
    """What is stored of the one that ran out first was altered."""
    persons = world.enrol(2)
    held = []
    for number, person in enumerate(persons):
        visit = world.register(person, care_type="11", start_date=TODAY)
        held.append(hold(world, visit, person, valid_for=(number + 1) * HALF_AN_HOUR))
    column = tables.hold.c
    with as_owner(world.database) as connection:
        connection.execute(
            sa.update(tables.hold)
            .where(column.region == REGION, column.hold_id == held[0].hold_id)
            .values(record="{}")
        )
    world.clock.now += 3 * HALF_AN_HOUR
    log = sweep(world, Metrics(), rounds=1)
    assert state_of(world, held[1].hold_id) is HoldState.EXPIRED
    assert "holds of 1 persons that ran out could not be ended" in log


def test_workers_race_confirmation_and_expiry_and_one_of_them_wins(databases: Databases) -> None:
    """One of two processes comes in the last microsecond of the hold, the other one after it."""
    world = benefit_world(databases)
    seen = set()
    for number in range(12):
        person, hold_id, later, *_ = held_and_later(world)
        clocks = [
            FakeClock(world.clock.now + HALF_AN_HOUR - each)
            for each in (MICROSECOND, 0 * MICROSECOND)
        ]
        works = [
            BatchWork(
                SettlementTransactions(world.database, ReferenceCache()), clock=clock, ids=new_id
            )
            for clock in clocks
        ]
        commands: list[Command] = [
            confirm_command(world, hold_id),
            world.visit_command(person, care_type="11", start_date=TODAY),
        ]
        barrier = threading.Barrier(2)

        def run(
            work: BatchWork, command: Command, barrier: threading.Barrier = barrier
        ) -> Outcome[bytes]:
            barrier.wait()
            while True:
                try:
                    (outcome,) = work(REGION, [command])
                    return outcome
                except TransientError:
                    continue  # as the batcher does

        order = (0, 1) if number % 2 else (1, 0)
        with ThreadPoolExecutor(2) as threads:
            futures = {each: threads.submit(run, works[each], commands[each]) for each in order}
        outcome = futures[0].result()
        state = state_of(world, hold_id)
        seen.add(state)
        if isinstance(outcome, RuleError):
            assert (outcome.reason, state) == (Reason.HOLD_EXPIRED, HoldState.EXPIRED)
            assert [each[0] for each in adjusted(world) if each[2] == hold_id] == [later]
        else:
            assert state is HoldState.CONFIRMED
            assert [each for each in adjusted(world) if each[2] == hold_id] == []
    assert seen <= {HoldState.CONFIRMED, HoldState.EXPIRED}
    assert_books_are_right(world)


def broken(world: World) -> set[int]:
    return {INVARIANTS.index(each.invariant) for each in check_ledger(world.database).drifts}


@pytest.mark.parametrize(
    ("values", "invariants"),
    [
        ({"account_fen": 1}, {4, 8, 18}),
        ({"total_fen": 1}, {4}),
        ({"record": "{}"}, {18}),
        ({"effective": "{}"}, {18}),
        ({"findings": "none"}, {18}),
        ({"state": 9}, {18}),
        ({"expire_time": dt.datetime(2030, 1, 1, tzinfo=dt.UTC)}, {18}),
        ({"state": 3}, {18}),
        # It does not stand any more, and what it used up does.
        ({"end_time": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)}, {6, 12, 18}),
    ],
)
def test_the_checker_finds_a_hold_that_was_altered(
    world: World, values: dict[str, object], invariants: set[int]
) -> None:
    held_and_later(world)
    assert broken(world) == set()
    with as_owner(world.database) as connection:
        connection.execute(sa.update(tables.hold).values(**values))
    assert broken(world) >= invariants


def test_the_checker_finds_a_confirmed_hold_that_is_settled_otherwise(world: World) -> None:
    _, hold_id, *_ = held_and_later(world)
    confirm(world, hold_id)
    with as_owner(world.database) as connection:
        connection.execute(
            sa.update(tables.hold)
            .where(tables.hold.c.hold_id == hold_id)
            .values(cash_fen=tables.hold.c.cash_fen + 1)
        )
    assert broken(world) == {18}


def test_an_account_that_holds_less_than_is_reserved_is_found(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 10_000))
    visit = world.register(person, care_type="11", start_date=TODAY)
    hold(world, visit, person, bill=stay_bill(world, visit, TODAY, 900_000, account_used=True))
    standing = tables.person_standing
    with as_owner(world.database) as connection:
        connection.execute(sa.update(standing).values(balance_fen=9_999))
    assert 18 in broken(world)


def test_postings_of_an_expiry_tell_what_they_carry_out(world: World) -> None:
    person, hold_id, *_ = held_and_later(world)
    world.clock.now += HALF_AN_HOUR
    world.run(world.credit_command(person, 1))
    posting = tables.posting.c
    with world.database.read() as connection:
        (row,) = connection.execute(
            sa.select(posting.posted_by, posting.request_id).where(
                posting.kind == int(PostingKind.ADJUSTMENT)
            )
        ).all()
    found = world.queries.hold(REGION, hold_id)
    assert found is not None
    assert tuple(row) == ("service/settlement", found.record.request_id)
