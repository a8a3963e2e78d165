"""The lists of the offsite service that tell what is due: each asked to its end."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc

from yibao.common.v1.server_service_pb2 import GetServerInfoRequest
from yibao.common.v1.server_service_pb2_grpc import ServerServiceStub
from yibao.errors import error_of
from yibao.offsite.v1 import material_pb2, qualification_pb2, ticket_pb2
from yibao.offsite.v1 import material_service_pb2 as material_pages
from yibao.offsite.v1 import qualification_service_pb2 as qualification_pages
from yibao.offsite.v1 import ticket_service_pb2 as ticket_pages
from yibao.offsite.v1.material_service_pb2_grpc import MaterialServiceStub
from yibao.offsite.v1.qualification_service_pb2_grpc import QualificationServiceStub
from yibao.offsite.v1.ticket_service_pb2_grpc import TicketServiceStub
from yibao_cli.due.audits import assistance, audits, complaints, holds
from yibao_cli.due.item import DueItem
from yibao_cli.due.kinds import DueKind
from yibao_cli.due.pages import Desk
from yibao_cli.due.registrations import evaluations, rechecks, registrations
from yibao_common.rpc.wire import from_date, to_date, to_instant
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.reasons import Reason

# What a service without keys, or without a place for files, says of its lists.
_NOT_KEPT = {Reason.FILES_NOT_KEPT.wire_name, Reason.MATERIALS_NOT_KEPT.wire_name}


@dataclass(frozen=True, slots=True)
class NotKept:
    """The service keeps nothing of this kind, and says why by a reason's code."""

    reason: str
    message: str


def today_at(channel: grpc.Channel, *, seconds: float) -> dt.date:
    """Returns the day in Asia/Shanghai by the server's clock. Raises grpc.RpcError."""
    info = ServerServiceStub(channel).GetServerInfo(GetServerInfoRequest(), timeout=seconds)
    return shanghai_day(to_instant(info.server_time))


def all_due(desk: Desk, kind: DueKind) -> list[DueItem] | NotKept:
    """Returns what is due of a kind. Raises grpc.RpcError where the service refuses to tell."""
    try:
        return list(_LISTS[kind](desk))
    except grpc.RpcError as error:
        refusal = error_of(error)
        if refusal.reason not in _NOT_KEPT:
            raise
        return NotKept(refusal.reason, refusal.message)


def _tickets(desk: Desk) -> Iterator[DueItem]:
    request = ticket_pages.ListTicketsRequest(
        region=desk.region, state=ticket_pb2.TICKET_STATE_OPEN, due_end_date=from_date(desk.until)
    )
    for each in desk.pages(TicketServiceStub(desk.channel).ListTickets, request, "tickets"):
        kind = ticket_pb2.TicketKind.Name(each.kind).removeprefix("TICKET_KIND_")
        yield DueItem(
            kind=DueKind.TICKET,
            day=to_date(each.due_date),
            what=f"answer ({kind})",
            methods=("AnswerTicket",),
            id=each.ticket_id,
            call="GetTicket",
            request={"ticket_id": each.ticket_id},
            person_id=each.person_id,
        )


def _qualifications(desk: Desk) -> Iterator[DueItem]:
    ask = QualificationServiceStub(desk.channel).ListQualifications
    applied = qualification_pages.ListQualificationsRequest(
        region=desk.region, state=qualification_pb2.QUALIFICATION_STATE_APPLIED
    )
    for each in desk.pages(ask, applied, "qualifications"):
        since = shanghai_day(to_instant(each.apply_time))
        yield _qualification(each, since, "decide on what was applied for", "DecideQualification")
    refused = qualification_pages.ListQualificationsRequest(
        region=desk.region, carry_state=qualification_pb2.CARRY_STATE_REFUSED
    )
    for each in desk.pages(ask, refused, "qualifications"):
        since = shanghai_day(to_instant(each.decide_time))
        what = f"mend what identity refuses ({each.carry_problem})"
        yield _qualification(each, since, what, "RetryQualification", "EndQualification")


def _qualification(each: Any, since: dt.date, what: str, *methods: str) -> DueItem:
    return DueItem(
        kind=DueKind.QUALIFICATION,
        day=since,
        waits=True,
        what=what,
        methods=methods,
        id=each.qualification_id,
        call="GetQualification",
        request={"qualification_id": each.qualification_id},
        person_id=each.person_id,
    )


def _waivers(desk: Desk) -> Iterator[DueItem]:
    request = material_pages.ListMaterialsRequest(
        region=desk.region, state=material_pb2.MATERIAL_STATE_WAIVER_PROPOSED
    )
    for each in desk.pages(MaterialServiceStub(desk.channel).ListMaterials, request, "materials"):
        yield DueItem(
            kind=DueKind.WAIVER,
            day=shanghai_day(to_instant(each.begin_time)),
            waits=True,
            what=f"decide whether to do without {each.kind}",
            methods=("DecideWaiver",),
            id=each.material_id,
            call="GetMaterial",
            request={"material_id": each.material_id},
            person_id=each.person_id,
        )


_LISTS: dict[DueKind, Callable[[Desk], Iterator[DueItem]]] = {
    DueKind.REGISTRATION: registrations,
    DueKind.EVALUATION: evaluations,
    DueKind.RECHECK: rechecks,
    DueKind.TICKET: _tickets,
    DueKind.QUALIFICATION: _qualifications,
    DueKind.AUDIT: audits,
    DueKind.HOLD: holds,
    DueKind.ASSISTANCE: assistance,
    DueKind.COMPLAINT: complaints,
    DueKind.WAIVER: _waivers,
}
