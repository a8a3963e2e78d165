"""Cards over rows in memory: what application decides of them, without a database."""

import dataclasses

from support.card_acts import BIRTH, LIMITS, NUMBER, REGION, CardActs
from support.memory.card import MemoryCards
from support.memory.card_loss import MemoryCardLosses
from support.memory.card_sweep import MemoryCardSweep
from support.memory.card_use import MemoryCardUses
from support.memory.death import MemoryDeaths
from support.memory.document_guess import MemoryDocumentGuesses
from support.memory.holder import MemoryHolders
from support.memory.pin import MemoryPins
from support.memory.transactions import MemoryTransactions
from support.memory.work import memory_work

from yibao_common.commands.audit import AuditEntry
from yibao_common.values.ids import new_id
from yibao_identity.application.card.rows import StoredCard
from yibao_identity.application.work import Work
from yibao_identity.rules.card import Card, CardLimits
from yibao_identity.rules.document import ShownDocument


class MemoryCardDesk(CardActs):
    """Everything that is done with cards in memory, and what is stored of it.

    Rows are asked for anew each time: a refusal puts those of before in their place.
    """

    def __init__(self, *, limits: CardLimits = LIMITS) -> None:
        holders = MemoryHolders()
        cards = MemoryCards(holders)
        work = memory_work(
            REGION,
            holders=holders,
            cards=cards,
            deaths=MemoryDeaths(holders),
            document_guesses=MemoryDocumentGuesses(),
            card_losses=MemoryCardLosses(cards),
            pins=MemoryPins(cards),
            card_uses=MemoryCardUses(cards),
            card_sweep=MemoryCardSweep(cards),
        )
        self.memory: MemoryTransactions[Work] = MemoryTransactions(work)
        super().__init__(self.memory, limits=limits)

    @property
    def holders(self) -> MemoryHolders:
        rows = self.memory.work.holders
        assert isinstance(rows, MemoryHolders)
        return rows

    @property
    def stored(self) -> MemoryCards:
        rows = self.memory.work.cards
        assert isinstance(rows, MemoryCards)
        return rows

    @property
    def codes(self) -> int:
        """How many codes were about to be signed."""
        rows = self.memory.work.card_uses
        assert isinstance(rows, MemoryCardUses)
        return len(rows.codes)

    @property
    def on_record(self) -> list[AuditEntry]:
        return self.memory.work.audit.entries

    def person(self, number: str = NUMBER) -> str:
        person_id = new_id()
        self.holders.add(person_id, birth_date=BIRTH, document=ShownDocument("01", number))
        return person_id

    def certificate(self, person_id: str) -> str:
        """Stores an e-certificate that is not closed, and returns its id."""
        certificate_id = new_id()
        self.holders.certificates[certificate_id] = person_id
        return certificate_id

    def merge(self, person_id: str, *, into: str | None) -> None:
        """Ends the record of a person, or undoes that."""
        person = dataclasses.replace(self.holders.persons[person_id], merged_into=into)
        self.holders.persons[person_id] = person

    def rewrite(self, card: Card, **values: object) -> None:
        """Writes columns of a card past everything that decides."""
        row = self.stored.rows[card.card_id]
        self.stored.rows[card.card_id] = dataclasses.replace(row, **values)  # type: ignore[arg-type]

    def suspend(self, card: Card, case_id: str | None = "case") -> None:
        """Suspends a card in a case, or lifts that."""
        self.rewrite(card, suspension_case_id=case_id)

    def row(self, card: Card) -> StoredCard:
        return self.stored.rows[card.card_id]

    def audit(self, method: str) -> list[tuple[str, dict[str, str]]]:
        """Returns outcome and detail of what is on record of a method, in their order."""
        found = [each for each in self.on_record if each.method == method]
        return [(each.outcome, dict(each.detail)) for each in found]
