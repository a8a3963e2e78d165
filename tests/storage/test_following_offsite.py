"""What offsite tells settlement: stored whole, in any order of merges, and read anew."""

import dataclasses
import datetime as dt
from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.settlement_parts import transactions_of
from support.settlement_world import REGION, World

from yibao_common.commands.following import Moved
from yibao_common.db.database import Database
from yibao_common.values.clock import system_clock
from yibao_common.values.errors import InvariantError
from yibao_common.values.ids import new_id
from yibao_settlement.application.elsewhere.feed import (
    OffsiteAnswer,
    OffsiteChange,
    OffsiteFeed,
    OffsiteGone,
    ToldHold,
)
from yibao_settlement.rules.elsewhere.registered import AuditHold, Benefit, RegisteredCare
from yibao_settlement.storage.elsewhere.deemed import note_told, untold
from yibao_settlement.storage.elsewhere.tables import (
    audit_hold,
    deemed_registration,
    registered_care,
)

FIRST_DAY = dt.date(2026, 12, 1)


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def care(person_id: str, **values: Any) -> RegisteredCare:
    told = RegisteredCare(
        registration_id=new_id(),
        person_id=person_id,
        category=2,
        treatment_region="310000",
        terms="long_term",
        benefits=(Benefit.INPATIENT, Benefit.CHRONIC),
        start_date=FIRST_DAY,
        end_date=None,
        origin=1,
        version=1,
    )
    return told._replace(**values)


def held(person_id: str, **values: Any) -> ToldHold:
    hold = AuditHold(new_id(), person_id, new_id(), new_id(), False, 1)._replace(**values)
    return ToldHold(hold, b"signed")


def tell(
    database: Database,
    *subjects: RegisteredCare | ToldHold | None,
    epoch: str = "one",
    head_sequence: int | None = None,
) -> Moved[OffsiteGone]:
    feed = OffsiteFeed(transactions_of(database))
    asked = feed.position(REGION)
    if asked.epoch not in ("", epoch):
        begun = OffsiteAnswer(epoch, (), head_sequence or 0, "", True, system_clock())
        assert feed.apply(REGION, asked, begun).began_anew
        asked = feed.position(REGION)
    first = (asked.sequence if asked.epoch == epoch else 0) + 1
    changes = [OffsiteChange(first + at, each) for at, each in enumerate(subjects)]
    last = first + len(changes) - 1 if head_sequence is None else head_sequence
    answer = OffsiteAnswer(epoch, changes, last, f"{epoch}-{last}", False, system_clock())
    return feed.apply(REGION, asked, answer)


def stored(database: Database) -> Sequence[tuple[str, str, int, bool]]:
    column = registered_care.c
    query = sa.select(column.person_id, column.registration_id, column.version, column.is_void)
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(query.order_by(column.version))]


def holds(database: Database) -> dict[str, tuple[str, bool, bytes]]:
    column = audit_hold.c
    query = sa.select(column.hold_id, column.person_id, column.is_lifted, column.attestation)
    with database.read() as connection:
        return {row[0]: (row[1], row[2], bytes(row[3])) for row in connection.execute(query)}


def test_what_is_told_is_stored_whole_and_the_last_version_stands(world: World) -> None:
    (person,) = world.enrol(1)
    told = care(person, end_date=dt.date(2027, 5, 31))
    moved = tell(world.database, told, None, held(person), told._replace(version=2, is_void=True))
    assert moved.is_current
    assert stored(world.database) == [(person, told.registration_id, 2, True)]
    with world.database.read() as connection:
        row = connection.execute(sa.select(registered_care)).one()
    assert (row.terms, row.benefits, row.end_date) == ("long_term", "[1,3]", told.end_date)
    # Told again, and late.
    tell(world.database, told)
    assert stored(world.database) == [(person, told.registration_id, 2, True)]


def test_a_lifted_hold_stays_lifted(world: World) -> None:
    (person,) = world.enrol(1)
    laid = held(person)
    tell(world.database, laid)
    lifted = dataclasses.replace(
        laid, hold=laid.hold._replace(is_lifted=True, version=2), attestation=b"lifted"
    )
    tell(world.database, lifted)
    tell(world.database, laid)
    assert holds(world.database) == {laid.hold.hold_id: (person, True, b"lifted")}


def test_a_gap_stores_nothing(world: World) -> None:
    (person,) = world.enrol(1)
    with pytest.raises(InvariantError):
        tell(world.database, head_sequence=3)
    assert stored(world.database) == []
    assert not tell(world.database, care(person), head_sequence=3).is_current


@pytest.mark.parametrize("is_told_first", [True, False])
def test_registrations_are_of_who_stands_in_the_place_of_a_merged_person(
    world: World, is_told_first: bool
) -> None:
    old, middle, new = world.enrol(3)
    told, laid = care(old), held(old)
    if is_told_first:
        tell(world.database, told, laid)
    world.merge(old, middle)
    if not is_told_first:
        tell(world.database, told, laid)
    world.merge(middle, new)
    assert stored(world.database) == [(new, told.registration_id, 1, False)]
    # Offsite still knows it as the first one's.
    tell(world.database, told._replace(version=2, is_void=True))
    assert stored(world.database) == [(new, told.registration_id, 2, True)]
    assert holds(world.database)[laid.hold.hold_id][0] == new


def test_a_registration_that_both_records_show_is_kept_once(world: World) -> None:
    old, new = world.enrol(2)
    told = care(new, version=3)
    tell(world.database, told)
    attest(world.database, old, told.registration_id, version=2)
    world.merge(old, new)
    assert stored(world.database) == [(new, told.registration_id, 3, False)]


def attest(database: Database, person_id: str, registration_id: str, *, version: int) -> None:
    """Stores a registration as an attestation shows it."""
    values = {
        **{"region": REGION, "person_id": person_id, "registration_id": registration_id},
        **{"category": 2, "treatment_region": "310000", "terms": "long_term", "benefits": "[1]"},
        **{"start_date": FIRST_DAY, "is_void": False, "origin": 1},
        **{"version": version, "reading": 0},
    }
    with database.write() as connection:
        connection.execute(sa.insert(registered_care).values(values))


def test_what_an_attestation_showed_is_told_by_the_feed_later_and_never_goes_back(
    world: World,
) -> None:
    (person,) = world.enrol(1)
    told = care(person)
    attest(world.database, person, told.registration_id, version=2)
    tell(world.database, told)
    assert stored(world.database) == [(person, told.registration_id, 2, False)]
    tell(world.database, told._replace(version=3, is_void=True))
    assert stored(world.database) == [(person, told.registration_id, 3, True)]


def test_a_restored_offsite_ends_what_it_attested_before_it_was_restored(world: World) -> None:
    (person,) = world.enrol(1)
    told = care(person)
    tell(world.database, care(person))
    # Changed and attested after the backup, and never told before offsite was lost.
    attest(world.database, person, told.registration_id, version=5)
    tell(world.database, told, epoch="two", head_sequence=2)
    assert (person, told.registration_id, 1, False) in stored(world.database)
    # It counts on from there, below the version that was lost.
    tell(world.database, told._replace(version=2, is_void=True), epoch="two")
    assert stored(world.database) == [(person, told.registration_id, 2, True)]


def test_another_feed_is_read_anew_and_what_it_does_not_tell_is_forgotten(world: World) -> None:
    (person,) = world.enrol(1)
    kept, gone = care(person, version=5), care(person, version=6)
    tell(world.database, kept, gone, held(person))
    shown = new_id()
    attest(world.database, person, shown, version=9)
    # As it stood when the backup was made.
    begun = tell(world.database, kept._replace(version=4), epoch="two", head_sequence=2)
    assert begun.gone is None
    # What was known serves on meanwhile.
    assert [each[2] for each in stored(world.database)] == [4, 6, 9]
    other = care(person, version=1)
    ended = tell(world.database, other, epoch="two")
    assert ended.gone == OffsiteGone(registrations=1, holds=1)
    assert [each[1] for each in stored(world.database)] == [
        *(other.registration_id, kept.registration_id, shown),
    ]
    assert holds(world.database) == {}


def deem(world: World, person_id: str) -> str:
    """Stores an emergency that counts as registered, and returns its visit."""
    visit_id = new_id()
    values = {
        **{"region": REGION, "visit_id": visit_id, "person_id": person_id},
        **{"institution_id": "H31000000001", "treatment_region": "310000"},
        **{"start_date": FIRST_DAY, "create_time": system_clock()},
    }
    with world.database.write() as connection:
        connection.execute(sa.insert(deemed_registration).values(values))
    return visit_id


def test_a_restored_offsite_is_told_again_of_the_emergencies_that_it_lost(world: World) -> None:
    old, person = world.enrol(2)
    kept, lost, untold_yet = (deem(world, each) for each in (old, person, person))
    put = {kept: care(old, origin=4), lost: care(person, origin=4)}
    tell(world.database, *put.values())
    for visit_id, each in put.items():
        note_told(
            *(world.database, REGION, visit_id),
            registration_id=each.registration_id,
            at=system_clock(),
        )
    # What is kept is known of whoever stands in the person's place.
    world.merge(old, world.enrol(1)[0])
    ended = tell(world.database, put[kept], epoch="two", head_sequence=1)
    assert ended.gone == OffsiteGone(registrations=1, holds=0, emergencies=1)
    waiting = untold(world.database, REGION, after=None, limit=10)
    assert {each.visit_id for each in waiting} == {lost, untold_yet}
