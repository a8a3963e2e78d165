"""Problem tickets: opened, answered, confirmed or opened again, and closed when time is over."""

import datetime as dt
import functools
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from yibao_common.commands.audit import OK, AuditEntry, entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.caller import Caller, Role
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.served import check_served
from yibao_offsite.rules.ticket import (
    Ticket,
    TicketAct,
    TicketEvent,
    TicketKind,
    TicketState,
    TicketTimes,
    answer,
    close,
    confirm,
    is_overdue,
    reopen,
    ticket_not_found,
)

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work

# What a transaction of the duty closes at most, so that nobody waits for it for long.
_PAGE_TICKETS = 100
CLOSE_METHOD = "CloseTickets"


@dataclass(frozen=True, slots=True)
class ToldTicket:
    """A ticket with all that was said, and whether its answer is late today."""

    ticket: Ticket
    acts: Sequence[TicketAct]
    is_late: bool


Encode = Callable[[ToldTicket], bytes]


@dataclass(frozen=True, slots=True)
class TicketWish:
    """Which tickets are listed; what is None limits nothing.

    `due_by` are those alone whose next step is due on that day or before. `after` is the day
    of the next step and the id behind which the list goes on.
    """

    party: str | None = None
    state: TicketState | None = None
    kind: TicketKind | None = None
    due_by: dt.date | None = None
    after: tuple[dt.date, str] | None = None


class TicketRows(Protocol):
    """Tickets of a region, as one transaction finds, locks and writes them."""

    def find(self, ticket_id: str) -> Ticket | None:
        """Returns a ticket, or None."""
        ...

    def lock(self, ticket_id: str) -> Ticket | None:
        """Locks a ticket until the transaction ends and returns it, or None."""
        ...

    def acts(self, ticket_id: str) -> Sequence[TicketAct]:
        """Returns what was said of a ticket, in that order."""
        ...

    def listed(self, wish: TicketWish, *, limit: int) -> Sequence[Ticket]:
        """Returns tickets by the day of their next step, then by their ids."""
        ...

    def insert(self, ticket: Ticket) -> None:
        """Stores a new ticket."""
        ...

    def update(self, ticket: Ticket) -> None:
        """Stores a ticket that was locked and is changed now."""
        ...

    def add_act(self, ticket_id: str, act: TicketAct) -> None:
        """Stores what was said or done."""
        ...

    def unconfirmed(self, before: dt.date, *, limit: int) -> Sequence[str]:
        """Returns the ids of answered tickets that could be confirmed until before a day."""
        ...


@dataclass(frozen=True, slots=True)
class OpenTicket:
    """Opens a ticket."""

    request: Request
    kind: TicketKind
    text: str
    person_id: str | None
    registration_id: str | None


@dataclass(frozen=True, slots=True)
class ChangeTicket:
    """Answers, confirms or opens again a ticket that was read in a version."""

    request: Request
    ticket_id: str
    version: int
    text: str = ""


class Tickets:
    """What callers ask of tickets. Blocks."""

    def __init__(
        self,
        transactions: "Transactions[Work]",
        *,
        clock: Clock,
        ids: Ids,
        times: TicketTimes,
        served: Collection[str] = (),
    ) -> None:
        """Takes what begins transactions, and the times that tickets have.

        See `rules.served` of `served`.
        """
        self._served = served
        self._transactions = transactions
        self._clock = clock
        self._ids = ids
        self._times = times

    def open(self, command: OpenTicket, encode: Encode) -> bytes:
        """Opens once by request id and returns the answer's bytes.

        Raises:
            RuleError: REGION_NOT_SERVED, REQUEST_ID_REUSED.
        """
        return self._transactions.once(
            command.request, lambda work: encode(self._open(work, command))
        )

    def answer(self, command: ChangeTicket, encode: Encode) -> bytes:
        """Answers once by request id and returns the answer's bytes.

        Raises:
            RuleError: TICKET_NOT_FOUND, TICKET_STATE, REQUEST_ID_REUSED.
        """

        def act(ticket: Ticket, now: dt.datetime) -> Ticket:
            return answer(ticket, self._times, version=command.version, now=now)

        return self._change(command, TicketEvent.ANSWERED, act, encode)

    def confirm(self, command: ChangeTicket, encode: Encode) -> bytes:
        """Confirms once by request id and returns the answer's bytes.

        Raises:
            RuleError: TICKET_NOT_FOUND, OUT_OF_SCOPE, TICKET_STATE, REQUEST_ID_REUSED.
        """

        def act(ticket: Ticket, now: dt.datetime) -> Ticket:
            _check_opened_by(ticket, command.request.caller)
            return confirm(ticket, version=command.version, now=now)

        return self._change(command, TicketEvent.CONFIRMED, act, encode)

    def reopen(self, command: ChangeTicket, encode: Encode) -> bytes:
        """Opens again once by request id and returns the answer's bytes. Raises as `confirm`."""

        def act(ticket: Ticket, now: dt.datetime) -> Ticket:
            _check_opened_by(ticket, command.request.caller)
            return reopen(ticket, self._times, version=command.version, now=now)

        return self._change(command, TicketEvent.REOPENED, act, encode)

    def get(self, region: str, ticket_id: str, caller: Caller) -> ToldTicket:
        """Returns a ticket with all that was said. Raises TICKET_NOT_FOUND."""
        with self._transactions.read(region) as work:
            ticket = _own(work.tickets.find(ticket_id), ticket_id, caller)
            return self._told(ticket, work.tickets.acts(ticket_id))

    def listed(self, region: str, wish: TicketWish, *, limit: int) -> Sequence[ToldTicket]:
        """Returns tickets by the day of their next step, without what was said."""
        with self._transactions.read(region) as work:
            return [self._told(each, ()) for each in work.tickets.listed(wish, limit=limit)]

    def _open(self, work: "Work", command: OpenTicket) -> ToldTicket:
        request, now = command.request, self._clock()
        check_served(request.region, self._served)
        caller = request.caller
        ticket = Ticket(
            region=request.region,
            ticket_id=self._ids(),
            kind=command.kind,
            state=TicketState.OPEN,
            party=caller.party,
            opened_by=caller.path,
            open_time=now,
            due_date=self._times.answer_due(command.kind, shanghai_day(now)),
            person_id=command.person_id,
            registration_id=command.registration_id,
        )
        work.tickets.insert(ticket)
        return self._noted(work, request, ticket, TicketEvent.OPENED, command.text, now)

    def _change(
        self,
        command: ChangeTicket,
        event: TicketEvent,
        act: Callable[[Ticket, dt.datetime], Ticket],
        encode: Encode,
    ) -> bytes:
        def decide(work: "Work") -> bytes:
            request, now = command.request, self._clock()
            found = _own(work.tickets.lock(command.ticket_id), command.ticket_id, request.caller)
            ticket = act(found, now)
            work.tickets.update(ticket)
            return encode(self._noted(work, request, ticket, event, command.text, now))

        return self._transactions.once(command.request, decide)

    def _noted(
        self,
        work: "Work",
        request: Request,
        ticket: Ticket,
        event: TicketEvent,
        text: str,
        now: dt.datetime,
    ) -> ToldTicket:
        caller = request.caller
        act = TicketAct(ticket.version, event, text, caller.party, caller.path, now)
        work.tickets.add_act(ticket.ticket_id, act)
        subjects = tuple(filter(None, (ticket.ticket_id, ticket.person_id, ticket.registration_id)))
        work.audit.add(entry_of(request, at=now, subject_ids=subjects))
        return self._told(ticket, work.tickets.acts(ticket.ticket_id))

    def _told(self, ticket: Ticket, acts: Sequence[TicketAct]) -> ToldTicket:
        return ToldTicket(ticket, acts, ticket.is_late(shanghai_day(self._clock())))


class TicketClosing:
    """Closes answered tickets that nobody confirmed in time. Blocks.

    It can be done at any time, by several processes at once, and ended at any moment: each page
    is a transaction that changes only what is still to be changed.
    """

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock, caller: str) -> None:
        """Takes what begins transactions; `caller` names the process in the audit."""
        self._transactions = transactions
        self._clock = clock
        self._caller = caller

    def close_all(self, region: str) -> int:
        """Closes every ticket of a region whose time is over; returns how many."""
        closed = 0
        while found := self._overdue(region):
            done = self._transactions.change(region, functools.partial(self._close, found))
            if not done:
                # Another process closes them, or a clock went back: the next round looks again.
                break
            closed += done
        return closed

    def _overdue(self, region: str) -> Sequence[str]:
        today = shanghai_day(self._clock())
        with self._transactions.read(region) as work:
            return work.tickets.unconfirmed(today, limit=_PAGE_TICKETS)

    def _close(self, ticket_ids: Sequence[str], work: "Work") -> int:
        now, closed = self._clock(), 0
        for ticket_id in sorted(ticket_ids):
            found = work.tickets.lock(ticket_id)
            if found is None or not is_overdue(found, shanghai_day(now)):
                continue
            ticket = close(found, now=now)
            work.tickets.update(ticket)
            act = TicketAct(ticket.version, TicketEvent.CLOSED, "", "", "", now)
            work.tickets.add_act(ticket_id, act)
            work.audit.add(
                AuditEntry(
                    *(ticket.region, now, self._caller, CLOSE_METHOD, (ticket_id,), OK, {}, "")
                )
            )
            closed += 1
        return closed


def _own(ticket: Ticket | None, ticket_id: str, caller: Caller) -> Ticket:
    """Returns a ticket that the caller may know of. Raises TICKET_NOT_FOUND."""
    if ticket is None or (caller.role is not Role.AGENCY and ticket.party != caller.party):
        raise ticket_not_found(ticket_id)
    return ticket


def _check_opened_by(ticket: Ticket, caller: Caller) -> None:
    """Refuses an agency that would confirm for who opened the ticket. Raises OUT_OF_SCOPE."""
    if ticket.party != caller.party:
        raise RuleError(
            Reason.OUT_OF_SCOPE, "who opened a ticket confirms its answer", scope="ticket"
        )
