"""The sweep that restricts cards which were not activated in time (I-21, I-22).

Whoever reads a card sees it restricted from the first day on; the sweep stores it and
tells settlement. It can be run at any time, by several processes at once, and ended at
any moment: each page is a transaction that changes only what is still to be changed.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from yibao_common.commands.audit import OK, AuditEntry
from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_identity.application.holder import lock_persons
from yibao_identity.rules.card import TRANSITIONS, CardEvent, CardState

if TYPE_CHECKING:
    from yibao_identity.application.work import Work

_PAGE_CARDS = 500
_FROM = CardState.ISSUED
_TO = TRANSITIONS[_FROM, CardEvent.DEADLINE_PASSED]


@dataclass(frozen=True, slots=True)
class OverdueCard:
    """A card that may have to be restricted, and its holder."""

    card_id: str
    person_id: str


class CardSweepRows(Protocol):
    """The cards of a region that wait for their activation."""

    def overdue(self, state: CardState, *, before: dt.date, limit: int) -> Sequence[OverdueCard]:
        """Returns the first cards in `state` whose deadline is before a day; locks nothing."""
        ...

    def move(
        self, card_ids: Collection[str], *, before: CardState, after: CardState
    ) -> Sequence[OverdueCard]:
        """Locks cards and changes the state of those still in `before`; returns these."""
        ...


class CardSweep:
    """Restricts overdue cards. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock, caller: str) -> None:
        """Takes what begins transactions; `caller` names the process in the audit."""
        self._transactions = transactions
        self._clock = clock
        self._caller = caller

    def sweep(self, region: str) -> int:
        """Restricts every card of `region` that is past its deadline; returns how many."""
        restricted = 0
        while found := self._due(region):
            restricted += self._restrict(region, found)
        return restricted

    def _due(self, region: str) -> Sequence[OverdueCard]:
        today = shanghai_day(self._clock())
        with self._transactions.read(region) as work:
            return work.card_sweep.overdue(_FROM, before=today, limit=_PAGE_CARDS)

    def _restrict(self, region: str, found: Sequence[OverdueCard]) -> int:
        """Restricts those of `found` that nobody has changed meanwhile."""

        def restrict(work: "Work") -> int:
            now = self._clock()
            lock_persons(work.holders, {card.person_id for card in found})
            card_ids = [card.card_id for card in found]
            changed = work.card_sweep.move(card_ids, before=_FROM, after=_TO)
            if changed:
                persons = {card.person_id for card in changed}
                work.feed.tell(persons, at=now, caller=self._caller)
                subjects = tuple(sorted(card.card_id for card in changed))
                entry = AuditEntry(region, now, self._caller, "sweep", subjects, OK, {}, "")
                work.audit.add(entry)
            return len(changed)

        return self._transactions.change(region, restrict)
