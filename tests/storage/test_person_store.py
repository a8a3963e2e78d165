"""Persons in the database: registered once, corrected with history, looked up on record."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.identity_world import citizen_number
from support.person_stores import MAKER, REGION, AuditRow, PersonWorld

from yibao_common.values.citizen_number import Gender
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_identity.application.holder import lock_persons
from yibao_identity.rules.document import ShownDocument
from yibao_identity.storage import tables
from yibao_identity.storage.holder import StoredHolders

NUMBER = citizen_number(123)
OTHER_NUMBER = citizen_number(124)


@pytest.fixture
def world(databases: Databases) -> PersonWorld:
    return PersonWorld(databases.open("yibao_identity"))


def stored(world: PersonWorld, person_id: str) -> sa.Row[tuple[object, ...]]:
    with world.database.read() as connection:
        query = sa.select(tables.person).where(tables.person.c.person_id == person_id)
        return connection.execute(query).one()


# --- Registering.


def test_a_registered_person_is_read_back_whole(world: PersonWorld) -> None:
    """I-28: number, name and gender are stored, keyed by the citizen number."""
    made = world.register(NUMBER, end_date=dt.date(2026, 12, 31), employer_code="E1")
    assert (made.person.certificate_number, made.person.person_name) == (NUMBER, "张三")
    assert made.enrolments[0].end_date == dt.date(2026, 12, 31)
    assert made.enrolments[0].employer_code == "E1"
    assert world.persons.find(REGION, made.person.person_id) == made
    assert world.feed() == [made.person.person_id]


def test_number_and_name_are_stored_sealed_only(world: PersonWorld) -> None:
    row = stored(world, world.register(NUMBER).person.person_id)
    assert NUMBER.encode() not in b"".join(each for each in row if isinstance(each, bytes))
    assert NUMBER not in str(row)
    assert "张三" not in str(row)


def test_a_number_is_registered_once_however_it_is_typed(world: PersonWorld) -> None:
    """I-28."""
    number = next(each for each in map(citizen_number, range(1_000)) if each.endswith("X"))
    known = world.register(number).person.person_id
    before = world.everything()
    with pytest.raises(RuleError) as caught:
        world.register(f"{number[:6]} {number[6:].lower()}")
    assert caught.value.reason is Reason.PERSON_EXISTS
    assert caught.value.metadata == {"person_id": known}
    assert world.everything() == before


def test_a_repeated_request_registers_nobody_again(world: PersonWorld) -> None:
    request = world.asked("RegisterPerson")
    made = world.register(NUMBER, request=request)
    before = world.everything()
    assert world.register(NUMBER, request=request) == made
    assert world.everything() == before


def test_the_same_person_registered_by_many_at_once_is_registered_once(
    world: PersonWorld,
) -> None:
    def register(_number: int) -> str:
        try:
            return world.register(NUMBER).person.person_id
        except RuleError as refusal:
            return refusal.reason.name

    with ThreadPoolExecutor(4) as threads:
        outcomes = list(threads.map(register, range(4)))
    assert outcomes.count("PERSON_EXISTS") == 3
    assert world.count(tables.person) == 1
    assert len(world.feed()) == 1


# --- Newborns.


def test_a_newborn_is_linked_to_its_parent_and_named_after_it(world: PersonWorld) -> None:
    """T-16 to T-18."""
    parent = world.register(name="李芳").person.person_id
    born = world.newborn(parent)
    assert born.person.parent_id == parent
    assert (born.person.person_name, born.person.gender) == ("李芳之女", Gender.FEMALE)
    assert born.enrolments[0].is_premium_pending
    assert world.persons.find(REGION, born.person.person_id) == born
    assert world.audit()[-1] == AuditRow(
        "RegisterNewborn",
        MAKER,
        (born.person.person_id, parent),
        "OK",
        "enrol_date=2026-10-20",
    )


def test_a_newborn_gets_its_citizen_number_later(world: PersonWorld) -> None:
    born = world.newborn(world.person_id()).person.person_id
    number = citizen_number(456, birth="20261001")
    updated = world.update(born, name="李小芳", document=ShownDocument("01", number)).person
    assert (updated.certificate_type, updated.person_name) == ("01", "李小芳")
    assert updated.parent_id is not None
    found = world.search("01", number)
    assert found is not None
    assert found.person == updated
    assert world.search("990201", "A123456789") is None


def test_a_newborns_number_is_of_somebody_born_after_the_parent(world: PersonWorld) -> None:
    """I-28: whichever record the parent has today; T-16: and of a newborn all the same."""
    parent = world.register(citizen_number(1, birth="19900307")).person.person_id
    born = world.newborn(parent).person.person_id
    world.merge(parent, world.register(citizen_number(2, birth="19910307")).person.person_id)
    for birth, reason in (
        ("19900308", Reason.CITIZEN_NUMBER_INVALID),
        ("19910307", Reason.CITIZEN_NUMBER_INVALID),
        ("19910308", Reason.NEWBORN_ENROLMENT_LATE),
    ):
        older = ShownDocument("01", citizen_number(456, birth=birth))
        with pytest.raises(RuleError) as caught:
            world.update(born, document=older)
        assert caught.value.reason is reason


@pytest.mark.parametrize("is_merged", [False, True])
def test_a_newborns_parent_is_registered_and_in_use(world: PersonWorld, is_merged: bool) -> None:
    parent, reason = new_id(), Reason.PERSON_NOT_FOUND
    if is_merged:
        parent, reason = world.person_id(), Reason.PERSON_MERGED
        world.merge(parent, world.person_id())
    before = world.everything()
    with pytest.raises(RuleError) as caught:
        world.newborn(parent)
    assert caught.value.reason is reason
    assert world.everything() == before


def test_one_birth_certificate_is_of_one_newborn(world: PersonWorld) -> None:
    """T-17."""
    parent = world.person_id()
    born = world.newborn(parent).person.person_id
    with pytest.raises(RuleError) as caught:
        world.newborn(parent, number="a123456789")
    assert caught.value.reason is Reason.PERSON_EXISTS
    assert caught.value.metadata == {"person_id": born}


# --- Correcting.


def test_what_stood_before_a_correction_is_kept_sealed(world: PersonWorld) -> None:
    person_id = world.register(NUMBER).person.person_id
    before = stored(world, person_id)
    world.update(person_id, name="李四")
    world.update(person_id, document=ShownDocument("01", OTHER_NUMBER))
    with world.database.read() as connection:
        former = connection.execute(
            sa.select(tables.former_person).order_by(tables.former_person.c.revision)
        ).all()
    assert [row.revision for row in former] == [1, 2]
    assert former[0].sealed_name == before.sealed_name
    assert former[0].number_hash == before.number_hash
    place = f"{REGION}/person/{person_id}/name"
    names = [world.vault.open(bytes(row.sealed_name), place=place).decode() for row in former]
    assert names == ["张三", "李四"]
    found = world.persons.find(REGION, person_id)
    assert found is not None
    assert (found.person.person_name, found.person.certificate_number) == ("李四", OTHER_NUMBER)


def test_settlement_is_told_of_what_it_knows_and_was_corrected_alone(world: PersonWorld) -> None:
    person_id = world.register(NUMBER).person.person_id
    assert len(world.feed()) == 1
    # Masked, the name is the same; and so is what the number says.
    world.update(person_id, name="张四")
    world.update(person_id, document=ShownDocument("01", citizen_number(125)))
    assert len(world.feed()) == 1
    world.update(person_id, name="李四")
    assert world.feed(after=1) == [person_id]
    world.update(person_id, document=ShownDocument("01", OTHER_NUMBER))
    assert world.feed(after=2) == [person_id]
    number = citizen_number(124, birth="19900308")
    world.update(person_id, document=ShownDocument("01", number))
    assert world.feed(after=3) == [person_id]
    (change,) = world.changes(REGION, after_sequence=3, limit=10)
    standing = change.standing
    assert (standing.birth_date, standing.gender) == (dt.date(1990, 3, 8), Gender.FEMALE)
    assert standing.person_name_masked == "李*"


def test_a_document_of_another_person_is_not_taken_over(world: PersonWorld) -> None:
    other = world.register(NUMBER).person.person_id
    person_id = world.register(OTHER_NUMBER).person.person_id
    before = world.everything()
    with pytest.raises(RuleError) as caught:
        world.update(person_id, document=ShownDocument("01", NUMBER))
    assert caught.value.reason is Reason.PERSON_EXISTS
    assert caught.value.metadata == {"person_id": other}
    assert world.everything() == before


def test_the_own_document_may_be_given_again(world: PersonWorld) -> None:
    person_id = world.register(NUMBER).person.person_id
    assert world.update(person_id, document=ShownDocument("01", NUMBER)).person.person_id


def test_a_merged_record_is_corrected_no_more(world: PersonWorld) -> None:
    retired, surviving = world.person_id(), world.person_id()
    world.merge(retired, surviving)
    with pytest.raises(RuleError) as caught:
        world.update(retired, name="李四")
    assert caught.value.reason is Reason.PERSON_MERGED
    assert caught.value.metadata == {"person_id": retired, "merged_into": surviving}


def test_the_audit_names_what_was_corrected_and_no_value(world: PersonWorld) -> None:
    person_id = world.register(NUMBER).person.person_id
    world.update(person_id, name="李四", document=ShownDocument("01", OTHER_NUMBER))
    row = world.audit()[-1]
    assert (row.method, row.subject_ids) == ("UpdatePerson", (person_id,))
    assert "changed=certificate_number%2Cperson_name%2Cgender" in row.detail.replace(",", "%2C")
    assert OTHER_NUMBER not in row.detail
    assert "李四" not in row.detail


# --- Looking up.


def test_every_look_up_is_on_record_whether_it_finds_anybody_or_not(world: PersonWorld) -> None:
    person_id = world.register(NUMBER).person.person_id
    assert world.search("01", NUMBER) is not None
    assert world.search("01", OTHER_NUMBER) is None
    assert world.search("08", "E12345678") is None
    assert world.audit()[1:] == [
        AuditRow("SearchPersons", MAKER, (person_id,), "OK", "found=1"),
        AuditRow("SearchPersons", MAKER, (), "OK", "found=0"),
        AuditRow("SearchPersons", MAKER, (), "OK", "found=0"),
    ]


def test_a_number_that_cannot_be_is_not_looked_up(world: PersonWorld) -> None:
    with pytest.raises(RuleError) as caught:
        world.search("01", NUMBER[:-1] + ("0" if NUMBER[-1] != "0" else "1"))
    assert caught.value.reason is Reason.CITIZEN_NUMBER_INVALID
    assert [fault.field for fault in caught.value.faults] == ["document.certificate_number"]
    assert world.audit() == []


def test_of_a_duplicate_the_record_that_took_its_place_is_found(world: PersonWorld) -> None:
    first = world.register(NUMBER).person.person_id
    second, third = world.person_id(), world.person_id()
    world.merge(first, second)
    world.merge(second, third)
    found = world.search("01", NUMBER)
    assert found is not None
    assert found.person.person_id == third
    with pytest.raises(RuleError) as caught:
        world.register(NUMBER)
    assert caught.value.metadata == {"person_id": third}


def test_taking_over_a_document_locks_the_lower_id_first(world: PersonWorld) -> None:
    """As every command does, so that two about the same persons never wait for each other."""
    retired = world.register(NUMBER).person.person_id
    surviving = world.person_id()
    assert retired < surviving
    world.merge(retired, surviving)
    document = ShownDocument("01", NUMBER)
    with ThreadPoolExecutor(1) as thread:
        with world.database.write() as connection:
            lock_persons(StoredHolders(connection, REGION, world.vault), [retired])
            update = thread.submit(world.update, surviving, document=document)
            # The update has come as far as it can; only now it must hold nothing else.
            assert not wait([update], timeout=0.5).done
            row = sa.select(tables.person.c.person_id).where(tables.person.c.person_id == surviving)
            assert connection.execute(row.with_for_update(nowait=True)).scalar_one() == surviving
        assert update.result().person.certificate_number == NUMBER


def test_the_document_of_a_duplicate_may_become_that_of_the_survivor(world: PersonWorld) -> None:
    """Who was first registered by a passport is one person with the citizen number (I-28)."""
    retired = world.register(NUMBER).person.person_id
    surviving = world.person_id()
    world.merge(retired, surviving)
    updated = world.update(surviving, document=ShownDocument("01", NUMBER)).person
    assert updated.certificate_number == NUMBER
    found = world.search("01", NUMBER)
    assert found is not None
    assert found.person.person_id == surviving
    former = world.persons.find(REGION, retired)
    assert former is not None
    assert former.person.certificate_number == NUMBER
    with pytest.raises(RuleError) as caught:
        world.register(NUMBER)
    assert caught.value.metadata == {"person_id": surviving}
