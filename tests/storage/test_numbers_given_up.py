"""A number that a correction gave up is taken again by two operators alone (I-28)."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from support.databases import Databases
from support.identity_world import citizen_number
from support.person_stores import CHECKER, PersonWorld

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.rules.document import ShownDocument

NUMBER, OTHER_NUMBER = citizen_number(123), citizen_number(124)
RESIDENT, PASSPORT = ShownDocument("01", NUMBER), ShownDocument("16", "E12345678")
BIRTH_CERTIFICATE = "A123456789"


@pytest.fixture
def world(databases: Databases) -> PersonWorld:
    return PersonWorld(databases.open("yibao_identity"))


def refused(act: Callable[[], object]) -> tuple[Reason, dict[str, Any]]:
    with pytest.raises(RuleError) as caught:
        act()
    return caught.value.reason, dict(caught.value.metadata)


def gave_up(world: PersonWorld, number: str = NUMBER) -> str:
    """Returns a person whom one operator corrected from the number to a passport."""
    person_id = world.register(number).person.person_id
    world.update(person_id, document=PASSPORT)
    return person_id


def register(world: PersonWorld, former: str = "", *, caller: str = CHECKER, **fields: Any) -> str:
    request = world.asked("RegisterPerson", caller=caller)
    made = world.register(NUMBER, request=request, former_holder_id=former, **fields)
    return made.person.person_id


def test_who_registers_a_number_of_before_states_whose_it_was(world: PersonWorld) -> None:
    former = gave_up(world)
    stranger = world.person_id()
    before = world.everything()
    held_before = Reason.NUMBER_HELD_BEFORE, {"person_id": former}
    assert refused(lambda: register(world)) == held_before
    assert refused(lambda: register(world, stranger)) == held_before
    # Nor by another type of document that bears the number.
    disability = {"certificate_type": "09", "certificate_number": f"{NUMBER}43"}
    assert refused(lambda: register(world, **disability)) == held_before
    assert world.everything() == before
    assert register(world, former)
    assert world.audit()[-1].detail == f"former_holder={former}"


def test_the_operator_who_gave_a_number_up_does_not_take_it_for_another(world: PersonWorld) -> None:
    former = gave_up(world)
    by_maker = world.asked("RegisterPerson")
    again = refused(lambda: world.register(NUMBER, request=by_maker, former_holder_id=former))
    assert again == (Reason.SAME_MAKER_AND_CHECKER, {})


def test_a_correction_takes_a_number_of_before_as_registering_does(world: PersonWorld) -> None:
    former, other = gave_up(world), world.person_id()

    def correct(stated: str = "", **caller: str) -> object:
        return world.update(other, document=RESIDENT, former_holder_id=stated, **caller)

    assert refused(correct) == (Reason.NUMBER_HELD_BEFORE, {"person_id": former})
    assert refused(lambda: correct(former)) == (Reason.SAME_MAKER_AND_CHECKER, {})
    assert correct(former, caller=CHECKER)
    assert f"former_holder={former}" in world.audit()[-1].detail
    # And whose it is now is told, not whose it was.
    taken = refused(lambda: world.update(former, document=RESIDENT))
    assert taken == (Reason.PERSON_EXISTS, {"person_id": other})


def test_the_own_number_comes_back_without_a_question(world: PersonWorld) -> None:
    person_id = gave_up(world)
    assert world.update(person_id, document=RESIDENT).person.certificate_number == NUMBER


def test_the_last_one_who_had_it_counts(world: PersonWorld) -> None:
    first = gave_up(world)
    second = register(world, first)
    world.update(second, document=ShownDocument("16", "E87654321"))
    assert refused(lambda: register(world, first)) == (
        Reason.NUMBER_HELD_BEFORE,
        {"person_id": second},
    )
    # So the first one does not get it back unasked.
    back = refused(lambda: world.update(first, document=RESIDENT))
    assert back == (Reason.NUMBER_HELD_BEFORE, {"person_id": second})


def test_a_name_that_is_corrected_gives_no_number_up(world: PersonWorld) -> None:
    person_id = world.register(NUMBER).person.person_id
    world.update(person_id, name="李四")
    world.update(person_id, name="王五")
    assert world.update(person_id, document=RESIDENT).person.person_name == "王五"


def test_after_a_merge_it_is_the_number_of_the_record_that_stays(world: PersonWorld) -> None:
    duplicate, survivor = gave_up(world), world.person_id()
    world.merge(duplicate, survivor)
    assert refused(lambda: register(world)) == (
        Reason.NUMBER_HELD_BEFORE,
        {"person_id": survivor},
    )
    assert world.update(survivor, document=RESIDENT).person.person_id == survivor


def test_the_number_of_a_record_that_took_over_its_duplicates_is_not_free(
    world: PersonWorld,
) -> None:
    duplicate = world.register(OTHER_NUMBER).person.person_id
    survivor = world.register(NUMBER).person.person_id
    world.merge(duplicate, survivor)
    world.update(survivor, document=ShownDocument("01", OTHER_NUMBER))
    assert refused(lambda: register(world)) == (
        Reason.NUMBER_HELD_BEFORE,
        {"person_id": survivor},
    )


def test_a_birth_certificate_that_gave_way_to_a_number_is_used_once(world: PersonWorld) -> None:
    """T-17: the parents register the newborn again, and a second record would take its own."""
    parent = world.person_id()
    born = world.newborn(parent, number=BIRTH_CERTIFICATE).person.person_id
    own = citizen_number(200, birth="20261001")
    world.update(born, document=ShownDocument("01", own))
    again = refused(lambda: world.newborn(parent, number=BIRTH_CERTIFICATE, caller=CHECKER))
    assert again == (Reason.NUMBER_HELD_BEFORE, {"person_id": born})
    twin = world.newborn(parent, number=BIRTH_CERTIFICATE, caller=CHECKER, former_holder_id=born)
    assert twin.person.person_id != born


def test_a_corrected_birth_date_lies_before_those_of_the_children(world: PersonWorld) -> None:
    parent = world.register(NUMBER).person.person_id
    world.newborn(parent, birth_date=dt.date(2026, 10, 2))
    first = world.newborn(parent, number="A123456780").person
    assert first.birth_date == dt.date(2026, 10, 1)
    too_late = ShownDocument("01", citizen_number(300, birth="20261001"))
    told = refused(lambda: world.update(parent, document=too_late))
    assert told[0] is Reason.CITIZEN_NUMBER_INVALID
    before = ShownDocument("01", citizen_number(300, birth="20260930"))
    assert world.update(parent, document=before).person.birth_date == dt.date(2026, 9, 30)


def test_children_of_a_duplicate_are_born_after_the_record_that_stays(world: PersonWorld) -> None:
    duplicate = world.register(NUMBER).person.person_id
    world.newborn(duplicate)
    number = citizen_number(400, birth="20261001")
    survivor = world.register(number, start_date=dt.date(2026, 10, 1)).person.person_id
    assert refused(lambda: world.propose(duplicate, survivor))[0] is Reason.FIELD_OUT_OF_RANGE
    # The other way round it is right.
    assert world.merge(survivor, duplicate).surviving_person_id == duplicate
