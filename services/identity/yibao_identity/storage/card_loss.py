"""Losses and replacements of cards as rows."""

import datetime as dt

import sqlalchemy as sa

from yibao_identity.rules.card import CardState
from yibao_identity.rules.card_loss import LossPapers, Replacement
from yibao_identity.storage import tables
from yibao_identity.storage.card import change_card

_order = tables.card_replacement


class StoredCardLosses:
    """See `application.card_loss.CardLossRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def store_papers(self, card_id: str, papers: LossPapers) -> None:
        """Stores the papers about a loss."""
        change_card(
            self._connection,
            self._region,
            card_id,
            employer_letter_reference=papers.employer_letter,
            office_confirmation_reference=papers.office_confirmation,
        )

    def report(self, card_id: str, *, state: CardState, at: dt.datetime, by: str) -> None:
        """Stores that a card was reported lost."""
        change_card(
            self._connection,
            self._region,
            card_id,
            state=state.value,
            loss_report_time=at,
            loss_reported_by=by,
        )

    def order(self, card_id: str, replacement: Replacement, *, by: str) -> None:
        """Stores the order of a lost card's replacement."""
        assert replacement.card_id is None
        self._connection.execute(
            sa.insert(_order).values(
                region=self._region,
                card_id=card_id,
                order_time=replacement.order_time,
                ordered_by=by,
                ready_date=replacement.ready_date,
                collected_by="",
            )
        )

    def collect(self, card_id: str, *, new_card_id: str, at: dt.datetime, by: str) -> None:
        """Stores that the ordered replacement of a lost card was handed out."""
        changed = self._connection.execute(
            sa.update(_order)
            .where(_order.c.region == self._region, _order.c.card_id == card_id)
            .values(new_card_id=new_card_id, collect_time=at, collected_by=by)
        )
        assert changed.rowcount == 1
