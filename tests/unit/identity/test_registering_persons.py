"""Which persons are registered, and what of the identity number is shown."""

import dataclasses
import datetime as dt

import pytest

from yibao_common.values.calendar import SHANGHAI, shanghai_day
from yibao_common.values.citizen_number import Gender
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.rules.document import ShownDocument
from yibao_identity.rules.enrolment import Enrolment, EnrolmentStatus
from yibao_identity.rules.person import (
    Correction,
    Person,
    Registration,
    correct,
    mask_name,
    mask_number,
    register,
)

# Midnight in Shanghai, still the day before in UTC.
NOW = dt.datetime(2026, 11, 2, tzinfo=SHANGHAI)
TODAY = shanghai_day(NOW)
DAY = dt.timedelta(days=1)
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def number_of(region: str, birth: str, sequence: str) -> str:
    """Returns a citizen number with its check character."""
    body = region + birth + sequence
    total = sum(int(digit) * weight for digit, weight in zip(body, WEIGHTS, strict=True))
    return body + "10X98765432"[total % 11]


def _registration(
    number: str = number_of("500101", "19900307", "123"),
    *,
    certificate_type: str = "01",
    start_date: dt.date = dt.date(2026, 1, 1),
    end_date: dt.date | None = None,
    groups: tuple[str, ...] = (),
    employer_code: str = "",
    gender: Gender | None = None,
    birth_date: dt.date | None = None,
) -> Registration:
    return Registration(
        certificate_type,
        number,
        "张三",
        "310",
        "11",
        groups,
        start_date,
        end_date,
        employer_code,
        gender,
        birth_date,
    )


def _register(registration: Registration) -> tuple[Person, Enrolment]:
    return register(registration, region="500100", person_id="p", now=NOW, today=TODAY)


def test_birth_day_and_gender_come_from_the_number() -> None:
    person, enrolment = register(
        _registration(), region="500100", person_id="p", now=NOW, today=TODAY
    )
    assert (person.birth_date, person.gender) == (dt.date(1990, 3, 7), Gender.MALE)
    assert (person.region, person.person_id, person.register_time) == ("500100", "p", NOW)
    assert enrolment == Enrolment("310", "11", (), EnrolmentStatus.NORMAL, dt.date(2026, 1, 1))


def test_the_record_is_keyed_by_the_citizen_number_and_holds_name_and_gender() -> None:
    """I-28: the identity key is the 18-digit citizen number."""
    number = number_of("500101", "19900307", "123")
    person, _ = _register(_registration(f" {number[:6]} {number[6:].lower()} "))
    assert (person.certificate_type, person.certificate_number) == ("01", number)
    assert (person.person_name, person.gender) == ("张三", Gender.MALE)


def test_a_passport_tells_neither_birth_date_nor_gender_so_both_are_stated() -> None:
    with pytest.raises(RuleError) as caught:
        _register(_registration("E12345678", certificate_type="08"))
    assert caught.value.reason is Reason.FIELD_REQUIRED
    assert [fault.field for fault in caught.value.faults] == ["gender", "birth_date"]
    person, _ = _register(
        _registration(
            "E12345678",
            certificate_type="08",
            gender=Gender.FEMALE,
            birth_date=dt.date(1985, 5, 5),
        )
    )
    assert (person.gender, person.birth_date) == (Gender.FEMALE, dt.date(1985, 5, 5))


@pytest.mark.parametrize(
    ("gender", "birth_date", "faulty"),
    [
        (Gender.MALE, dt.date(1990, 3, 7), []),
        (Gender.MALE, None, []),
        (Gender.FEMALE, None, ["gender"]),
        (None, dt.date(1990, 3, 8), ["birth_date"]),
        (Gender.FEMALE, dt.date(1990, 3, 6), ["gender", "birth_date"]),
    ],
)
def test_what_is_stated_agrees_with_what_the_number_tells(
    gender: Gender | None, birth_date: dt.date | None, faulty: list[str]
) -> None:
    registration = _registration(gender=gender, birth_date=birth_date)
    if not faulty:
        assert _register(registration)[0].birth_date == dt.date(1990, 3, 7)
        return
    with pytest.raises(RuleError) as caught:
        _register(registration)
    assert caught.value.reason is Reason.FIELD_OUT_OF_RANGE
    assert [fault.field for fault in caught.value.faults] == faulty


@pytest.mark.parametrize(("birth", "is_taken"), [(TODAY, True), (TODAY + DAY, False)])
def test_a_stated_birth_date_lies_not_in_the_future(birth: dt.date, is_taken: bool) -> None:
    registration = _registration(
        "E12345678",
        certificate_type="08",
        gender=Gender.MALE,
        birth_date=birth,
        start_date=dt.date(2026, 12, 1),
    )
    if is_taken:
        _register(registration)
        return
    with pytest.raises(RuleError) as caught:
        _register(registration)
    assert [fault.field for fault in caught.value.faults] == ["birth_date"]


@pytest.mark.parametrize(
    ("end", "is_taken"), [(dt.date(2026, 1, 1), True), (dt.date(2025, 12, 31), False)]
)
def test_cover_ends_no_earlier_than_it_begins(end: dt.date, is_taken: bool) -> None:
    if is_taken:
        assert _register(_registration(end_date=end))[1].end_date == end
        return
    with pytest.raises(RuleError) as caught:
        _register(_registration(end_date=end))
    assert [fault.field for fault in caught.value.faults] == ["end_date"]


def test_the_employer_goes_into_the_enrolment() -> None:
    assert _register(_registration(employer_code="E1"))[1].employer_code == "E1"


def test_a_number_with_a_wrong_check_character_is_refused_without_repeating_it() -> None:
    number = number_of("500101", "19900307", "123")
    wrong = number[:-1] + ("0" if number[-1] != "0" else "1")
    with pytest.raises(RuleError) as caught:
        _register(_registration(wrong))
    assert caught.value.reason is Reason.CITIZEN_NUMBER_INVALID
    assert [fault.field for fault in caught.value.faults] == ["certificate_number"]
    assert wrong not in str(caught.value)


@pytest.mark.parametrize(("birth", "is_taken"), [("20261102", True), ("20261103", False)])
def test_a_person_is_born_by_today_in_shanghai(birth: str, is_taken: bool) -> None:
    registration = _registration(number_of("500101", birth, "123"), start_date=dt.date(2026, 12, 1))
    if is_taken:
        _register(registration)
        return
    with pytest.raises(RuleError, match="future"):
        _register(registration)


# Nobody is older than 130 years; 2026 is TODAY's.
AGES = [("18960101", True), ("18951231", False), ("00010101", False)]


@pytest.mark.parametrize(("birth", "is_taken"), AGES)
@pytest.mark.parametrize(
    ("certificate_type", "region", "ends", "gender"),
    [
        ("01", "500101", "", None),
        ("07", "911840", "", Gender.MALE),
        ("09", "500101", "43", None),
        ("17", "810000", "", None),
    ],
)
def test_a_number_tells_of_no_birth_that_nobody_remembers(
    certificate_type: str, region: str, ends: str, gender: Gender | None, birth: str, is_taken: bool
) -> None:
    number = number_of(region, birth, "123") + ends
    registration = _registration(number, certificate_type=certificate_type, gender=gender)
    document = Correction("", ShownDocument(certificate_type, number))
    person, _ = _register(_registration())
    if is_taken:
        assert _register(registration)[0].birth_date.year == 1896
        assert correct(person, document, today=TODAY).birth_date.year == 1896
        return
    for refused in (
        lambda: _register(registration),
        lambda: correct(person, document, today=TODAY),
    ):
        with pytest.raises(RuleError, match="over 130 years back") as caught:
            refused()
        assert caught.value.reason is Reason.CITIZEN_NUMBER_INVALID
        assert number not in str(caught.value)


@pytest.mark.parametrize(("birth", "is_taken"), AGES)
def test_a_stated_birth_date_lies_within_a_life(birth: str, is_taken: bool) -> None:
    registration = _registration(
        "E12345678",
        certificate_type="08",
        gender=Gender.MALE,
        birth_date=dt.date(int(birth[:4]), int(birth[4:6]), int(birth[6:])),
    )
    if is_taken:
        assert _register(registration)[0].birth_date == registration.birth_date
        return
    with pytest.raises(RuleError, match="over 130 years back") as caught:
        _register(registration)
    assert caught.value.reason is Reason.FIELD_OUT_OF_RANGE
    assert [fault.field for fault in caught.value.faults] == ["birth_date"]


@pytest.mark.parametrize(
    ("start", "is_taken"), [(dt.date(1990, 3, 7), True), (dt.date(1990, 3, 6), False)]
)
def test_cover_begins_no_earlier_than_birth(start: dt.date, is_taken: bool) -> None:
    if is_taken:
        _register(_registration(start_date=start))
        return
    with pytest.raises(RuleError) as caught:
        _register(_registration(start_date=start))
    assert [fault.field for fault in caught.value.faults] == ["start_date"]


def test_entitlement_groups_are_kept_once_and_sorted() -> None:
    _, enrolment = _register(_registration(groups=("2305", "2101", "2305")))
    assert enrolment.entitlement_groups == ("2101", "2305")


def test_a_masked_number_shows_three_and_two_characters() -> None:
    masked = mask_number("50010119900307123X")
    assert masked == "500*************3X"
    assert len(masked) == 18


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("A", "*"),
        ("ABC", "***"),
        ("ABCD", "A**D"),
        ("A12345678", "A1*****78"),
        ("H1234567890", "H1*******90"),
        ("A12345678901", "A12*******01"),
    ],
)
def test_of_a_short_number_at_least_half_stays_hidden(number: str, shown: str) -> None:
    assert mask_number(number) == shown
    assert shown.count("*") * 2 >= len(number)


@pytest.mark.parametrize(("name", "shown"), [("张", "张"), ("张三", "张*"), ("欧阳测试", "欧***")])
def test_a_supervisor_sees_the_first_character_of_a_name(name: str, shown: str) -> None:
    assert mask_name(name) == shown


# --- Corrections.


def test_a_corrected_name_leaves_everything_else() -> None:
    person, _ = _register(_registration())
    corrected = correct(person, Correction("李四", None), today=TODAY)
    assert corrected == dataclasses.replace(person, person_name="李四")


def test_a_new_document_brings_what_its_number_tells() -> None:
    person, _ = _register(
        _registration(
            "E12345678",
            certificate_type="08",
            gender=Gender.MALE,
            birth_date=dt.date(1985, 5, 5),
        )
    )
    number = number_of("500101", "19900307", "124")
    corrected = correct(person, Correction("", ShownDocument("01", number)), today=TODAY)
    assert corrected == dataclasses.replace(
        person,
        certificate_type="01",
        certificate_number=number,
        gender=Gender.FEMALE,
        birth_date=dt.date(1990, 3, 7),
    )


def test_a_document_that_tells_nothing_leaves_birth_date_and_gender() -> None:
    person, _ = _register(_registration())
    corrected = correct(person, Correction("", ShownDocument("08", "e12345678")), today=TODAY)
    assert corrected.certificate_number == "E12345678"
    assert (corrected.gender, corrected.birth_date) == (person.gender, person.birth_date)


@pytest.mark.parametrize(
    ("correction", "reason", "field"),
    [
        (Correction("", None), Reason.FIELD_REQUIRED, "person_name"),
        (
            Correction("", ShownDocument("01", "123")),
            Reason.FIELD_MALFORMED,
            "document.certificate_number",
        ),
        (
            Correction("", ShownDocument("18", "123")),
            Reason.FIELD_OUT_OF_RANGE,
            "document.certificate_type",
        ),
        (
            Correction("", ShownDocument("01", number_of("500101", "20261103", "123"))),
            Reason.CITIZEN_NUMBER_INVALID,
            "document.certificate_number",
        ),
    ],
)
def test_a_correction_that_cannot_be_is_refused(
    correction: Correction, reason: Reason, field: str
) -> None:
    person, _ = _register(_registration())
    with pytest.raises(RuleError) as caught:
        correct(person, correction, today=TODAY)
    assert caught.value.reason is reason
    assert [fault.field for fault in caught.value.faults] == [field]


@pytest.mark.parametrize(("birth", "is_taken"), [("20200501", True), ("20200502", False)])
def test_who_died_was_born_before(birth: str, is_taken: bool) -> None:
    """I-31: a correction is no way to a life that ends before it begins."""
    person, _ = _register(_registration())
    person = dataclasses.replace(person, death_date=dt.date(2020, 5, 1))
    document = ShownDocument("01", number_of("500101", birth, "123"))
    if is_taken:
        correct(person, Correction("", document), today=TODAY)
        return
    with pytest.raises(RuleError) as caught:
        correct(person, Correction("", document), today=TODAY)
    assert caught.value.reason is Reason.CITIZEN_NUMBER_INVALID


def test_a_registration_is_not_printed() -> None:
    registration = _registration()
    person, _ = _register(registration)
    for shown in (repr(registration), repr(person)):
        assert registration.certificate_number not in shown
        assert "张三" not in shown
