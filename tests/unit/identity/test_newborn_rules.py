"""Newborns: enrolled within three months, covered from birth, named after a parent."""

import dataclasses
import datetime as dt

import pytest

from yibao_common.values.calendar import SHANGHAI
from yibao_common.values.citizen_number import Gender
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.rules.enrolment import Enrolment, EnrolmentStatus
from yibao_identity.rules.newborn import (
    NewbornRegistration,
    newborn_name,
    register_newborn,
)
from yibao_identity.rules.newborn_class import latest_enrol_date
from yibao_identity.rules.person import Person

BIRTH = dt.date(2026, 5, 1)
PARENT_BIRTH = dt.date(1995, 6, 7)
TODAY = dt.date(2026, 12, 1)
NOW = dt.datetime(2026, 12, 1, 9, tzinfo=SHANGHAI)
STATED = NewbornRegistration("A123456789", "", Gender.MALE, BIRTH, BIRTH, None)


def registered(stated: NewbornRegistration, *, tell_days: int = 36_500) -> tuple[Person, Enrolment]:
    return register_newborn(
        stated,
        region="500100",
        person_id="n",
        parent_id="p",
        parent_name="张三",
        parent_birth_date=PARENT_BIRTH,
        now=NOW,
        today=TODAY,
        tell_days=tell_days,
    )


@pytest.mark.parametrize(
    ("birth", "latest"),
    [
        (dt.date(2026, 5, 1), dt.date(2026, 8, 1)),
        (dt.date(2026, 3, 31), dt.date(2026, 6, 30)),
        (dt.date(2025, 11, 29), dt.date(2026, 2, 28)),
        (dt.date(2025, 11, 30), dt.date(2026, 2, 28)),
        (dt.date(2027, 11, 30), dt.date(2028, 2, 29)),
        (dt.date(2026, 12, 31), dt.date(2027, 3, 31)),
    ],
)
def test_three_calendar_months_end_at_the_latest_on_the_last_of_the_month(
    birth: dt.date, latest: dt.date
) -> None:
    """T-16."""
    assert latest_enrol_date(birth) == latest


@pytest.mark.parametrize(
    ("enrol", "is_taken"), [(dt.date(2026, 8, 1), True), (dt.date(2026, 8, 2), False)]
)
def test_a_newborn_is_enrolled_within_three_months(enrol: dt.date, is_taken: bool) -> None:
    """T-16: NEWBORN_ENROLMENT_LATE."""
    stated = dataclasses.replace(STATED, enrol_date=enrol)
    if is_taken:
        registered(stated)
        return
    with pytest.raises(RuleError) as caught:
        registered(stated)
    assert caught.value.reason is Reason.NEWBORN_ENROLMENT_LATE
    assert caught.value.metadata == {"latest_date": "2026-08-01"}


@pytest.mark.parametrize(("tell_days", "is_taken"), [(122, True), (121, False)])
def test_an_enrolment_in_time_is_told_in_time(tell_days: int, is_taken: bool) -> None:
    """T-16: else a child who comes too late could be said to have come in time."""
    stated = dataclasses.replace(STATED, enrol_date=dt.date(2026, 8, 1))
    assert (TODAY - stated.enrol_date).days == 122
    if is_taken:
        registered(stated, tell_days=tell_days)
        return
    with pytest.raises(RuleError) as caught:
        registered(stated, tell_days=tell_days)
    assert caught.value.reason is Reason.NEWBORN_ENROLMENT_LATE
    assert caught.value.metadata == {"latest_date": "2026-11-30"}


@pytest.mark.parametrize(("premium", "is_pending"), [(None, True), (dt.date(2026, 6, 1), False)])
def test_cover_begins_at_birth_and_pays_once_the_premium_is_received(
    premium: dt.date | None, is_pending: bool
) -> None:
    """T-16: expenses count from birth, paid only after the premium."""
    stated = dataclasses.replace(
        STATED, enrol_date=dt.date(2026, 7, 1), premium_receive_date=premium
    )
    _, enrolment = registered(stated)
    assert enrolment == Enrolment(
        "390",
        "1401",
        (),
        EnrolmentStatus.NORMAL,
        BIRTH,
        is_premium_required=True,
        premium_receive_date=premium,
        insured_months_before=0,
        months_owing=0,
        years_unclaimed=0,
    )
    assert enrolment.is_premium_pending is is_pending


def test_a_newborn_is_known_by_the_birth_certificate_and_the_parent() -> None:
    """T-17: no newborn without a birth certificate."""
    person, _ = registered(STATED)
    assert (person.certificate_type, person.certificate_number) == ("990201", "A123456789")
    assert (person.parent_id, person.birth_date, person.gender) == ("p", BIRTH, Gender.MALE)


@pytest.mark.parametrize("number", ["1123456789", "A12345678", "A1234567890", ""])
def test_a_birth_certificate_has_a_letter_and_nine_digits(number: str) -> None:
    """T-17."""
    with pytest.raises(RuleError) as caught:
        registered(dataclasses.replace(STATED, birth_certificate_number=number))
    assert caught.value.reason is Reason.FIELD_MALFORMED
    assert [fault.field for fault in caught.value.faults] == ["birth_certificate_number"]


@pytest.mark.parametrize(
    ("gender", "name"), [(Gender.MALE, "张三之子"), (Gender.FEMALE, "张三之女")]
)
def test_a_newborn_without_a_name_is_named_after_the_parent(gender: Gender, name: str) -> None:
    """T-18."""
    assert newborn_name("张三", gender) == name
    person, _ = registered(dataclasses.replace(STATED, gender=gender))
    assert person.person_name == name


@pytest.mark.parametrize(
    ("parent", "name"),
    [
        ("甲" * 48, "甲" * 48 + "之女"),
        ("甲" * 50, "甲" * 48 + "之女"),
        ("甲" * 47 + "·乙丙", "甲" * 47 + "之女"),
        ("A" * 46 + " BCD", "A" * 46 + " B之女"),
    ],
)
def test_a_newborns_name_is_no_longer_than_any(parent: str, name: str) -> None:
    assert newborn_name(parent, Gender.FEMALE) == name


def test_a_newborn_with_a_name_keeps_it() -> None:
    """T-18."""
    person, _ = registered(dataclasses.replace(STATED, person_name="张小三"))
    assert person.person_name == "张小三"


DAY = dt.timedelta(days=1)


@pytest.mark.parametrize(
    ("changes", "faulty"),
    [
        ({"birth_date": TODAY, "enrol_date": TODAY}, []),
        ({"birth_date": TODAY + DAY, "enrol_date": TODAY + DAY}, ["birth_date", "enrol_date"]),
        ({"birth_date": PARENT_BIRTH, "enrol_date": PARENT_BIRTH}, ["birth_date"]),
        ({"birth_date": PARENT_BIRTH + DAY, "enrol_date": PARENT_BIRTH + DAY}, []),
        ({"enrol_date": BIRTH - DAY}, ["enrol_date"]),
        ({"birth_date": TODAY, "enrol_date": TODAY + DAY}, ["enrol_date"]),
        ({"premium_receive_date": TODAY}, []),
        ({"premium_receive_date": TODAY + DAY}, ["premium_receive_date"]),
        ({"premium_receive_date": BIRTH}, []),
        # Who paid while they waited for the child are told with its first day.
        ({"premium_receive_date": BIRTH - DAY}, ["premium_receive_date"]),
    ],
)
def test_the_days_follow_each_other(changes: dict[str, dt.date], faulty: list[str]) -> None:
    stated = dataclasses.replace(STATED, **changes)  # type: ignore[arg-type]
    if not faulty:
        registered(stated)
        return
    with pytest.raises(RuleError) as caught:
        registered(stated)
    assert caught.value.reason is Reason.FIELD_OUT_OF_RANGE
    assert [fault.field for fault in caught.value.faults] == faulty


def test_a_newborns_registration_is_not_printed() -> None:
    assert "A123456789" not in repr(STATED)
