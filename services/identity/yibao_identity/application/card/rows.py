"""Cards as rows: what is stored of one, and how they are found, locked and written."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from yibao_identity.rules.card import ActivationChannel, Card, CardClosing, CardState, state_on
from yibao_identity.rules.card_loss import LossPapers, Replacement
from yibao_identity.rules.pin import pin_state


@dataclass(frozen=True, slots=True)
class CardName:
    """Names a card: by its id, or by the serial and chip that a terminal read."""

    card_id: str = ""
    card_serial: str = ""
    chip_number: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class StoredPin:
    """What is stored of the PIN of a card; `hash` is empty before the first one.

    `scheme` tells which pepper made the hash. Never printed.
    """

    hash: bytes
    scheme: int
    wrong_tries: int
    lost_time: dt.datetime | None


@dataclass(frozen=True, slots=True)
class StoredCard:
    """A card as it was written last; `card_on` tells what it is on a day."""

    region: str
    card_id: str
    person_id: str
    subject: str
    card_serial: str
    chip_number: str
    standard_version: str
    bank_code: str
    state: CardState
    issue_time: dt.datetime
    activation_deadline_date: dt.date
    activate_time: dt.datetime | None
    activation_channel: ActivationChannel | None
    loss_report_time: dt.datetime | None
    papers: LossPapers
    replaces_card_id: str | None
    suspension_case_id: str | None
    pin: StoredPin
    transactions: int
    printed_transactions: int
    replacement: Replacement | None


class CardRows(Protocol):
    """Cards of a region, as one transaction finds, locks and writes them."""

    def find(self, name: CardName) -> StoredCard | None:
        """Returns a card, or None."""
        ...

    def lock(self, card_id: str) -> StoredCard:
        """Locks a card that exists until the transaction ends; its holder is locked before."""
        ...

    def of_person(self, person_id: str) -> Sequence[StoredCard]:
        """Returns the cards of a person, the newest first."""
        ...

    def lock_of_person(self, person_id: str) -> Sequence[StoredCard]:
        """Locks all cards of a person whose row is locked; returns them by card id."""
        ...

    def with_serial(self, card_serial: str) -> Sequence[StoredCard]:
        """Returns the card of a serial, or none."""
        ...

    def with_serial_or_chip(self, card_serial: str, chip_number: str) -> str | None:
        """Returns the first card, by id and in whatever state, that has one of them, or None."""
        ...

    def insert(self, card: StoredCard, *, issued_by: str, pin_salt: bytes) -> None:
        """Stores a new card.

        Where another request stores the same serial or chip now, this waits for it, fails,
        and the repetition finds that card.
        """
        ...

    def set_state(self, card_id: str, state: CardState) -> None:
        """Stores the state of a card whose row is locked."""
        ...

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
        """Stores the activation of a card whose row is locked."""
        ...

    def close(
        self,
        card_id: str,
        *,
        state: CardState,
        at: dt.datetime,
        by: str,
        closing: CardClosing | None,
    ) -> None:
        """Stores the closing of a card whose row is locked."""
        ...


def card_on(stored: StoredCard, *, today: dt.date, pin_tries: int) -> Card:
    """Returns a card as it is on a day; the most tries tell whether its PIN is locked."""
    pin = stored.pin
    return Card(
        stored.region,
        stored.card_id,
        stored.person_id,
        stored.subject,
        stored.card_serial,
        stored.chip_number,
        stored.standard_version,
        stored.bank_code,
        state_on(
            stored.state,
            activation_deadline_date=stored.activation_deadline_date,
            today=today,
        ),
        stored.issue_time,
        stored.activation_deadline_date,
        stored.activate_time,
        stored.activation_channel,
        stored.loss_report_time,
        stored.papers,
        stored.replaces_card_id,
        stored.suspension_case_id,
        pin_state(
            is_set=bool(pin.hash),
            is_reported_lost=pin.lost_time is not None,
            wrong_tries=pin.wrong_tries,
            most_tries=pin_tries,
        ),
        stored.transactions,
        stored.printed_transactions,
        stored.replacement,
    )
