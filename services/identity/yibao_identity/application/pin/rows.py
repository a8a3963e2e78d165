"""PINs as rows: they lie with their cards, whose rows have to be locked to write them."""

import datetime as dt
from typing import Protocol

from yibao_identity.application.card.rows import CardName
from yibao_identity.application.pin.hashing import PinPlace


class PinRows(Protocol):
    """PINs of a region's cards, as one transaction finds and writes them."""

    def place(self, name: CardName) -> PinPlace | None:
        """Returns what the hash of a card's PIN depends on, or None; it never changes."""
        ...

    def wrong_tries(self, card_id: str) -> int:
        """Returns how many wrong tries there were in a row, of a card that exists."""
        ...

    def store_tries(self, card_id: str, wrong_tries: int) -> None:
        """Stores how many wrong tries there were in a row."""
        ...

    def store_hash(self, card_id: str, hash: bytes, *, scheme: int) -> None:
        """Stores the same PIN under another pepper."""
        ...

    def store_new(self, card_id: str, hash: bytes, *, scheme: int) -> None:
        """Stores another PIN, which has no wrong tries and is not reported."""
        ...

    def report_lost(self, card_id: str, *, at: dt.datetime) -> None:
        """Stores when a PIN was reported forgotten."""
        ...
