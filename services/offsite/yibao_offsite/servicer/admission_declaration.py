"""AdmissionDeclarationService: stays that hospitals declare while they last."""

import datetime as dt

import grpc

from yibao.offsite.v1 import admission_declaration_pb2 as messages
from yibao.offsite.v1 import admission_declaration_service_pb2 as pb
from yibao.offsite.v1 import admission_declaration_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.request import Request
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.pages import page_token, place_after, timed_place, timed_place_text
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import (
    as_sent,
    from_date,
    from_instant,
    known,
    to_date,
    to_optional_date,
)
from yibao_offsite.application.admission_declaration import (
    AdmissionDeclarations,
    DeclarationWish,
    Declared,
    DeclaredPlace,
    UpdateAdmission,
)
from yibao_offsite.rules.admission_declaration import AdmissionDeclaration, AdmissionReason, Moved

_PAGE_SIZE = 100
_PAGE_SIZE_MAX = 500
_REASONS = {int(each): each for each in AdmissionReason}


class AdmissionDeclarationServicer(rpc.AdmissionDeclarationServiceServicer):
    """Declares, updates and reads; everything blocks, so it runs in threads."""

    def __init__(self, declarations: AdmissionDeclarations, blocking: Blocking) -> None:
        """Takes what answers."""
        self._declarations = declarations
        self._blocking = blocking

    async def DeclareAdmission(
        self,
        request: pb.DeclareAdmissionRequest,
        context: (
            "grpc.aio.ServicerContext[pb.DeclareAdmissionRequest, pb.DeclareAdmissionResponse]"
        ),
    ) -> pb.DeclareAdmissionResponse:
        """Declares a stay."""
        asked = request_of(request, "DeclareAdmission")
        told = _declaration(request, asked)
        response = await self._blocking.run(self._declarations.declare, asked, told, _declared)
        return as_sent(pb.DeclareAdmissionResponse, response)

    async def UpdateAdmission(
        self,
        request: pb.UpdateAdmissionRequest,
        context: (
            "grpc.aio.ServicerContext[pb.UpdateAdmissionRequest, pb.UpdateAdmissionResponse]"
        ),
    ) -> pb.UpdateAdmissionResponse:
        """Tells where the patient lies by now, or that it was discharged."""
        asked = request_of(request, "UpdateAdmission")
        told = Moved(
            request.department_name, request.bed, to_optional_date(request, "discharge_date")
        )
        command = UpdateAdmission(asked, request.admission_declaration_id, told)
        response = await self._blocking.run(self._declarations.update, command, _updated)
        return as_sent(pb.UpdateAdmissionResponse, response)

    async def GetAdmissionDeclaration(
        self,
        request: pb.GetAdmissionDeclarationRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.GetAdmissionDeclarationRequest, pb.GetAdmissionDeclarationResponse]"
        ),
    ) -> pb.GetAdmissionDeclarationResponse:
        """Reads a declaration."""
        caller = current_caller()
        caller.require_region(request.region)
        found = await self._blocking.run(
            self._declarations.find, request.region, request.admission_declaration_id, caller
        )
        return pb.GetAdmissionDeclarationResponse(declaration=_message(found))

    async def ListAdmissionDeclarations(
        self,
        request: pb.ListAdmissionDeclarationsRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.ListAdmissionDeclarationsRequest, pb.ListAdmissionDeclarationsResponse]"
        ),
    ) -> pb.ListAdmissionDeclarationsResponse:
        """Lists declarations, the one declared first at the head."""
        caller = current_caller()
        caller.require_region(request.region)
        if request.institution_id:
            caller.require_institution(request.institution_id)
        after = place_after(request, request.page_token, _place_of)
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        wish = DeclarationWish(
            request.institution_id or caller.institution_id,
            (request.person_id,) if request.person_id else (),
            request.only_open,
        )
        found = await self._blocking.run(
            # One more tells whether there is another page.
            self._declarations.page,
            request.region,
            wish,
            after=after,
            limit=size + 1,
        )
        page, token = found[:size], ""
        if len(found) > size:
            last = page[-1]
            token = page_token(
                request, timed_place_text(last.declare_time, last.admission_declaration_id)
            )
        return pb.ListAdmissionDeclarationsResponse(
            declarations=map(_message, page), next_page_token=token
        )


def _declaration(request: pb.DeclareAdmissionRequest, asked: Request) -> Declared:
    """Returns what makes the declaration, once its id and time are given."""
    institution_id = asked.caller.own_institution()
    reason = known(_REASONS, request.reason, field="reason", what="reason")
    admission_date = to_date(request.admission_date)

    def declared(admission_declaration_id: str, declare_time: dt.datetime) -> AdmissionDeclaration:
        return AdmissionDeclaration(
            request.region,
            admission_declaration_id,
            request.visit_id,
            request.person_id,
            institution_id,
            admission_date,
            request.department_name,
            request.bed,
            request.diagnosis_code,
            reason,
            request.registration_id,
            asked.caller.path,
            declare_time,
        )

    return declared


def _declared(declaration: AdmissionDeclaration) -> bytes:
    message = _message(declaration)
    return pb.DeclareAdmissionResponse(declaration=message).SerializeToString()


def _updated(declaration: AdmissionDeclaration) -> bytes:
    message = _message(declaration)
    return pb.UpdateAdmissionResponse(declaration=message).SerializeToString()


def _message(declaration: AdmissionDeclaration) -> messages.AdmissionDeclaration:
    discharge, update_time = declaration.discharge_date, declaration.update_time
    return messages.AdmissionDeclaration(
        admission_declaration_id=declaration.admission_declaration_id,
        region=declaration.region,
        visit_id=declaration.visit_id,
        person_id=declaration.person_id,
        institution_id=declaration.institution_id,
        admission_date=from_date(declaration.admission_date),
        department_name=declaration.department_name,
        bed=declaration.bed,
        diagnosis_code=declaration.diagnosis_code,
        reason=messages.AdmissionReason.ValueType(declaration.reason),
        registration_id=declaration.registration_id,
        discharge_date=None if discharge is None else from_date(discharge),
        declare_time=from_instant(declaration.declare_time),
        update_time=None if update_time is None else from_instant(update_time),
        version=declaration.version,
    )


def _place_of(text: str) -> DeclaredPlace:
    return DeclaredPlace(*timed_place(text))
