"""TicketService: problem tickets of care elsewhere."""

import grpc

from yibao.offsite.v1 import ticket_service_pb2 as pb
from yibao.offsite.v1 import ticket_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.pages import page_token, place_after
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent, known, to_optional_date
from yibao_common.values.caller import Role
from yibao_offsite.application.ticket import ChangeTicket, OpenTicket, Tickets, TicketWish
from yibao_offsite.rules.ticket import TicketKind, TicketState
from yibao_offsite.servicer.dated_place import dated_place, dated_place_text
from yibao_offsite.servicer.ticket.encode import answer, ticket_message

_PAGE_SIZE = 100
_PAGE_SIZE_MAX = 500
_KINDS = {each.value: each for each in TicketKind}
_STATES = {each.value: each for each in TicketState}


class TicketServicer(rpc.TicketServiceServicer):
    """Opens, answers, confirms and reads; everything blocks, so it runs in threads."""

    def __init__(self, tickets: Tickets, blocking: Blocking) -> None:
        """Takes what answers."""
        self._tickets = tickets
        self._blocking = blocking

    async def OpenTicket(
        self,
        request: pb.OpenTicketRequest,
        context: "grpc.aio.ServicerContext[pb.OpenTicketRequest, pb.OpenTicketResponse]",
    ) -> pb.OpenTicketResponse:
        """Opens a ticket."""
        asked = request_of(request, "OpenTicket")
        command = OpenTicket(
            asked,
            known(_KINDS, request.kind, field="kind", what="kind of ticket"),
            request.text,
            request.person_id or None,
            request.registration_id or None,
        )
        encode = answer(pb.OpenTicketResponse, asked.caller)
        response = await self._blocking.run(self._tickets.open, command, encode)
        return as_sent(pb.OpenTicketResponse, response)

    async def AnswerTicket(
        self,
        request: pb.AnswerTicketRequest,
        context: "grpc.aio.ServicerContext[pb.AnswerTicketRequest, pb.AnswerTicketResponse]",
    ) -> pb.AnswerTicketResponse:
        """Answers a ticket."""
        asked = request_of(request, "AnswerTicket")
        command = ChangeTicket(asked, request.ticket_id, request.version, request.text)
        encode = answer(pb.AnswerTicketResponse, asked.caller)
        response = await self._blocking.run(self._tickets.answer, command, encode)
        return as_sent(pb.AnswerTicketResponse, response)

    async def ConfirmTicket(
        self,
        request: pb.ConfirmTicketRequest,
        context: "grpc.aio.ServicerContext[pb.ConfirmTicketRequest, pb.ConfirmTicketResponse]",
    ) -> pb.ConfirmTicketResponse:
        """Confirms that the answer helped."""
        asked = request_of(request, "ConfirmTicket")
        command = ChangeTicket(asked, request.ticket_id, request.version)
        encode = answer(pb.ConfirmTicketResponse, asked.caller)
        response = await self._blocking.run(self._tickets.confirm, command, encode)
        return as_sent(pb.ConfirmTicketResponse, response)

    async def ReopenTicket(
        self,
        request: pb.ReopenTicketRequest,
        context: "grpc.aio.ServicerContext[pb.ReopenTicketRequest, pb.ReopenTicketResponse]",
    ) -> pb.ReopenTicketResponse:
        """Opens a ticket again."""
        asked = request_of(request, "ReopenTicket")
        command = ChangeTicket(asked, request.ticket_id, request.version, request.text)
        encode = answer(pb.ReopenTicketResponse, asked.caller)
        response = await self._blocking.run(self._tickets.reopen, command, encode)
        return as_sent(pb.ReopenTicketResponse, response)

    async def GetTicket(
        self,
        request: pb.GetTicketRequest,
        context: "grpc.aio.ServicerContext[pb.GetTicketRequest, pb.GetTicketResponse]",
    ) -> pb.GetTicketResponse:
        """Reads a ticket with all that was said."""
        caller = current_caller()
        caller.require_region(request.region)
        found = await self._blocking.run(
            self._tickets.get, request.region, request.ticket_id, caller
        )
        return pb.GetTicketResponse(ticket=ticket_message(found, caller))

    async def ListTickets(
        self,
        request: pb.ListTicketsRequest,
        context: "grpc.aio.ServicerContext[pb.ListTicketsRequest, pb.ListTicketsResponse]",
    ) -> pb.ListTicketsResponse:
        """Lists tickets by the last day of the next step."""
        caller = current_caller()
        caller.require_region(request.region)
        wish = TicketWish(
            None if caller.role is Role.AGENCY else caller.party,
            known(_STATES, request.state, field="state", what="state") if request.state else None,
            known(_KINDS, request.kind, field="kind", what="kind") if request.kind else None,
            to_optional_date(request, "due_end_date"),
            place_after(request, request.page_token, dated_place),
        )
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        # One more tells whether there is another page.
        found = await self._blocking.run(self._tickets.listed, request.region, wish, limit=size + 1)
        page, token = found[:size], ""
        if len(found) > size:
            last = page[-1].ticket
            token = page_token(request, dated_place_text(last.next_date, last.ticket_id))
        return pb.ListTicketsResponse(
            tickets=[ticket_message(each, caller) for each in page], next_page_token=token
        )
