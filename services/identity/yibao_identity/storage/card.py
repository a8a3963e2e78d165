"""Cards as rows."""

import datetime as dt
from typing import Any

import sqlalchemy as sa

from yibao_identity.application.card.rows import CardName, StoredCard, StoredPin
from yibao_identity.rules.card import ActivationChannel, CardClosing, CardState
from yibao_identity.rules.card_loss import LossPapers, Replacement
from yibao_identity.storage import tables

_card = tables.card
_order = tables.card_replacement


class StoredCards:
    """See `application.card.rows.CardRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def find(self, name: CardName) -> StoredCard | None:
        """Returns a card, or None."""
        query = self._select().where(*named(name))
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _card_from(row)

    def lock(self, card_id: str) -> StoredCard:
        """Locks a card that exists and returns it."""
        query = self._select().where(_card.c.card_id == card_id).with_for_update(of=_card)
        return _card_from(self._connection.execute(query).one())

    def of_person(self, person_id: str) -> list[StoredCard]:
        """Returns the cards of a person, the newest first."""
        return self._newest_first(_card.c.person_id == person_id)

    def lock_of_person(self, person_id: str) -> list[StoredCard]:
        """Locks all cards of a person; returns them by card id."""
        query = self._select().where(_card.c.person_id == person_id).order_by(_card.c.card_id)
        rows = self._connection.execute(query.with_for_update(of=_card))
        return [_card_from(row) for row in rows]

    def with_serial(self, card_serial: str) -> list[StoredCard]:
        """Returns the card of a serial, or none."""
        return self._newest_first(_card.c.card_serial == card_serial)

    def with_serial_or_chip(self, card_serial: str, chip_number: str) -> str | None:
        """Returns the first card that has one of them, or None."""
        is_taken = (_card.c.card_serial == card_serial) | (_card.c.chip_number == chip_number)
        query = sa.select(_card.c.card_id).where(_card.c.region == self._region, is_taken)
        first = query.order_by(_card.c.card_id).limit(1)
        found: str | None = self._connection.execute(first).scalar_one_or_none()
        return found

    def insert(self, card: StoredCard, *, issued_by: str, pin_salt: bytes) -> None:
        """Stores a new card, of which nothing but its issue has happened."""
        self._connection.execute(
            sa.insert(_card).values(
                region=self._region,
                card_id=card.card_id,
                person_id=card.person_id,
                subject=card.subject,
                card_serial=card.card_serial,
                chip_number=card.chip_number,
                standard_version=card.standard_version,
                bank_code=card.bank_code,
                state=card.state.value,
                issue_time=card.issue_time,
                issued_by=issued_by,
                activation_deadline_date=card.activation_deadline_date,
                activated_by="",
                provider_visit_number="",
                loss_reported_by="",
                employer_letter_reference=card.papers.employer_letter,
                office_confirmation_reference=card.papers.office_confirmation,
                replaces_card_id=card.replaces_card_id,
                closed_by="",
                pin_salt=pin_salt,
                pin_scheme=card.pin.scheme,
                wrong_tries=card.pin.wrong_tries,
                transactions=card.transactions,
                printed_transactions=card.printed_transactions,
            )
        )

    def set_state(self, card_id: str, state: CardState) -> None:
        """Stores the state of a card."""
        change_card(self._connection, self._region, card_id, state=state.value)

    def activate(
        self,
        card_id: str,
        *,
        state: CardState,
        at: dt.datetime,
        by: str,
        channel: ActivationChannel,
        provider_visit_number: str,
    ) -> None:
        """Stores the activation of a card."""
        change_card(
            self._connection,
            self._region,
            card_id,
            state=state.value,
            activate_time=at,
            activated_by=by,
            activation_channel=channel.value,
            provider_visit_number=provider_visit_number,
        )

    def close(
        self,
        card_id: str,
        *,
        state: CardState,
        at: dt.datetime,
        by: str,
        closing: CardClosing | None,
    ) -> None:
        """Stores the closing of a card."""
        change_card(
            self._connection,
            self._region,
            card_id,
            state=state.value,
            close_time=at,
            closed_by=by,
            closing=None if closing is None else closing.value,
        )

    def _select(self) -> sa.Select[Any]:
        """Returns the select of all cards of the region, with their replacements."""
        orders = (_order.c.order_time, _order.c.ready_date, _order.c.new_card_id)
        is_of_card = (_order.c.region == _card.c.region) & (_order.c.card_id == _card.c.card_id)
        return (
            sa.select(_card, *orders)
            .select_from(_card.outerjoin(_order, is_of_card))
            .where(_card.c.region == self._region)
        )

    def _newest_first(self, condition: sa.ColumnElement[bool]) -> list[StoredCard]:
        newest_first = (_card.c.issue_time.desc(), _card.c.card_id.desc())
        query = self._select().where(condition).order_by(*newest_first)
        return [_card_from(row) for row in self._connection.execute(query)]


def named(name: CardName) -> list[sa.ColumnElement[bool]]:
    """Returns the conditions by which a name finds its card."""
    conditions = []
    if name.card_id:
        conditions.append(_card.c.card_id == name.card_id)
    if name.card_serial or not name.card_id:
        # Serial and chip have to be of one card: a chip in a foreign body is no card.
        conditions.append(_card.c.card_serial == name.card_serial)
        conditions.append(_card.c.chip_number == name.chip_number)
    return conditions


def change_card(connection: sa.Connection, region: str, card_id: str, **values: object) -> None:
    """Writes columns of a card whose row is locked."""
    changed = connection.execute(
        sa.update(_card)
        .where(_card.c.region == region, _card.c.card_id == card_id)
        .values(**values)
    )
    assert changed.rowcount == 1


def _card_from(row: sa.Row[Any]) -> StoredCard:
    channel = row.activation_channel
    replacement = None
    if row.order_time is not None:
        replacement = Replacement(row.order_time, row.ready_date, row.new_card_id)
    return StoredCard(
        row.region,
        row.card_id,
        row.person_id,
        row.subject,
        row.card_serial,
        row.chip_number,
        row.standard_version,
        row.bank_code,
        CardState(row.state),
        row.issue_time,
        row.activation_deadline_date,
        row.activate_time,
        None if channel is None else ActivationChannel(channel),
        row.loss_report_time,
        LossPapers(row.employer_letter_reference, row.office_confirmation_reference),
        row.replaces_card_id,
        row.suspension_case_id,
        StoredPin(bytes(row.pin_hash or b""), row.pin_scheme, row.wrong_tries, row.pin_lost_time),
        row.transactions,
        row.printed_transactions,
        replacement,
    )
