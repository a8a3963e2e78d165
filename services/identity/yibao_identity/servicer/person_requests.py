"""What the methods of PersonService share: requests, terms and shown documents as values."""

from typing import Protocol

from yibao.identity.v1 import enrolment_messages_pb2, person_pb2
from yibao_common.commands.request import Request, request_digest
from yibao_common.rpc.callers import current_caller
from yibao_common.values.caller import Caller
from yibao_common.values.citizen_number import Gender
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_identity.rules.documents import ShownDocument
from yibao_identity.rules.enrolment import EnrolmentStatus, EnrolmentTerms

_STATUSES = {
    person_pb2.ENROLMENT_STATUS_NORMAL: EnrolmentStatus.NORMAL,
    person_pb2.ENROLMENT_STATUS_SUSPENDED: EnrolmentStatus.SUSPENDED,
    person_pb2.ENROLMENT_STATUS_ENDED: EnrolmentStatus.ENDED,
}


class ChangingRequest(Protocol):
    """A message that asks for a change."""

    region: str
    request_id: str

    def SerializeToString(self) -> bytes:
        """Returns the message as bytes."""
        ...


def request_of(message: ChangingRequest, method: str, caller: Caller | None = None) -> Request:
    """Returns who asks, after the scope of an agency or bank was checked.

    Raises:
        RuleError: OUT_OF_SCOPE.
    """
    caller = caller or current_caller()
    caller.require_region(message.region)
    digest = request_digest(method, caller.path, message.SerializeToString())
    return Request(message.region, message.request_id, digest, method, caller)


def terms_of(terms: enrolment_messages_pb2.EnrolmentTerms) -> EnrolmentTerms:
    """Returns what an enrolment is to be.

    Raises:
        RuleError: FIELD_OUT_OF_RANGE, a status that this version does not know.
    """
    status = _STATUSES.get(terms.status)
    if status is None:
        refuse_unknown("terms.status", "status")
    assert status is not None
    return EnrolmentTerms(
        terms.person_class, tuple(terms.entitlement_groups), status, terms.employer_code
    )


def gender_of(number: int) -> Gender | None:
    """Returns the gender, None where it is absent; the gate has checked the range."""
    return Gender(number) if number else None


def document_of(document: person_pb2.ShownDocument) -> ShownDocument:
    """Returns a document as it was shown."""
    return ShownDocument(document.certificate_type, document.certificate_number)


def refuse_unknown(field: str, what: str) -> None:
    """Raises RuleError FIELD_OUT_OF_RANGE for a value of a newer contract."""
    message = f"is no {what} that this version knows"
    refuse_faults([FieldFault(field, Reason.FIELD_OUT_OF_RANGE, message)])
