"""Tickets as messages: which operator acted is told to agencies alone."""

from collections.abc import Callable
from typing import TypeAlias

from yibao.offsite.v1 import ticket_pb2 as messages
from yibao.offsite.v1 import ticket_service_pb2 as pb
from yibao_common.rpc.wire import from_date, from_instant
from yibao_common.values.caller import Caller, Role
from yibao_offsite.application.ticket import ToldTicket
from yibao_offsite.rules.ticket import TicketAct

_Answer: TypeAlias = (
    type[pb.OpenTicketResponse]
    | type[pb.AnswerTicketResponse]
    | type[pb.ConfirmTicketResponse]
    | type[pb.ReopenTicketResponse]
)


def answer(response: _Answer, caller: Caller) -> Callable[[ToldTicket], bytes]:
    """Returns what writes a ticket as a response of a type to a caller."""
    return lambda told: response(ticket=ticket_message(told, caller)).SerializeToString()


def ticket_message(told: ToldTicket, caller: Caller) -> messages.Ticket:
    """Returns a ticket as sent to a caller."""
    ticket, is_agency = told.ticket, caller.role is Role.AGENCY
    message = messages.Ticket(
        ticket_id=ticket.ticket_id,
        region=ticket.region,
        kind=messages.TicketKind.ValueType(ticket.kind.value),
        state=messages.TicketState.ValueType(ticket.state.value),
        opened_by=ticket.opened_by if is_agency else ticket.party,
        open_time=from_instant(ticket.open_time),
        due_date=from_date(ticket.due_date),
        is_late=told.is_late,
        person_id=ticket.person_id or "",
        registration_id=ticket.registration_id or "",
        acts=[_act_message(each, is_agency=is_agency) for each in told.acts],
        version=ticket.version,
    )
    if ticket.confirm_due_date is not None:
        message.confirm_due_date.CopyFrom(from_date(ticket.confirm_due_date))
    if ticket.close_time is not None:
        message.close_time.CopyFrom(from_instant(ticket.close_time))
    return message


def _act_message(act: TicketAct, *, is_agency: bool) -> messages.TicketAct:
    return messages.TicketAct(
        event=messages.TicketEvent.ValueType(act.event.value),
        text=act.text,
        acted_by=act.acted_by if is_agency else act.party,
        act_time=from_instant(act.act_time),
    )
