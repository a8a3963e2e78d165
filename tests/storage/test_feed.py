"""The enrolment feed in settlement's database: in order, without gaps, once."""

import contextlib
import dataclasses
import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.settlement_parts import feed_of, tell

from yibao_common.db.database import Database
from yibao_common.db.rows import select_rows
from yibao_common.values.ids import new_id
from yibao_settlement.application.feed import EnrolmentChange, InsuredPerson
from yibao_settlement.rules.credential import Credential, CredentialKind, CredentialState
from yibao_settlement.rules.enrolment import Enrolment, RegisteredDisease
from yibao_settlement.storage import tables
from yibao_settlement.storage.enrolment import ENROLMENT_COLUMNS, diseases_from, enrolments_from

REGION = "999019"
OTHER_REGION = "999029"
PERSONS = tuple(new_id() for _ in range(4))
CERTIFICATE_ID = new_id()


@pytest.fixture
def database(databases: Databases) -> Database:
    return databases.open("yibao_settlement")


def change(sequence: int, person_id: str, *, subject: str = "") -> EnrolmentChange:
    kind, state = CredentialKind.ECERT, CredentialState.USABLE
    return EnrolmentChange(
        sequence,
        InsuredPerson(
            person_id=person_id,
            birth_date=dt.date(1950, 1, 1),
            merged_into=None,
            payer_ids=(),
            enrolments=(period(),),
            credentials=(Credential(subject, person_id, kind, state),) if subject else (),
        ),
    )


def period(insurance_type: str = "390") -> Enrolment:
    return Enrolment(
        enrolment_id=new_id(),
        insurance_type=insurance_type,
        person_class="16",
        entitlement_groups=("2101", "2305"),
        status=1,
        start_date=dt.date(2026, 1, 1),
        end_date=None,
        has_employer=False,
        is_premium_pending=False,
    )


# Four persons register, then two of them get a certificate.
HISTORY = (
    *(change(number, person) for number, person in enumerate(PERSONS, start=1)),
    change(5, PERSONS[0], subject="SUBJECT000001"),
    change(6, PERSONS[1], subject="SUBJECT000002"),
)


def stored(database: Database, region: str = REGION) -> dict[str, tuple[int, str]]:
    """Returns the sequence and subject kept of each person."""
    person, credential = tables.person.c, tables.credential.c
    with database.read() as connection:
        rows = connection.execute(
            sa.select(person.person_id, person.sequence, credential.subject)
            .join_from(
                tables.person,
                tables.credential,
                sa.and_(
                    credential.region == person.region,
                    credential.person_id == person.person_id,
                ),
                isouter=True,
            )
            .where(person.region == region)
        ).all()
    assert len({row.person_id for row in rows}) == len(rows)
    return {row.person_id: (row.sequence, row.subject or "") for row in rows}


ALL_STORED = {
    PERSONS[0]: (5, "SUBJECT000001"),
    PERSONS[1]: (6, "SUBJECT000002"),
    PERSONS[2]: (3, ""),
    PERSONS[3]: (4, ""),
}


@pytest.mark.parametrize("page_size", [1, 2, 4, 5, 6])
def test_pages_of_any_size_end_in_the_same_state(database: Database, page_size: int) -> None:
    feed = feed_of(database)
    assert feed.position(REGION).sequence == 0
    for start in range(0, len(HISTORY), page_size):
        assert feed.position(REGION).sequence == start
        tell(feed, REGION, HISTORY[start : start + page_size])
    assert feed.position(REGION).sequence == len(HISTORY)
    assert stored(database) == ALL_STORED


def test_a_page_that_was_stored_before_changes_nothing(database: Database) -> None:
    feed = feed_of(database)
    tell(feed, REGION, HISTORY[:5])
    for repeated in (HISTORY[:5], HISTORY[:1], HISTORY[4:5], ()):
        tell(feed, REGION, repeated)
        assert feed.position(REGION).sequence == 5
        assert stored(database)[PERSONS[0]] == (5, "SUBJECT000001")


def test_of_a_page_stored_in_part_only_the_rest_is_stored(database: Database) -> None:
    feed = feed_of(database)
    tell(feed, REGION, HISTORY[:2])
    tell(feed, REGION, HISTORY)
    assert feed.position(REGION).sequence == 6
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
    feed = feed_of(database)
    tell(feed, REGION, HISTORY[:2])
    before = stored(database)
    with pytest.raises(AssertionError):
        tell(feed, REGION, page)
    assert feed.position(REGION).sequence == 2
    assert stored(database) == before
    # The next pull begins where the last one ended.
    tell(feed, REGION, HISTORY[2:])
    assert stored(database) == ALL_STORED


def test_regions_have_sequences_of_their_own(database: Database) -> None:
    feed = feed_of(database)
    tell(feed, REGION, HISTORY)
    assert feed.position(OTHER_REGION).sequence == 0
    tell(feed, OTHER_REGION, HISTORY[:1])
    assert (feed.position(REGION).sequence, feed.position(OTHER_REGION).sequence) == (6, 1)
    assert stored(database, OTHER_REGION) == {PERSONS[0]: (1, "")}


def test_a_change_replaces_all_that_was_known_of_its_person(database: Database) -> None:
    feed = feed_of(database)
    tell(feed, REGION, (HISTORY[0], *HISTORY[1:4], HISTORY[4]))
    first = HISTORY[4].person
    card = Credential(
        *("SUBJECT00CARD", PERSONS[0], CredentialKind.CARD, CredentialState.LOST),
        certificate_id=CERTIFICATE_ID,
    )
    after = dataclasses.replace(
        first,
        payer_ids=(PERSONS[2], PERSONS[1]),
        enrolments=(
            period("310")._replace(end_date=dt.date(2026, 6, 30), has_employer=True),
            period()._replace(
                is_premium_pending=True,
                tier="2",
                insured_months_before=0,
                months_owing=3,
            ),
        ),
        credentials=(card,),
        diseases=(
            RegisteredDisease("M03900", dt.date(2026, 3, 1), None),
            RegisteredDisease("M01600", dt.date(2026, 4, 1), dt.date(2026, 4, 30)),
        ),
    )
    tell(feed, REGION, [EnrolmentChange(6, after)])
    with database.read() as connection:
        rows = select_rows(
            connection,
            tables.enrolment,
            ENROLMENT_COLUMNS,
            region=REGION,
            key="person_id",
            among=[PERSONS[0]],
            order_by=("insurance_type",),
        )
        credentials = connection.execute(
            sa.select(tables.credential).where(tables.credential.c.person_id == PERSONS[0])
        ).all()
        person = connection.execute(
            sa.select(tables.person).where(tables.person.c.person_id == PERSONS[0])
        ).one()
    assert tuple(enrolments_from(rows)[PERSONS[0]]) == after.enrolments
    assert [tuple(row) for row in credentials] == [
        (REGION, "SUBJECT00CARD", PERSONS[0], 3, 4, "", None, CERTIFICATE_ID)
    ]
    assert (person.sequence, person.merged_into) == (6, None)
    assert person.payer_ids == f"{PERSONS[2]},{PERSONS[1]}"
    assert diseases_from(person.diseases) == after.diseases
    assert stored(database)[PERSONS[1]] == (2, "")


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
            feed = feed_of(own)
            while (position := feed.position(REGION).sequence) < len(history):
                tell(feed, REGION, history[position : position + page_size])

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(pull, (7, 10, 13)))
    assert feed_of(database).position(REGION).sequence == len(history)
    assert stored(database) == {
        each.person.person_id: (each.sequence, each.person.credentials[0].subject)
        for each in history[-20:]
    }
