"""Uses of cards in memory."""

import dataclasses
from collections.abc import Sequence

from support.memory.card import MemoryCards

from yibao_identity.application.card_use import CardUseRows
from yibao_identity.rules.card_use import CardTransaction
from yibao_identity.rules.code import QrClaims


@dataclasses.dataclass
class MemoryCardUses(CardUseRows):
    """Codes and transactions of the cards in memory, by card id."""

    cards: MemoryCards
    codes: list[QrClaims] = dataclasses.field(default_factory=list)
    spent: dict[str, list[CardTransaction]] = dataclasses.field(default_factory=dict)

    def seconds_with_codes(self, card_id: str, seconds: Sequence[int]) -> set[int]:
        subject = self.cards.rows[card_id].subject
        return {
            code.issue_second
            for code in self.codes
            if code.subject == subject and code.issue_second in seconds
        }

    def store_code(self, claims: QrClaims, *, card_id: str, issued_to: str) -> None:
        self.codes.append(claims)

    def store_transaction(self, card_id: str, transaction: CardTransaction) -> None:
        self.spent.setdefault(card_id, []).append(transaction)
        assert transaction.sequence == len(self.spent[card_id])
        self.cards.change(card_id, transactions=transaction.sequence)

    def transactions(
        self, card_id: str, *, after_sequence: int, limit: int
    ) -> list[CardTransaction]:
        return self.spent.get(card_id, [])[after_sequence:][:limit]

    def store_printed(self, card_id: str, transactions: int) -> None:
        self.cards.change(card_id, printed_transactions=transactions)
