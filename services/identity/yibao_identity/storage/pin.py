"""PINs as rows: columns of the cards."""

import datetime as dt

import sqlalchemy as sa

from yibao_identity.application.card.rows import CardName
from yibao_identity.application.pin.hashing import PinPlace
from yibao_identity.storage import tables
from yibao_identity.storage.card import change_card, named

_card = tables.card.c


class StoredPins:
    """See `application.pin.rows.PinRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def place(self, name: CardName) -> PinPlace | None:
        """Returns what the hash of a card's PIN depends on, or None."""
        query = sa.select(_card.card_id, _card.pin_salt).where(
            _card.region == self._region, *named(name)
        )
        row = self._connection.execute(query).one_or_none()
        return None if row is None else PinPlace(self._region, row.card_id, bytes(row.pin_salt))

    def wrong_tries(self, card_id: str) -> int:
        """Returns how many wrong tries there were in a row, of a card that exists."""
        query = sa.select(_card.wrong_tries).where(
            _card.region == self._region, _card.card_id == card_id
        )
        return int(self._connection.execute(query).scalar_one())

    def store_tries(self, card_id: str, wrong_tries: int) -> None:
        """Stores how many wrong tries there were in a row."""
        self._change(card_id, wrong_tries=wrong_tries)

    def store_hash(self, card_id: str, hash: bytes, *, scheme: int) -> None:
        """Stores the same PIN under another pepper."""
        self._change(card_id, pin_hash=hash, pin_scheme=scheme)

    def store_new(self, card_id: str, hash: bytes, *, scheme: int) -> None:
        """Stores another PIN, which has no wrong tries and is not reported."""
        self._change(card_id, pin_hash=hash, pin_scheme=scheme, wrong_tries=0, pin_lost_time=None)

    def report_lost(self, card_id: str, *, at: dt.datetime) -> None:
        """Stores when a PIN was reported forgotten."""
        self._change(card_id, pin_lost_time=at)

    def _change(self, card_id: str, **values: object) -> None:
        change_card(self._connection, self._region, card_id, **values)
