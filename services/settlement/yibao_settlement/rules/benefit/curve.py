"""Brackets as a function: what a payer pays of a fee.

Exact payments are in ppm of a fen (a fee in fen times a ratio in ppm), so that nothing is
rounded before the end.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from yibao_common.values.money import PPM
from yibao_settlement.rules.benefit.amounts import Bracket


@dataclass(frozen=True, slots=True)
class Curve:
    """Contiguous brackets along the fee: `exact(fee)` is what would be paid.

    `starts` are where the pieces begin, `exacts` what has been paid by there, `ratios` what
    they pay. Below the first piece nothing is paid, and nothing above `top_fen`.
    """

    starts: tuple[int, ...]
    exacts: tuple[int, ...]
    ratios: tuple[int, ...]
    top_fen: int | None

    def exact(self, fee_fen: int) -> int:
        """Returns what is paid of a fee, in ppm of a fen."""
        piece = bisect_right(self.starts, fee_fen) - 1
        if piece < 0:
            return 0
        return self.exacts[piece] + (fee_fen - self.starts[piece]) * self.ratios[piece]

    def fee_at(self, exact: int, *, low_fen: int, high_fen: int) -> int:
        """Returns the fee at which `exact` is reached, half up to fen, within the bounds."""
        for start, paid, ratio in zip(
            reversed(self.starts), reversed(self.exacts), reversed(self.ratios), strict=True
        ):
            # The last piece in which the payment grows past `paid` reaches it.
            if paid < exact and ratio:
                if self.exact(high_fen) < exact:
                    return high_fen
                fee = start + half_up(exact - paid, ratio)
                return min(max(fee, low_fen), high_fen)
        return low_fen

    def cuts(self, low_fen: int, high_fen: int) -> list[int]:
        """Returns both ends of a stretch and the bounds of pieces inside it."""
        inside = [start for start in self.starts if low_fen < start < high_fen]
        return [low_fen, *inside, high_fen]

    def moved(self, shift_fen: int) -> "Curve":
        """Returns the curve with all bounds moved up the fee."""
        starts = tuple([start + shift_fen for start in self.starts])
        top = None if self.top_fen is None else self.top_fen + shift_fen
        return Curve(starts, self.exacts, self.ratios, top)

    def pieces(self) -> Iterator[tuple[int, int | None, int]]:
        """Yields beginning, end and ratio of each piece that a bracket made."""
        ends = (*self.starts[1:], None)
        for start, end, ratio in zip(self.starts, ends, self.ratios, strict=True):
            if end is not None or self.top_fen is None:
                yield start, end, ratio


def half_up(numerator: int, denominator: int = PPM) -> int:
    """Returns `numerator / denominator` with half rounded up; what is negative as well."""
    return (2 * numerator + denominator) // (2 * denominator)


def make_curve(brackets: Sequence[Bracket], ratios: Sequence[int], *, axis_is_paid: bool) -> Curve:
    """Returns the curve of contiguous brackets with these ratios in ppm.

    Where the bounds are payments, a bracket is as long as the fee of which it pays so much;
    one that pays nothing then has no end.
    """
    starts, exacts, exact = [brackets[0].over_fen], [0], 0
    for index, (bracket, ratio) in enumerate(zip(brackets, ratios, strict=True)):
        closed = bracket.upto_fen is not None and (ratio or not axis_is_paid)
        if not closed:
            kept = tuple(ratios[: index + 1])
            return Curve(tuple(starts), tuple(exacts), kept, None)
        assert bracket.upto_fen is not None
        width = bracket.upto_fen - bracket.over_fen
        if axis_is_paid:
            width = half_up(width * PPM, ratio)
        exact += width * ratio
        starts.append(starts[-1] + width)
        exacts.append(exact)
    # A piece that pays nothing closes the last bracket.
    return Curve(tuple(starts), tuple(exacts), (*ratios, 0), starts[-1])
