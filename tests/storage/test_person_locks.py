"""The lock that every command takes first, and the document that counters look at."""

import threading
import time

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.identity_world import citizen_number
from support.person_stores import REGION, PersonWorld

from yibao_common.db.database import Database
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_identity.application.holder import (
    check_shown_document,
    live_person,
    lock_live_person,
    lock_persons,
)
from yibao_identity.rules.document import ShownDocument
from yibao_identity.storage.holder import StoredHolders

NUMBER = citizen_number(123)


@pytest.fixture
def database(databases: Databases) -> Database:
    return databases.open("yibao_identity")


@pytest.fixture
def world(database: Database) -> PersonWorld:
    return PersonWorld(database)


def holders(world: PersonWorld, connection: sa.Connection, region: str = REGION) -> StoredHolders:
    return StoredHolders(connection, region, world.vault)


def test_locked_persons_are_told_by_their_ids(world: PersonWorld, database: Database) -> None:
    made = [world.register().person for _ in range(2)]
    ids = [each.person_id for each in made]
    with database.write() as connection:
        locked = lock_persons(holders(world, connection), [*reversed(ids), ids[0]])
    assert [locked[id].birth_date for id in ids] == [each.birth_date for each in made]
    assert {each.merged_into for each in locked.values()} == {None}


def test_who_is_not_registered_in_the_region_is_not_locked(
    world: PersonWorld, database: Database
) -> None:
    known, unknown = world.person_id(), new_id()
    for region, ids, missing in (
        (REGION, [known, unknown], unknown),
        ("330100", [known], known),
    ):
        with pytest.raises(RuleError) as caught, database.write() as connection:
            lock_persons(holders(world, connection, region), ids)
        assert caught.value.reason is Reason.PERSON_NOT_FOUND
        assert caught.value.metadata == {"person_id": missing}


def test_a_merged_record_is_no_live_person(world: PersonWorld, database: Database) -> None:
    retired, surviving = world.person_id(), world.person_id()
    world.merge(retired, surviving)
    with database.write() as connection:
        locked = lock_persons(holders(world, connection), [retired, surviving])
        assert live_person(locked[surviving]) == locked[surviving]
        with pytest.raises(RuleError) as caught:
            lock_live_person(holders(world, connection), retired)
    assert caught.value.reason is Reason.PERSON_MERGED
    assert caught.value.metadata == {"person_id": retired, "merged_into": surviving}


def test_a_second_command_about_a_person_waits_for_the_first(
    world: PersonWorld, database: Database
) -> None:
    person_id = world.person_id()
    events: list[str] = []
    locked = threading.Event()

    def first() -> None:
        with database.write() as connection:
            lock_persons(holders(world, connection), [person_id])
            locked.set()
            time.sleep(0.2)
            events.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    assert locked.wait(10)
    with database.write() as connection:
        lock_persons(holders(world, connection), [person_id])
        events.append("second")
    thread.join()
    assert events == ["first", "second"]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (ShownDocument("01", NUMBER), None),
        (ShownDocument("01", f" {NUMBER} "), None),
        (None, Reason.ID_REQUIRED),
        (ShownDocument("01", citizen_number(124)), Reason.ID_MISMATCH),
        # I-28: the number is the person's, whichever document shows it.
        (ShownDocument("02", NUMBER), None),
        (ShownDocument("02", "12345678"), Reason.ID_MISMATCH),
    ],
)
def test_only_the_holders_own_document_is_accepted(
    world: PersonWorld,
    database: Database,
    document: ShownDocument | None,
    reason: Reason | None,
) -> None:
    """I-14, I-15, I-24."""
    person_id = world.register(NUMBER).person.person_id
    with database.write() as connection:
        rows = holders(world, connection)
        lock_live_person(rows, person_id)
        if reason is None:
            check_shown_document(rows, document, person_id)
            return
        with pytest.raises(RuleError) as caught:
            check_shown_document(rows, document, person_id)
    assert caught.value.reason is reason


def test_a_locked_person_is_not_printed(world: PersonWorld, database: Database) -> None:
    person_id = world.register(NUMBER).person.person_id
    with database.write() as connection:
        locked = lock_live_person(holders(world, connection), person_id)
    assert person_id not in repr(locked)
    assert str(locked.birth_date) not in repr(locked)
