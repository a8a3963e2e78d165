"""Step `deductible`: what the person bears first, of each window.

due = what the window's amount exceeds what it has paid; paid = what of it the base and the
counters allow. Lots are taken in the order of the base, so that the list is the order of
taking. An amount that is a share of the bill is one of the window, this bill included, since
interim bills would otherwise pay minima twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from yibao_settlement.rules.benefit.amounts import PartOf
from yibao_settlement.rules.benefit.layout import CounterLayout
from yibao_settlement.rules.benefit.leg import Leg
from yibao_settlement.rules.benefit.lots import Lot, LotTest, choose, cut, sum_of
from yibao_settlement.rules.benefit.record import NO_LIMIT, DeductibleRecord

# In place of the position of an amount: the base of the deductible itself.
OWN_BASE = -1


@dataclass(frozen=True, slots=True)
class Share:
    """An amount that is a share: of the amount at a position, summed in the window by `key`."""

    part: PartOf
    position: int
    key: str


@dataclass(frozen=True, slots=True, eq=False)
class DeductiblePlan:
    """The row that holds, with where everything lies.

    `held_slot` is the window that keeps an amount from bill to bill; None decides it anew.
    It is kept from the window's first bill where the step does not make up, else from the
    year in which the stay began.
    """

    index: int
    row_index: int
    base: tuple[LotTest, ...]
    first: int
    slot: int
    amount: int | Share
    held_slot: int | None
    makes_up: bool
    limits: tuple[tuple[CounterLayout, int], ...]
    paid_key: str
    amount_key: str
    year_key: str
    paid_tag: int
    rest_tag: int

    def limits_names(self) -> tuple[str, ...]:
        """Returns the names of the counters that limit what is paid."""
        return tuple(counter.counter.name for counter, _ in self.limits)

    def settle(self, leg: Leg) -> DeductibleRecord:
        """Finds what the person bears, and tags the lots."""
        lots = choose(leg.lots, self.base)
        base = sum_of(lots)
        window = leg.window(self.slot)
        amount, of = self._amount(leg, window, base)
        if self.held_slot is not None:
            amount = self._held(leg, self.held_slot, amount, base=base)
        earlier = window.get(self.paid_key, 0)
        paid = min(amount - earlier if amount > earlier else 0, base)
        left = leg.left(self.limits) if self.limits else NO_LIMIT
        if left != NO_LIMIT:
            paid = min(paid, left)
        self._tag(leg.lots, lots, paid)
        if paid:
            window[self.paid_key] = earlier + paid
        leg.amounts[self.first : self.first + 3] = (base, paid, base - paid)
        return DeductibleRecord(self.row_index, base, of, amount, earlier, left, paid)

    def _amount(self, leg: Leg, window: dict[str, int], base: int) -> tuple[int, int]:
        """Returns the amount and what it is a share of, in the window so far."""
        amount = self.amount
        if isinstance(amount, int):
            return amount, NO_LIMIT
        now = base if amount.position == OWN_BASE else leg.amounts[amount.position]
        of = window.get(amount.key, 0) + now
        if now:
            window[amount.key] = of
        return amount.part.within_bounds_fen(of), of

    def _held(self, leg: Leg, slot: int, amount: int, *, base: int) -> int:
        """Returns the amount that a window keeps, and keeps this one where it has none."""
        window = leg.window(slot)
        year = leg.span.year
        decided_anew = self.makes_up and window.get(self.year_key) == year
        if self.amount_key in window and not decided_anew:
            amount = window[self.amount_key]
        if base:
            window[self.amount_key] = amount
            window.setdefault(self.year_key, year)
        return amount

    def _tag(self, all_lots: list[Lot], lots: Sequence[Lot], paid: int) -> None:
        for lot in lots:
            if paid >= lot.fen:
                paid -= lot.fen
                lot.bits |= self.paid_tag
                continue
            if paid:
                upper = cut(all_lots, lot, paid)
                paid = 0
                lot.bits |= self.paid_tag
                upper.bits |= self.rest_tag
            else:
                lot.bits |= self.rest_tag
