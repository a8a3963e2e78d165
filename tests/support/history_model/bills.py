"""Bills whose lines can be returned in part."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

PRICE_TIMES_QUANTITY = 100_000_000
# Of the policies of the examples.
OWN_COST = "03"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a bill.

    `price_micro` is in millionths of a yuan, `quantity` in ten-thousandths of a unit;
    `ceiling_micro` is the price above which a unit is over the limit. `words` are the keys of
    a line in `bills.yaml` but for amounts.
    """

    price_micro: int
    quantity: int
    words: Mapping[str, Any]
    ceiling_micro: int | None = None

    @property
    def amount_fen(self) -> int:
        """What the line costs."""
        return half_up(self.price_micro * self.quantity, PRICE_TIMES_QUANTITY)

    def written(self) -> dict[str, Any]:
        """Returns the line as `bills.yaml` has it."""
        line = {**self.words, "fen": self.amount_fen}
        if self.ceiling_micro is not None:
            # Rule T-07: what a unit costs above the limit, times the units.
            over_micro = max(self.price_micro - self.ceiling_micro, 0)
            over_fen = half_up(over_micro * self.quantity, PRICE_TIMES_QUANTITY)
            line["over_fen"] = min(over_fen, self.amount_fen)
        return line


@dataclass(frozen=True, slots=True)
class Bill:
    """A bill; `words` are its keys in `bills.yaml` but for lines and the account's use."""

    words: Mapping[str, Any]
    lines: tuple[Line, ...]
    account_used: bool = False

    @property
    def visit_id(self) -> str:
        """The visit; bills of one visit are interim bills of one stay."""
        return str(self.words["visit"])

    @property
    def amount_fen(self) -> int:
        """What its lines cost."""
        return sum(line.amount_fen for line in self.lines)

    @property
    def is_empty(self) -> bool:
        """Whether everything has been returned; such a bill counts nothing."""
        return not any(line.quantity for line in self.lines)

    def written(self) -> dict[str, Any]:
        """Returns the bill as `bills.yaml` has it, without lines that were returned whole.

        With nothing left they would still open a leg of a bill that is cut.
        """
        lines = [line.written() for line in self.lines if line.quantity]
        return {**self.words, "lines": lines, "use_account": self.account_used}

    def as_own_cost(self) -> "Bill":
        """Returns the bill with lines that are own cost whatever they are."""
        return replace(
            self,
            lines=tuple(
                replace(line, words={**line.words, "class": OWN_COST}) for line in self.lines
            ),
        )

    def without(self, returned: Mapping[int, int]) -> "Bill":
        """Returns what is left after quantities `returned` by the number of their lines."""
        lines = list(self.lines)
        for number, quantity in returned.items():
            lines[number] = replace(lines[number], quantity=lines[number].quantity - quantity)
        return replace(self, lines=tuple(lines))


def half_up(numerator: int, denominator: int) -> int:
    """Returns the nearest whole number, the upper one of two."""
    return (2 * numerator + denominator) // (2 * denominator)
