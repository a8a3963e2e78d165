"""Losses and replacements of cards in memory."""

import dataclasses
import datetime as dt

from support.memory.card import MemoryCards

from yibao_identity.application.card_loss import CardLossRows
from yibao_identity.rules.card import CardState
from yibao_identity.rules.card_loss import LossPapers, Replacement


@dataclasses.dataclass
class MemoryCardLosses(CardLossRows):
    """Losses of the cards in memory."""

    cards: MemoryCards

    def store_papers(self, card_id: str, papers: LossPapers) -> None:
        self.cards.change(card_id, papers=papers)

    def report(self, card_id: str, *, state: CardState, at: dt.datetime, by: str) -> None:
        self.cards.change(card_id, state=state, loss_report_time=at)

    def order(self, card_id: str, replacement: Replacement, *, by: str) -> None:
        assert self.cards.rows[card_id].replacement is None
        self.cards.change(card_id, replacement=replacement)

    def collect(self, card_id: str, *, new_card_id: str, at: dt.datetime, by: str) -> None:
        ordered = self.cards.rows[card_id].replacement
        assert ordered is not None
        collected = dataclasses.replace(ordered, card_id=new_card_id)
        self.cards.change(card_id, replacement=collected)
