"""The curve of a tiers step: what is paid up to a fee."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .amounts import PPM, half_up, rounded


@dataclass(frozen=True)
class Bracket:
    """A stretch of fee with its ratio; `upto` is None above all."""

    over: int
    upto: int | None
    ratio_ppm: int

    def exact(self, fee: int) -> Fraction:
        """Returns the exact payment of this bracket for all fee up to `fee`, in fen."""
        end = fee if self.upto is None else min(fee, self.upto)
        return Fraction(max(end - self.over, 0) * self.ratio_ppm, PPM)


@dataclass(frozen=True)
class Curve:
    """Contiguous brackets, rising."""

    brackets: tuple[Bracket, ...]
    rounding: Mapping[str, Any]

    @property
    def begins(self) -> int:
        """The fee where the first bracket begins."""
        return self.brackets[0].over

    def exact(self, fee: int) -> Fraction:
        """Returns E(fee), the exact payment in fen for all fee up to `fee`."""
        return sum((bracket.exact(fee) for bracket in self.brackets), Fraction(0))

    def reached(self, payment: Fraction) -> Fraction | None:
        """Returns the least fee for which `payment` is due, None where none is enough.

        Where no bracket pays anything, what an earlier bill left of a fen is never due: a
        limit that is used up is reached at once.
        """
        if payment <= 0 or not any(bracket.ratio_ppm for bracket in self.brackets):
            return Fraction(0)
        for bracket in self.brackets:
            before = self.exact(bracket.over)
            whole = None if bracket.upto is None else self.exact(bracket.upto)
            if bracket.ratio_ppm and (whole is None or payment <= whole):
                return bracket.over + (payment - before) * PPM / bracket.ratio_ppm
        return None

    def paid(self, start: int, fee: int, carry: Fraction) -> int:
        """Returns the rounded payment from `start` to `fee`."""
        if self.rounding.get("each") == "bracket":
            return sum(
                rounded(bracket.exact(fee) - bracket.exact(start), self.rounding)
                for bracket in self.brackets
            )
        return rounded(carry + self.exact(fee) - self.exact(start), self.rounding)


def brackets(
    row: Mapping[str, Any], ratios: list[int], threshold: int, axis: str
) -> tuple[Bracket, ...]:
    """Returns the brackets of a row, moved up by the threshold, their bounds as fees."""
    made = []
    at = threshold + row["brackets"][0]["over_fen"]
    for bracket, ratio_ppm in zip(row["brackets"], ratios, strict=True):
        upto = bracket.get("upto_fen")
        if upto is None:
            made.append(Bracket(at, None, ratio_ppm))
            continue
        width = upto - bracket["over_fen"]
        if axis == "paid":
            if not ratio_ppm:
                # Nothing is ever paid here, so the bound is never come to.
                made.append(Bracket(at, None, ratio_ppm))
                break
            width = half_up(Fraction(width * PPM, ratio_ppm))
        made.append(Bracket(at, at + width, ratio_ppm))
        at += width
    return tuple(made)
