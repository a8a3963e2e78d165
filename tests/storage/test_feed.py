"""The enrolment feed in settlement's database: in order, without gaps, once."""

import contextlib
import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from support.databases import Databases

from yibao_common.database import Database
from yibao_common.ids import new_id
from yibao_settlement.application.records import EnrolmentChange
from yibao_settlement.rules.visit import Enrolment
from yibao_settlement.storage import tables
from yibao_settlement.storage.feed import FeedStore

REGION = "999019"
OTHER_REGION = "999029"
PERSONS = tuple(new_id() for _ in range(4))


@pytest.fixture
def database(databases: Databases) -> Database:
    return databases.open("yibao_settlement")


def change(sequence: int, person_id: str, *, subject: str = "") -> EnrolmentChange:
    return EnrolmentChange(
        sequence,
        Enrolment(
            person_id=person_id,
            subject=subject,
            credential_usable=bool(subject),
            birth_date=dt.date(1950, 1, 1),
            insurance_type="390",
            person_class="16",
            entitlement_groups=("2101", "2305"),
            status=1,
            start_date=dt.date(2026, 1, 1),
        ),
    )


# Four persons register, then two of them get a certificate.
HISTORY = (
    *(change(number, person) for number, person in enumerate(PERSONS, start=1)),
    change(5, PERSONS[0], subject="SUBJECT000001"),
    change(6, PERSONS[1], subject="SUBJECT000002"),
)


def stored(database: Database, region: str = REGION) -> dict[str, tuple[int, str]]:
    """Returns the sequence and subject kept of each person."""
    table = tables.enrolment
    with database.read() as connection:
        rows = connection.execute(
            sa.select(table.c.person_id, table.c.sequence, table.c.subject).where(
                table.c.region == region
            )
        ).all()
    assert len({row.person_id for row in rows}) == len(rows)
    return {row.person_id: (row.sequence, row.subject) for row in rows}


ALL_STORED = {
    PERSONS[0]: (5, "SUBJECT000001"),
    PERSONS[1]: (6, "SUBJECT000002"),
    PERSONS[2]: (3, ""),
    PERSONS[3]: (4, ""),
}


@pytest.mark.parametrize("page_size", [1, 2, 4, 5, 6])
def test_pages_of_any_size_end_in_the_same_state(database: Database, page_size: int) -> None:
    feed = FeedStore(database)
    assert feed.position(REGION) == 0
    for start in range(0, len(HISTORY), page_size):
        assert feed.position(REGION) == start
        feed.apply(REGION, HISTORY[start : start + page_size])
    assert feed.position(REGION) == len(HISTORY)
    assert stored(database) == ALL_STORED


def test_a_page_that_was_stored_before_changes_nothing(database: Database) -> None:
    feed = FeedStore(database)
    feed.apply(REGION, HISTORY[:5])
    for repeated in (HISTORY[:5], HISTORY[:1], HISTORY[4:5], ()):
        feed.apply(REGION, repeated)
        assert feed.position(REGION) == 5
        assert stored(database)[PERSONS[0]] == (5, "SUBJECT000001")


def test_of_a_page_stored_in_part_only_the_rest_is_stored(database: Database) -> None:
    feed = FeedStore(database)
    feed.apply(REGION, HISTORY[:2])
    feed.apply(REGION, HISTORY)
    assert feed.position(REGION) == 6
    assert stored(database) == ALL_STORED


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(HISTORY[3:], id="begins past the next one"),
        pytest.param((HISTORY[2], HISTORY[4]), id="leaves one out"),
        pytest.param((HISTORY[3], HISTORY[2]), id="is out of order"),
        pytest.param((HISTORY[2], HISTORY[2]), id="repeats one"),
    ],
)
def test_a_gap_is_a_broken_assumption_and_stores_nothing(
    database: Database, page: tuple[EnrolmentChange, ...]
) -> None:
    feed = FeedStore(database)
    feed.apply(REGION, HISTORY[:2])
    before = stored(database)
    with pytest.raises(AssertionError):
        feed.apply(REGION, page)
    assert feed.position(REGION) == 2
    assert stored(database) == before
    # The next pull begins where the last one ended.
    feed.apply(REGION, HISTORY[2:])
    assert stored(database) == ALL_STORED


def test_regions_have_sequences_of_their_own(database: Database) -> None:
    feed = FeedStore(database)
    feed.apply(REGION, HISTORY)
    assert feed.position(OTHER_REGION) == 0
    feed.apply(OTHER_REGION, HISTORY[:1])
    assert (feed.position(REGION), feed.position(OTHER_REGION)) == (6, 1)
    assert stored(database, OTHER_REGION) == {PERSONS[0]: (1, "")}


def test_entitlement_groups_come_back_as_they_went_in(database: Database) -> None:
    FeedStore(database).apply(REGION, HISTORY[:1])
    with database.read() as connection:
        row = connection.execute(sa.select(tables.enrolment)).one()
    assert row.entitlement_groups == "2101,2305"


def test_processes_that_pull_the_same_pages_at_once_store_each_change_once(
    database: Database,
) -> None:
    persons = [new_id() for _ in range(20)]
    history = [
        change(number + 1, persons[number % len(persons)], subject=f"SUBJECT{number:06d}")
        for number in range(120)
    ]

    url = database.engine.url.render_as_string(hide_password=False)

    def pull(page_size: int) -> None:
        # Connections of its own, as another process has.
        with contextlib.closing(Database(url)) as own:
            feed = FeedStore(own)
            while (position := feed.position(REGION)) < len(history):
                feed.apply(REGION, history[position : position + page_size])

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(pull, (7, 10, 13)))
    assert FeedStore(database).position(REGION) == len(history)
    assert stored(database) == {
        each.enrolment.person_id: (each.sequence, each.enrolment.subject) for each in history[-20:]
    }
