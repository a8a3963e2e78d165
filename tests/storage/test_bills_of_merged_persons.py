"""Bills of merged records are one person's: decided again in one order, with the merge (T-28)."""

import datetime as dt
import json
import random
from typing import NamedTuple

import pytest
import sqlalchemy as sa
from support.benefit_world import admit, at, benefit_world, policy_text, stay_bill
from support.bills_in_order import DIVIDED, KEPT_AMOUNTS, cost, posted, record_of
from support.charges import assert_books_are_right
from support.databases import Databases
from support.merged_bills import (
    reverse,
    standing_of,
)
from support.settlement_world import HOSPITAL, OTHER_HOSPITAL, REGION, World

from yibao_settlement.application.difference.find import find_difference
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.difference import Cause
from yibao_settlement.rules.ledger import PostingKind
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
    owed = find_difference(world.queries, REGION, survivor)
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
    owed = find_difference(world.queries, REGION, survivor)
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
