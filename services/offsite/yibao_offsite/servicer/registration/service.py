"""RegistrationService: the life of registrations for care in another region."""

from typing import TypeAlias

import grpc

from yibao.offsite.v1 import registration_service_pb2 as pb
from yibao.offsite.v1 import registration_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.db.batcher import Batcher
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.pages import page_token, place_after
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent, known, to_date, to_optional_date
from yibao_common.values.caller import Caller
from yibao_offsite.application.registration.creating import CreateRegistration
from yibao_offsite.application.registration.orders import ChangeRegistration, Registering
from yibao_offsite.application.registration.reading import RegistrationReading
from yibao_offsite.application.registration.recording import DeemedRegistrations, RecordDeemed
from yibao_offsite.application.registration.rows import RegistrationPlace, TaskPlace
from yibao_offsite.application.registration.steps import Act, Steps
from yibao_offsite.servicer.dated_place import dated_place, dated_place_text
from yibao_offsite.servicer.registration.asked import check_finding, wish_of
from yibao_offsite.servicer.registration.messages import (
    TASK_KINDS,
    applicant_of,
    application_of,
    changed,
    materials_of,
    registration_encoder,
    registration_message,
    step_message,
)

_PAGE_SIZE, _PAGE_SIZE_MAX = 100, 500
# The one service that learns of emergencies from hospitals.
_SETTLEMENT = "settlement"
_StepRequest: TypeAlias = (
    pb.ApproveRegistrationRequest
    | pb.RejectRegistrationRequest
    | pb.ReturnRegistrationRequest
    | pb.ResubmitRegistrationRequest
    | pb.WithdrawRegistrationRequest
    | pb.ConfirmRegistrationCheckRequest
    | pb.ExtendRegistrationRequest
    | pb.CancelRegistrationRequest
    | pb.RevokeRegistrationRequest
)


class RegistrationServicer(rpc.RegistrationServiceServicer):
    """Takes registrations through their lives, in threads, since what does so blocks."""

    def __init__(
        self,
        creating: Batcher[CreateRegistration, bytes],
        registering: Registering,
        steps: Steps,
        deemed: DeemedRegistrations,
        reading: RegistrationReading,
        blocking: Blocking,
    ) -> None:
        """Takes what answers."""
        self._creating = creating
        self._registering = registering
        self._steps = steps
        self._deemed = deemed
        self._reading = reading
        self._blocking = blocking

    async def CreateRegistration(
        self,
        request: pb.CreateRegistrationRequest,
        context: (
            "grpc.aio.ServicerContext[pb.CreateRegistrationRequest, pb.CreateRegistrationResponse]"
        ),
    ) -> pb.CreateRegistrationResponse:
        """Applies for care elsewhere."""
        asked = request_of(request, "CreateRegistration")
        applicant = applicant_of(asked.caller)
        application = application_of(request, applicant, person_id=request.person_id)
        response = await self._creating.submit(
            request.region, CreateRegistration(asked, applicant, application)
        )
        return as_sent(pb.CreateRegistrationResponse, response)

    async def ApproveRegistration(
        self,
        request: pb.ApproveRegistrationRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.ApproveRegistrationRequest, pb.ApproveRegistrationResponse]"
        ),
    ) -> pb.ApproveRegistrationResponse:
        """Approves what was submitted."""
        act = _act(request, "ApproveRegistration")
        response = await self._blocking.run(
            self._steps.approve, act, registration_encoder(pb.ApproveRegistrationResponse)
        )
        return as_sent(pb.ApproveRegistrationResponse, response)

    async def RejectRegistration(
        self,
        request: pb.RejectRegistrationRequest,
        context: (
            "grpc.aio.ServicerContext[pb.RejectRegistrationRequest, pb.RejectRegistrationResponse]"
        ),
    ) -> pb.RejectRegistrationResponse:
        """Refuses what is not decided."""
        act = _act(request, "RejectRegistration", request.remark)
        response = await self._blocking.run(
            self._steps.reject, act, registration_encoder(pb.RejectRegistrationResponse)
        )
        return as_sent(pb.RejectRegistrationResponse, response)

    async def ReturnRegistration(
        self,
        request: pb.ReturnRegistrationRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ReturnRegistrationRequest, pb.ReturnRegistrationResponse]"
        ),
    ) -> pb.ReturnRegistrationResponse:
        """Gives back what was submitted."""
        act = _act(request, "ReturnRegistration")
        faults = tuple((each.kind, each.remark) for each in request.material_faults)
        response = await self._blocking.run(
            self._steps.give_back, act, faults, registration_encoder(pb.ReturnRegistrationResponse)
        )
        return as_sent(pb.ReturnRegistrationResponse, response)

    async def ResubmitRegistration(
        self,
        request: pb.ResubmitRegistrationRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.ResubmitRegistrationRequest, pb.ResubmitRegistrationResponse]"
        ),
    ) -> pb.ResubmitRegistrationResponse:
        """Hands in again what was returned."""
        act = _act(request, "ResubmitRegistration")
        response = await self._blocking.run(
            self._steps.hand_in_again,
            act,
            materials_of(request.materials),
            registration_encoder(pb.ResubmitRegistrationResponse),
        )
        return as_sent(pb.ResubmitRegistrationResponse, response)

    async def WithdrawRegistration(
        self,
        request: pb.WithdrawRegistrationRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.WithdrawRegistrationRequest, pb.WithdrawRegistrationResponse]"
        ),
    ) -> pb.WithdrawRegistrationResponse:
        """Takes back what is not decided."""
        act = _act(request, "WithdrawRegistration")
        response = await self._blocking.run(
            self._steps.withdraw, act, registration_encoder(pb.WithdrawRegistrationResponse)
        )
        return as_sent(pb.WithdrawRegistrationResponse, response)

    async def ConfirmRegistrationCheck(
        self,
        request: pb.ConfirmRegistrationCheckRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.ConfirmRegistrationCheckRequest, pb.ConfirmRegistrationCheckResponse]"
        ),
    ) -> pb.ConfirmRegistrationCheckResponse:
        """Notes that a check found nothing."""
        act = _act(request, "ConfirmRegistrationCheck", request.remark)
        response = await self._blocking.run(
            self._steps.note_checked, act, registration_encoder(pb.ConfirmRegistrationCheckResponse)
        )
        return as_sent(pb.ConfirmRegistrationCheckResponse, response)

    async def ChangeRegistration(
        self,
        request: pb.ChangeRegistrationRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ChangeRegistrationRequest, pb.ChangeRegistrationResponse]"
        ),
    ) -> pb.ChangeRegistrationResponse:
        """Puts another registration in the place of one."""
        asked = request_of(request, "ChangeRegistration")
        applicant = applicant_of(asked.caller)
        # Whose it is, the one before says.
        application = application_of(request, applicant, person_id="")
        command = ChangeRegistration(asked, applicant, request.registration_id, application)
        response = await self._blocking.run(self._registering.change, command, changed)
        return as_sent(pb.ChangeRegistrationResponse, response)

    async def ExtendRegistration(
        self,
        request: pb.ExtendRegistrationRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ExtendRegistrationRequest, pb.ExtendRegistrationResponse]"
        ),
    ) -> pb.ExtendRegistrationResponse:
        """Gives a registration a later last day."""
        act = _act(request, "ExtendRegistration")
        response = await self._blocking.run(
            self._steps.extend,
            act,
            materials_of(request.materials),
            to_date(request.expected_end_date),
            registration_encoder(pb.ExtendRegistrationResponse),
        )
        return as_sent(pb.ExtendRegistrationResponse, response)

    async def CancelRegistration(
        self,
        request: pb.CancelRegistrationRequest,
        context: (
            "grpc.aio.ServicerContext[pb.CancelRegistrationRequest, pb.CancelRegistrationResponse]"
        ),
    ) -> pb.CancelRegistrationResponse:
        """Cancels a registration in force."""
        act = _act(request, "CancelRegistration", request.remark)
        check_finding(request, act.request.caller)
        response = await self._blocking.run(
            self._steps.cancel,
            act,
            is_wish=not request.is_agency_finding,
            encode=registration_encoder(pb.CancelRegistrationResponse),
        )
        return as_sent(pb.CancelRegistrationResponse, response)

    async def RevokeRegistration(
        self,
        request: pb.RevokeRegistrationRequest,
        context: (
            "grpc.aio.ServicerContext[pb.RevokeRegistrationRequest, pb.RevokeRegistrationResponse]"
        ),
    ) -> pb.RevokeRegistrationResponse:
        """Declares void what rests on a false statement."""
        act = _act(request, "RevokeRegistration", request.remark)
        response = await self._blocking.run(
            self._steps.revoke, act, registration_encoder(pb.RevokeRegistrationResponse)
        )
        return as_sent(pb.RevokeRegistrationResponse, response)

    async def GetRegistration(
        self,
        request: pb.GetRegistrationRequest,
        context: (
            "grpc.aio.ServicerContext[pb.GetRegistrationRequest, pb.GetRegistrationResponse]"
        ),
    ) -> pb.GetRegistrationResponse:
        """Reads one registration."""
        caller = _reader(request.region)
        found = await self._blocking.run(
            self._reading.find,
            request.region,
            request.registration_id,
            institution_id=caller.institution_id,
        )
        return pb.GetRegistrationResponse(registration=registration_message(found))

    async def ListRegistrations(
        self,
        request: pb.ListRegistrationsRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ListRegistrationsRequest, pb.ListRegistrationsResponse]"
        ),
    ) -> pb.ListRegistrationsResponse:
        """Lists registrations."""
        caller = _reader(request.region)
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        found = await self._blocking.run(
            self._reading.page,
            request.region,
            wish_of(request, caller),
            before=place_after(request, request.page_token, _place),
            # One more tells whether there is another page.
            limit=size + 1,
        )
        page = found[:size]
        token = ""
        if len(found) > size:
            first_day, last_id = page[-1].application.start_date, page[-1].registration_id
            token = page_token(request, dated_place_text(first_day, last_id))
        return pb.ListRegistrationsResponse(
            registrations=map(registration_message, page), next_page_token=token
        )

    async def GetRegistrationHistory(
        self,
        request: pb.GetRegistrationHistoryRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.GetRegistrationHistoryRequest, pb.GetRegistrationHistoryResponse]"
        ),
    ) -> pb.GetRegistrationHistoryResponse:
        """Tells what was done to a registration."""
        caller = _reader(request.region)
        steps = await self._blocking.run(
            self._reading.history,
            request.region,
            request.registration_id,
            institution_id=caller.institution_id,
        )
        return pb.GetRegistrationHistoryResponse(events=map(step_message, steps))

    async def ListRegistrationTasks(
        self,
        request: pb.ListRegistrationTasksRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.ListRegistrationTasksRequest, pb.ListRegistrationTasksResponse]"
        ),
    ) -> pb.ListRegistrationTasksResponse:
        """Lists what is due, the earliest first."""
        _reader(request.region)
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        kind = None
        if request.task_kind:
            kind = known(TASK_KINDS, request.task_kind, field="task_kind", what="kind of task")
        found = await self._blocking.run(
            self._reading.tasks,
            request.region,
            to_optional_date(request, "due_date"),
            kind,
            after=place_after(request, request.page_token, _task_place),
            limit=size + 1,
        )
        page, token = found[:size], ""
        if len(found) > size:
            last = page[-1]
            assert last.task is not None, last.registration_id
            place = dated_place_text(last.task.due_date, last.registration_id)
            token = page_token(request, place)
        return pb.ListRegistrationTasksResponse(
            registrations=map(registration_message, page), next_page_token=token
        )

    async def RecordDeemedRegistration(
        self,
        request: pb.RecordDeemedRegistrationRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.RecordDeemedRegistrationRequest, pb.RecordDeemedRegistrationResponse]"
        ),
    ) -> pb.RecordDeemedRegistrationResponse:
        """Records an emergency that a hospital marked."""
        current_caller().require_service(_SETTLEMENT)
        command = RecordDeemed(
            request_of(request, "RecordDeemedRegistration"),
            request.person_id,
            request.visit_id,
            request.treatment_region,
            to_date(request.admission_date),
        )
        response = await self._blocking.run(
            self._deemed.record, command, registration_encoder(pb.RecordDeemedRegistrationResponse)
        )
        return as_sent(pb.RecordDeemedRegistrationResponse, response)


def _act(request: _StepRequest, method: str, remark: str = "") -> Act:
    asked = request_of(request, method)
    return Act(asked, applicant_of(asked.caller), request.registration_id, remark)


def _place(text: str) -> RegistrationPlace:
    return RegistrationPlace(*dated_place(text))


def _task_place(text: str) -> TaskPlace:
    return TaskPlace(*dated_place(text))


def _reader(region: str) -> Caller:
    caller = current_caller()
    caller.require_region(region)
    return caller
