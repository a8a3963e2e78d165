"""Insured persons (参保人) and their enrolments: what is registered and what is shown."""

import datetime as dt
import enum
from dataclasses import dataclass

from yibao_common.citizen_number import Gender, parse_citizen_number
from yibao_common.errors import FieldFault, RuleError, refuse_faults
from yibao_common.reasons import Reason

RESIDENT_ID = "01"

_SHOWN_FIRST = 3
_SHOWN_LAST = 2


class EnrolmentStatus(enum.Enum):
    """Whether an enrolment pays benefits (psn_insu_stas)."""

    NORMAL = 1
    SUSPENDED = 2
    ENDED = 4


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What a person is insured for, from `start_date` on; groups are sorted."""

    insurance_type: str
    person_class: str
    entitlement_groups: tuple[str, ...]
    status: EnrolmentStatus
    start_date: dt.date


@dataclass(frozen=True, slots=True, repr=False)
class Person:
    """A registered person; never printed, because it holds the number and the name."""

    region: str
    person_id: str
    certificate_type: str
    certificate_number: str
    person_name: str
    gender: Gender
    birth_date: dt.date
    register_time: dt.datetime


@dataclass(frozen=True, slots=True, repr=False)
class Registration:
    """Who is to be registered, as the agency states it; never printed."""

    certificate_type: str
    certificate_number: str
    person_name: str
    insurance_type: str
    person_class: str
    entitlement_groups: tuple[str, ...]
    start_date: dt.date


def register(
    registration: Registration, *, region: str, person_id: str, now: dt.datetime, today: dt.date
) -> tuple[Person, Enrolment]:
    """Returns the person and the first enrolment; `today` is the day of `now`.

    Raises:
        RuleError: FIELD_MALFORMED, another certificate than a resident ID;
            CITIZEN_NUMBER_INVALID; FIELD_OUT_OF_RANGE, cover before birth. No message
            repeats the number.
    """
    if registration.certificate_type != RESIDENT_ID:
        message = "only 01 (resident ID) is taken today"
        refuse_faults([FieldFault("certificate_type", Reason.FIELD_MALFORMED, message)])
    try:
        facts = parse_citizen_number(registration.certificate_number)
    except RuleError as error:
        refuse_faults([FieldFault("certificate_number", error.reason, error.message)])
        raise
    # The division of issue is not compared with a list: divisions come and go, and a
    # number keeps the one of its day.
    if facts.birth_date > today:
        reason, message = Reason.CITIZEN_NUMBER_INVALID, "the birth date lies in the future"
        refuse_faults([FieldFault("certificate_number", reason, message)])
    if registration.start_date < facts.birth_date:
        message = "cover cannot begin before birth"
        refuse_faults([FieldFault("start_date", Reason.FIELD_OUT_OF_RANGE, message)])
    person = Person(
        region,
        person_id,
        registration.certificate_type,
        registration.certificate_number,
        registration.person_name,
        facts.gender,
        facts.birth_date,
        now,
    )
    enrolment = Enrolment(
        registration.insurance_type,
        registration.person_class,
        tuple(sorted(set(registration.entitlement_groups))),
        EnrolmentStatus.NORMAL,
        registration.start_date,
    )
    return person, enrolment


def mask_number(number: str) -> str:
    """Returns the number with all but the first three and last two characters hidden."""
    hidden = len(number) - _SHOWN_FIRST - _SHOWN_LAST
    assert hidden > 0, "too short to hide anything"
    return number[:_SHOWN_FIRST] + "*" * hidden + number[-_SHOWN_LAST:]


def person_not_found(person_id: str) -> RuleError:
    """Returns the refusal of an unknown person."""
    return RuleError(
        Reason.PERSON_NOT_FOUND, f"person {person_id} is not registered", person_id=person_id
    )


def person_exists(person_id: str) -> RuleError:
    """Returns the refusal of a certificate number that is registered in the region."""
    return RuleError(
        Reason.PERSON_EXISTS,
        f"the certificate is registered in the region as person {person_id}",
        person_id=person_id,
    )
