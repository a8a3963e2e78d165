"""Which persons are registered, and what of the identity number is shown."""

import datetime as dt

import pytest

from yibao_common.calendar import SHANGHAI, shanghai_day
from yibao_common.citizen_number import Gender
from yibao_common.errors import RuleError
from yibao_common.reasons import Reason
from yibao_identity.rules.person import (
    Enrolment,
    EnrolmentStatus,
    Registration,
    mask_number,
    register,
)

# Midnight in Shanghai, still the day before in UTC.
NOW = dt.datetime(2026, 11, 2, tzinfo=SHANGHAI)
TODAY = shanghai_day(NOW)
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
    groups: tuple[str, ...] = (),
) -> Registration:
    return Registration(certificate_type, number, "张三", "310", "11", groups, start_date)


def _register(registration: Registration) -> tuple[object, Enrolment]:
    return register(registration, region="500100", person_id="p", now=NOW, today=TODAY)


def test_birth_day_and_gender_come_from_the_number() -> None:
    person, enrolment = register(
        _registration(), region="500100", person_id="p", now=NOW, today=TODAY
    )
    assert (person.birth_date, person.gender) == (dt.date(1990, 3, 7), Gender.MALE)
    assert (person.region, person.person_id, person.register_time) == ("500100", "p", NOW)
    assert enrolment == Enrolment("310", "11", (), EnrolmentStatus.NORMAL, dt.date(2026, 1, 1))


@pytest.mark.parametrize("certificate_type", ["02", "00", "10", "99"])
def test_only_resident_ids_are_taken(certificate_type: str) -> None:
    with pytest.raises(RuleError) as caught:
        _register(_registration(certificate_type=certificate_type))
    assert caught.value.reason is Reason.FIELD_MALFORMED
    assert [fault.field for fault in caught.value.faults] == ["certificate_type"]


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


def test_a_registration_is_not_printed() -> None:
    registration = _registration()
    person, _ = _register(registration)
    for shown in (repr(registration), repr(person)):
        assert registration.certificate_number not in shown
        assert "张三" not in shown
