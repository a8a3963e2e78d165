"""Changes of settlements' amounts are listed in the order of time, each of them once."""

import datetime as dt
import itertools
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from support.benefit_world import at, benefit_world, stay_bill
from support.databases import Databases
from support.settlement_world import HOSPITAL, OTHER_HOSPITAL, REGION, TODAY, World

from yibao_settlement.application.change import Change, ChangeKind, ChangePlace, ChangeWish
from yibao_settlement.rules.difference import Cause
from yibao_settlement.rules.refund import AskedReturn

MIDNIGHT = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


@pytest.fixture
def world(databases: Databases) -> World:
    return benefit_world(databases)


def settle(world: World, person: str, institution: str, *amounts: int) -> str:
    visit_id = world.register(person, care_type="11", start_date=TODAY, institution_id=institution)
    bill = stay_bill(world, visit_id, TODAY, *amounts)
    return world.settle(visit_id, person, bill=bill, institution_id=institution).settlement_id


def wish(
    institution_id: str | None = None,
    since: dt.datetime = MIDNIGHT,
    before: dt.datetime = MIDNIGHT + 30 * DAY,
) -> ChangeWish:
    return ChangeWish(institution_id, since, before)


def changes(world: World, asked: ChangeWish, *, limit: int = 100) -> list[Change]:
    return world.queries.changes(REGION, asked, after=None, limit=limit)


def page_by_page(world: World, asked: ChangeWish, *, size: int) -> Iterator[list[Change]]:
    after: ChangePlace | None = None
    while page := world.queries.changes(REGION, asked, after=after, limit=size):
        yield page
        after = page[-1].place


def told(found: list[Change]) -> list[tuple[str, ChangeKind, int]]:
    return [(each.place.settlement_id, each.place.kind, each.revision) for each in found]


@pytest.fixture
def bills(world: World) -> list[str]:
    """Bills of four days: two are settled, of the first something is returned, then all."""
    (person,) = world.enrol()
    first = settle(world, person, HOSPITAL, 1_200_000, 800_000)
    second = settle(world, person, OTHER_HOSPITAL, 1_000_000, 900_001)
    at(world, TODAY + DAY)
    world.refund(first, AskedReturn(line_number=1))
    at(world, TODAY + 2 * DAY)
    world.reverse(first)
    return [first, second]


def test_every_change_is_told_once_and_in_order(world: World, bills: list[str]) -> None:
    first, second = bills
    found = changes(world, wish())
    assert told(found) == [
        (first, ChangeKind.SETTLED, 1),
        (second, ChangeKind.SETTLED, 1),
        (first, ChangeKind.REFUNDED, 2),
        (second, ChangeKind.ADJUSTED, 2),
        (first, ChangeKind.REVERSED, 3),
        (second, ChangeKind.ADJUSTED, 3),
    ]
    assert [each.cause for each in found] == [
        *(None, None, None),
        Cause.REFUND,
        None,
        Cause.REVERSAL,
    ]
    assert {each.place.settlement_id for each in found if each.is_reversed} == {first}


def test_an_institution_is_told_of_its_own_alone(world: World, bills: list[str]) -> None:
    first, second = bills
    found = changes(world, wish(OTHER_HOSPITAL))
    assert [each.place.kind for each in found] == [
        ChangeKind.SETTLED,
        ChangeKind.ADJUSTED,
        ChangeKind.ADJUSTED,
    ]
    assert {each.place.settlement_id for each in found} == {second}
    assert {each.place.settlement_id for each in changes(world, wish(HOSPITAL))} == {first}


def test_the_first_instant_counts_and_the_last_does_not(world: World, bills: list[str]) -> None:
    of_refund = changes(world, wish())[2].place.change_time
    of_reversal = changes(world, wish())[4].place.change_time
    found = changes(world, wish(since=of_refund, before=of_reversal))
    assert [each.place.kind for each in found] == [ChangeKind.REFUNDED, ChangeKind.ADJUSTED]


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_pages_come_to_the_whole_list(world: World, bills: list[str], size: int) -> None:
    """Also where many changes bear one time, as those of a batch do."""
    (person,) = world.enrol()
    billed = [settle(world, person, HOSPITAL, 300_000 + number) for number in range(3)]
    world.work(REGION, [world.reverse_command(each) for each in billed])
    asked = wish()
    pages = list(page_by_page(world, asked, size=size))
    assert all(len(page) == size for page in pages[:-1])
    assert list(itertools.chain(*pages)) == changes(world, asked)
    assert len(changes(world, asked)) > 12


def test_what_is_written_while_pages_are_read_stands_behind_the_last(
    world: World, bills: list[str]
) -> None:
    _, second = bills
    before = changes(world, wish())
    pages = page_by_page(world, wish(), size=4)
    seen = next(pages)
    at(world, TODAY + 3 * DAY)
    world.reverse(second, institution_id=OTHER_HOSPITAL)
    seen += itertools.chain(*pages)
    assert seen[: len(before)] != before  # the second bill is reversed by now
    assert told(seen)[: len(before)] == told(before)
    assert told(seen)[len(before) :] == [
        (second, ChangeKind.REVERSED, 4),
        (second, ChangeKind.ADJUSTED, 4),
    ]


def test_changes_are_found_by_indexes_that_settling_does_not_write(databases: Databases) -> None:
    world = benefit_world(databases)
    inspector = sa.inspect(world.database.engine)
    times = {"settlement": "reverse_time", "refund": "refund_time", "adjustment": "adjust_time"}
    for table, time in times.items():
        columns = ["region", time, "settlement_id"]
        (index,) = [
            each for each in inspector.get_indexes(table) if each["column_names"] == columns
        ]
        options = index["dialect_options"]
        assert table == "refund" or any(name.endswith("_where") for name in options)
