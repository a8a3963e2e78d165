"""Step `tiers` with `less`: a payer tops up to what is due, less what others have paid.

Over a window the due is that of the whole window, decided again with each bill, as for a
person who becomes low-income during the year. Of it, what this bill has is `paid`; what is
owed for earlier bills is `arrears`, no part of this bill. Nothing is taken back.
"""

from dataclasses import dataclass

from yibao_settlement.rules.benefit.curve import Curve
from yibao_settlement.rules.benefit.layout import CounterLayout
from yibao_settlement.rules.benefit.leg import Leg
from yibao_settlement.rules.benefit.lots import LotTest, choose, sum_of
from yibao_settlement.rules.benefit.record import NO_LIMIT, DueRecord
from yibao_settlement.rules.benefit.rounded import ToFen
from yibao_settlement.rules.benefit.tiers import Shift


@dataclass(frozen=True, slots=True, eq=False)
class DuePlan:
    """The curve of the row that holds, with where everything lies.

    `others` are the positions of what other steps in `less` paid, `counted` of the same with
    arrears; `is_own` tells whether the step's own payments are taken off too.
    """

    index: int
    row_index: int
    base: tuple[LotTest, ...]
    first: int
    slot: int
    curve: Curve
    shift: Shift | None
    others: tuple[int, ...]
    counted: tuple[int, ...]
    is_own: bool
    limits: tuple[tuple[CounterLayout, int], ...]
    to_fen: ToFen
    before_key: str
    less_key: str
    copay_tag: int

    def limits_names(self) -> tuple[str, ...]:
        """Returns the names of the counters that limit what is paid."""
        return tuple(counter.counter.name for counter, _ in self.limits)

    def settle(self, leg: Leg) -> DueRecord:
        """Finds what is due, takes what this bill has of it and tags the rest."""
        lots = choose(leg.lots, self.base)
        base = sum_of(lots)
        curve, shift = self.curve, 0
        if self.shift is not None:
            shift = self.shift.fen(leg)
            curve = curve.moved(shift)
        window = leg.window(self.slot)
        gross = base + sum([leg.amounts[position] for position in self.others])
        now = sum([leg.amounts[position] for position in self.counted])
        fee = window.get(self.before_key, 0) + gross
        earlier = window.get(self.less_key, 0)
        due = self.to_fen.of(curve.exact(fee))
        owed = max(due - now - earlier, 0)
        left = leg.left(self.limits) if self.limits else NO_LIMIT
        if left != NO_LIMIT:
            owed = min(owed, left)
        paid = min(owed, base)
        arrears = owed - paid if self.is_own else 0
        for lot in lots:
            lot.bits |= self.copay_tag
        leg.take_in_order(self.index, lots, paid)
        leg.amounts[self.first : self.first + 7] = (gross, 0, base, paid, base - paid, 0, arrears)
        own = paid + arrears if self.is_own else 0
        if gross:
            window[self.before_key] = fee
        if now + own:
            window[self.less_key] = earlier + now + own
        found = (self.row_index, base, fee, shift, due, earlier, now, left, paid, arrears)
        return DueRecord(*found)
