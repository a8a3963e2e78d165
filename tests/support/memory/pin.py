"""PINs of cards in memory."""

import dataclasses
import datetime as dt

from support.memory.card import MemoryCards

from yibao_identity.application.card.rows import CardName
from yibao_identity.application.pin.hashing import PinPlace
from yibao_identity.application.pin.rows import PinRows


@dataclasses.dataclass
class MemoryPins(PinRows):
    """PINs of the cards in memory."""

    cards: MemoryCards

    def place(self, name: CardName) -> PinPlace | None:
        card = self.cards.find(name)
        if card is None:
            return None
        return PinPlace(card.region, card.card_id, self.cards.salts[card.card_id])

    def wrong_tries(self, card_id: str) -> int:
        return self.cards.rows[card_id].pin.wrong_tries

    def store_tries(self, card_id: str, wrong_tries: int) -> None:
        self._change(card_id, wrong_tries=wrong_tries)

    def store_hash(self, card_id: str, hash: bytes, *, scheme: int) -> None:
        self._change(card_id, hash=hash, scheme=scheme)

    def store_new(self, card_id: str, hash: bytes, *, scheme: int) -> None:
        self._change(card_id, hash=hash, scheme=scheme, wrong_tries=0, lost_time=None)

    def report_lost(self, card_id: str, *, at: dt.datetime) -> None:
        self._change(card_id, lost_time=at)

    def _change(self, card_id: str, **values: object) -> None:
        pin = dataclasses.replace(self.cards.rows[card_id].pin, **values)  # type: ignore[arg-type]
        self.cards.change(card_id, pin=pin)
