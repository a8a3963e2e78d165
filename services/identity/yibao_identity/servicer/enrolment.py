"""PersonService: the periods that persons are insured in."""

from collections.abc import Mapping

import grpc

from yibao.identity.v1 import enrolment_messages_pb2 as pb
from yibao.identity.v1 import person_pb2
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent, known, to_date, to_optional_date
from yibao_identity.application.enrolment import (
    AddEnrolment,
    ChangeEnrolment,
    Enrolments,
    RecordPremium,
)
from yibao_identity.application.person.rows import EnrolledPerson
from yibao_identity.rules.enrolment import EnrolmentStatus, EnrolmentTerms
from yibao_identity.servicer.person.messages import enrolment_message, number_of, person_message

_STATUSES: Mapping[int, EnrolmentStatus] = {
    person_pb2.ENROLMENT_STATUS_NORMAL: EnrolmentStatus.NORMAL,
    person_pb2.ENROLMENT_STATUS_SUSPENDED: EnrolmentStatus.SUSPENDED,
    person_pb2.ENROLMENT_STATUS_ENDED: EnrolmentStatus.ENDED,
}


class EnrolmentPart:
    """Adds, changes and reads enrolments, and records premiums."""

    def __init__(self, enrolments: Enrolments, blocking: Blocking) -> None:
        """Takes what answers; it blocks, so it runs in threads."""
        self._enrolments = enrolments
        self._blocking = blocking

    async def AddEnrolment(
        self,
        request: pb.AddEnrolmentRequest,
        context: "grpc.aio.ServicerContext[pb.AddEnrolmentRequest, pb.AddEnrolmentResponse]",
    ) -> pb.AddEnrolmentResponse:
        """Adds an enrolment of another insurance type, or after a gap."""
        command = AddEnrolment(
            request_of(request, "AddEnrolment"),
            request.person_id,
            request.insurance_type,
            _terms(request.terms),
            to_date(request.start_date),
            to_optional_date(request, "end_date"),
        )
        response = await self._blocking.run(self._enrolments.add, command, _added)
        return as_sent(pb.AddEnrolmentResponse, response)

    async def ChangeEnrolment(
        self,
        request: pb.ChangeEnrolmentRequest,
        context: "grpc.aio.ServicerContext[pb.ChangeEnrolmentRequest, pb.ChangeEnrolmentResponse]",
    ) -> pb.ChangeEnrolmentResponse:
        """Changes an enrolment from a day on."""
        command = ChangeEnrolment(
            request_of(request, "ChangeEnrolment"),
            request.person_id,
            request.enrolment_id,
            _terms(request.terms),
            to_date(request.effective_date),
            to_optional_date(request, "end_date"),
            request.explanation,
        )
        response = await self._blocking.run(self._enrolments.change, command, _changed)
        return as_sent(pb.ChangeEnrolmentResponse, response)

    async def RecordPremium(
        self,
        request: pb.RecordPremiumRequest,
        context: "grpc.aio.ServicerContext[pb.RecordPremiumRequest, pb.RecordPremiumResponse]",
    ) -> pb.RecordPremiumResponse:
        """Records that the premium of an enrolment was received."""
        command = RecordPremium(
            request_of(request, "RecordPremium"),
            request.person_id,
            request.enrolment_id,
            to_date(request.receive_date),
            request.payment_reference,
        )
        response = await self._blocking.run(self._enrolments.record_premium, command, _paid)
        return as_sent(pb.RecordPremiumResponse, response)

    async def ListEnrolments(
        self,
        request: pb.ListEnrolmentsRequest,
        context: "grpc.aio.ServicerContext[pb.ListEnrolmentsRequest, pb.ListEnrolmentsResponse]",
    ) -> pb.ListEnrolmentsResponse:
        """Reads every period that was ever recorded of a person."""
        current_caller().require_region(request.region)
        history = await self._blocking.run(
            self._enrolments.history, request.region, request.person_id
        )
        return pb.ListEnrolmentsResponse(enrolments=map(enrolment_message, history))


def _terms(terms: pb.EnrolmentTerms) -> EnrolmentTerms:
    """Returns what an enrolment is to be.

    Raises:
        RuleError: FIELD_OUT_OF_RANGE, a status that this version does not know.
    """
    status = known(_STATUSES, terms.status, field="terms.status", what="status")
    return EnrolmentTerms(
        terms.person_class,
        tuple(terms.entitlement_groups),
        status,
        terms.employer_code,
        terms.tier,
        number_of(terms, "insured_months_before"),
        number_of(terms, "months_owing"),
        number_of(terms, "years_unclaimed"),
    )


def _added(enrolled: EnrolledPerson) -> bytes:
    return pb.AddEnrolmentResponse(person=person_message(enrolled)).SerializeToString()


def _changed(enrolled: EnrolledPerson) -> bytes:
    return pb.ChangeEnrolmentResponse(person=person_message(enrolled)).SerializeToString()


def _paid(enrolled: EnrolledPerson) -> bytes:
    return pb.RecordPremiumResponse(person=person_message(enrolled)).SerializeToString()
