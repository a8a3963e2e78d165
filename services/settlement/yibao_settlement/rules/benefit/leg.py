"""A leg of a bill while it is adjudicated: the part whose windows are the same throughout."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.benefit.facts import CARE_GROUP, Facts
from yibao_settlement.rules.benefit.layout import CounterLayout, Layout
from yibao_settlement.rules.benefit.lots import Lot
from yibao_settlement.rules.benefit.memory import Memory
from yibao_settlement.rules.benefit.record import NO_LIMIT, Record
from yibao_settlement.rules.benefit.windows import NewYear, Window


class Span(NamedTuple):
    """Where a leg lies: its last day, its year, and its period counted from admission."""

    day: dt.date
    year: int
    period: int


# What a step took from a lot: the step's position, the lot's bits, the amount.
Take = tuple[int, int, int]


@dataclass(slots=True)
class Leg:
    """What the steps so far have found; lives while one leg is adjudicated.

    `memory` is that of bills and legs before; windows are `opened` as they are asked for.
    `given` and `purses` are shared by the legs of
    a bill: what is left of what other payers have paid, by fund type, and what is left in
    the purses, in the order of `Purse`.
    """

    layout: Layout
    memory: Memory
    facts: Facts
    care_group: str
    stay_id: str
    span: Span
    given: dict[str, int]
    purses: list[int]
    amounts: list[int]
    keys: list[str]
    opened: list[dict[str, int] | None]
    lots: list[Lot] = field(default_factory=list)
    takes: list[Take] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)

    def window(self, slot: int) -> dict[str, int]:
        """Returns what an instance of a window remembers, for reading and for writing."""
        found = self.opened[slot]
        if found is None:
            key = self.keys[slot] = self._key(slot)
            remembered = self.memory.windows.get(key)
            found = self.opened[slot] = {} if remembered is None else dict(remembered)
        return found

    def remembered(self) -> dict[str, dict[str, int]]:
        """Returns what windows hold now that hold anything, by instance."""
        opened = zip(self.keys, self.opened, strict=True)
        return {key: window for key, window in opened if window and key}

    def _key(self, slot: int) -> str:
        """Returns the instance of a window, as the memory names it; empty for the bill.

        Raises RuleError FACT_MISSING.
        """
        window, per, whole_stay = self.layout.slots[slot]
        day, year, period = self.span
        if window is Window.YEAR:
            key = f"year:{year}"
        elif window is Window.STAY:
            key = f"stay:{self.stay_id}" if whole_stay else f"stay:{self.stay_id}:{year}"
        elif window is Window.BILL:
            # Every bill and leg is an instance of its own: nothing is remembered.
            return ""
        elif window is Window.DAY:
            key = f"day:{day.isoformat()}"
        elif window is Window.MONTH:
            key = f"month:{day.year}-{day.month:02}"
        else:
            split = self.layout.policy.windows.new_year is NewYear.SPLIT
            key = f"period:{self.stay_id}:{period}" + (f":{year}" if split else "")
        for fact in per:
            key += f"|{fact}={self.fact(fact)}"
        return key

    def fact(self, name: str) -> str:
        """Returns a fact that is one code. Raises RuleError FACT_MISSING."""
        value = self.care_group if name == CARE_GROUP else getattr(self.facts, name)
        if value is None:
            raise fact_missing(name)
        return str(value)

    def can_open(self, slot: int) -> bool:
        """Tells whether the bill says every fact by which a window is divided."""
        return not self.missing(self.layout.slots[slot].per)

    def missing(self, per: Sequence[str]) -> str:
        """Returns the first of some facts that the bill does not say, or nothing."""
        for fact in per:
            if fact != CARE_GROUP and getattr(self.facts, fact) is None:
                return fact
        return ""

    def counted(self, counter: CounterLayout) -> int:
        """Returns what the steps of this leg have added to a counter so far."""
        counted = 0
        for position in counter.counted:
            counted += self.amounts[position]
        return counted

    def left(self, limits: Sequence[tuple[CounterLayout, int]]) -> int:
        """Returns the least that counters with their limits leave, NO_LIMIT without any."""
        least = NO_LIMIT
        for counter, limit in limits:
            used = self.window(counter.slot).get(counter.key, 0) + self.counted(counter)
            left = limit - used if limit > used else 0
            if least == NO_LIMIT or left < least:
                least = left
        return least

    def take(self, step: int, lot: Lot, fen: int) -> None:
        """Lets a payer take from a lot; what it takes is no lot any more."""
        lot.fen -= fen
        self.takes.append((step, lot.bits, fen))

    def take_in_order(self, step: int, lots: Sequence[Lot], fen: int) -> None:
        """Lets a payer take an amount from lots, each to its end before the next."""
        for lot in lots:
            part = min(lot.fen, fen)
            if part:
                self.take(step, lot, part)
                fen -= part


def fact_missing(fact: str) -> RuleError:
    """Makes the refusal of a bill that does not say what a table asks for."""
    return RuleError(Reason.FACT_MISSING, f"the bill does not say {fact}", fact=fact)
