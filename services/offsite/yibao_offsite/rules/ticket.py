"""Problem tickets (问题工单; 苏医保发〔2022〕75号, article 57) and the times they are answered in.

Everything that can happen to one stands in `TRANSITIONS`. Times are working days; the day on
which something happened does not count, the last day does.
"""

import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from yibao_common.values.calendar import shanghai_day
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_common.values.working_days import WorkingCalendar


class TicketKind(enum.IntEnum):
    """What a problem is in, by its number in the contract."""

    REGISTRATION = 1
    SYSTEM_FAILURE = 2
    OTHER = 3


class TicketState(enum.IntEnum):
    """Where a ticket is in its life, by its number in the contract."""

    OPEN = 1
    ANSWERED = 2
    CONFIRMED = 3
    CLOSED = 4


class TicketEvent(enum.IntEnum):
    """What is done to a ticket, by its number in the contract."""

    OPENED = 1
    ANSWERED = 2
    REOPENED = 3
    CONFIRMED = 4
    CLOSED = 5


TRANSITIONS: Mapping[tuple[TicketState, TicketEvent], TicketState] = {
    (TicketState.OPEN, TicketEvent.ANSWERED): TicketState.ANSWERED,
    (TicketState.ANSWERED, TicketEvent.REOPENED): TicketState.OPEN,
    (TicketState.ANSWERED, TicketEvent.CONFIRMED): TicketState.CONFIRMED,
    (TicketState.ANSWERED, TicketEvent.CLOSED): TicketState.CLOSED,
}


@dataclass(frozen=True, slots=True)
class TicketTimes:
    """In how many working days a ticket of each kind is answered, and an answer confirmed."""

    calendar: WorkingCalendar
    answer_days: Mapping[TicketKind, int]
    confirm_days: int

    def answer_due(self, kind: TicketKind, day: dt.date) -> dt.date:
        """Returns the last day for the answer of a ticket that is opened on `day`."""
        return self.calendar.after(day, self.answer_days[kind])

    def confirm_due(self, day: dt.date) -> dt.date:
        """Returns the last day on which an answer of `day` can be confirmed."""
        return self.calendar.after(day, self.confirm_days)


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket; `party` is who opened it, whichever of its certificates it showed.

    `due_date` is the last day for the answer, `confirm_due_date` that for its confirmation,
    None while it is open. `answered_late` is None while it was not answered.
    """

    region: str
    ticket_id: str
    kind: TicketKind
    state: TicketState
    party: str
    opened_by: str
    open_time: dt.datetime
    due_date: dt.date
    person_id: str | None
    registration_id: str | None
    version: int = 1
    confirm_due_date: dt.date | None = None
    answered_late: bool | None = None
    close_time: dt.datetime | None = None

    @property
    def next_date(self) -> dt.date:
        """The last day of the next step, or of the last one where it is over."""
        return self.confirm_due_date or self.due_date

    @property
    def is_due(self) -> bool:
        """Whether there is a next step."""
        return self.state in (TicketState.OPEN, TicketState.ANSWERED)

    def is_late(self, today: dt.date) -> bool:
        """Tells whether the answer came after its last day, or is still missing then."""
        if self.answered_late is None:
            return today > self.due_date
        return self.answered_late


@dataclass(frozen=True, slots=True)
class TicketAct:
    """What was said of a ticket, or done to it; `number` counts from 1.

    `party` and `acted_by` are empty where the time was over. The text is never printed.
    """

    number: int
    event: TicketEvent
    text: str = field(repr=False)
    party: str
    acted_by: str
    act_time: dt.datetime


def answer(ticket: Ticket, times: TicketTimes, *, version: int, now: dt.datetime) -> Ticket:
    """Returns the ticket answered. Raises TICKET_STATE."""
    today = shanghai_day(now)
    return replace(
        _moved(ticket, TicketEvent.ANSWERED, version),
        confirm_due_date=times.confirm_due(today),
        answered_late=today > ticket.due_date,
    )


def reopen(ticket: Ticket, times: TicketTimes, *, version: int, now: dt.datetime) -> Ticket:
    """Returns the ticket open again, with its time for the answer anew.

    Raises:
        RuleError: TICKET_STATE, also after the last day to confirm.
    """
    today = shanghai_day(now)
    _check_in_time(ticket, today)
    return replace(
        _moved(ticket, TicketEvent.REOPENED, version),
        due_date=times.answer_due(ticket.kind, today),
        confirm_due_date=None,
        answered_late=None,
    )


def confirm(ticket: Ticket, *, version: int, now: dt.datetime) -> Ticket:
    """Returns the ticket confirmed. Raises as `reopen`."""
    _check_in_time(ticket, shanghai_day(now))
    return replace(_moved(ticket, TicketEvent.CONFIRMED, version), close_time=now)


def is_overdue(ticket: Ticket, today: dt.date) -> bool:
    """Tells whether nobody confirmed the answer in time: it closes by itself."""
    confirm_due = ticket.confirm_due_date
    is_waiting = ticket.state is TicketState.ANSWERED
    return is_waiting and confirm_due is not None and today > confirm_due


def close(ticket: Ticket, *, now: dt.datetime) -> Ticket:
    """Returns a ticket closed whose time to confirm is over."""
    assert is_overdue(ticket, shanghai_day(now)), ticket.ticket_id
    return replace(_moved(ticket, TicketEvent.CLOSED, ticket.version), close_time=now)


def _check_in_time(ticket: Ticket, today: dt.date) -> None:
    # It may be over already where the duty that closes tickets has not come to it yet.
    if is_overdue(ticket, today):
        raise ticket_state(ticket)


def _moved(ticket: Ticket, event: TicketEvent, version: int) -> Ticket:
    after = TRANSITIONS.get((ticket.state, event))
    if after is None or version != ticket.version:
        raise ticket_state(ticket)
    return replace(ticket, state=after, version=ticket.version + 1)


def ticket_not_found(ticket_id: str) -> RuleError:
    """Returns the refusal of a ticket that is not there, or not the caller's to know of."""
    return RuleError(
        Reason.TICKET_NOT_FOUND, f"there is no ticket {ticket_id}", ticket_id=ticket_id
    )


def ticket_state(ticket: Ticket) -> RuleError:
    """Returns the refusal of a step that a ticket does not take now."""
    return RuleError(
        Reason.TICKET_STATE,
        f"ticket {ticket.ticket_id} is {ticket.state.name}",
        ticket_id=ticket.ticket_id,
        state=ticket.state.name,
        version=ticket.version,
    )
