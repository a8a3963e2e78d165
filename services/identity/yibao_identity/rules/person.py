"""Insured persons (参保人) and their enrolments: what is registered and what is shown."""

import dataclasses
import datetime as dt
from dataclasses import dataclass

from yibao_common.values.caller import is_same_operator
from yibao_common.values.citizen_number import Gender
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_identity.rules.document import (
    DocumentFacts,
    ShownDocument,
    check_document,
    normalised,
    person_key,
)
from yibao_identity.rules.enrolment import (
    Enrolment,
    EnrolmentStatus,
    EnrolmentTerms,
    check_begins_soon,
    new_period,
)
from yibao_identity.rules.lifetime import MOST_YEARS

_SHOWN_FIRST = 3
_SHOWN_LAST = 2


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
    merged_into: str | None = None
    parent_id: str | None = None
    death_date: dt.date | None = None

    @property
    def key(self) -> ShownDocument:
        """What the record is found by, and no other of the region."""
        return person_key(ShownDocument(self.certificate_type, self.certificate_number))


@dataclass(frozen=True, slots=True, repr=False)
class Registration:
    """Who is to be registered, as the agency states it; never printed.

    `gender` and `birth_date` are needed where the certificate's number does not tell them.
    """

    certificate_type: str
    certificate_number: str
    person_name: str
    insurance_type: str
    person_class: str
    entitlement_groups: tuple[str, ...]
    start_date: dt.date
    end_date: dt.date | None = None
    employer_code: str = ""
    gender: Gender | None = None
    birth_date: dt.date | None = None
    tier: str = ""
    insured_months_before: int | None = None
    months_owing: int | None = None
    years_unclaimed: int | None = None


@dataclass(frozen=True, slots=True)
class FormerHolder:
    """Who had a number last, before it was corrected to another; who corrected it, by path."""

    person_id: str
    given_up_by: str


@dataclass(frozen=True, slots=True, repr=False)
class Correction:
    """What is to be put right; never printed. An empty name and no document stay."""

    person_name: str
    document: ShownDocument | None


def register(
    registration: Registration, *, region: str, person_id: str, now: dt.datetime, today: dt.date
) -> tuple[Person, Enrolment]:
    """Returns the person and the first enrolment; `today` is the day of `now` (I-28).

    Raises:
        RuleError: FIELD_REQUIRED, what the number does not tell; FIELD_OUT_OF_RANGE, what
            it tells otherwise, birth after today, cover before birth or over two years
            ahead; what `check_document` and `new_period` refuse. No message repeats the number.
    """
    number = normalised(registration.certificate_number)
    facts = check_document(registration.certificate_type, number)
    # The division of issue is not compared with a list: divisions come and go, and a
    # number keeps the one of its day.
    _check_born(facts, today, "certificate_number")
    birth_date, gender = _completed(facts, registration, today)
    person = Person(
        region,
        person_id,
        registration.certificate_type,
        number,
        registration.person_name,
        gender,
        birth_date,
        now,
    )
    terms = EnrolmentTerms(
        registration.person_class,
        registration.entitlement_groups,
        EnrolmentStatus.NORMAL,
        registration.employer_code,
        registration.tier,
        registration.insured_months_before,
        registration.months_owing,
        registration.years_unclaimed,
    )
    check_begins_soon(registration.start_date, today=today, field="start_date")
    enrolment = new_period(
        registration.insurance_type,
        terms,
        start_date=registration.start_date,
        end_date=registration.end_date,
        birth_date=birth_date,
        today=today,
    )
    return person, enrolment


def correct(
    person: Person,
    correction: Correction,
    *,
    today: dt.date,
    parent_birth_date: dt.date | None = None,
    child_birth_date: dt.date | None = None,
) -> Person:
    """Returns a person with another name, another document, or both.

    Where the new number tells birth date or gender, these are taken from it.
    `parent_birth_date` is that of the parent whom a newborn was registered with, and
    `child_birth_date` that of the first newborn who was registered with the person.

    Raises:
        RuleError: FIELD_REQUIRED, nothing is to be corrected; what `check_document` refuses;
            CITIZEN_NUMBER_INVALID, birth in the future, too long ago, after death, not
            after the parent's or not before a child's.
    """
    if not correction.person_name and correction.document is None:
        message = "name or document has to be given"
        refuse_faults([FieldFault("person_name", Reason.FIELD_REQUIRED, message)])
    if correction.person_name:
        person = dataclasses.replace(person, person_name=correction.person_name)
    document = correction.document
    if document is None:
        return person
    number = normalised(document.certificate_number)
    fields = ("document.certificate_type", "document.certificate_number")
    facts = check_document(document.certificate_type, number, fields=fields)
    _check_born(facts, today, fields[1])
    if person.death_date is not None and (facts.birth_date or dt.date.min) > person.death_date:
        message = "the birth date lies after death"
        refuse_faults([FieldFault(fields[1], Reason.CITIZEN_NUMBER_INVALID, message)])
    if parent_birth_date is not None and (facts.birth_date or dt.date.max) <= parent_birth_date:
        message = "the birth date does not lie after the parent's"
        refuse_faults([FieldFault(fields[1], Reason.CITIZEN_NUMBER_INVALID, message)])
    if child_birth_date is not None and (facts.birth_date or dt.date.min) >= child_birth_date:
        message = "the birth date does not lie before a child's"
        refuse_faults([FieldFault(fields[1], Reason.CITIZEN_NUMBER_INVALID, message)])
    return dataclasses.replace(
        person,
        certificate_type=document.certificate_type,
        certificate_number=number,
        gender=facts.gender or person.gender,
        birth_date=facts.birth_date or person.birth_date,
    )


def _check_born(facts: DocumentFacts, today: dt.date, field: str) -> None:
    if facts.birth_date is not None and today.year - facts.birth_date.year > MOST_YEARS:
        message = f"the birth date lies over {MOST_YEARS} years back"
        refuse_faults([FieldFault(field, Reason.CITIZEN_NUMBER_INVALID, message)])
    if facts.birth_date is not None and facts.birth_date > today:
        message = "the birth date lies in the future"
        refuse_faults([FieldFault(field, Reason.CITIZEN_NUMBER_INVALID, message)])


def _completed(
    facts: DocumentFacts, stated: Registration, today: dt.date
) -> tuple[dt.date, Gender]:
    """Returns birth date and gender, told by the number or stated; refuses a contradiction."""
    faults = []
    for field, told, given in (
        ("gender", facts.gender, stated.gender),
        ("birth_date", facts.birth_date, stated.birth_date),
    ):
        if told is None and given is None:
            message = "is not told by the certificate's number, so it has to be given"
            faults.append(FieldFault(field, Reason.FIELD_REQUIRED, message))
        elif told is not None and given is not None and told != given:
            message = "does not agree with the certificate's number"
            faults.append(FieldFault(field, Reason.FIELD_OUT_OF_RANGE, message))
    if stated.birth_date is not None and stated.birth_date > today:
        faults.append(FieldFault("birth_date", Reason.FIELD_OUT_OF_RANGE, "lies in the future"))
    if stated.birth_date is not None and today.year - stated.birth_date.year > MOST_YEARS:
        message = f"lies over {MOST_YEARS} years back"
        faults.append(FieldFault("birth_date", Reason.FIELD_OUT_OF_RANGE, message))
    refuse_faults(faults)
    birth_date, gender = facts.birth_date or stated.birth_date, facts.gender or stated.gender
    assert birth_date is not None
    assert gender is not None
    return birth_date, gender


def mask_number(number: str) -> str:
    """Returns the number with all but the first three and last two characters hidden.

    Of a number of less than twelve characters less is shown, so that half of it stays hidden.
    """
    first = min(_SHOWN_FIRST, len(number) // 4)
    last = min(_SHOWN_LAST, len(number) // 4)
    return number[:first] + "*" * (len(number) - first - last) + number[len(number) - last :]


def mask_name(name: str) -> str:
    """Returns the name with all but the first character hidden, for a supervisor."""
    return name[:1] + "*" * (len(name) - 1)


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


def check_former_holder(
    former: FormerHolder | None, *, person_id: str, stated_id: str, operator: str
) -> None:
    """Refuses a number that another person had before, unless two operators say so (I-28).

    One operator corrected `former` to another number; another one, who takes the number for
    `person_id` now, has to state whose it was. So nobody alone gives one human two records.

    Raises:
        RuleError: NUMBER_HELD_BEFORE; SAME_MAKER_AND_CHECKER.
    """
    if former is None or former.person_id == person_id:
        return
    if stated_id != former.person_id:
        raise RuleError(
            Reason.NUMBER_HELD_BEFORE,
            f"person {former.person_id} had the number before; name who had it to go on",
            person_id=former.person_id,
        )
    if is_same_operator(operator, former.given_up_by):
        raise RuleError(
            Reason.SAME_MAKER_AND_CHECKER,
            "the operator who gave the number up may not take it for another person",
        )


def person_merged(person_id: str, *, merged_into: str) -> RuleError:
    """Returns the refusal of a record that another one took the place of."""
    return RuleError(
        Reason.PERSON_MERGED,
        f"person {person_id} was merged into {merged_into}",
        person_id=person_id,
        merged_into=merged_into,
    )
