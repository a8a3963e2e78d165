"""Cards in memory."""

import dataclasses
import datetime as dt

from support.memory.holder import MemoryHolders

from yibao_identity.application.card.rows import CardName, CardRows, StoredCard
from yibao_identity.rules.card import ActivationChannel, CardClosing, CardState


@dataclasses.dataclass
class MemoryCards(CardRows):
    """Cards of one region; `locked` names which were locked, in order.

    It asserts what its callers promise: a holder is locked before a card, and a card before
    it is written.
    """

    holders: MemoryHolders
    rows: dict[str, StoredCard] = dataclasses.field(default_factory=dict)
    salts: dict[str, bytes] = dataclasses.field(default_factory=dict)
    locked: list[str] = dataclasses.field(default_factory=list)
    # Why each closed card was closed.
    closings: dict[str, CardClosing | None] = dataclasses.field(default_factory=dict)

    def find(self, name: CardName) -> StoredCard | None:
        found = [each for each in self.rows.values() if _is_named(each, name)]
        return found[0] if found else None

    def lock(self, card_id: str) -> StoredCard:
        return self._lock(self.rows[card_id])

    def of_person(self, person_id: str) -> list[StoredCard]:
        found = [each for each in self.rows.values() if each.person_id == person_id]
        return sorted(found, key=lambda each: (each.issue_time, each.card_id), reverse=True)

    def lock_of_person(self, person_id: str) -> list[StoredCard]:
        found = sorted(self.of_person(person_id), key=lambda each: each.card_id)
        return [self._lock(each) for each in found]

    def with_serial(self, card_serial: str) -> list[StoredCard]:
        return [each for each in self.rows.values() if each.card_serial == card_serial]

    def with_serial_or_chip(self, card_serial: str, chip_number: str) -> str | None:
        return min(
            (
                each.card_id
                for each in self.rows.values()
                if card_serial == each.card_serial or chip_number == each.chip_number
            ),
            default=None,
        )

    def insert(self, card: StoredCard, *, issued_by: str, pin_salt: bytes) -> None:
        assert card.person_id in self.holders.locked
        assert card.card_id not in self.rows
        self.rows[card.card_id], self.salts[card.card_id] = card, pin_salt

    def set_state(self, card_id: str, state: CardState) -> None:
        self.change(card_id, state=state)

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
        self.change(card_id, state=state, activate_time=at, activation_channel=channel)

    def close(
        self,
        card_id: str,
        *,
        state: CardState,
        at: dt.datetime,
        by: str,
        closing: CardClosing | None,
    ) -> None:
        self.change(card_id, state=state)
        self.closings[card_id] = closing

    def change(self, card_id: str, **values: object) -> None:
        """Writes columns of a card."""
        assert card_id in self.locked
        self.rows[card_id] = dataclasses.replace(self.rows[card_id], **values)  # type: ignore[arg-type]

    def _lock(self, card: StoredCard) -> StoredCard:
        assert card.person_id in self.holders.locked
        self.locked.append(card.card_id)
        return card


def _is_named(card: StoredCard, name: CardName) -> bool:
    is_of_id = not name.card_id or card.card_id == name.card_id
    if name.card_id and not name.card_serial:
        return is_of_id
    chip = (card.card_serial, card.chip_number)
    return is_of_id and chip == (name.card_serial, name.chip_number)
