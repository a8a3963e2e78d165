"""Brackets: what a fund pays of a fee, as a function made of straight pieces.

Exact amounts are in ppm of a fen (a fee in fen times a ratio in ppm), so that nothing
is rounded before the end.
"""

from bisect import bisect_right
from dataclasses import dataclass

from yibao_common.values.money import PPM, divide_half_up


@dataclass(frozen=True, slots=True)
class Bracket:
    """The fee from `over_fen` up to `upto_fen` (None: without end) is paid at a ratio."""

    over_fen: int
    upto_fen: int | None
    ratio_ppm: int


@dataclass(frozen=True, slots=True)
class Curve:
    """Contiguous brackets as a function of the fee: exact(fee) is what would be paid.

    `starts` are where the pieces begin, `exacts` what has been paid by there, `ratios`
    what they pay. Below the first piece nothing is paid, and nothing above `top_fen`.
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
        """Returns the fee at which `exact` (ppm of a fen) is reached, rounded half up to
        fen, but at least `low_fen` and at most `high_fen`.
        """
        if self.exact(high_fen) < exact:
            return high_fen
        for start, paid, ratio in zip(
            reversed(self.starts), reversed(self.exacts), reversed(self.ratios), strict=True
        ):
            # The last piece in which the payment grows past `paid` reaches it.
            if paid < exact and ratio > 0:
                fee = start + divide_half_up(exact - paid, ratio)
                return min(max(fee, low_fen), high_fen)
        return low_fen


def make_curve(brackets: tuple[Bracket, ...], *, shift_fen: int = 0) -> Curve:
    """Returns the curve of contiguous brackets, moved up the fee by `shift_fen`."""
    starts: list[int] = []
    exacts: list[int] = []
    ratios: list[int] = []
    exact = 0
    for bracket in brackets:
        starts.append(bracket.over_fen + shift_fen)
        exacts.append(exact)
        ratios.append(bracket.ratio_ppm)
        if bracket.upto_fen is not None:
            exact += (bracket.upto_fen - bracket.over_fen) * bracket.ratio_ppm
    last = brackets[-1].upto_fen
    if last is not None:
        # A piece that pays nothing closes the last bracket.
        starts.append(last + shift_fen)
        exacts.append(exact)
        ratios.append(0)
    return Curve(
        starts=tuple(starts),
        exacts=tuple(exacts),
        ratios=tuple(ratios),
        top_fen=None if last is None else last + shift_fen,
    )


def round_exact_fen(exact: int) -> int:
    """Returns ppm of a fen as fen, rounded half up."""
    return (2 * exact + PPM) // (2 * PPM)
