"""How an exact payment becomes fen."""

from typing import NamedTuple

from yibao_common.values.money import PPM
from yibao_settlement.rules.benefit.amounts import Rounding, RoundingMode


class ToFen(NamedTuple):
    """Rounds ppm of a fen to whole units of fen: (exact + half) // unit, half may be nothing."""

    half: int
    unit: int
    unit_fen: int

    def of(self, exact: int) -> int:
        """Returns fen; a negative payment is rounded in the same direction."""
        return (exact + self.half) // self.unit * self.unit_fen


def rounded_by(rounding: Rounding) -> ToFen:
    """Returns the rounding of a step."""
    unit = PPM * rounding.unit_fen
    half = unit // 2 if rounding.mode is RoundingMode.HALF_UP else 0
    return ToFen(half, unit, rounding.unit_fen)
