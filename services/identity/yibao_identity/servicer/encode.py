"""Identity's values as messages of the contract."""

from yibao.identity.v1 import certificate_pb2, person_pb2, person_service_pb2
from yibao_common.wire import from_date, from_instant
from yibao_identity.application.records import EnrolledPerson, EnrolmentChange
from yibao_identity.rules.certificate import Certificate, CertificateState
from yibao_identity.rules.person import Enrolment, EnrolmentStatus, mask_number

_STATUS = {
    EnrolmentStatus.NORMAL: person_pb2.ENROLMENT_STATUS_NORMAL,
    EnrolmentStatus.SUSPENDED: person_pb2.ENROLMENT_STATUS_SUSPENDED,
    EnrolmentStatus.ENDED: person_pb2.ENROLMENT_STATUS_ENDED,
}
_STATE = {
    CertificateState.ACTIVE: certificate_pb2.CERTIFICATE_STATE_ACTIVE,
    CertificateState.SUSPENDED: certificate_pb2.CERTIFICATE_STATE_SUSPENDED,
}


def person_message(enrolled: EnrolledPerson) -> person_pb2.Person:
    """Returns a person with the number masked."""
    person = enrolled.person
    return person_pb2.Person(
        person_id=person.person_id,
        region=person.region,
        certificate_type=person.certificate_type,
        certificate_number_masked=mask_number(person.certificate_number),
        person_name=person.person_name,
        gender=person.gender.value,
        birth_date=from_date(person.birth_date),
        enrolment=enrolment_message(enrolled.enrolment),
        register_time=from_instant(person.register_time),
    )


def enrolment_message(enrolment: Enrolment) -> person_pb2.Enrolment:
    """Returns an enrolment."""
    return person_pb2.Enrolment(
        insurance_type=enrolment.insurance_type,
        person_class=enrolment.person_class,
        entitlement_groups=enrolment.entitlement_groups,
        status=_STATUS[enrolment.status],
        start_date=from_date(enrolment.start_date),
    )


def change_message(change: EnrolmentChange) -> person_service_pb2.EnrolmentChange:
    """Returns a change of the feed: no name, no number."""
    return person_service_pb2.EnrolmentChange(
        sequence=change.sequence,
        person_id=change.person_id,
        subject=change.subject,
        birth_date=from_date(change.birth_date),
        enrolment=enrolment_message(change.enrolment),
        credential_usable=change.credential_usable,
    )


def certificate_message(certificate: Certificate) -> certificate_pb2.Certificate:
    """Returns an e-certificate."""
    return certificate_pb2.Certificate(
        certificate_id=certificate.certificate_id,
        person_id=certificate.person_id,
        region=certificate.region,
        subject=certificate.subject,
        state=_STATE[certificate.state],
        activate_time=from_instant(certificate.activate_time),
    )
