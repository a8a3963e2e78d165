"""Bills of merged records are one person's: decided again in one order, with the merge (T-28)."""

import contextlib
import datetime as dt
import json
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa
from support.benefit_world import admit, at, benefit_world, policy_text, stay_bill
from support.bills_in_order import DIVIDED, KEPT_AMOUNTS, cost, posted, record_of
from support.charges import assert_books_are_right
from support.databases import Databases
from support.settlement_parts import feed_of, tell
from support.settlement_world import HOSPITAL, NOW, OTHER_HOSPITAL, REGION, TODAY, World

from yibao.settlement.v1.settlement_service_pb2 import SettleBillResponse
from yibao_common.values.errors import TransientError
from yibao_common.values.ids import new_id
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.difference.find import find_difference
from yibao_settlement.application.feed import Applied, EnrolmentChange
from yibao_settlement.application.merge.rows import UndecidedMerge
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.ledger_check import INVARIANTS, check_ledger
from yibao_settlement.rules.account import Standing
from yibao_settlement.rules.benefit.bill import Given
from yibao_settlement.rules.difference import Cause
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.rules.refund import AskedReturn
from yibao_settlement.storage import tables
from yibao_settlement.storage.account import amounts_from

DAY = dt.timedelta(days=1)
FIRST = dt.date(2026, 12, 27)
# Policies of the second format, and that of the first one.
POLICIES = {"plain": policy_text(), "divided": DIVIDED, "kept": KEPT_AMOUNTS, "first": None}


def world_of(databases: Databases, policy: str) -> World:
    text = POLICIES[policy]
    if text is None:
        return World(databases.open("yibao_settlement"))
    return benefit_world(databases, text=text)


class Visits(NamedTuple):
    """A visit of each kind, of whom it is and where.

    By the first format, of which the policy knows none of outpatients, each bill is of a stay
    of its own: there are no `ids`.
    """

    ids: list[str]
    owners: list[str]
    # One that is over, a stay, and visits of outpatients.
    institutions: tuple[str, ...] = (OTHER_HOSPITAL, HOSPITAL, HOSPITAL, OTHER_HOSPITAL, HOSPITAL)


class Billed(NamedTuple):
    """A bill that stands: which visit, on what day, with which lines."""

    settlement_id: str
    visit: int
    day: dt.date
    amounts: tuple[int, ...]


def begun(world: World, *owners: str) -> tuple[Visits, Billed]:
    """Settles a stay that is over, and begins the other visits of some persons."""
    at(world, FIRST)
    visits = Visits([], list(owners))
    if b"yibao-policy/1" in world.policy_file:
        return visits, settle(world, visits, owners[0], 0, FIRST, (400_000,))
    visits.ids.append(admit(world, owners[0], FIRST, institution_id=visits.institutions[0]))
    over = settle(world, visits, owners[0], 0, FIRST, (400_000,))
    visits.ids.append(admit(world, owners[1], FIRST, institution_id=visits.institutions[1]))
    visits.ids.extend(
        world.register(owner, care_type="11", start_date=FIRST, institution_id=institution)
        for owner, institution in zip(owners[2:], visits.institutions[2:], strict=True)
    )
    return visits, over


def settle(
    world: World, visits: Visits, person: str, which: int, day: dt.date, amounts: tuple[int, ...]
) -> Billed:
    """Settles a bill of a visit by a person's code."""
    institution_id = visits.institutions[which]
    if visits.ids:
        visit_id = visits.ids[which]
    else:
        visit_id = admit(world, person, day, institution_id=institution_id)
    is_interim = which == 1 and bool(visits.ids)
    bill = stay_bill(world, visit_id, day, *amounts, is_interim=is_interim)
    settled = world.settle(visit_id, person, bill=bill, institution_id=institution_id)
    return Billed(settled.settlement_id, which, day, amounts)


def reverse(world: World, settlement_id: str) -> None:
    world.reverse(settlement_id, institution_id=record_of(world, settlement_id).institution_id)


def by_now(world: World, standing: list[Billed]) -> list[tuple[object, ...]]:
    """Returns what bills cost by now, in the order of their places."""
    records = [record_of(world, each.settlement_id) for each in standing]
    assert [each.place for each in records] == sorted(each.place for each in records)
    return [cost(each, effective=True) for each in records]


def anew(world: World, standing: list[Billed]) -> tuple[list[tuple[object, ...]], str]:
    """Returns what the bills cost somebody who never had another record, and who that is."""
    (person,) = world.enrol()
    visits, over = begun(world, *[person] * 5)
    settled = [over]
    for each in standing[1:]:
        at(world, each.day)
        settled.append(settle(world, visits, person, each.visit, each.day, each.amounts))
    records = [record_of(world, each.settlement_id) for each in settled]
    return [cost(each, effective=False) for each in records], person


def standing_of(world: World, person_id: str) -> Standing:
    found = world.queries.standing(REGION, person_id)
    assert found is not None
    return found


def kept(world: World, person_id: str) -> dict[str, dict[str, int]]:
    """Returns what years, months and stays of a person hold, without empty ones.

    Stays are named by the number of the visit among the person's, or two records'.
    """
    found = standing_of(world, person_id)
    rows = {str(found.benefit_year): dict(found.accumulators)}
    closed, window, visit = tables.closed_year.c, tables.benefit_window.c, tables.visit.c
    merged = sa.select(tables.person_standing.c.person_id).where(
        tables.person_standing.c.merged_into == person_id
    )
    with world.database.read() as connection:
        for row in connection.execute(
            sa.select(closed.benefit_year, closed.accumulators).where(closed.person_id == person_id)
        ):
            rows[str(row.benefit_year)] = amounts_from(row.accumulators)
        own = sa.or_(visit.person_id == person_id, visit.person_id.in_(merged))
        ids = list(
            connection.execute(
                sa.select(visit.visit_id).where(own).order_by(visit.visit_id)
            ).scalars()
        )
        for row in connection.execute(sa.select(window.scope, window.amounts)):
            owner, _, month = row.scope.rpartition("/")
            if owner == person_id or row.scope in ids:
                rows[month] = amounts_from(row.amounts)
    text = json.dumps(rows)
    for number, visit_id in enumerate(ids):
        text = text.replace(visit_id, f"visit {number}")
    return {name: row for name, row in json.loads(text).items() if row}


def acted(
    world: World,
    chance: random.Random,
    visits: Visits,
    standing: list[Billed],
    day: dt.date,
    *,
    steps: int,
) -> dt.date:
    """Settles bills and reverses some, in any order; returns the day of the last."""
    for _ in range(steps):
        if chance.random() < 0.4:
            day += DAY
            at(world, day)
        if len(standing) > 2 and chance.random() < 0.25:
            gone = record_of(world, standing.pop(chance.randrange(1, len(standing))).settlement_id)
            reverse(world, gone.settlement_id)
            if not visits.ids:
                # Its stay would be open again, in the way of the next one.
                institution_id = gone.institution_id
                world.run(world.cancel_command(gone.visit_id, institution_id=institution_id))
            continue
        which = chance.randrange(1, 5)
        # By the first format nothing is of the year below a high threshold.
        most_fen = 900_000 if visits.ids else 3_000_000
        amounts = tuple(chance.randrange(1, most_fen) for _ in range(3))
        standing.append(settle(world, visits, visits.owners[which], which, day, amounts))
    return day


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(("seed", "is_retired_older"), [(1, True), (2, False)])
def test_bills_of_both_cost_what_they_cost_one_person_in_their_order(
    databases: Databases, policy: str, seed: int, is_retired_older: bool
) -> None:
    chance = random.Random(seed)  # which bills there are is no secret
    world = world_of(databases, policy)
    persons = sorted(world.enrol(2))
    retired, survivor = persons if is_retired_older else persons[::-1]
    visits, over = begun(world, survivor, retired, retired, survivor, survivor)
    standing = [over]
    day = acted(world, chance, visits, standing, FIRST, steps=10)
    before = {each.settlement_id: record_of(world, each.settlement_id) for each in standing}
    adjusted_before = posted(world, PostingKind.ADJUSTMENT)
    world.merge(retired, survivor)
    assert_books_are_right(world)
    expected, _ = anew(world, standing)
    assert by_now(world, standing) == expected
    assert_told(world, before, retired=retired, survivor=survivor)
    moved = posted(world, PostingKind.ADJUSTMENT)
    assert moved != adjusted_before
    # No institution takes part.
    assert not [each for each in moved if each.startswith("payable:")]
    # From here on they go on as one person's, and a reversal moves its own share alone.
    at(world, day)
    visits = visits._replace(owners=[survivor] * 5)
    acted(world, chance, visits, standing, day, steps=5)
    expected, _ = anew(world, standing)
    assert by_now(world, standing) == expected
    while standing:
        reverse(world, standing.pop(chance.randrange(len(standing))).settlement_id)
    assert_books_are_right(world)
    left = {
        account: fen
        for account, fen in posted(world, PostingKind.ADJUSTMENT).items()
        if not account.startswith("difference:")
    }
    assert left == {}
    owed = find_difference(world.queries, REGION, survivor, now=world.clock.now)
    assert (owed.difference_fen, owed.due_fen) == (0, 0)


def assert_told(
    world: World, before: dict[str, SettlementRecord], *, retired: str, survivor: str
) -> None:
    """Checks that each bill that moved tells of the merge, once, and others of nothing."""
    for settlement_id, record in before.items():
        now = record_of(world, settlement_id)
        assert now.counter == record.counter
        if now.adjustment == record.adjustment:
            continue
        assert now.adjustment is not None
        told = (now.revision, now.adjustment.cause, now.adjustment.cause_id)
        assert told == (record.revision + 1, Cause.MERGE, retired)
    owed = find_difference(world.queries, REGION, survivor, now=world.clock.now)
    assert owed.difference_fen == sum(
        record.counter.cash_fen
        - record.effective.cash_fen
        + record.effective.borne.arrears_fen
        - record.counter.borne.arrears_fen
        for record in (record_of(world, each) for each in before)
    )


@pytest.mark.parametrize("policy", POLICIES)
def test_years_and_windows_are_those_of_one_person(databases: Databases, policy: str) -> None:
    chance = random.Random(7)  # which bills there are is no secret
    world = world_of(databases, policy)
    retired, survivor = world.enrol(2)
    visits, over = begun(world, survivor, retired, retired, survivor, survivor)
    standing = [over]
    # Into the next year, so that one is closed.
    acted(world, chance, visits, standing, FIRST + 3 * DAY, steps=12)
    world.merge(retired, survivor)
    _, alone = anew(world, standing)
    assert len(kept(world, survivor)) > 1
    assert kept(world, survivor) == kept(world, alone)
    assert standing_of(world, retired).accumulators == {}
    assert_books_are_right(world)


@pytest.fixture
def world(databases: Databases) -> World:
    return benefit_world(databases)


def stay(
    world: World, person: str, fen: int, institution_id: str, *more_fen: int, **facts: Any
) -> str:
    """Settles a stay of one bill."""
    visit = admit(world, person, TODAY, institution_id=institution_id)
    bill = stay_bill(world, visit, TODAY, fen, *more_fen, **facts)
    return world.settle(visit, person, bill=bill, institution_id=institution_id).settlement_id


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
        owed_fen += find_difference(world.queries, REGION, person, now=NOW).difference_fen
    assert owed_fen
    before = posted(world, PostingKind.ADJUSTMENT)
    assert f"difference:{retired}" in before
    world.merge(retired, survivor)
    after = posted(world, PostingKind.ADJUSTMENT)
    owed = find_difference(world.queries, REGION, survivor, now=NOW)
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


def costs(world: World, settled: list[str]) -> list[tuple[object, ...]]:
    return [cost(record_of(world, each), effective=True) for each in settled]


def costs_of(world: World, person: str, lines: list[tuple[int, ...]]) -> list[tuple[object, ...]]:
    """Returns what stays cost somebody who never had other ones."""
    settled = [stay(world, person, first, HOSPITAL, *more) for first, *more in lines]
    return costs(world, settled)


def test_a_record_without_bills_costs_no_reading_of_the_other(world: World) -> None:
    retired, survivor, other = world.enrol(3)
    for _ in range(3):
        stay(world, survivor, 900_000, HOSPITAL)
    read: list[str] = []

    def note(*event: object) -> None:
        read.append(str(event[2]))

    sa.event.listen(world.database.engine, "before_cursor_execute", note)
    world.merge(retired, survivor)
    world.merge(survivor, other)
    sa.event.remove(world.database.engine, "before_cursor_execute", note)
    assert read
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


def adjustments(world: World) -> int:
    with world.database.read() as connection:
        query = sa.select(sa.func.count()).select_from(tables.adjustment)
        return int(connection.execute(query).scalar_one())


def test_the_same_merge_told_again_moves_nothing(world: World) -> None:
    survivor, retired = world.enrol(2)
    for person in (survivor, retired, survivor):
        stay(world, person, 900_000, HOSPITAL)
    world.merge(retired, survivor)
    moved, count = posted(world, PostingKind.ADJUSTMENT), adjustments(world)
    assert count
    world.merge(retired, survivor)
    with world.database.write() as connection:
        connection.execute(sa.delete(tables.feed_position))
    world.merge(retired, survivor)
    assert (posted(world, PostingKind.ADJUSTMENT), adjustments(world)) == (moved, count)
    assert_books_are_right(world)


def told_of_merge(world: World, retired: str, survivor: str, ids: object = new_id) -> Applied:
    feed = feed_of(world.database, clock=world.clock, ids=ids)  # type: ignore[arg-type]
    first = feed.position(REGION).sequence + 1
    persons = (world.insured(retired, merged_into=survivor), world.insured(survivor))
    changes = [EnrolmentChange(number, each) for number, each in enumerate(persons, first)]
    return tell(feed, REGION, changes)


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
    with world.database.write() as connection:
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
    with world.database.write() as connection:
        connection.execute(sa.insert(tables.posting_fence).values(region=REGION, posting_id=fence))
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
