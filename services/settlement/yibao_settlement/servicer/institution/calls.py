"""InstitutionService: scopes, departments, doctors and suspensions."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from yibao.settlement.v1 import catalogue_service_pb2 as catalogue
from yibao.settlement.v1 import institution_service_pb2 as pb
from yibao.settlement.v1 import institution_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.calls import tell_results
from yibao_common.rpc.pages import id_place, page_token, place_after
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.status import item_errors
from yibao_common.rpc.turns import Turns
from yibao_common.rpc.wire import as_sent, to_date, to_optional_date
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.caller import Caller
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_settlement.application.institution.find import InstitutionReads
from yibao_settlement.application.institution.registry import (
    AddPoints,
    ImportStaff,
    InstitutionRegistry,
    LiftSuspension,
    SentStaff,
    Suspend,
)
from yibao_settlement.application.institution.rows import InstitutionWish
from yibao_settlement.rules.institution.points import DoctorPoints, PointsTerms
from yibao_settlement.rules.institution.suspension import SuspendedKind, Suspension
from yibao_settlement.servicer.catalogue import institution_message
from yibao_settlement.servicer.institution import messages as told
from yibao_settlement.servicer.mapping import asked_institution

_PAGE_SIZE = 100
_PAGE_SIZE_MAX = 500
RowT = TypeVar("RowT")
ResponseT = TypeVar("ResponseT", bound=Message)
Listed = tuple[Sequence[RowT], str]


class InstitutionServicer(rpc.InstitutionServiceServicer):
    """Changes and reads what belongs to institutions, in threads."""

    def __init__(
        self,
        registry: InstitutionRegistry,
        reads: InstitutionReads,
        blocking: Blocking,
        *,
        points_terms: PointsTerms,
        clock: Clock,
    ) -> None:
        """Takes what answers, and what points bring."""
        self._registry = registry
        self._reads = reads
        self._blocking = blocking
        self._points_terms = points_terms
        self._clock = clock

    async def ImportInstitutionScopes(
        self,
        request: pb.ImportInstitutionScopesRequest,
        context: (
            "grpc.aio.ServicerContext"
            "[pb.ImportInstitutionScopesRequest, pb.ImportInstitutionScopesResponse]"
        ),
    ) -> pb.ImportInstitutionScopesResponse:
        """Says what institutions are for, each row on its own."""
        answer = pb.ImportInstitutionScopesResponse
        return await self._imported(request, "ImportInstitutionScopes", told.sent_scope, answer)

    async def ImportDepartments(
        self,
        request: pb.ImportDepartmentsRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ImportDepartmentsRequest, pb.ImportDepartmentsResponse]"
        ),
    ) -> pb.ImportDepartmentsResponse:
        """Imports departments, each row on its own."""
        answer = pb.ImportDepartmentsResponse
        return await self._imported(request, "ImportDepartments", told.sent_department, answer)

    async def ImportDoctors(
        self,
        request: pb.ImportDoctorsRequest,
        context: "grpc.aio.ServicerContext[pb.ImportDoctorsRequest, pb.ImportDoctorsResponse]",
    ) -> pb.ImportDoctorsResponse:
        """Imports doctors, each row on its own."""
        answer = pb.ImportDoctorsResponse
        return await self._imported(request, "ImportDoctors", told.sent_doctor, answer)

    async def _imported(
        self,
        request: Any,
        method: str,
        read: Callable[[Any], SentStaff],
        answer: type[ResponseT],
    ) -> ResponseT:
        turns, rows = Turns(), []
        # Reading a row puts its texts into canonical form, which the digest rests on.
        for message in request.items:
            rows.append(read(message))
            await turns.pass_on()

        def encode(refusals: Sequence[RuleError | None]) -> bytes:
            results = [
                catalogue.ImportResult(stored=True)
                if error is None
                else catalogue.ImportResult(error=error)
                for error in item_errors(refusals)
            ]
            stored = sum(refusal is None for refusal in refusals)
            return answer(stored=stored, results=results).SerializeToString()

        command = ImportStaff(request_of(request, method), rows, encode)
        response = await self._blocking.run(self._registry.import_rows, command)
        tell_results(request.request_id, answer.FromString(response).results)  # type: ignore[attr-defined]
        return as_sent(answer, response)

    async def GetInstitution(
        self,
        request: pb.GetInstitutionRequest,
        context: "grpc.aio.ServicerContext[pb.GetInstitutionRequest, pb.GetInstitutionResponse]",
    ) -> pb.GetInstitutionResponse:
        """Reads an institution as it stands on a day."""
        self._asking(request.region, request.institution_id)
        day = to_optional_date(request, "date") or shanghai_day(self._clock())
        found = await self._blocking.run(
            self._reads.institution, request.region, request.institution_id, day
        )
        return pb.GetInstitutionResponse(
            institution=institution_message(found.institution),
            is_designated=found.is_designated,
            scope=None if found.scope is None else told.scope_message(found.scope),
            suspensions=map(told.suspension_message, found.suspensions),
        )

    async def ListInstitutions(
        self,
        request: pb.ListInstitutionsRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ListInstitutionsRequest, pb.ListInstitutionsResponse]"
        ),
    ) -> pb.ListInstitutionsResponse:
        """Lists the region's institutions, by their codes."""
        current_caller().require_region(request.region)
        wish = InstitutionWish(request.code_prefix, request.name_contains)
        page, token = await self._page(
            request,
            lambda after, limit: self._blocking.run(
                self._reads.institutions, request.region, wish, after=after, limit=limit
            ),
            place=lambda each: each.institution_id,
        )
        return pb.ListInstitutionsResponse(
            institutions=map(institution_message, page), next_page_token=token
        )

    async def ListDepartments(
        self,
        request: pb.ListDepartmentsRequest,
        context: "grpc.aio.ServicerContext[pb.ListDepartmentsRequest, pb.ListDepartmentsResponse]",
    ) -> pb.ListDepartmentsResponse:
        """Lists the departments of an institution, by their codes."""
        self._asking(request.region, request.institution_id)
        page, token = await self._page(
            request,
            lambda after, limit: self._blocking.run(
                self._reads.departments,
                *(request.region, request.institution_id),
                after=after,
                limit=limit,
            ),
            place=lambda each: each.department_code,
        )
        return pb.ListDepartmentsResponse(
            departments=map(told.department_message, page), next_page_token=token
        )

    async def ListDoctors(
        self,
        request: pb.ListDoctorsRequest,
        context: "grpc.aio.ServicerContext[pb.ListDoctorsRequest, pb.ListDoctorsResponse]",
    ) -> pb.ListDoctorsResponse:
        """Lists the doctors of an institution, by their codes."""
        self._asking(request.region, request.institution_id)
        page, token = await self._page(
            request,
            lambda after, limit: self._blocking.run(
                self._reads.doctors,
                *(request.region, request.institution_id),
                after=after,
                limit=limit,
            ),
            place=lambda each: each.doctor_code,
        )
        return pb.ListDoctorsResponse(doctors=map(told.doctor_message, page), next_page_token=token)

    async def GetDoctor(
        self,
        request: pb.GetDoctorRequest,
        context: "grpc.aio.ServicerContext[pb.GetDoctorRequest, pb.GetDoctorResponse]",
    ) -> pb.GetDoctorResponse:
        """Reads a doctor with points and suspensions."""
        caller = current_caller()
        caller.require_region(request.region)
        found = await self._blocking.run(
            self._reads.doctor,
            *(request.region, request.doctor_code),
            request.year or shanghai_day(self._clock()).year,
            institution_id=caller.institution_id,
        )
        return pb.GetDoctorResponse(
            doctors=map(told.doctor_message, found.doctors),
            points=map(told.points_message, found.points),
            year_points=sum(each.points for each in found.points),
            suspensions=map(told.suspension_message, found.suspensions),
        )

    async def AddDoctorPoints(
        self,
        request: pb.AddDoctorPointsRequest,
        context: "grpc.aio.ServicerContext[pb.AddDoctorPointsRequest, pb.AddDoctorPointsResponse]",
    ) -> pb.AddDoctorPointsResponse:
        """Adds points to a doctor, and suspends whom they come to that."""
        command = AddPoints(
            request_of(request, "AddDoctorPoints"),
            request.doctor_code,
            request.points,
            to_date(request.points_date),
            request.reason,
            to_optional_date(request, "suspend_date"),
            self._points_terms,
            _points_added,
        )
        response = await self._blocking.run(self._registry.add_points, command)
        return as_sent(pb.AddDoctorPointsResponse, response)

    async def Suspend(
        self,
        request: pb.SuspendRequest,
        context: "grpc.aio.ServicerContext[pb.SuspendRequest, pb.SuspendResponse]",
    ) -> pb.SuspendResponse:
        """Suspends an institution, a department or a doctor."""
        command = Suspend(
            request_of(request, "Suspend"),
            SuspendedKind(request.kind),
            request.institution_id,
            request.code,
            to_date(request.start_date),
            to_optional_date(request, "end_date"),
            request.reason,
            lambda each: pb.SuspendResponse(
                suspension=told.suspension_message(each)
            ).SerializeToString(),
        )
        response = await self._blocking.run(self._registry.suspend, command)
        return as_sent(pb.SuspendResponse, response)

    async def LiftSuspension(
        self,
        request: pb.LiftSuspensionRequest,
        context: "grpc.aio.ServicerContext[pb.LiftSuspensionRequest, pb.LiftSuspensionResponse]",
    ) -> pb.LiftSuspensionResponse:
        """Lifts a suspension."""
        command = LiftSuspension(
            request_of(request, "LiftSuspension"),
            request.suspension_id,
            to_optional_date(request, "last_date"),
            request.reason,
            lambda each: pb.LiftSuspensionResponse(
                suspension=told.suspension_message(each)
            ).SerializeToString(),
        )
        response = await self._blocking.run(self._registry.lift, command)
        return as_sent(pb.LiftSuspensionResponse, response)

    async def ListSuspensions(
        self,
        request: pb.ListSuspensionsRequest,
        context: "grpc.aio.ServicerContext[pb.ListSuspensionsRequest, pb.ListSuspensionsResponse]",
    ) -> pb.ListSuspensionsResponse:
        """Lists suspensions, the one recorded first at the head."""
        caller = self._asking(request.region, request.institution_id)
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        found = await self._blocking.run(
            self._reads.suspensions,
            request.region,
            institution_id=asked_institution(caller, request.institution_id),
            day=to_optional_date(request, "date"),
            after=place_after(request, request.page_token, id_place),
            limit=size + 1,
        )
        page = found[:size]
        token = page_token(request, page[-1].suspension_id) if len(found) > size else ""
        return pb.ListSuspensionsResponse(
            suspensions=map(told.suspension_message, page), next_page_token=token
        )

    @staticmethod
    def _asking(region: str, institution_id: str) -> Caller:
        """Returns the caller, who may ask of the region and, if an institution, of itself."""
        caller = current_caller()
        caller.require_region(region)
        asked_institution(caller, institution_id)
        return caller

    @staticmethod
    async def _page(
        request: Any,
        find: Callable[[str | None, int], Awaitable[Sequence[RowT]]],
        *,
        place: Callable[[RowT], str],
    ) -> "Listed[RowT]":
        """Returns a page of rows in the order of their codes, and the token of the next."""
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        after = place_after(request, request.page_token, _code_place)
        # One more tells whether there is another page.
        found = await find(after, size + 1)
        page = found[:size]
        return page, page_token(request, place(page[-1])) if len(found) > size else ""


def _code_place(text: str) -> str:
    """Returns the code that a page's token holds; raises ValueError where it is none."""
    if not text:
        raise ValueError("a place is a code")
    return text


def _points_added(points: DoctorPoints, total: int, brought: Suspension | None) -> bytes:
    return pb.AddDoctorPointsResponse(
        points=told.points_message(points),
        year_points=total,
        suspension=None if brought is None else told.suspension_message(brought),
    ).SerializeToString()
