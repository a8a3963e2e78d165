"""Problem tickets in memory."""

import dataclasses
import datetime as dt

from yibao_offsite.application.ticket import TicketRows, TicketWish
from yibao_offsite.rules.ticket import Ticket, TicketAct, TicketState


@dataclasses.dataclass
class MemoryTickets(TicketRows):
    """Tickets of one region."""

    rows: dict[str, Ticket] = dataclasses.field(default_factory=dict)
    done: list[tuple[str, TicketAct]] = dataclasses.field(default_factory=list)

    def find(self, ticket_id: str) -> Ticket | None:
        return self.rows.get(ticket_id)

    def lock(self, ticket_id: str) -> Ticket | None:
        return self.rows.get(ticket_id)

    def acts(self, ticket_id: str) -> list[TicketAct]:
        return [act for named, act in self.done if named == ticket_id]

    def listed(self, wish: TicketWish, *, limit: int) -> list[Ticket]:
        found = [each for each in self.rows.values() if wish.party in (None, each.party)]
        return sorted(found, key=lambda each: (each.next_date, each.ticket_id))[:limit]

    def insert(self, ticket: Ticket) -> None:
        assert ticket.ticket_id not in self.rows
        self.rows[ticket.ticket_id] = ticket

    def update(self, ticket: Ticket) -> None:
        assert self.rows[ticket.ticket_id].version == ticket.version - 1
        self.rows[ticket.ticket_id] = ticket

    def add_act(self, ticket_id: str, act: TicketAct) -> None:
        self.done.append((ticket_id, act))

    def unconfirmed(self, before: dt.date, *, limit: int) -> list[str]:
        waiting = [each for each in self.rows.values() if each.state is TicketState.ANSWERED]
        return [each.ticket_id for each in waiting if each.next_date < before][:limit]
