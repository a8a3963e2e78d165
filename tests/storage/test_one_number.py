"""One human is one person: an 18-digit number is one key, whichever document shows it."""

import datetime as dt
import functools
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.identity_world import checked_number, citizen_number, make_identity_files
from support.person_stores import REGION, PersonWorld
from support.refusals import reason_of

from yibao_cli.doctor.persons import examine_persons
from yibao_common.values.citizen_number import Gender
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.application.holder import check_shown_document
from yibao_identity.application.person.numbers import Moved, PersonNumbers, SharedNumber
from yibao_identity.keys import open_vault
from yibao_identity.rules.document import ShownDocument
from yibao_identity.storage import tables

NUMBER = citizen_number(7)
RESIDENT = ShownDocument("01", NUMBER)
SHORT = NUMBER[:6] + NUMBER[8:17]
# The same number in a disability certificate, in others, and written in groups.
SHOWN_BY = [
    RESIDENT,
    ShownDocument("09", f"{NUMBER}43"),
    ShownDocument("99", NUMBER),
    ShownDocument("99", f"{NUMBER}43"),
    ShownDocument("10", f"{NUMBER[:6]}-{NUMBER[6:14]}-{NUMBER[14:]}"),
    ShownDocument("02", NUMBER),
    ShownDocument("03", NUMBER),
    ShownDocument("09", f"{NUMBER}00"),
]
# With characters that some write before it, or behind.
SHOWN_WITHIN = [
    ShownDocument("99", f"A{NUMBER}"),
    ShownDocument("15", f"NO-{NUMBER}43-B"),
    ShownDocument("02", f"军{NUMBER}"),
    ShownDocument("03", f"武字{NUMBER}"),
    # With more digits around it, and as it was before it had eighteen.
    ShownDocument("99", f"A9{NUMBER}"),
    ShownDocument("99", f"A{NUMBER}430"),
    ShownDocument("10", f"1{NUMBER}1"),
    ShownDocument("99", SHORT),
    ShownDocument("12", f"NO-{SHORT[:6]}-{SHORT[6:]}"),
    ShownDocument("02", f"军{SHORT}"),
    ShownDocument("08", SHORT),
]
PERMIT = checked_number("81000019900307123")
FOREIGN = checked_number("91184019900307123")
BIRTH = dt.date(1990, 3, 7)


@pytest.fixture
def world(databases: Databases) -> PersonWorld:
    return PersonWorld(databases.open("yibao_identity"))


def register(world: PersonWorld, document: ShownDocument) -> str:
    """Registers a person with a document; returns the id."""
    number, certificate_type = document.certificate_number, document.certificate_type
    facts: dict[str, Any] = {"birth_date": BIRTH, "gender": Gender.MALE}
    if certificate_type in ("01", "09", "17"):
        facts = {}
    enrolled = world.register(number, certificate_type=certificate_type, **facts)
    return enrolled.person.person_id


def of_before(world: PersonWorld, document: ShownDocument) -> str:
    """Registers a person who is found by the type as well, as before; returns the id."""
    person_id = register(world, document)
    hashed = world.vault.number_hash(document.certificate_type, document.certificate_number)
    with world.database.write() as connection:
        connection.execute(
            sa.update(tables.person)
            .where(tables.person.c.person_id == person_id)
            .values(number_hash=hashed)
        )
    return person_id


def shows(world: PersonWorld, person_id: str, document: ShownDocument) -> bool:
    """Tells whether a counter takes the document for the person's."""
    with world.transactions.read(REGION) as work:
        try:
            check_shown_document(work.holders, document, person_id)
        except RuleError:
            return False
    return True


@pytest.mark.parametrize("again", SHOWN_BY)
@pytest.mark.parametrize("first", SHOWN_BY)
def test_a_number_is_registered_once(
    world: PersonWorld, first: ShownDocument, again: ShownDocument
) -> None:
    """I-28: two records would take two deductibles."""
    person_id = register(world, first)
    with pytest.raises(RuleError) as caught:
        register(world, again)
    assert caught.value.reason is Reason.PERSON_EXISTS
    assert caught.value.metadata == {"person_id": person_id}
    assert shows(world, person_id, again)


@pytest.mark.parametrize("within", SHOWN_WITHIN)
def test_a_number_among_other_characters_is_registered_once(
    world: PersonWorld, within: ShownDocument
) -> None:
    """I-28: also where records of before were stored under what stands around it."""
    person_id = of_before(world, within)
    numbers = PersonNumbers(world.transactions)
    assert numbers.move(REGION) == Moved(moved=1, left=0)
    assert reason_of(lambda: register(world, RESIDENT)) is Reason.PERSON_EXISTS
    assert reason_of(lambda: register(world, within)) is Reason.PERSON_EXISTS
    assert shows(world, person_id, RESIDENT)
    # Digits in a row that are no such number are part of their own document.
    wrong = NUMBER[:-1] + ("1" if NUMBER[-1] == "0" else "0")
    for number in (f"A{wrong}", f"9{wrong}", SHORT[:6] + "991399" + SHORT[12:], f"1{SHORT}"):
        register(world, ShownDocument("99", number))
        assert not shows(world, person_id, ShownDocument("99", number))


@pytest.mark.parametrize(
    ("certificate_type", "number"), [("17", PERMIT), ("07", FOREIGN)], ids=["permit", "foreigner"]
)
def test_numbers_of_permits_are_registered_once_too(
    world: PersonWorld, certificate_type: str, number: str
) -> None:
    """I-28: Hong Kong, Macao and Taiwan residents' permits, and foreigners' cards."""
    person_id = register(world, ShownDocument(certificate_type, number))
    assert reason_of(lambda: register(world, ShownDocument("99", number))) is Reason.PERSON_EXISTS
    other = world.person_id()
    taken = ShownDocument("99", number)
    assert reason_of(lambda: world.update(other, document=taken)) is Reason.PERSON_EXISTS
    assert world.search("99", number) is not None
    assert shows(world, person_id, taken)


def test_a_correction_does_not_take_the_number_of_another(world: PersonWorld) -> None:
    """I-28."""
    person_id, other = register(world, RESIDENT), world.person_id()
    for document in SHOWN_BY:
        update = functools.partial(world.update, other, document=document)
        assert reason_of(update) is Reason.PERSON_EXISTS
    assert world.update(person_id, document=SHOWN_BY[2]).person.certificate_type == "99"
    assert world.update(person_id, document=RESIDENT).person.certificate_type == "01"


def test_records_of_before_are_moved_to_their_numbers(world: PersonWorld) -> None:
    """I-28: after the move a number that another type registered is known."""
    person_id = of_before(world, SHOWN_BY[2])
    passport = of_before(world, ShownDocument("99", "X-1"))
    numbers = PersonNumbers(world.transactions)
    assert numbers.move(REGION) == Moved(moved=1, left=0)
    assert numbers.move(REGION) == Moved(moved=0, left=0)
    assert numbers.shared(REGION) == []
    assert reason_of(lambda: register(world, RESIDENT)) is Reason.PERSON_EXISTS
    assert shows(world, person_id, RESIDENT)
    assert shows(world, passport, ShownDocument("99", "X-1"))


def test_a_record_of_before_that_was_merged_leads_to_the_record_that_stays(
    world: PersonWorld,
) -> None:
    """I-28: otherwise its number would be registered again, and be another person."""
    survivor, former = world.person_id(), of_before(world, SHOWN_BY[2])
    world.merge(former, survivor)
    numbers = PersonNumbers(world.transactions)
    assert numbers.move(REGION) == Moved(moved=1, left=0)
    assert numbers.move(REGION) == Moved(moved=0, left=0)
    assert numbers.shared(REGION) == []
    for document in (RESIDENT, SHOWN_BY[2]):
        found = world.search(document.certificate_type, document.certificate_number)
        assert found is not None
        assert found.person.person_id == survivor
        with pytest.raises(RuleError) as caught:
            register(world, document)
        assert caught.value.metadata == {"person_id": survivor}
    # The record that stays may take the number over.
    assert world.update(survivor, document=RESIDENT).person.certificate_number == NUMBER


def test_a_record_that_stayed_before_is_found_by_the_number_itself(world: PersonWorld) -> None:
    """I-28: merged when the type counted, it was found by its own document alone."""
    survivor, duplicate = of_before(world, SHOWN_BY[2]), register(world, RESIDENT)
    with world.database.write() as connection:
        connection.execute(
            sa.update(tables.person)
            .where(tables.person.c.person_id == duplicate)
            .values(merged_into=survivor)
        )
    numbers = PersonNumbers(world.transactions)
    assert numbers.move(REGION) == Moved(moved=1, left=0)
    assert numbers.move(REGION) == Moved(moved=0, left=0)
    for document in (RESIDENT, SHOWN_BY[2]):
        assert shows(world, survivor, document)
        found = world.search(document.certificate_type, document.certificate_number)
        assert found is not None
        assert found.person.person_id == survivor


def test_a_number_of_a_merged_record_of_before_may_be_anothers(world: PersonWorld) -> None:
    """I-28: whoever was registered with it since is told of, and the two are merged."""
    survivor, former = world.person_id(), of_before(world, SHOWN_BY[2])
    world.merge(former, survivor)
    present = register(world, RESIDENT)
    numbers = PersonNumbers(world.transactions)
    assert numbers.move(REGION) == Moved(moved=0, left=1)
    assert numbers.shared(REGION) == [SharedNumber(survivor, present)]
    world.merge(survivor, present)
    assert numbers.shared(REGION) == []
    assert numbers.move(REGION) == Moved(moved=1, left=0)
    found = world.search("99", NUMBER)
    assert found is not None
    assert found.person.person_id == present


@pytest.mark.parametrize("survivor_is_of_before", [False, True])
def test_two_records_of_one_number_are_found_and_merged(
    world: PersonWorld, survivor_is_of_before: bool
) -> None:
    """I-28: the record that stays is found by the number, and no other is left."""
    former = of_before(world, SHOWN_BY[2])
    present = register(world, RESIDENT)
    numbers = PersonNumbers(world.transactions)
    assert numbers.move(REGION) == Moved(moved=0, left=1)
    assert numbers.shared(REGION) == [SharedNumber(former, present)]
    retired, surviving = (present, former) if survivor_is_of_before else (former, present)
    world.merge(retired, surviving)
    assert numbers.shared(REGION) == []
    assert numbers.move(REGION) == Moved(moved=0, left=0)
    found = world.search("99", NUMBER)
    assert found is not None
    assert found.person.person_id == surviving
    assert shows(world, surviving, RESIDENT)
    with pytest.raises(RuleError) as caught:
        register(world, SHOWN_BY[1])
    assert caught.value.metadata == {"person_id": surviving}


def test_the_doctor_names_two_records_of_one_number(databases: Databases, tmp_path: Path) -> None:
    """I-28: who operates the service has them merged."""
    database = databases.open("yibao_identity")
    url = database.engine.url.render_as_string(hide_password=False)
    config = make_identity_files(tmp_path).config(url, issuer={"regions": [REGION]})
    world = PersonWorld(database, vault=open_vault(config))
    former, present = of_before(world, SHOWN_BY[2]), register(world, RESIDENT)
    (finding,) = examine_persons(config, database, clock=world.clock)
    assert former in finding.problem
    assert present in finding.problem
    assert NUMBER not in finding.problem
    world.merge(former, present)
    (finding,) = examine_persons(config, database, clock=world.clock)
    assert finding.problem == ""
