"""Problem tickets as rows: what was said is sealed."""

import datetime as dt
from typing import Any

import sqlalchemy as sa

from yibao_common.keys.vault import Vault
from yibao_offsite.application.ticket import TicketWish
from yibao_offsite.rules.ticket import Ticket, TicketAct, TicketEvent, TicketKind, TicketState
from yibao_offsite.storage import tables

_TABLE, _ACT = tables.tickets


class StoredTickets:
    """See `application.ticket.TicketRows`."""

    def __init__(self, connection: sa.Connection, region: str, vault: Vault | None) -> None:
        """Takes the transaction's connection; without a vault, nothing may be asked for."""
        self._connection = connection
        self._region = region
        self._vault = vault

    def find(self, ticket_id: str) -> Ticket | None:
        """Returns a ticket, or None."""
        return self._one(self._named(ticket_id))

    def lock(self, ticket_id: str) -> Ticket | None:
        """Locks a ticket and returns it, or None."""
        return self._one(self._named(ticket_id).with_for_update())

    def acts(self, ticket_id: str) -> list[TicketAct]:
        """Returns what was said of a ticket, in that order."""
        query = (
            sa.select(_ACT)
            .where(_ACT.c.region == self._region, _ACT.c.ticket_id == ticket_id)
            .order_by(_ACT.c.number)
        )
        return [self._act_from(row) for row in self._connection.execute(query)]

    def listed(self, wish: TicketWish, *, limit: int) -> list[Ticket]:
        """Returns tickets by the day of their next step, then by their ids."""
        query = sa.select(_TABLE).where(_TABLE.c.region == self._region)
        for column, value in (
            (_TABLE.c.party, wish.party),
            (_TABLE.c.state, wish.state),
            (_TABLE.c.kind, wish.kind),
        ):
            if value is not None:
                query = query.where(column == value)
        if wish.due_by is not None:
            query = query.where(_TABLE.c.is_due.is_(True), _TABLE.c.next_date <= wish.due_by)
        if wish.after is not None:
            query = query.where(sa.tuple_(_TABLE.c.next_date, _TABLE.c.ticket_id) > wish.after)
        query = query.order_by(_TABLE.c.next_date, _TABLE.c.ticket_id).limit(limit)
        return [_ticket_from(row) for row in self._connection.execute(query)]

    def insert(self, ticket: Ticket) -> None:
        """Stores a new ticket."""
        self._connection.execute(
            sa.insert(_TABLE).values(
                region=self._region,
                ticket_id=ticket.ticket_id,
                kind=ticket.kind.value,
                party=ticket.party,
                opened_by=ticket.opened_by,
                open_time=ticket.open_time,
                person_id=ticket.person_id,
                registration_id=ticket.registration_id,
                **_changing(ticket),
            )
        )

    def update(self, ticket: Ticket) -> None:
        """Stores a ticket that was locked and is changed now."""
        changed = self._connection.execute(
            sa.update(_TABLE)
            .where(
                _TABLE.c.region == self._region,
                _TABLE.c.ticket_id == ticket.ticket_id,
                _TABLE.c.version == ticket.version - 1,
            )
            .values(**_changing(ticket))
        )
        assert changed.rowcount == 1

    def add_act(self, ticket_id: str, act: TicketAct) -> None:
        """Stores what was said or done."""
        place = self._place(ticket_id, act.number)
        self._connection.execute(
            sa.insert(_ACT).values(
                region=self._region,
                ticket_id=ticket_id,
                number=act.number,
                event=act.event.value,
                sealed_text=self._keys.seal(act.text.encode(), place=place),
                party=act.party,
                acted_by=act.acted_by,
                act_time=act.act_time,
            )
        )

    def unconfirmed(self, before: dt.date, *, limit: int) -> list[str]:
        """Returns the ids of answered tickets that could be confirmed until before a day."""
        query = (
            sa.select(_TABLE.c.ticket_id)
            .where(
                _TABLE.c.region == self._region,
                _TABLE.c.is_due.is_(True),
                _TABLE.c.next_date < before,
                _TABLE.c.state == TicketState.ANSWERED.value,
            )
            .order_by(_TABLE.c.next_date, _TABLE.c.ticket_id)
            .limit(limit)
        )
        return [str(each) for each in self._connection.execute(query).scalars()]

    @property
    def _keys(self) -> Vault:
        assert self._vault is not None, "who has no keys asks for nothing sealed"
        return self._vault

    def _named(self, ticket_id: str) -> sa.Select[Any]:
        return sa.select(_TABLE).where(
            _TABLE.c.region == self._region, _TABLE.c.ticket_id == ticket_id
        )

    def _one(self, query: sa.Select[Any]) -> Ticket | None:
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _ticket_from(row)

    def _act_from(self, row: sa.Row[Any]) -> TicketAct:
        place = self._place(row.ticket_id, row.number)
        return TicketAct(
            row.number,
            TicketEvent(row.event),
            self._keys.open(bytes(row.sealed_text), place=place).decode(),
            row.party,
            row.acted_by,
            row.act_time,
        )

    def _place(self, ticket_id: str, number: int) -> str:
        return f"{self._region}/ticket/{ticket_id}/{number}/text"


def _changing(ticket: Ticket) -> dict[str, object]:
    return {
        "state": ticket.state.value,
        "due_date": ticket.due_date,
        "confirm_due_date": ticket.confirm_due_date,
        "next_date": ticket.next_date,
        "is_due": ticket.is_due,
        "answered_late": ticket.answered_late,
        "close_time": ticket.close_time,
        "version": ticket.version,
    }


def _ticket_from(row: sa.Row[Any]) -> Ticket:
    return Ticket(
        region=row.region,
        ticket_id=row.ticket_id,
        kind=TicketKind(row.kind),
        state=TicketState(row.state),
        party=row.party,
        opened_by=row.opened_by,
        open_time=row.open_time,
        due_date=row.due_date,
        person_id=row.person_id,
        registration_id=row.registration_id,
        version=row.version,
        confirm_due_date=row.confirm_due_date,
        answered_late=row.answered_late,
        close_time=row.close_time,
    )
