"""Medical-history files in the database: sealed, versioned, read on record, merged (O-10)."""

import dataclasses
import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from support.databases import Databases, as_owner
from support.medical_desk import (
    LI,
    OTHER_REGION,
    REGION,
    WANG,
    MedicalDesk,
    contents,
    keep_papers,
    keep_persons,
    person,
    stored_desk,
)

from yibao_common.db.audit_chain import check_chain
from yibao_common.db.database import Database
from yibao_common.keys.vault import SealError
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_offsite.application.medical_history import end_files
from yibao_offsite.rules.medical_history import History
from yibao_offsite.rules.person import KnownPerson
from yibao_offsite.storage import tables

PERSON = new_id()


@pytest.fixture
def database(databases: Databases) -> Database:
    return databases.open("yibao_offsite")


@pytest.fixture
def desk(database: Database) -> MedicalDesk:
    return stored_desk(database)


def refusal_of(act: object, *args: object, **kwargs: object) -> RuleError:
    with pytest.raises(RuleError) as refused:
        act(*args, **kwargs)  # type: ignore[operator]
    return refused.value


def read_versions(desk: MedicalDesk, person_id: str) -> list[tuple[str, int]]:
    histories, _ = desk.read(person_id)
    return [(each.person_id, each.version) for each in histories]


def test_versions_are_added_and_each_stays_as_it_was(desk: MedicalDesk) -> None:
    """O-10: the file is versioned."""
    first = desk.record(PERSON)
    second = desk.record(PERSON, base=1, by=LI, told=contents("陈旧性心肌梗死"))
    assert (first.version, second.version) == (1, 2)
    assert desk.read(PERSON)[0] == [second]
    assert desk.read(PERSON, version=1)[0] == [first]
    assert refusal_of(desk.read, PERSON, version=3).reason is Reason.HISTORY_VERSION_NOT_FOUND


def test_a_version_is_verified_by_a_second_operator(desk: MedicalDesk) -> None:
    """O-10: verified by whom."""
    desk.record(PERSON)
    assert refusal_of(desk.verify, PERSON, 1, by=WANG).reason is Reason.SAME_MAKER_AND_CHECKER
    assert refusal_of(desk.verify, PERSON, 2).reason is Reason.HISTORY_VERSION_NOT_FOUND
    verified = desk.verify(PERSON, 1)
    assert desk.read(PERSON)[0] == [verified]
    assert refusal_of(desk.verify, PERSON, 1).reason is Reason.HISTORY_VERSION_STATE
    # What comes after it is verified anew.
    desk.record(PERSON, base=1)
    ((newest,), _) = desk.read(PERSON)
    assert newest.verified_by is None


def test_what_a_file_tells_is_stored_sealed(desk: MedicalDesk, database: Database) -> None:
    """O-10: encrypted at rest, in answers too."""
    desk.record(PERSON)
    desk.read(PERSON, note="张三本人要求")
    with database.read() as connection:
        row = connection.execute(sa.select(tables.histories.version)).one()
        reading = connection.execute(sa.select(tables.histories.reading)).one()
        answers = connection.execute(sa.select(tables.answer)).all()
    for stored in (row.sealed_contents, reading.sealed_note, *(each.response for each in answers)):
        for told in ("三支病变", "I25", "张三", "told"):
            assert told.encode() not in bytes(stored)


def test_a_version_that_was_put_in_anothers_place_does_not_open(
    desk: MedicalDesk, database: Database
) -> None:
    other = new_id()
    desk.record(PERSON)
    desk.record(other, told=contents("健康"))
    table = tables.histories.version
    with as_owner(database) as connection:
        query = sa.select(table.c.sealed_contents).where(table.c.person_id == PERSON)
        moved = connection.execute(query).scalar_one()
        connection.execute(
            sa.update(table).where(table.c.person_id == other).values(sealed_contents=moved)
        )
    with pytest.raises(SealError):
        desk.read(other)


def test_each_reading_is_stored_and_on_record_before_it_is_answered(
    desk: MedicalDesk, database: Database
) -> None:
    """O-10: restricted reading with a purpose."""
    _, without = desk.read(PERSON)
    desk.record(PERSON)
    _, reading = desk.read(PERSON, by=LI, note="转院审核")
    found = desk.histories.readings(REGION, PERSON, after_id="", limit=10)
    assert found == [without, reading]
    assert [(each.version, each.read_by) for each in found] == [(0, WANG), (1, LI)]
    assert [each.note for each in found] == ["", "转院审核"]
    with database.read() as connection:
        event = tables.audit.event
        told = connection.execute(sa.select(event).order_by(event.c.sequence.desc())).first()
        assert check_chain(connection, tables.audit, REGION) is None
    assert told is not None
    assert (told.method, told.caller) == ("GetMedicalHistory", LI)
    assert told.detail == "purpose=PRE_EVALUATION version=1"
    assert told.subject_ids == f"{PERSON},{reading.reading_id}"
    assert desk.histories.readings(REGION, PERSON, after_id=without.reading_id, limit=10) == [
        reading
    ]


def test_another_region_reads_nothing_of_a_file(desk: MedicalDesk, database: Database) -> None:
    desk.record(PERSON)
    elsewhere = stored_desk(database, region=OTHER_REGION)
    histories, reading = elsewhere.read(PERSON)
    assert (histories, reading.version) == ([], 0)
    assert desk.histories.readings(REGION, PERSON, after_id="", limit=10) == []
    assert refusal_of(elsewhere.verify, PERSON, 1).reason is Reason.HISTORY_VERSION_NOT_FOUND


def test_files_of_merged_records_are_read_together(desk: MedicalDesk) -> None:
    survivor = person()
    duplicate = dataclasses.replace(person(), merged_into=survivor.person_id)
    of_duplicate = dataclasses.replace(person(), merged_into=duplicate.person_id)
    stranger = person()
    persons = (survivor, duplicate, of_duplicate, stranger)
    keep_persons(desk, *(dataclasses.replace(each, merged_into=None) for each in persons))
    for each in persons:
        desk.record(each.person_id)
    keep_persons(desk, *persons)
    same = sorted((each.person_id, 1) for each in (survivor, duplicate, of_duplicate))
    for each in (survivor, duplicate, of_duplicate):
        found = read_versions(desk, each.person_id)
        assert found[0] == (each.person_id, 1)
        assert sorted(found) == same
    refused = refusal_of(desk.record, duplicate.person_id, base=1)
    assert refused.reason is Reason.PERSON_MERGED
    assert refused.metadata["merged_into"] == survivor.person_id
    assert desk.record(survivor.person_id, base=1).version == 2


def test_whom_identity_does_not_know_has_no_file(desk: MedicalDesk, database: Database) -> None:
    """Where identity is followed; where it is not, nobody is refused for it."""
    desk.record(PERSON)
    with database.write() as connection:
        position = {"region": REGION, "sequence": 1, "epoch": new_id(), "head_sequence": 1}
        connection.execute(
            sa.insert(tables.person_feed_position).values(
                **position, head_mark="m", reading=1, read_time=desk.now
            )
        )
    assert refusal_of(desk.record, PERSON, base=1).reason is Reason.PERSON_NOT_FOUND
    assert refusal_of(desk.read, PERSON).reason is Reason.PERSON_NOT_FOUND


def test_an_entry_names_papers_of_the_person_alone(desk: MedicalDesk, database: Database) -> None:
    (own,) = keep_papers(database, PERSON, "discharge_record")
    (other,) = keep_papers(database, new_id(), "discharge_record")
    for material_id, reason in (
        (other, Reason.MATERIAL_NOT_FITTING),
        (new_id(), Reason.MATERIAL_NOT_FOUND),
    ):
        refused = refusal_of(desk.record, PERSON, told=contents(material_id=material_id))
        assert refused.reason is reason
    assert desk.record(PERSON, told=contents(material_id=own)).version == 1
    with database.read() as connection:
        used = connection.execute(sa.select(tables.materials.use)).one()
    assert (used.material_id, used.owner_id) == (own, PERSON)


def test_a_paper_of_a_merged_record_shows_what_the_person_had(
    desk: MedicalDesk, database: Database
) -> None:
    survivor = person()
    duplicate = dataclasses.replace(person(), merged_into=survivor.person_id)
    keep_persons(desk, survivor, duplicate)
    (paper,) = keep_papers(database, duplicate.person_id, "discharge_record")
    assert desk.record(survivor.person_id, told=contents(material_id=paper)).version == 1


def test_of_two_versions_written_upon_the_same_one_is_stored(desk: MedicalDesk) -> None:
    desk.record(PERSON)

    def write(by: str) -> History | RuleError:
        try:
            return desk.record(PERSON, base=1, by=by)
        except RuleError as refused:
            return refused

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(write, (WANG, LI)))
    (stored,) = [each for each in found if isinstance(each, History)]
    (refused,) = [each for each in found if isinstance(each, RuleError)]
    assert refused.reason is Reason.HISTORY_VERSION_STATE
    assert refused.metadata["newest_version"] == "2"
    assert desk.read(PERSON)[0] == [stored]


def test_the_papers_of_files_are_kept_for_their_years_from_the_persons_death(
    desk: MedicalDesk, database: Database
) -> None:
    survivor, death = person(), dt.date(2026, 12, 1)
    retired = dataclasses.replace(person(), merged_into=survivor.person_id)
    other = person()
    keep_persons(desk, survivor, other, dataclasses.replace(retired, merged_into=None))
    papers = {}
    for each in (retired, survivor, other):
        (papers[each.person_id],) = keep_papers(database, each.person_id, "medical_record")
        desk.record(each.person_id, told=contents(material_id=papers[each.person_id]))
    dead = dataclasses.replace(survivor, death_date=death)

    def ends(*told: KnownPerson) -> dict[str, dt.date | None]:
        keep_persons(desk, *told)
        desk.transactions.change(REGION, lambda work: end_files(work, told))
        use = tables.materials.use.c
        with database.read() as connection:
            rows = connection.execute(sa.select(use.owner_id, use.end_date)).all()
        return {owner_id: end_date for owner_id, end_date in rows}

    alive = dict.fromkeys(papers)
    assert ends(retired, survivor, other) == alive
    # The merged record's file is read with the survivor's.
    assert ends(dead, other) == alive | {survivor.person_id: death, retired.person_id: death}
    assert ends(retired) == alive | {survivor.person_id: death, retired.person_id: death}
    (late,) = keep_papers(database, survivor.person_id, "medical_record")
    desk.record(survivor.person_id, base=1, told=contents(material_id=late))
    assert ends()[survivor.person_id] == death
    # A death that was told by mistake.
    assert ends(survivor)[survivor.person_id] is None
    # And so of the record that goes on with it, whatever was told of that one before.
    ends(dead)
    assert ends(survivor) == alive
    assert ends(dataclasses.replace(retired, death_date=death)) == alive
    last = dataclasses.replace(person(), death_date=dt.date(2026, 11, 30))
    keep_persons(desk, last)
    # Merged into who was dead already, and is not told again.
    retired_into_last = dataclasses.replace(survivor, merged_into=last.person_id)
    by_death = dict.fromkeys((survivor.person_id, retired.person_id), last.death_date)
    assert ends(retired_into_last) == alive | by_death
