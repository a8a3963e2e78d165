"""RegistrationService: registration for care in another region."""

import grpc

from yibao.offsite.v1 import registration_pb2
from yibao.offsite.v1 import registration_service_pb2 as pb
from yibao.offsite.v1 import registration_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.request import Request
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.wire import as_sent, from_date, from_instant, to_date, to_optional_date
from yibao_common.values.caller import Caller
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_offsite.application.registration import (
    CancelRegistration,
    CreateRegistration,
    Registrations,
)
from yibao_offsite.rules.registration import (
    Application,
    Category,
    Registration,
    State,
)

_CATEGORIES = {
    registration_pb2.REGISTRATION_CATEGORY_RETIRED_RESETTLED: Category.RETIRED_RESETTLED,
    registration_pb2.REGISTRATION_CATEGORY_LONG_TERM_RESIDENT: Category.LONG_TERM_RESIDENT,
    registration_pb2.REGISTRATION_CATEGORY_POSTED_WORKER: Category.POSTED_WORKER,
    registration_pb2.REGISTRATION_CATEGORY_REFERRAL: Category.REFERRAL,
    registration_pb2.REGISTRATION_CATEGORY_OTHER_TEMPORARY: Category.OTHER_TEMPORARY,
}
_CATEGORY_SENT = {category: number for number, category in _CATEGORIES.items()}
_STATE_SENT = {
    State.ACTIVE: registration_pb2.REGISTRATION_STATE_ACTIVE,
    State.CANCELLED: registration_pb2.REGISTRATION_STATE_CANCELLED,
}


class RegistrationServicer(rpc.RegistrationServiceServicer):
    """Registers, reads and cancels; everything blocks, so it runs in threads."""

    def __init__(self, registrations: Registrations, blocking: Blocking) -> None:
        """Takes what answers."""
        self._registrations = registrations
        self._blocking = blocking

    async def CreateRegistration(
        self,
        request: pb.CreateRegistrationRequest,
        context: (
            "grpc.aio.ServicerContext[pb.CreateRegistrationRequest, pb.CreateRegistrationResponse]"
        ),
    ) -> pb.CreateRegistrationResponse:
        """Registers care elsewhere."""
        caller = current_caller()
        caller.require_region(request.region)
        response = await self._blocking.run(
            self._registrations.create,
            CreateRegistration(
                _request("CreateRegistration", caller, request), _application(request)
            ),
            _created,
        )
        return as_sent(pb.CreateRegistrationResponse, response)

    async def GetRegistration(
        self,
        request: pb.GetRegistrationRequest,
        context: (
            "grpc.aio.ServicerContext[pb.GetRegistrationRequest, pb.GetRegistrationResponse]"
        ),
    ) -> pb.GetRegistrationResponse:
        """Reads one registration."""
        current_caller().require_region(request.region)
        found = await self._blocking.run(
            self._registrations.find, request.region, request.registration_id
        )
        return pb.GetRegistrationResponse(registration=_message(found))

    async def CancelRegistration(
        self,
        request: pb.CancelRegistrationRequest,
        context: (
            "grpc.aio.ServicerContext[pb.CancelRegistrationRequest, pb.CancelRegistrationResponse]"
        ),
    ) -> pb.CancelRegistrationResponse:
        """Cancels an active registration."""
        caller = current_caller()
        caller.require_region(request.region)
        response = await self._blocking.run(
            self._registrations.cancel,
            CancelRegistration(
                _request("CancelRegistration", caller, request), request.registration_id
            ),
            _cancelled,
        )
        return as_sent(pb.CancelRegistrationResponse, response)


def _request(
    method: str,
    caller: Caller,
    request: pb.CreateRegistrationRequest | pb.CancelRegistrationRequest,
) -> Request:
    return Request.of(
        caller,
        method=method,
        region=request.region,
        request_id=request.request_id,
        contents=request.SerializeToString(),
    )


def _application(request: pb.CreateRegistrationRequest) -> Application:
    category = _CATEGORIES.get(request.category)
    if category is None:
        message = "is no category that this version knows"
        refuse_faults([FieldFault("category", Reason.FIELD_OUT_OF_RANGE, message)])
    assert category is not None
    return Application(
        request.person_id,
        category,
        request.treatment_region,
        to_date(request.start_date),
        to_optional_date(request, "expected_end_date"),
        request.is_urgent,
    )


def _created(registration: Registration) -> bytes:
    message = _message(registration)
    return pb.CreateRegistrationResponse(registration=message).SerializeToString()


def _cancelled(registration: Registration) -> bytes:
    message = _message(registration)
    return pb.CancelRegistrationResponse(registration=message).SerializeToString()


def _message(registration: Registration) -> registration_pb2.Registration:
    end, cancel_time = registration.end_date, registration.cancel_time
    return registration_pb2.Registration(
        registration_id=registration.registration_id,
        region=registration.region,
        person_id=registration.person_id,
        category=_CATEGORY_SENT[registration.category],
        treatment_region=registration.treatment_region,
        state=_STATE_SENT[registration.state],
        start_date=from_date(registration.start_date),
        end_date=None if end is None else from_date(end),
        register_time=from_instant(registration.register_time),
        cancel_time=None if cancel_time is None else from_instant(cancel_time),
    )
