"""Cards as rows: read as they are on a day, and locked after their holders."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from yibao_identity.application.card_use import CardName
from yibao_identity.rules.card import (
    ActivationChannel,
    Card,
    CardState,
    card_not_found,
    state_on,
)
from yibao_identity.rules.pin import pin_state
from yibao_identity.rules.replacement import (
    LossPapers,
    Replacement,
)
from yibao_identity.storage import tables
from yibao_identity.storage.person_locks import LockedPerson, lock_persons

_card = tables.card
_order = tables.card_replacement


@dataclass(frozen=True, slots=True)
class CardReader:
    """Reads rows as cards on a day; the most tries tell which PINs are locked."""

    today: dt.date
    pin_tries: int

    def one(self, connection: sa.Connection, region: str, card_id: str) -> Card:
        """Returns a card that exists."""
        row = connection.execute(_named(region, CardName(card_id))).one()
        return self.card(row)

    def card(self, row: sa.Row[Any]) -> Card:
        """Returns the card of a row of `select_cards`."""
        channel = row.activation_channel
        replacement = None
        if row.order_time is not None:
            replacement = Replacement(row.order_time, row.ready_date, row.new_card_id)
        return Card(
            row.region,
            row.card_id,
            row.person_id,
            row.subject,
            row.card_serial,
            row.chip_number,
            row.standard_version,
            row.bank_code,
            state_on(
                CardState(row.state),
                activation_deadline_date=row.activation_deadline_date,
                today=self.today,
            ),
            row.issue_time,
            row.activation_deadline_date,
            row.activate_time,
            None if channel is None else ActivationChannel(channel),
            row.loss_report_time,
            LossPapers(row.employer_letter_reference, row.office_confirmation_reference),
            row.replaces_card_id,
            row.suspension_case_id,
            pin_state(
                is_set=row.pin_hash is not None,
                is_reported_lost=row.pin_lost_time is not None,
                wrong_tries=row.wrong_tries,
                most_tries=self.pin_tries,
            ),
            row.transactions,
            row.printed_transactions,
            replacement,
        )


@dataclass(frozen=True, slots=True, repr=False)
class HeldCard:
    """A card whose row and whose holder's row are locked, with what its PIN is stored as."""

    card: Card
    person: LockedPerson
    pin_hash: bytes
    pin_scheme: int
    wrong_tries: int


def select_cards(region: str) -> sa.Select[Any]:
    """Returns the select of all cards of a region, with their replacements."""
    orders = (_order.c.order_time, _order.c.ready_date, _order.c.new_card_id)
    is_of_card = (_order.c.region == _card.c.region) & (_order.c.card_id == _card.c.card_id)
    return (
        sa.select(_card, *orders)
        .select_from(_card.outerjoin(_order, is_of_card))
        .where(_card.c.region == region)
    )


def read_card(connection: sa.Connection, region: str, name: CardName, reader: CardReader) -> Card:
    """Returns a card.

    Raises:
        RuleError: CARD_NOT_FOUND.
    """
    row = connection.execute(_named(region, name)).one_or_none()
    if row is None:
        raise card_not_found(name.card_id)
    return reader.card(row)


def hold_card(
    connection: sa.Connection, region: str, name: CardName, reader: CardReader
) -> HeldCard:
    """Locks the holder's row, then the card's, until the transaction ends.

    Whose card it is never changes, so it is read before there is any lock.

    Raises:
        RuleError: CARD_NOT_FOUND.
    """
    card = read_card(connection, region, name, reader)
    person = lock_persons(connection, region, [card.person_id])[card.person_id]
    query = _named(region, CardName(card.card_id)).with_for_update(of=_card)
    row = connection.execute(query).one()
    return HeldCard(
        reader.card(row), person, bytes(row.pin_hash or b""), row.pin_scheme, row.wrong_tries
    )


def lock_cards_of(
    connection: sa.Connection, region: str, person_id: str, reader: CardReader
) -> list[Card]:
    """Locks all cards of a person whose row is locked; returns them by card id."""
    query = (
        select_cards(region)
        .where(_card.c.person_id == person_id)
        .order_by(_card.c.card_id)
        .with_for_update(of=_card)
    )
    return [reader.card(row) for row in connection.execute(query)]


def change_card(connection: sa.Connection, card: Card, **values: object) -> None:
    """Writes columns of a card whose row is locked."""
    changed = connection.execute(
        sa.update(_card)
        .where(_card.c.region == card.region, _card.c.card_id == card.card_id)
        .values(**values)
    )
    assert changed.rowcount == 1


def _named(region: str, name: CardName) -> sa.Select[Any]:
    query = select_cards(region)
    if name.card_id:
        query = query.where(_card.c.card_id == name.card_id)
    if name.card_serial or not name.card_id:
        # Serial and chip have to be of one card: a chip in a foreign body is no card.
        query = query.where(
            _card.c.card_serial == name.card_serial, _card.c.chip_number == name.chip_number
        )
    return query
