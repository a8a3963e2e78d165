"""Persons and enrolments as messages of the contract."""

from google.protobuf.message import Message

from yibao.identity.v1 import person_pb2
from yibao_common.rpc.wire import from_date, from_instant
from yibao_common.values.citizen_number import Gender
from yibao_identity.application.person.rows import EnrolledPerson
from yibao_identity.rules.disease import Disease
from yibao_identity.rules.document import ShownDocument
from yibao_identity.rules.enrolment import Enrolment, EnrolmentStatus
from yibao_identity.rules.person import Person, mask_name, mask_number

_STATUS = {
    EnrolmentStatus.NORMAL: person_pb2.ENROLMENT_STATUS_NORMAL,
    EnrolmentStatus.SUSPENDED: person_pb2.ENROLMENT_STATUS_SUSPENDED,
    EnrolmentStatus.ENDED: person_pb2.ENROLMENT_STATUS_ENDED,
}


def person_message(enrolled: EnrolledPerson, *, is_masked: bool = False) -> person_pb2.Person:
    """Returns a person with the number masked, and the name as well where `is_masked`."""
    person = enrolled.person
    return person_pb2.Person(
        person_id=person.person_id,
        region=person.region,
        certificate_type=person.certificate_type,
        certificate_number_masked=mask_number(person.certificate_number),
        person_name=mask_name(person.person_name) if is_masked else person.person_name,
        gender=person.gender.value,
        birth_date=from_date(person.birth_date),
        enrolments=map(enrolment_message, enrolled.enrolments),
        register_time=from_instant(person.register_time),
        state=_state_of(person),
        merged_into=person.merged_into or "",
        parent_id=person.parent_id or "",
        death_date=None if person.death_date is None else from_date(person.death_date),
    )


def _state_of(person: Person) -> person_pb2.PersonState.ValueType:
    if person.merged_into:
        return person_pb2.PERSON_STATE_MERGED
    if person.death_date is not None:
        return person_pb2.PERSON_STATE_DECEASED
    return person_pb2.PERSON_STATE_ACTIVE


def enrolment_message(enrolment: Enrolment) -> person_pb2.Enrolment:
    """Returns an enrolment with all that is known of it."""
    message = covered_message(enrolment)
    message.employer_code = enrolment.employer_code
    message.recorded_by = enrolment.recorded_by
    if enrolment.premium_receive_date is not None:
        message.premium_receive_date.CopyFrom(from_date(enrolment.premium_receive_date))
    if enrolment.record_time is not None:
        message.record_time.CopyFrom(from_instant(enrolment.record_time))
    if enrolment.replace_time is not None:
        message.replace_time.CopyFrom(from_instant(enrolment.replace_time))
    return message


def covered_message(enrolment: Enrolment) -> person_pb2.Enrolment:
    """Returns what settlement must know of an enrolment."""
    end_date = enrolment.end_date
    return person_pb2.Enrolment(
        insurance_type=enrolment.insurance_type,
        person_class=enrolment.person_class,
        entitlement_groups=enrolment.entitlement_groups,
        status=_STATUS[enrolment.status],
        start_date=from_date(enrolment.start_date),
        end_date=None if end_date is None else from_date(end_date),
        enrolment_id=enrolment.enrolment_id,
        has_employer=bool(enrolment.employer_code),
        is_premium_pending=enrolment.is_premium_pending,
        tier=enrolment.tier,
        insured_months_before=enrolment.insured_months_before,
        months_owing=enrolment.months_owing,
        years_unclaimed=enrolment.years_unclaimed,
    )


def disease_message(disease: Disease) -> person_pb2.RegisteredDisease:
    """Returns a registered disease with all that is known of it."""
    message = held_message(disease)
    message.recorded_by = disease.recorded_by
    if disease.record_time is not None:
        message.record_time.CopyFrom(from_instant(disease.record_time))
    if disease.replace_time is not None:
        message.replace_time.CopyFrom(from_instant(disease.replace_time))
    return message


def held_message(disease: Disease) -> person_pb2.RegisteredDisease:
    """Returns what settlement must know of a registered disease."""
    end_date = disease.end_date
    return person_pb2.RegisteredDisease(
        disease_registration_id=disease.disease_registration_id,
        disease_code=disease.disease_code,
        start_date=from_date(disease.start_date),
        end_date=None if end_date is None else from_date(end_date),
    )


def gender_of(number: int) -> Gender | None:
    """Returns the gender, None where it is absent; the gate has checked the range."""
    return Gender(number) if number else None


def number_of(message: Message, field: str) -> int | None:
    """Returns a number of months or years, None where it is absent."""
    return getattr(message, field) if message.HasField(field) else None


def document_of(document: person_pb2.ShownDocument) -> ShownDocument:
    """Returns a document as it was shown."""
    return ShownDocument(document.certificate_type, document.certificate_number)
