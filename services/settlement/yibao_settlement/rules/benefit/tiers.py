"""Step `tiers` along its brackets: a payer pays shares of a base.

The base of a leg occupies a stretch of the fee axis, from where the window's earlier bills
ended, on top of what the policy lays under it. What lies below the first bracket is `below`,
what lies above the last, or above the fee at which a limit is reached, is `overflow`; of the
rest, which is `covered`, the payer pays `paid` and the person `copay`.

A payment is rounded once, of the window's payment so far, from which earlier payments are
taken: two bills pay what one would have. `carry` is the fraction of a fen so owed, in ppm.
"""

from collections.abc import Callable, Sequence
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

    def limits_names(self) -> tuple[str, ...]:
        """Returns the names of the counters that limit what is paid."""
        return tuple(counter.counter.name for counter, _ in self.limits)

    def fee_limits_names(self) -> tuple[str, ...]:
        """Returns the names of the counters that limit what is covered."""
        return tuple(counter.counter.name for counter, _ in self.fee_limits)

    def settle(self, leg: Leg) -> TiersRecord:
        """Finds what the payer pays, takes it from the lots and tags the rest."""
        lots = choose(leg.lots, self.base)
        base = sum_of(lots)
        on_top = 0
        for position in self.on_top_of:
            on_top += leg.amounts[position]
        if not base and not on_top:
            return TiersRecord(self.row_index, 0, *_NOTHING_TO_PAY)
        curve, shift = self.curve, 0
        if self.shift is not None:
            shift = self.shift.fen(leg)
            curve = curve.moved(shift)
        window = leg.window(self.slot)
        before = window.get(self.before_key, 0)
        start = before + on_top
        end = start + base
        carry = 0 if self.by_bracket else window.get(self.carry_key, 0)
        stretch = Stretch(curve, self.to_fen, start, carry)
        first, top = curve.starts[0], curve.top_fen
        floor = start if start >= first else min(first, end)
        reached = end if top is None or top >= end else max(floor, top)
        fee_left = leg.left(self.fee_limits) if self.fee_limits else NO_LIMIT
        if fee_left != NO_LIMIT:
            reached = min(reached, floor + fee_left)
        paid_to = stretch.paid_by_bracket_to if self.by_bracket else stretch.paid_to
        paid = min(max(paid_to(reached), 0), reached - floor)
        left = leg.left(self.limits) if self.limits else NO_LIMIT
        if left != NO_LIMIT and paid >= left:
            paid = left
            reached = max(stretch.fee_of(left, floor, reached), floor + paid)
        if floor == start and reached == end:
            for lot in lots:
                lot.bits |= self.copay_tag
        else:
            lots = self._cut(leg.lots, lots, start, floor, reached)
        if paid:
            if len(lots) == 1:
                leg.take(self.index, lots[0], paid)
            else:
                self._spread(leg, lots, paid_to, floor, paid)
        below, covered, overflow = floor - start, reached - floor, end - reached
        at = self.first
        leg.amounts[at : at + 6] = base, below, covered, paid, covered - paid, overflow
        window[self.before_key] = end
        if not self.by_bracket:
            window[self.carry_key] = stretch.carry_behind(reached, paid)
        return TiersRecord(
            self.row_index,
            base,
            before,
            on_top,
            shift,
            carry,
            fee_left,
            left,
            below,
            covered,
            paid,
            overflow,
        )

    def _cut(
        self, all_lots: list[Lot], lots: Sequence[Lot], start: int, floor: int, reached: int
    ) -> list[Lot]:
        """Lays lots along the axis, cuts them at both bounds and tags the pieces.

        Returns the pieces that are covered.
        """
        covered: list[Lot] = []
        at = start
        for lot in lots:
            piece, rest = lot, lot.fen
            while rest:
                bound = floor if at < floor else reached
                upper = cut(all_lots, piece, bound - at) if at < bound < at + rest else piece
                if at < floor:
                    piece.bits |= self.below_tag
                elif at < reached:
                    piece.bits |= self.copay_tag
                    covered.append(piece)
                else:
                    piece.bits |= self.overflow_tag
                at += piece.fen
                rest -= piece.fen
                piece = upper
        return covered

    def _spread(
        self,
        leg: Leg,
        covered: Sequence[Lot],
        paid_to: Callable[[int], int],
        floor: int,
        paid: int,
    ) -> None:
        """Pays each lot what is paid up to its upper end less what is up to its lower."""
        given, at, last = 0, floor, covered[-1]
        for lot in covered:
            fen = lot.fen
            at += fen
            part = (paid if lot is last else min(paid_to(at), paid)) - given
            part = min(part, fen)
            if part > 0:
                leg.take(self.index, lot, part)
                given += part
        # A last fen that its own lot could not hold.
        for lot in reversed(covered):
            if given == paid:
                return
            part = min(paid - given, lot.fen)
            if part:
                leg.take(self.index, lot, part)
                given += part
        if given != paid:
            raise InvariantError(f"{paid} fen are paid of lots that hold {given}")


# Of TiersRecord behind `base_fen`, where there is no base.
_NOTHING_TO_PAY = (0, 0, 0, 0, NO_LIMIT, NO_LIMIT, 0, 0, 0, 0)


class Stretch:
    """What is paid along the axis from where the base of a leg begins, `carry` included."""

    __slots__ = ("curve", "origin", "start", "to_fen")

    def __init__(self, curve: Curve, to_fen: ToFen, start: int, carry: int) -> None:
        """Keeps the curve, the rounding, and where the payment begins."""
        self.curve = curve
        self.to_fen = to_fen
        self.start = start
        self.origin = carry - curve.exact(start)

    def paid_to(self, fee_fen: int) -> int:
        """Returns what is paid up to a fee."""
        half, unit, unit_fen = self.to_fen
        return (self.origin + self.curve.exact(fee_fen) + half) // unit * unit_fen

    def paid_by_bracket_to(self, fee_fen: int) -> int:
        """Returns what is paid up to a fee where each bracket is rounded."""
        exact, paid, low = self.curve.exact, 0, self.start
        for high in self.curve.cuts(self.start, fee_fen)[1:]:
            paid += self.to_fen.of(exact(high) - exact(low))
            low = high
        return paid

    def fee_of(self, paid_fen: int, floor: int, reached: int) -> int:
        """Returns the fee at which a payment is reached, half up to fen, within two bounds."""
        exact = paid_fen * PPM - self.origin
        return self.curve.fee_at(exact, low_fen=floor, high_fen=reached)

    def carry_behind(self, reached: int, paid: int) -> int:
        """Returns the fraction of a fen that is owed behind a payment."""
        return self.origin + self.curve.exact(reached) - paid * PPM
