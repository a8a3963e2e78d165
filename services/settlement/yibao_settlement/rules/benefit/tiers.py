"""Step `tiers` along its brackets: a payer pays shares of a base.

The base of a leg occupies a stretch of the fee axis, from where the window's earlier bills
ended, on top of what the policy lays under it. What lies below the first bracket is `below`,
what lies above the last, or above the fee at which a limit is reached, is `overflow`; of the
rest, which is `covered`, the payer pays `paid` and the person `copay`.

A payment is rounded once, of the window's payment so far, from which earlier payments are
taken: two bills pay what one would have. `carry` is the fraction of a fen so owed, in ppm.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from yibao_common.values.errors import InvariantError
from yibao_common.values.money import PPM
from yibao_settlement.rules.benefit.amounts import PartOf
from yibao_settlement.rules.benefit.curve import Curve
from yibao_settlement.rules.benefit.layout import CounterLayout
from yibao_settlement.rules.benefit.leg import Leg
from yibao_settlement.rules.benefit.lots import Lot, LotTest, choose, cut, sum_of
from yibao_settlement.rules.benefit.record import NO_LIMIT, TiersRecord
from yibao_settlement.rules.benefit.rounded import ToFen


@dataclass(frozen=True, slots=True)
class Shift:
    """A threshold that is a share of the amount at a position."""

    part: PartOf
    position: int

    def fen(self, leg: Leg) -> int:
        """Returns by how much brackets are moved up."""
        return self.part.within_bounds_fen(leg.amounts[self.position])


@dataclass(frozen=True, slots=True, eq=False)
class TiersPlan:
    """The curve of the row that holds, with where everything lies; `shift` still moves it."""

    index: int
    row_index: int
    base: tuple[LotTest, ...]
    first: int
    slot: int
    curve: Curve
    shift: Shift | None
    on_top_of: tuple[int, ...]
    fee_limits: tuple[tuple[CounterLayout, int], ...]
    limits: tuple[tuple[CounterLayout, int], ...]
    to_fen: ToFen
    by_bracket: bool
    before_key: str
    carry_key: str
    below_tag: int
    copay_tag: int
    overflow_tag: int

    def settle(self, leg: Leg) -> TiersRecord:
        """Finds what the payer pays, takes it from the lots and tags the rest."""
        lots = choose(leg.lots, self.base)
        base = sum_of(lots)
        curve, shift = self.curve, 0
        if self.shift is not None:
            shift = self.shift.fen(leg)
            curve = curve.moved(shift)
        window = leg.window(self.slot)
        before = window.get(self.before_key, 0)
        on_top = 0
        for position in self.on_top_of:
            on_top += leg.amounts[position]
        start = before + on_top
        end = start + base
        carry = 0 if self.by_bracket else window.get(self.carry_key, 0)
        stretch = Stretch(curve, self.to_fen, start, carry, by_bracket=self.by_bracket)
        floor = min(max(start, curve.starts[0]), end)
        reached = end
        if curve.top_fen is not None and curve.top_fen < end:
            reached = max(floor, curve.top_fen)
        fee_left = leg.left(self.fee_limits) if self.fee_limits else NO_LIMIT
        if fee_left != NO_LIMIT:
            reached = min(reached, floor + fee_left)
        paid = min(max(stretch.paid_to(reached), 0), reached - floor)
        left = leg.left(self.limits) if self.limits else NO_LIMIT
        if left != NO_LIMIT and paid >= left:
            paid = left
            reached = max(stretch.fee_of(left, floor, reached), floor + paid)
        self._pay(leg, lots, stretch, floor=floor, reached=reached, paid=paid)
        below, covered, overflow = floor - start, reached - floor, end - reached
        leg.amounts[self.first : self.first + 7] = (
            *(base, below, covered, paid, covered - paid, overflow),
            0,
        )
        if base or on_top:
            window[self.before_key] = end
            carry = 0 if self.by_bracket else stretch.carry_behind(reached, paid)
            if carry or self.carry_key in window:
                window[self.carry_key] = carry
        found = (self.row_index, base, before, on_top, shift, stretch.carry, fee_left, left)
        return TiersRecord(*found, below, covered, paid, overflow)

    def _pay(
        self,
        leg: Leg,
        lots: Sequence[Lot],
        stretch: "Stretch",
        *,
        floor: int,
        reached: int,
        paid: int,
    ) -> None:
        """Lays the lots along the axis, cuts them at both bounds and pays what is covered.

        A lot is paid what is paid up to its upper end less what is up to its lower.
        """
        covered: list[tuple[Lot, int]] = []
        at = stretch.start
        for lot in lots:
            piece, rest = lot, lot.fen
            while rest:
                bound = floor if at < floor else reached
                upper = cut(leg.lots, piece, bound - at) if at < bound < at + rest else piece
                if at < floor:
                    piece.bits |= self.below_tag
                elif at < reached:
                    piece.bits |= self.copay_tag
                    covered.append((piece, at + piece.fen))
                else:
                    piece.bits |= self.overflow_tag
                at += piece.fen
                rest -= piece.fen
                piece = upper
        if len(covered) == 1:
            if paid:
                leg.take(self.index, covered[0][0], paid)
            return
        self._spread(leg, covered, stretch, paid)

    def _spread(
        self, leg: Leg, covered: Sequence[tuple[Lot, int]], stretch: "Stretch", paid: int
    ) -> None:
        given = 0
        for number, (lot, upto) in enumerate(covered, start=1):
            upto_paid = paid if number == len(covered) else min(stretch.paid_to(upto), paid)
            part = min(max(upto_paid - given, 0), lot.fen)
            if part:
                leg.take(self.index, lot, part)
                given += part
        # A last fen that its own lot could not hold.
        for lot, _ in reversed(covered):
            if given == paid:
                break
            part = min(paid - given, lot.fen)
            if part:
                leg.take(self.index, lot, part)
                given += part
        if given != paid:
            raise InvariantError(f"{paid} fen are paid of lots that hold {given}")


class Stretch:
    """What is paid along the axis from where the base of a leg begins."""

    __slots__ = ("by_bracket", "carry", "curve", "exact_start", "start", "to_fen")

    def __init__(
        self, curve: Curve, to_fen: ToFen, start: int, carry: int, *, by_bracket: bool
    ) -> None:
        """Keeps the curve, the rounding, and what earlier bills left."""
        self.curve = curve
        self.to_fen = to_fen
        self.start = start
        self.carry = carry
        self.by_bracket = by_bracket
        self.exact_start = curve.exact(start)

    def paid_to(self, fee_fen: int) -> int:
        """Returns what is paid up to a fee."""
        if not self.by_bracket:
            return self.to_fen.of(self.carry + self.curve.exact(fee_fen) - self.exact_start)
        exact, paid, low = self.curve.exact, 0, self.start
        for high in self.curve.cuts(self.start, fee_fen)[1:]:
            paid += self.to_fen.of(exact(high) - exact(low))
            low = high
        return paid

    def fee_of(self, paid_fen: int, floor: int, reached: int) -> int:
        """Returns the fee at which a payment is reached, half up to fen, within two bounds."""
        exact = self.exact_start + paid_fen * PPM - self.carry
        return self.curve.fee_at(exact, low_fen=floor, high_fen=reached)

    def carry_behind(self, reached: int, paid: int) -> int:
        """Returns the fraction of a fen that is owed behind a payment."""
        return self.carry + self.curve.exact(reached) - self.exact_start - paid * PPM
