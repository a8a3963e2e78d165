"""In which order registering, correcting and looking up are checked, and what they leave."""

import dataclasses
import datetime as dt
from typing import Any

import pytest
from support.identity_world import citizen_number
from support.memory.holder import MemoryHolders
from support.person_desk import MAKER, NOW, REGION, PersonDesk, answer, refusal

from yibao_common.values.caller import parse_caller
from yibao_common.values.citizen_number import Gender
from yibao_common.values.errors import RuleError, TransientError
from yibao_common.values.reasons import Reason
from yibao_identity.application.newborn import Newborns, RegisterNewborn
from yibao_identity.application.person.correction import PersonCorrections, UpdatePerson
from yibao_identity.application.person.lookup import PersonLookups, SearchPersons
from yibao_identity.application.person.registration import PersonRegistrations, RegisterPerson
from yibao_identity.application.person.rows import EnrolledPerson
from yibao_identity.rules.document import ShownDocument
from yibao_identity.rules.newborn import NewbornRegistration
from yibao_identity.rules.person import Correction, Registration

LATE, EARLY = dt.date(2026, 11, 1), dt.date(2026, 1, 1)


@pytest.fixture
def desk() -> PersonDesk:
    return PersonDesk()


def registration(desk: PersonDesk, number: str, **fields: Any) -> RegisterPerson:
    stated = Registration("01", number, "李四", "310", "11", (), dt.date(2026, 1, 1))
    return RegisterPerson(desk.request("RegisterPerson"), dataclasses.replace(stated, **fields))


def newborn(desk: PersonDesk, parent_id: str, enrol_date: dt.date = LATE) -> RegisterNewborn:
    stated = NewbornRegistration("A123456789", "", Gender.FEMALE, EARLY, enrol_date, None)
    return RegisterNewborn(desk.request("RegisterNewborn"), parent_id, stated)


def correction(
    desk: PersonDesk, person_id: str, *, name: str = "", number: str = ""
) -> UpdatePerson:
    document = ShownDocument("01", number) if number else None
    request = desk.request("UpdatePerson")
    return UpdatePerson(request, person_id, Correction(name, document), "更正")


# --- Registering.


def test_a_registration_is_stored_told_and_put_on_record(desk: PersonDesk) -> None:
    register = PersonRegistrations(desk.transactions, **desk.shared).register
    made: EnrolledPerson = answer(register, registration(desk, citizen_number(5)))
    person_id, (first,) = made.person.person_id, made.enrolments
    assert desk.persons.find(person_id) == made.person
    assert (first.record_time, first.recorded_by) == (NOW, MAKER)
    assert desk.enrolments.standing([person_id]) == {person_id: [first]}
    assert desk.told == {person_id}
    (entry,) = desk.recorded
    assert (entry.method, entry.subject_ids, entry.detail) == ("RegisterPerson", (person_id,), {})


def test_what_is_stated_is_checked_before_who_is_known(desk: PersonDesk) -> None:
    desk.person("a", number=5)
    register = PersonRegistrations(desk.transactions, **desk.shared).register
    before_birth = registration(desk, citizen_number(5), start_date=dt.date(1900, 1, 1))
    assert refusal(register, before_birth) is Reason.FIELD_OUT_OF_RANGE
    assert refusal(register, registration(desk, citizen_number(5))) is Reason.PERSON_EXISTS
    assert (desk.told, desk.recorded, list(desk.persons.rows)) == (set(), [], ["a"])


def test_a_known_document_names_the_record_in_use(desk: PersonDesk) -> None:
    desk.person("a", number=5, merged_into="b")
    desk.person("b", number=6)
    register = PersonRegistrations(desk.transactions, **desk.shared).register
    with pytest.raises(RuleError) as caught:
        answer(register, registration(desk, citizen_number(5)))
    assert caught.value.metadata == {"person_id": "b"}


def test_a_newborns_parent_is_looked_at_before_its_days(desk: PersonDesk) -> None:
    register = Newborns(desk.transactions, tell_days=365, **desk.shared).register
    assert refusal(register, newborn(desk, "a")) is Reason.PERSON_NOT_FOUND
    desk.person("a", number=5, merged_into="b")
    assert refusal(register, newborn(desk, "a")) is Reason.PERSON_MERGED
    desk.person("b", number=6, name="李芳")
    assert refusal(register, newborn(desk, "b")) is Reason.NEWBORN_ENROLMENT_LATE
    born: EnrolledPerson = answer(register, newborn(desk, "b", enrol_date=EARLY))
    assert (born.person.person_name, born.person.parent_id) == ("李芳之女", "b")
    (entry,) = desk.recorded
    assert entry.subject_ids == (born.person.person_id, "b")
    assert entry.detail == {"enrol_date": "2026-01-01"}
    assert refusal(register, newborn(desk, "b", enrol_date=EARLY)) is Reason.PERSON_EXISTS


# --- Correcting.


def test_who_is_corrected_is_looked_at_before_what_is_corrected(desk: PersonDesk) -> None:
    update = PersonCorrections(desk.transactions, **desk.shared).update
    nothing = correction(desk, "a")
    assert refusal(update, nothing) is Reason.PERSON_NOT_FOUND
    desk.person("a", number=5, merged_into="b")
    assert refusal(update, correction(desk, "a")) is Reason.PERSON_MERGED
    desk.person("b", number=6)
    assert refusal(update, correction(desk, "b")) is Reason.FIELD_REQUIRED
    desk.person("c", number=7)
    wrong = correction(desk, "b", number="123")
    assert refusal(update, wrong) is Reason.FIELD_MALFORMED
    taken = correction(desk, "b", number=citizen_number(7))
    assert refusal(update, taken) is Reason.PERSON_EXISTS
    assert (desk.persons.former, desk.recorded) == ([], [])


def test_a_person_and_whose_document_it_is_are_locked_together(desk: PersonDesk) -> None:
    desk.person("b", number=6)
    desk.person("a", number=5, merged_into="b")
    update = PersonCorrections(desk.transactions, **desk.shared).update
    corrected: EnrolledPerson = answer(update, correction(desk, "b", number=citizen_number(5)))
    assert desk.holders.locked == ["a", "b"]
    assert corrected.person.certificate_number == citizen_number(5)
    assert desk.persons.of_document(ShownDocument("01", citizen_number(5))) == "b"
    (entry,) = desk.recorded
    assert entry.detail == {"changed": "certificate_number", "explanation": "更正"}


def test_a_parent_is_locked_with_who_gets_another_document(desk: PersonDesk) -> None:
    """Both birth dates may be corrected at once, and each is compared with the other."""
    desk.person("a", number=5, merged_into="b")
    desk.person("b", number=6)
    register = Newborns(desk.transactions, tell_days=365, **desk.shared).register
    born: EnrolledPerson = answer(register, newborn(desk, "b", enrol_date=EARLY))
    child_id = born.person.person_id
    update = PersonCorrections(desk.transactions, **desk.shared).update
    desk.holders.locked.clear()
    answer(update, correction(desk, child_id, number=citizen_number(7, birth="20260101")))
    assert desk.holders.locked == ["b", child_id]


def test_a_document_that_changed_hands_meanwhile_is_asked_for_again(desk: PersonDesk) -> None:
    desk.person("b", number=6)

    class Overtaken(MemoryHolders):
        def lock(self, person_ids: Any) -> Any:
            # Before the lock was had, the holder of the document was merged into this one.
            if "a" not in desk.persons.rows:
                desk.person("a", number=5, merged_into="b")
            return super().lock(person_ids)

    desk.transactions.work = dataclasses.replace(
        desk.work, holders=Overtaken(desk.holders.persons, desk.holders.documents)
    )
    update = PersonCorrections(desk.transactions, **desk.shared).update
    with pytest.raises(TransientError):
        answer(update, correction(desk, "b", number=citizen_number(5)))


@pytest.mark.parametrize(
    ("changes", "is_told", "changed"),
    [
        ({"name": "张五"}, False, "person_name"),
        ({"name": "王三"}, True, "person_name"),
        ({"name": "张小三"}, True, "person_name"),
        ({"number": citizen_number(7)}, False, "certificate_number"),
        ({"number": citizen_number(6)}, True, "certificate_number,gender"),
        (
            {"number": citizen_number(5, birth="19900308")},
            True,
            "certificate_number,birth_date",
        ),
    ],
)
def test_settlement_is_told_of_a_correction_where_it_knows_what_was_corrected(
    desk: PersonDesk, changes: dict[str, str], is_told: bool, changed: str
) -> None:
    """It knows the birth date, the gender, and of the name the first character and its length."""
    desk.person("a", number=5, name="张三")
    update = PersonCorrections(desk.transactions, **desk.shared).update
    answer(update, correction(desk, "a", **changes))
    assert desk.told == ({"a"} if is_told else set())
    assert [each.detail["changed"] for each in desk.recorded] == [changed]


# --- Looking up.


def test_a_look_up_is_put_on_record_whether_somebody_is_found_or_not(desk: PersonDesk) -> None:
    desk.person("a", number=5, merged_into="b")
    desk.person("b", number=6)
    lookups = PersonLookups(desk.transactions, clock=desk.shared["clock"])
    agency = parse_caller(MAKER)

    def search(number: str) -> EnrolledPerson | None:
        return lookups.search(SearchPersons(REGION, agency, ShownDocument("01", number)))

    with pytest.raises(RuleError) as caught:
        search("123")
    assert caught.value.reason is Reason.FIELD_MALFORMED
    assert search(citizen_number(7)) is None
    found = search(f" {citizen_number(5)}")
    assert found is not None
    assert found.person.person_id == "b"
    assert [(each.method, each.subject_ids, each.detail) for each in desk.recorded] == [
        ("SearchPersons", (), {"found": "0"}),
        ("SearchPersons", ("b",), {"found": "1"}),
    ]
    assert {each.request_id for each in desk.recorded} == {""}


def test_a_person_is_read_by_its_id_also_where_it_was_merged(desk: PersonDesk) -> None:
    person = desk.person("a", merged_into="b")
    lookups = PersonLookups(desk.transactions, clock=desk.shared["clock"])
    assert lookups.find(REGION, "a") == EnrolledPerson(person, ())
    with pytest.raises(RuleError) as caught:
        lookups.find(REGION, "c")
    assert caught.value.reason is Reason.PERSON_NOT_FOUND
    assert desk.recorded == []
