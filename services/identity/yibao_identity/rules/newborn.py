"""Newborns (新生儿): when they may be enrolled, what they are called, what pays when."""

import datetime as dt
from dataclasses import dataclass

from yibao_common.values.citizen_number import Gender
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_identity.rules.document import BIRTH_CERTIFICATE, check_document, normalised
from yibao_identity.rules.enrolment import Enrolment, EnrolmentStatus
from yibao_identity.rules.lifetime import premium_faults
from yibao_identity.rules.newborn_class import NEWBORN_CLASS, check_newborn
from yibao_identity.rules.person import Person

RESIDENT = "390"

# As many as the contract takes of any name.
_NAME_CHARACTERS = 50
_NAME_ENDS = {Gender.MALE: "之子", Gender.FEMALE: "之女"}
_FIELDS = ("", "birth_certificate_number")


@dataclass(frozen=True, slots=True, repr=False)
class NewbornRegistration:
    """A newborn as the agency states it; never printed. `person_name` may be empty."""

    birth_certificate_number: str
    person_name: str
    gender: Gender
    birth_date: dt.date
    enrol_date: dt.date
    premium_receive_date: dt.date | None


def newborn_name(parent_name: str, gender: Gender) -> str:
    """Returns what a newborn without a name is called on every voucher (T-18).

    Of a parent's name that is too long for it the end is left away.
    """
    ends = _NAME_ENDS[gender]
    return parent_name[: _NAME_CHARACTERS - len(ends)].rstrip(" \u00b7") + ends


def register_newborn(
    registration: NewbornRegistration,
    *,
    region: str,
    person_id: str,
    parent_id: str,
    parent_name: str,
    parent_birth_date: dt.date,
    now: dt.datetime,
    today: dt.date,
    tell_days: int,
) -> tuple[Person, Enrolment]:
    """Returns the newborn and the enrolment from birth; `today` is the day of `now`.

    The day of enrolment is what the agency says, so it is told within `tell_days` days: else
    a child who was enrolled too late could be said to have been enrolled in time.
    Nothing is paid before the premium is received (T-16). The birth certificate is what a
    newborn is identified by (T-17), until a citizen number takes its place.

    Raises:
        RuleError: NEWBORN_ENROLMENT_LATE; FIELD_MALFORMED, the birth certificate's number;
            FIELD_OUT_OF_RANGE, days that do not follow each other.
    """
    number = normalised(registration.birth_certificate_number)
    check_document(BIRTH_CERTIFICATE, number, fields=_FIELDS)
    refuse_faults(_day_faults(registration, parent_birth_date, today))
    check_newborn(registration.enrol_date, birth_date=registration.birth_date)
    latest_told = registration.enrol_date + dt.timedelta(days=tell_days)
    if today > latest_told:
        raise RuleError(
            Reason.NEWBORN_ENROLMENT_LATE,
            f"an enrolment of {registration.enrol_date} is told by {latest_told}, "
            f"{tell_days} days later",
            latest_date=latest_told.isoformat(),
        )
    person = Person(
        region,
        person_id,
        BIRTH_CERTIFICATE,
        number,
        registration.person_name or newborn_name(parent_name, registration.gender),
        registration.gender,
        registration.birth_date,
        now,
        parent_id=parent_id,
    )
    enrolment = Enrolment(
        RESIDENT,
        NEWBORN_CLASS,
        (),
        EnrolmentStatus.NORMAL,
        registration.birth_date,
        is_premium_required=True,
        premium_receive_date=registration.premium_receive_date,
        insured_months_before=0,
        months_owing=0,
        years_unclaimed=0,
    )
    return person, enrolment


def _day_faults(
    registration: NewbornRegistration, parent_birth_date: dt.date, today: dt.date
) -> list[FieldFault]:
    faults = []
    birth, premium = registration.birth_date, registration.premium_receive_date
    for field, is_wrong, message in (
        ("birth_date", birth > today, "lies in the future"),
        ("birth_date", birth <= parent_birth_date, "does not lie after the parent's"),
        ("enrol_date", registration.enrol_date < birth, "is before birth"),
        ("enrol_date", registration.enrol_date > today, "lies in the future"),
    ):
        if is_wrong:
            faults.append(FieldFault(field, Reason.FIELD_OUT_OF_RANGE, message))
    if premium is not None:
        faults += premium_faults(
            premium, birth_date=birth, today=today, field="premium_receive_date"
        )
    return faults
