"""PersonService: the periods that persons are insured in."""

import grpc

from yibao.identity.v1 import enrolment_messages_pb2 as pb
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.wire import to_date, to_optional_date
from yibao_identity.application.enrolments import (
    AddEnrolment,
    ChangeEnrolment,
    Enrolments,
    RecordPremium,
)
from yibao_identity.application.records import EnrolledPerson
from yibao_identity.servicer.encode import enrolment_message, person_message
from yibao_identity.servicer.person_requests import request_of, terms_of


class EnrolmentMethods:
    """Adds, changes and reads enrolments, and records premiums."""

    _enrolments: Enrolments
    _blocking: Blocking

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
            terms_of(request.terms),
            to_date(request.start_date),
            to_optional_date(request, "end_date"),
        )
        response = await self._blocking.run(self._enrolments.add, command, _added)
        return response  # type: ignore[return-value]  # the gate sends bytes as they are

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
            terms_of(request.terms),
            to_date(request.effective_date),
            to_optional_date(request, "end_date"),
            request.explanation,
        )
        response = await self._blocking.run(self._enrolments.change, command, _changed)
        return response  # type: ignore[return-value]  # as above

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
        return response  # type: ignore[return-value]  # as above

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


def _added(enrolled: EnrolledPerson) -> bytes:
    return pb.AddEnrolmentResponse(person=person_message(enrolled)).SerializeToString()


def _changed(enrolled: EnrolledPerson) -> bytes:
    return pb.ChangeEnrolmentResponse(person=person_message(enrolled)).SerializeToString()


def _paid(enrolled: EnrolledPerson) -> bytes:
    return pb.RecordPremiumResponse(person=person_message(enrolled)).SerializeToString()
