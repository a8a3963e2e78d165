"""Cards that wait for their activation, as rows."""

import datetime as dt
from collections.abc import Collection

import sqlalchemy as sa

from yibao_identity.application.card_sweep import OverdueCard
from yibao_identity.rules.card import CardState
from yibao_identity.storage import tables

_card = tables.card.c


class StoredCardSweep:
    """See `application.card_sweep.CardSweepRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def overdue(self, state: CardState, *, before: dt.date, limit: int) -> list[OverdueCard]:
        """Returns the first cards in `state` whose deadline is before a day."""
        query = (
            sa.select(_card.card_id, _card.person_id)
            .where(
                _card.region == self._region,
                _card.state == state.value,
                _card.activation_deadline_date < before,
            )
            .order_by(_card.activation_deadline_date, _card.card_id)
            .limit(limit)
        )
        return [OverdueCard(*row) for row in self._connection.execute(query)]

    def move(
        self, card_ids: Collection[str], *, before: CardState, after: CardState
    ) -> list[OverdueCard]:
        """Changes the state of those still in `before` and returns these."""
        statement = (
            sa.update(tables.card)
            .where(
                _card.region == self._region,
                _card.card_id.in_(card_ids),
                _card.state == before.value,
            )
            .values(state=after.value)
            .returning(_card.card_id, _card.person_id)
        )
        return [OverdueCard(*row) for row in self._connection.execute(statement)]
