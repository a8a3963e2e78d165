"""Merged persons: account and years move once, whatever happens meanwhile."""

import contextlib
import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from support.databases import Databases, as_owner
from support.settlement_parts import feed_of, tell
from support.settlement_world import REGION, World

from yibao.settlement.v1.settlement_service_pb2 import (
    ReverseSettlementResponse,
)
from yibao_common.values.errors import RuleError, TransientError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.feed import EnrolmentChange
from yibao_settlement.ledger_check import INVARIANTS, check_ledger
from yibao_settlement.rules.account import Standing
from yibao_settlement.storage import tables

LAST_YEAR = dt.date(2025, 12, 30)


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def standing(world: World, person_id: str) -> Standing:
    found = world.queries.standing(REGION, person_id)
    assert found is not None
    return found


def merge_postings(world: World) -> dict[str, int]:
    entry = tables.entry.c
    with world.database.read() as connection:
        rows = connection.execute(
            sa.select(entry.account_id, entry.amount_fen).where(entry.kind == 4)
        ).all()
    assert len({row.account_id for row in rows}) == len(rows)
    return {row.account_id: row.amount_fen for row in rows}


def account_total(world: World) -> int:
    with world.database.read() as connection:
        table = tables.person_standing.c.balance_fen
        return int(connection.execute(sa.select(sa.func.sum(table))).scalar_one())


def treated(world: World, credit_fen: int = 100_000) -> tuple[str, str]:
    """Returns a person with an account and a settled bill, and the settlement."""
    (person,) = world.enrol()
    world.run(world.credit_command(person, credit_fen))
    visit = world.register(person)
    bill = world.bill(visit, account_used=True)
    return person, world.settle(visit, person, bill=bill).settlement_id


def test_account_and_year_move_to_the_survivor_and_the_total_stays(world: World) -> None:
    (retired, _), (survivor, _) = treated(world, 900_000), treated(world, 800_000)
    before, kept = standing(world, retired), standing(world, survivor)
    assert before.balance_fen > 0
    total_fen = account_total(world)
    world.merge(retired, survivor)
    after, empty = standing(world, survivor), standing(world, retired)
    assert after.balance_fen == before.balance_fen + kept.balance_fen
    assert after.accumulators == {
        name: value + kept.accumulators[name] for name, value in before.accumulators.items()
    }
    assert after.newest_codes == kept.newest_codes
    assert (empty.balance_fen, empty.benefit_year, empty.accumulators) == (0, 0, {})
    assert empty.merged_into == survivor
    assert account_total(world) == total_fen
    assert merge_postings(world) == {
        f"person:{retired}": -before.balance_fen,
        f"person:{survivor}": before.balance_fen,
    }
    assert check_ledger(world.database).drifts == []


def test_the_posting_of_a_merge_names_the_change_that_it_carries_out(world: World) -> None:
    (retired, _), (survivor, _) = treated(world, 900_000), treated(world, 800_000)
    before = feed_of(world.database).position(REGION).sequence
    world.merge(retired, survivor)
    posting, entry = tables.posting.c, tables.entry.c
    with world.database.read() as connection:
        (row,) = connection.execute(sa.select(tables.posting).where(posting.kind == 4)).all()
        posted = connection.execute(
            sa.select(entry.account_id).where(entry.posting_id == row.posting_id)
        ).scalars()
        assert set(posted) == {f"person:{retired}", f"person:{survivor}"}
    # The page tells of the retired person first.
    assert (row.region, row.feed_sequence, row.request_id) == (REGION, before + 1, None)
    assert (row.post_time, row.posted_by) == (world.clock.now, "")


def test_a_feed_that_is_read_again_from_its_start_moves_nothing_twice(world: World) -> None:
    (retired, _), (survivor, _) = treated(world, 900_000), treated(world, 800_000)
    world.merge(retired, survivor)
    balance_fen = standing(world, survivor).balance_fen
    world.run(world.credit_command(survivor, 500))
    with as_owner(world.database) as connection:
        connection.execute(sa.delete(tables.feed_position))
    world.merge(retired, survivor)
    world.merge(retired, survivor)
    assert standing(world, survivor).balance_fen == balance_fen + 500
    assert len(merge_postings(world)) == 2
    assert check_ledger(world.database).drifts == []


def test_years_that_only_one_of_them_has_are_kept_apart(world: World) -> None:
    retired, survivor = world.enrol(2)
    world.clock.now = dt.datetime(2025, 12, 31, 4, tzinfo=dt.UTC)
    with_last_year = world.register(retired, start_date=LAST_YEAR)
    bill = world.bill(with_last_year, service_date=LAST_YEAR)
    world.settle(with_last_year, retired, bill=bill)
    world.clock.now = dt.datetime(2026, 11, 20, 4, tzinfo=dt.UTC)
    visit = world.register(survivor)
    world.settle(visit, survivor)
    last_year = standing(world, retired)
    this_year = standing(world, survivor)
    assert (last_year.benefit_year, this_year.benefit_year) == (2025, 2026)
    world.merge(retired, survivor)
    after = standing(world, survivor)
    assert (after.benefit_year, after.accumulators) == (2026, this_year.accumulators)
    with world.database.read() as connection:
        (closed,) = connection.execute(sa.select(tables.closed_year)).all()
    assert (closed.person_id, closed.benefit_year) == (survivor, 2025)
    assert check_ledger(world.database).drifts == []


def test_a_later_year_of_the_retired_closes_the_survivors(world: World) -> None:
    survivor, retired = world.enrol(2)
    world.clock.now = dt.datetime(2025, 12, 31, 4, tzinfo=dt.UTC)
    visit = world.register(survivor, start_date=LAST_YEAR)
    world.settle(visit, survivor, bill=world.bill(visit, service_date=LAST_YEAR))
    world.clock.now = dt.datetime(2026, 11, 20, 4, tzinfo=dt.UTC)
    world.settle(world.register(retired), retired)
    this_year = standing(world, retired).accumulators
    world.merge(retired, survivor)
    after = standing(world, survivor)
    assert (after.benefit_year, after.accumulators) == (2026, this_year)
    assert check_ledger(world.database).drifts == []


def test_nothing_more_is_done_for_the_retired(world: World) -> None:
    retired, survivor = world.enrol(2)
    visit = world.register(retired)
    # Its codes may still come: identity closes the certificate, and this is told first.
    world.feed(world.insured(retired, merged_into=survivor))
    commands: tuple[Command, ...] = (
        world.visit_command(retired),
        world.credit_command(retired, 100),
        world.settle_command(visit, retired),
    )
    for command in commands:
        (outcome,) = world.work(REGION, [command])
        assert isinstance(outcome, RuleError)
        assert outcome.reason is Reason.PERSON_MERGED
        assert outcome.metadata == {"person_id": retired, "merged_into": survivor}
    assert isinstance(world.work(REGION, [world.visit_command(survivor)])[0], bytes)


@pytest.mark.parametrize("merges", [1, 2])
def test_a_settlement_of_the_retired_is_reversed_to_who_holds_the_account(
    world: World, merges: int
) -> None:
    retired, settlement_id = treated(world)
    paid = world.queries.settlement(REGION, settlement_id)
    assert paid is not None
    account_fen = paid.account_fen
    assert account_fen > 0
    holder, survivors = retired, world.enrol(merges)
    for survivor in survivors:
        world.merge(holder, survivor)
        holder = survivor
    before = standing(world, holder)
    reversed_ = world.reverse(settlement_id)
    assert reversed_.account_balance_fen == before.balance_fen + account_fen
    after = standing(world, holder)
    assert after.balance_fen == before.balance_fen + account_fen
    assert after.accumulators == {}
    assert standing(world, retired).balance_fen == 0
    assert check_ledger(world.database).drifts == []


def test_a_survivor_who_is_merged_in_turn_in_the_same_page_passes_all_on(world: World) -> None:
    first, second, third = (treated(world, 900_000)[0] for _ in range(3))
    total_fen = account_total(world)
    world.feed(
        world.insured(second, merged_into=third),
        world.insured(first, merged_into=second),
        world.insured(third),
    )
    assert standing(world, third).balance_fen == total_fen
    assert standing(world, first).merged_into == standing(world, second).merged_into == third
    assert check_ledger(world.database).drifts == []


def test_a_person_of_whom_nothing_is_booked_is_merged_without_a_posting(world: World) -> None:
    retired, survivor = world.enrol(2)
    world.merge(retired, survivor)
    assert merge_postings(world) == {}
    assert standing(world, retired).merged_into == survivor
    assert check_ledger(world.database).drifts == []


def test_a_merge_among_credits_and_reversals_loses_nothing(world: World) -> None:
    for _ in range(6):
        (retired, settlement_id), (survivor, _) = treated(world), treated(world)
        total_fen = account_total(world)
        credits = [
            world.credit_command(person, amount_fen)
            for person, amount_fen in ((retired, 100), (survivor, 1_000), (retired, 10))
        ]
        reversal = world.reverse_command(settlement_id)

        def carry_out(command: Command) -> object:
            work = world.new_worker()
            while True:
                # As the batcher does: the account moved away while its lock was waited for.
                with contextlib.suppress(TransientError):
                    return work(REGION, [command])[0]

        with ThreadPoolExecutor(5) as threads:
            credited = [threads.submit(carry_out, each) for each in credits]
            merged = threads.submit(world.merge, retired, survivor)
            reversed_ = threads.submit(carry_out, reversal)
            merged.result()
        # A credit to the retired that came too late was refused, and nothing else was.
        booked_fen = sum(
            command.amount_fen
            for command, done in zip(credits, credited, strict=True)
            if isinstance(done.result(), bytes)
        )
        answer = reversed_.result()
        assert isinstance(answer, bytes)
        assert isinstance(credited[1].result(), bytes)
        taken_back = ReverseSettlementResponse.FromString(answer).settlement
        assert account_total(world) == total_fen + booked_fen + taken_back.account_fen
        assert standing(world, retired).balance_fen == 0
    assert check_ledger(world.database).drifts == []


def test_the_checker_finds_a_merge_that_went_wrong(world: World) -> None:
    (retired, _), (survivor, _) = treated(world, 900_000), treated(world, 800_000)
    world.merge(retired, survivor)
    standings = tables.person_standing
    with as_owner(world.database) as connection:
        connection.execute(
            sa.update(standings)
            .where(standings.c.person_id == retired)
            .values(merged_into=new_id(), balance_fen=1)
        )
    found = {drift.invariant for drift in check_ledger(world.database).drifts}
    # The year of the retired is then nobody's, and the survivor's is too large.
    assert found == {INVARIANTS[each] for each in (2, 6, 9, 12, 13)}


def test_the_checker_finds_a_merged_person_whose_account_never_moved(world: World) -> None:
    (retired, _), (survivor, _) = treated(world, 900_000), treated(world, 800_000)
    person = tables.person
    with as_owner(world.database) as connection:
        connection.execute(
            sa.update(person).where(person.c.person_id == retired).values(merged_into=survivor)
        )
    (drift,) = check_ledger(world.database).drifts
    assert (drift.invariant, drift.subject) == (INVARIANTS[9], retired)


def test_a_page_that_is_undone_moves_nothing(world: World) -> None:
    (retired, _), (survivor, _) = treated(world, 900_000), treated(world, 800_000)
    before = standing(world, retired)

    def without_ids() -> str:
        raise ZeroDivisionError

    feed = feed_of(world.database, ids=without_ids)
    position = feed.position(REGION)
    change = EnrolmentChange(position.sequence + 1, world.insured(retired, merged_into=survivor))
    with pytest.raises(ZeroDivisionError):
        tell(feed, REGION, [change])
    assert feed.position(REGION) == position
    assert standing(world, retired) == before
    visit = world.visit_command(retired)
    assert isinstance(world.work(REGION, [visit])[0], bytes)
