"""What identity tells offsite of persons: kept, found, locked, and what follows from it."""

import datetime as dt
import threading
from collections.abc import Sequence

import pytest
from support.databases import Databases
from support.offsite_feeds import (
    REGION,
    following_of,
    known_person,
    offsite_transactions,
    tell_persons,
)

from yibao_common.commands.feed import FeedPosition
from yibao_common.db.database import Database
from yibao_common.values.ids import new_id
from yibao_offsite.application.work import Work
from yibao_offsite.rules.person import KnownPerson
from yibao_offsite.storage.following import follow, unfollow

DEATH = dt.date(2026, 11, 3)


@pytest.fixture
def database(databases: Databases) -> Database:
    return databases.open("yibao_offsite")


class Ending:
    """What follows from what was told of persons: whom it was called for, in order."""

    def __init__(self) -> None:
        self.told: list[KnownPerson] = []

    def __call__(self, work: Work, persons: Sequence[KnownPerson]) -> None:
        # They are stored by then.
        assert work.persons.find_many([each.person_id for each in persons]) == {
            each.person_id: each for each in persons
        }
        self.told += persons


def found(database: Database, person_id: str) -> KnownPerson | None:
    with offsite_transactions(database).read(REGION) as work:
        return work.persons.find(person_id)


def is_followed(database: Database) -> bool:
    with offsite_transactions(database).read(REGION) as work:
        return work.persons.is_followed()


def lock(database: Database, person_id: str) -> KnownPerson | None:
    return offsite_transactions(database).change(REGION, lambda work: work.persons.lock(person_id))


def test_what_was_told_last_of_a_person_is_found(database: Database) -> None:
    following = following_of(database)
    old, new = known_person(new_id()), known_person(new_id())
    assert not is_followed(database)
    tell_persons(following, [old, new])
    assert is_followed(database)
    merged = known_person(old.person_id, merged_into=new.person_id, periods=(), death_date=DEATH)
    tell_persons(following, [merged])
    assert found(database, old.person_id) == merged
    assert found(database, new.person_id) == new
    assert found(database, new_id()) is None
    with offsite_transactions(database).read("330100") as work:
        assert work.persons.find_many([old.person_id]) == {}


def test_what_follows_is_asked_of_those_alone_whom_anybody_locked_before(
    database: Database,
) -> None:
    ending = Ending()
    following = following_of(database, ending)
    ids = sorted(new_id() for _ in range(3))
    tell_persons(following, [known_person(each) for each in ids])
    assert ending.told == []
    for person_id in (ids[2], ids[0]):
        assert lock(database, person_id) == known_person(person_id)
    dead = [known_person(each, death_date=DEATH) for each in reversed(ids)]
    tell_persons(following, dead)
    assert ending.told == [dead[2], dead[0]]


def test_what_fails_to_follow_leaves_the_feed_where_it_was(database: Database) -> None:
    def fail(work: Work, persons: Sequence[KnownPerson]) -> None:
        raise ValueError("no")

    person = known_person(new_id())
    lock(database, person.person_id)
    with pytest.raises(ValueError, match="no"):
        tell_persons(following_of(database, fail), [person])
    assert found(database, person.person_id) is None
    assert following_of(database).position(REGION).sequence == 0


def test_a_feed_that_is_read_anew_forgets_whom_it_does_not_tell_of(database: Database) -> None:
    following = following_of(database)
    kept, gone = known_person(new_id()), known_person(new_id())
    tell_persons(following, [kept, gone])
    moved = tell_persons(following, [kept], epoch="two")
    assert moved.gone == 1
    assert found(database, kept.person_id) == kept
    assert found(database, gone.person_id) is None


def test_who_is_no_longer_followed_is_no_longer_checked_and_read_anew_afterwards(
    database: Database,
) -> None:
    following, person = following_of(database), known_person(new_id())
    tell_persons(following, [person])
    with database.write() as connection:
        assert unfollow(connection, but=(REGION,)) == []
        assert unfollow(connection, but=()) == [REGION]
    assert not is_followed(database)
    tell_persons(following, [person])
    assert is_followed(database)


def test_persons_are_checked_from_the_moment_on_that_they_are_followed(database: Database) -> None:
    with database.write() as connection:
        follow(connection, [REGION])
    assert is_followed(database)
    following, person = following_of(database), known_person(new_id())
    assert following.position(REGION) == FeedPosition()
    tell_persons(following, [person])
    told = following.position(REGION)
    with database.write() as connection:
        follow(connection, [REGION])
    assert following.position(REGION) == told


def test_what_is_told_of_whom_somebody_registers_waits_and_then_follows(
    databases: Databases,
) -> None:
    """Else a registration that saw the person alive would outlive the death that was told."""
    database = databases.open("yibao_offsite")
    ending = Ending()
    person = known_person(new_id())
    tell_persons(following_of(database), [person])
    dead = known_person(person.person_id, death_date=DEATH)
    if database.engine.dialect.name == "sqlite":
        # Whoever writes is alone.
        lock(database, person.person_id)
        tell_persons(following_of(database, ending), [dead])
    else:
        own = Database(database.engine.url.render_as_string(hide_password=False))
        telling = threading.Thread(
            target=lambda: tell_persons(following_of(own, ending), [dead]), daemon=True
        )

        def register(work: Work) -> None:
            # For the first time: nobody else sees the row that is locked.
            assert work.persons.lock(person.person_id) == person
            telling.start()
            telling.join(0.3)
            assert telling.is_alive()

        offsite_transactions(database).change(REGION, register)
        telling.join(10)
        own.close()
    assert ending.told == [dead]
    assert lock(database, person.person_id) == dead
