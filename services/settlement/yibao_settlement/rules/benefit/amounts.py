"""Amounts, ratios, brackets and rounding as a policy file says them."""

import enum
from dataclasses import dataclass

from yibao_common.values.money import PPM

# In `of`: the base of the deductible itself.
BASE = "base"


@dataclass(frozen=True, slots=True)
class PartOf:
    """A share of something, within bounds: half up (of x ppm), then the bounds.

    `of` is the name of a parameter, of an amount that an earlier step left, or BASE.
    """

    of: str
    ratio_ppm: int = PPM
    least_fen: int = 0
    most_fen: int | None = None

    def within_bounds_fen(self, of_fen: int) -> int:
        """Returns the amount where what it is a share of is `of_fen`."""
        fen = max((2 * of_fen * self.ratio_ppm + PPM) // (2 * PPM), self.least_fen)
        return fen if self.most_fen is None else min(fen, self.most_fen)


# Fen, or a share.
Amount = int | PartOf


@dataclass(frozen=True, slots=True)
class RatioByNumber:
    """A ratio that grows with a fact that is a number, within bounds; all in ppm."""

    base_ppm: int
    fact: str
    each_ppm: int
    least_ppm: int = 0
    most_ppm: int = PPM


# Ppm, or by a number.
Ratio = int | RatioByNumber


@dataclass(frozen=True, slots=True)
class Bracket:
    """The stretch from `over_fen` to `upto_fen` (None: without end) and its ratio."""

    over_fen: int
    upto_fen: int | None
    ratio: Ratio


@dataclass(frozen=True, slots=True)
class BracketsRow:
    """Brackets, all moved up by `threshold`."""

    threshold: Amount
    brackets: tuple[Bracket, ...]


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What changes ratios: ratio := half up (ratio x factor) + points."""

    factor_ppm: int = PPM
    points_ppm: int = 0


class RoundingMode(enum.Enum):
    """How a payment becomes whole fen."""

    HALF_UP = "half_up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Rounding:
    """What is rounded (the payment of a step, or of each bracket), how, and to how many fen."""

    by_bracket: bool = False
    mode: RoundingMode = RoundingMode.HALF_UP
    unit_fen: int = 1
