"""Lots: some fen of one part of one line group that nobody has paid, and the tags on it."""

from collections.abc import Sequence
from typing import NamedTuple


class Lot:
    """A lot; `bits` has one bit for its part and group and one for each tag.

    Mutable, for one leg of a bill only: steps take from it, cut it and tag it.
    """

    __slots__ = ("bits", "fen")

    def __init__(self, fen: int, bits: int) -> None:
        """Keeps the amount and the bits."""
        self.fen = fen
        self.bits = bits


class LotTest(NamedTuple):
    """A name of a base: a lot carries it that has a bit of each mask."""

    mask: int
    also: int


def choose(lots: list[Lot], tests: Sequence[LotTest]) -> list[Lot]:
    """Returns the open lots of a base, each once, by the order of its names and of the bill."""
    if len(tests) == 1:
        mask, also = tests[0]
        return [lot for lot in lots if lot.bits & mask and lot.fen and lot.bits & also]
    chosen: list[Lot] = []
    for mask, also in tests:
        # A lot that two names of a base share is taken at the first.
        taken = set(chosen)
        chosen += [
            lot
            for lot in lots
            if lot.bits & mask and lot.fen and lot.bits & also and lot not in taken
        ]
    return chosen


def cut(lots: list[Lot], lot: Lot, fen: int) -> Lot:
    """Cuts a lot at `fen`: it keeps the lower piece; returns the upper, which lies behind it."""
    upper = Lot(lot.fen - fen, lot.bits)
    lot.fen = fen
    lots.insert(lots.index(lot) + 1, upper)
    return upper


def sum_of(lots: Sequence[Lot]) -> int:
    """Returns what lots come to, in fen."""
    total = 0
    for lot in lots:
        total += lot.fen
    return total
