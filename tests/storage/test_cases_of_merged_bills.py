"""Records with bills are merged: single cases, and what goes on where one cannot be decided."""

import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from support.benefit_world import admit, benefit_world, policy_text, stay_bill
from support.bills_in_order import cost, posted, record_of
from support.charges import assert_books_are_right
from support.databases import Databases, as_owner
from support.merged_bills import (
    adjustments,
    costs,
    costs_of,
    reverse,
    standing_of,
    stay,
    told_of_merge,
)
from support.sent import statements_sent
from support.settlement_world import HOSPITAL, OTHER_HOSPITAL, REGION, TODAY, World

from yibao.settlement.v1.settlement_service_pb2 import SettleBillResponse
from yibao_common.values.errors import TransientError
from yibao_common.values.ids import new_id
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.difference.find import find_difference
from yibao_settlement.application.merge.rows import UndecidedMerge
from yibao_settlement.ledger_check import INVARIANTS, check_ledger
from yibao_settlement.rules.benefit.bill import Given
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.rules.refund import AskedReturn
from yibao_settlement.storage import tables


@pytest.fixture
def world(databases: Databases) -> World:
    return benefit_world(databases)


def test_the_later_first_stay_becomes_the_second_and_the_person_is_owed_the_rest(
    world: World,
) -> None:
    survivor, retired = world.enrol(2)
    first = stay(world, survivor, 900_000, HOSPITAL)
    second = stay(world, retired, 900_000, OTHER_HOSPITAL)
    assert record_of(world, second).deductible_fen == 100_000
    world.merge(retired, survivor)
    now = record_of(world, second)
    assert (now.deductible_fen, now.effective.deductible_fen) == (100_000, 50_000)
    assert record_of(world, first).adjustment is None
    moved = posted(world, PostingKind.ADJUSTMENT)
    assert moved[f"difference:{survivor}"] == now.cash_fen - now.effective.cash_fen > 0
    assert f"difference:{retired}" not in moved
    assert moved["fund:390100"] == now.fund_total_fen - now.effective.fund_total_fen < 0
    assert_books_are_right(world)
    # Its own share leaves with it, and nothing else moves.
    reverse(world, second)
    assert posted(world, PostingKind.ADJUSTMENT) == {}
    assert record_of(world, first).adjustment is None
    assert_books_are_right(world)


def test_what_either_record_was_owed_is_the_survivors(world: World) -> None:
    retired, survivor = world.enrol(2)
    owed_fen = 0
    for person in (retired, survivor):
        world.run(world.credit_command(person, 1_000_000))
        gone = stay(world, person, 900_000, HOSPITAL)
        visit = admit(world, person, TODAY, institution_id=OTHER_HOSPITAL)
        bill = stay_bill(world, visit, TODAY, 900_000, account_used=person == retired)
        world.settle(visit, person, bill=bill, institution_id=OTHER_HOSPITAL)
        reverse(world, gone)
        owed_fen += find_difference(world.queries, REGION, person).difference_fen
    assert owed_fen
    before = posted(world, PostingKind.ADJUSTMENT)
    assert f"difference:{retired}" in before
    world.merge(retired, survivor)
    after = posted(world, PostingKind.ADJUSTMENT)
    owed = find_difference(world.queries, REGION, survivor)
    of_both = [f"{kind}:{person}" for kind in ("difference", "due") for person in world.persons]
    assert owed.difference_fen + owed.due_fen == sum(after.get(each, 0) for each in of_both)
    # What was posted before stays where it was posted, and is read with the survivor's.
    assert after[f"difference:{retired}"] == before[f"difference:{retired}"]
    assert_books_are_right(world)


def test_what_is_left_of_bills_is_decided_and_lines_are_returned_after_the_merge(
    world: World,
) -> None:
    survivor, retired, alone, other = world.enrol(4)
    owners = (survivor, retired, survivor, retired)
    settled = [stay(world, each, 900_000, HOSPITAL, 300_000) for each in owners]
    for settlement_id in settled[:2]:
        world.refund(settlement_id, AskedReturn(2))
    world.merge(retired, survivor)
    assert_books_are_right(world)
    lines = [(900_000,), (900_000,), (900_000, 300_000), (900_000, 300_000)]
    assert costs(world, settled) == costs_of(world, alone, lines)
    world.refund(settled[2], AskedReturn(1))
    # Of this one nothing is left.
    world.refund(settled.pop(0), AskedReturn(1))
    lines = [(900_000,), (300_000,), (900_000, 300_000)]
    assert costs(world, settled) == costs_of(world, other, lines)
    assert_books_are_right(world)


def test_a_record_without_bills_costs_no_reading_of_the_other(world: World) -> None:
    retired, survivor, other = world.enrol(3)
    for _ in range(3):
        stay(world, survivor, 900_000, HOSPITAL)
    with statements_sent(world.database) as read:
        world.merge(retired, survivor)
        world.merge(survivor, other)
    assert any("person_standing" in each for each in read)
    assert not [each for each in read if "FROM settlement" in each or "FROM visit" in each]
    assert posted(world, PostingKind.ADJUSTMENT) == {}
    assert standing_of(world, other).newest_settlement_id is not None
    assert_books_are_right(world)


def test_bills_before_the_others_first_one_are_not_decided_again(world: World) -> None:
    retired, survivor = world.enrol(2)
    early = [stay(world, survivor, 900_000, HOSPITAL) for _ in range(2)]
    late = stay(world, retired, 900_000, HOSPITAL)
    world.merge(retired, survivor)
    assert [record_of(world, each).revision for each in (*early, late)] == [1, 1, 2]
    assert_books_are_right(world)


@pytest.mark.parametrize("in_one_page", [True, False])
def test_a_chain_of_merges_ends_as_one_person(world: World, in_one_page: bool) -> None:
    first, second, third, alone = world.enrol(4)
    order = (third, first, second, first, third, second)
    settled = [stay(world, each, 700_000, HOSPITAL) for each in order]
    changes = [
        world.insured(first, merged_into=second),
        world.insured(second, merged_into=third),
        world.insured(third),
    ]
    if in_one_page:
        world.feed(*changes)
    else:
        for change in changes:
            world.feed(change)
    assert costs(world, settled) == costs_of(world, alone, [(700_000,)] * len(order))
    moved = [record_of(world, each).adjustment for each in settled]
    assert {each.cause_id for each in moved if each is not None} <= {first, second}
    assert standing_of(world, third).accumulators == standing_of(world, alone).accumulators
    assert_books_are_right(world)


def test_the_same_merge_told_again_moves_nothing(world: World) -> None:
    survivor, retired = world.enrol(2)
    for person in (survivor, retired, survivor):
        stay(world, person, 900_000, HOSPITAL)
    world.merge(retired, survivor)
    moved, count = posted(world, PostingKind.ADJUSTMENT), adjustments(world)
    assert count
    world.merge(retired, survivor)
    with as_owner(world.database) as connection:
        connection.execute(sa.delete(tables.feed_position))
    world.merge(retired, survivor)
    assert (posted(world, PostingKind.ADJUSTMENT), adjustments(world)) == (moved, count)
    assert_books_are_right(world)


def test_a_crash_between_leaves_nothing_of_a_merge(world: World) -> None:
    survivor, retired = world.enrol(2)
    settled = [stay(world, each, 900_000, HOSPITAL) for each in (survivor, retired, survivor)]
    before = [record_of(world, each) for each in settled]

    def failing() -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        told_of_merge(world, retired, survivor, failing)
    assert [record_of(world, each) for each in settled] == before
    assert standing_of(world, retired).merged_into is None
    assert_books_are_right(world)
    assert told_of_merge(world, retired, survivor).undecided == ()
    assert record_of(world, settled[1]).revision == 2
    assert_books_are_right(world)


def given_behind_a_deductible_that_rises() -> str:
    text = policy_text()
    start, end = text.index("  - given:"), text.index("  - deductible:")
    given = text[start:end].replace("base: [eligible]", "base: [D1.rest]")
    pool = "  - tiers:\n      id: P1"
    text = (text[:start] + text[end:]).replace(pool, given + pool)
    return text.replace("amount: 50_000", "amount: 120_000")


def test_a_bill_that_cannot_be_decided_any_more_does_not_stop_the_feed(
    databases: Databases,
) -> None:
    world = benefit_world(databases, text=given_behind_a_deductible_that_rises())
    survivor, retired = world.enrol(2)
    first = stay(world, survivor, 1_000_000, HOSPITAL)
    # So much is there behind the deductible of a first stay, and not of a second one.
    second = stay(world, retired, 1_000_000, OTHER_HOSPITAL, given=(Given("630100", 890_000),))
    before = [standing_of(world, each) for each in (survivor, retired)]
    applied = told_of_merge(world, retired, survivor)
    assert applied.undecided == (UndecidedMerge(retired, survivor, second),)
    assert applied.is_current
    assert [record_of(world, each).adjustment for each in (first, second)] == [None, None]
    after = standing_of(world, survivor)
    assert after.accumulators == {
        name: sum(each.accumulators.get(name, 0) for each in before)
        for name in {*before[0].accumulators, *before[1].accumulators}
    }
    assert standing_of(world, retired).merged_into == survivor
    (left,) = check_ledger(world.database).drifts
    assert (left.invariant, left.subject) == (INVARIANTS[12], second)
    assert f"of person {survivor} cannot be decided" in left.detail
    # It is the bill alone that stands in the way.
    reverse(world, second)
    later = stay(world, survivor, 1_000_000, HOSPITAL)
    assert record_of(world, later).deductible_fen == 120_000
    assert_books_are_right(world)


def test_records_whose_windows_are_not_theirs_do_not_stop_the_feed(world: World) -> None:
    survivor, retired = world.enrol(2)
    for person in (survivor, retired):
        stay(world, person, 900_000, HOSPITAL)
    with as_owner(world.database) as connection:
        connection.execute(
            sa.update(tables.person_standing)
            .where(tables.person_standing.c.person_id == retired)
            .values(accumulators="{}")
        )
    applied = told_of_merge(world, retired, survivor)
    assert applied.undecided == (UndecidedMerge(retired, survivor, ""),)
    assert adjustments(world) == 0


def test_an_adjustment_of_a_merge_stands_above_what_is_folded(world: World) -> None:
    survivor, retired = world.enrol(2)
    for person in (survivor, retired):
        stay(world, person, 900_000, HOSPITAL)
    # As of a process whose clock is ahead.
    fence = f"0fffffff{new_id()[8:]}"
    with as_owner(world.database) as connection:
        row = {"region": REGION, "posting_id": fence, "ended_month": 0}
        connection.execute(sa.insert(tables.posting_fence).values(**row))
    world.merge(retired, survivor)
    adjustment = tables.adjustment.c
    with world.database.read() as connection:
        (posting_id,) = connection.execute(sa.select(adjustment.posting_id)).scalars()
    assert posting_id > fence


def test_bills_that_are_settled_meanwhile_are_decided_in_the_order_of_their_places(
    world: World,
) -> None:
    for _ in range(5):
        retired, survivor, alone = world.enrol(3)
        visits = {
            each: world.register(each, care_type="11", start_date=TODAY)
            for each in (retired, survivor)
        }
        commands: list[Command] = []
        for _ in range(3):
            for person, visit in visits.items():
                fen = 600_000 + len(commands)
                bill = stay_bill(world, visit, TODAY, fen)
                commands.append(world.settle_command(visit, person, bill=bill))

        def carry_out(command: Command) -> object:
            work = world.new_worker()
            while True:
                # As the batcher does: a lock moved on, or two waited for each other.
                with contextlib.suppress(TransientError):
                    return work(REGION, [command])[0]

        with ThreadPoolExecutor(7) as threads:
            done = [threads.submit(carry_out, each) for each in commands]
            threads.submit(told_of_merge, world, retired, survivor).result()
            outcomes = [each.result() for each in done]
        settled = [
            record_of(world, SettleBillResponse.FromString(each).settlement.settlement_id)
            for each in outcomes
            if isinstance(each, bytes)
        ]
        settled.sort(key=lambda record: record.place)
        assert settled
        visit_of = {
            visit: world.register(alone, care_type="11", start_date=TODAY)
            for visit in visits.values()
        }
        again = [
            world.settle(visit, alone, bill=stay_bill(world, visit, TODAY, record.total_fen))
            for record in settled
            for visit in [visit_of[record.visit_id]]
        ]
        assert [cost(record_of(world, each.settlement_id), effective=False) for each in again] == [
            cost(record, effective=True) for record in settled
        ]
        assert standing_of(world, survivor).accumulators == standing_of(world, alone).accumulators
    assert_books_are_right(world)
