"""Cards that wait for their activation, in memory."""

import dataclasses
import datetime as dt
from collections.abc import Collection

from support.memory.card import MemoryCards

from yibao_identity.application.card_sweep import CardSweepRows, OverdueCard
from yibao_identity.rules.card import CardState


@dataclasses.dataclass
class MemoryCardSweep(CardSweepRows):
    """The cards in memory, as the sweep sees them."""

    cards: MemoryCards

    def overdue(self, state: CardState, *, before: dt.date, limit: int) -> list[OverdueCard]:
        found = [
            each
            for each in self.cards.rows.values()
            if each.state is state and each.activation_deadline_date < before
        ]
        found.sort(key=lambda each: (each.activation_deadline_date, each.card_id))
        return [OverdueCard(each.card_id, each.person_id) for each in found[:limit]]

    def move(
        self, card_ids: Collection[str], *, before: CardState, after: CardState
    ) -> list[OverdueCard]:
        moved = [
            self.cards.lock(card_id)
            for card_id in sorted(card_ids)
            if self.cards.rows[card_id].state is before
        ]
        for card in moved:
            self.cards.set_state(card.card_id, after)
        return [OverdueCard(each.card_id, each.person_id) for each in moved]
