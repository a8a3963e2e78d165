"""Months that both the service and the model of histories close.

The model counts the months of an institution, and of the funds, from one closing to the next; the
service's are of the calendar, so that those between two closings are taken together.
"""

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field

import sqlalchemy as sa
from support.history_model.operations import Close, Operation
from support.history_model.world import World as Model
from support.periods import close
from support.played_compared import run_both
from support.played_histories import INSTITUTIONS, Played

from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.rules.period.month import month_of, next_month
from yibao_settlement.storage import tables

FUNDS = ""
JANUARY = dt.datetime(2026, 1, 20, 4, tzinfo=dt.UTC)
# What an institution's act posts; everything else is of the funds alone.
OF_INSTITUTIONS = (PostingKind.SETTLEMENT, PostingKind.REVERSAL, PostingKind.REFUND)
# (institution, how many closings were before, account), in fen.
Sums = Counter[tuple[str, int, str]]


@dataclass(slots=True)
class Calendar:
    """The months that were closed, and after which of them the model counts a new one."""

    played: Played
    start: dt.datetime = JANUARY
    ends: dict[str, list[int]] = field(default_factory=dict)

    def run(self, model: Model, operation: Operation) -> None:
        """Does on both what the model does."""
        if not isinstance(operation, Close):
            run_both(self.played, model, operation)
            return
        assert not model.run(operation).refused
        named = operation.institution_id
        for name in [named] if named else ["", *INSTITUTIONS]:
            self._close(name)

    def _close(self, name: str) -> None:
        """Closes what is over; several months at once are one of the model's."""
        world, ends = self.played.world, self.ends.setdefault(name, [])
        month = next_month(ends[-1]) if ends else month_of(self.start)
        last = None
        while month < month_of(world.clock.now):
            last = int(close(world, INSTITUTIONS.get(name, FUNDS), month).month)
            month = next_month(month)
        assert last is not None
        ends.append(last)

    def number(self, name: str, month: int) -> int:
        """Returns which month of the model a month of the calendar is part of."""
        return sum(end < month for end in self.ends.get(name, []))

    def booked(self) -> Sums:
        """Returns what is booked in each month of the model."""
        names = {f"payable:{real}": name for name, real in INSTITUTIONS.items()}
        entry, sums = tables.entry.c, Sums()
        columns = (entry.account_id, entry.kind, entry.month, entry.amount_fen)
        with self.played.world.database.read() as connection:
            for account_id, kind, month, fen in connection.execute(sa.select(*columns)):
                if account_id in names:
                    name = names[account_id]
                    sums[name, self.number(name, month), "payable"] += fen
                elif kind not in (*OF_INSTITUTIONS, PostingKind.CARRY_OVER):
                    sums[FUNDS, self.number(FUNDS, month), _kind(account_id)] += fen
        return _not_zero(sums)


def modelled(model: Model) -> Sums:
    sums = Sums()
    for posting in model.books.postings:
        name, number = posting.period
        for account_id, fen in posting.entries.items():
            if account_id.startswith("payable:"):
                sums[name, number, "payable"] += fen
            elif not name:
                sums[name, number, _kind(account_id)] += fen
    return _not_zero(sums)


def _kind(account_id: str) -> str:
    """Returns an account of a payer, else its kind: who has one goes by another name there."""
    kind = account_id.partition(":")[0]
    return account_id if kind == "fund" else {"carried": "person"}.get(kind, kind)


def _not_zero(sums: Sums) -> Sums:
    return Sums({key: fen for key, fen in sums.items() if fen})
