"""The sweep that restricts cards which were not activated in time (I-21, I-22).

Whoever reads a card sees it restricted from the first day on; the sweep stores it and
tells settlement. It can be run at any time, by several processes at once, and ended at
any moment: each page is a transaction that changes only what is still to be changed.
"""

import sqlalchemy as sa

from yibao_common.commands.audit import OK, AuditEntry
from yibao_common.db.audit_chain import record_audit
from yibao_common.db.database import Database
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_identity.rules.card import TRANSITIONS, CardEvent, CardState
from yibao_identity.storage import tables
from yibao_identity.storage.feed import note_change
from yibao_identity.storage.person_locks import lock_persons

_PAGE_CARDS = 500
_FROM = CardState.ISSUED
_TO = TRANSITIONS[_FROM, CardEvent.DEADLINE_PASSED]


class CardSweep:
    """Restricts cards of a database. Blocks."""

    def __init__(self, database: Database, *, clock: Clock, caller: str) -> None:
        """Takes the database; `caller` names the process in the audit."""
        self._database = database
        self._clock = clock
        self._caller = caller

    def sweep(self, region: str) -> int:
        """Restricts every card of `region` that is past its deadline; returns how many."""
        restricted = 0
        while found := self._due(region):
            restricted += self._restrict(region, found)
        return restricted

    def _due(self, region: str) -> list[tuple[str, str]]:
        """Returns a page of card and person ids; nothing is locked."""
        table = tables.card.c
        query = (
            sa.select(table.card_id, table.person_id)
            .where(
                table.region == region,
                table.state == _FROM.value,
                table.activation_deadline_date < shanghai_day(self._clock()),
            )
            .order_by(table.activation_deadline_date, table.card_id)
            .limit(_PAGE_CARDS)
        )
        with self._database.read() as connection:
            return [(row.card_id, row.person_id) for row in connection.execute(query)]

    def _restrict(self, region: str, found: list[tuple[str, str]]) -> int:
        """Restricts those of `found` that nobody has changed meanwhile."""
        now = self._clock()
        table = tables.card.c
        with self._database.write() as connection:
            lock_persons(connection, region, {person_id for _, person_id in found})
            changed = connection.execute(
                sa.update(tables.card)
                .where(
                    table.region == region,
                    table.card_id.in_([card_id for card_id, _ in found]),
                    table.state == _FROM.value,
                )
                .values(state=_TO.value)
                .returning(table.card_id, table.person_id)
            ).all()
            if changed:
                person_ids = {row.person_id for row in changed}
                note_change(connection, region, person_ids, now=now, caller=self._caller)
                card_ids = tuple(sorted(row.card_id for row in changed))
                entry = AuditEntry(region, now, self._caller, "sweep", card_ids, OK, {}, "")
                record_audit(connection, tables.audit, entry)
        return len(changed)
