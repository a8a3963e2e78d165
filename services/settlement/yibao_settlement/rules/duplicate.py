"""Which bills charge the same: by marks of their lines, kept with each settlement (T-31).

A line's mark stands for its item, day, unit price and quantity. Numbers that are written
otherwise, such as 1.50 and 1.5, have one mark.
"""

import datetime as dt
import functools
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from hashlib import blake2b
from typing import NamedTuple

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.bill import ChargedLine, are_plain
from yibao_settlement.rules.charge import net_returns
from yibao_settlement.rules.stay import StandingBill

_MARK_BYTES = 8


class Marks(NamedTuple):
    """The marks of a bill: those of its lines in rising order, and that of its set of items."""

    lines: bytes = b""
    items: bytes = b""

    @property
    def line_count(self) -> int:
        """How many lines the bill has."""
        return len(self.lines) // _MARK_BYTES


NO_MARKS = Marks()


def marks_of(lines: Sequence[ChargedLine], service_date: dt.date) -> Marks:
    """Returns the marks of a bill's lines, less what it returns of them."""
    if are_plain(lines):
        marks = [
            _mark_of(code, service_date, price, quantity)
            for _, code, price, quantity, _, _ in lines
        ]
    else:
        if any([line.returned_line_id for line in lines]):
            lines = net_returns(lines, {}).lines
        marks = [
            _mark_of(_marked(line), line.day(service_date), line.unit_price, line.quantity)
            for line in lines
        ]
    items = "\n".join(sorted({line.item_code or _marked(line) for line in lines}))
    return Marks(b"".join(sorted(marks)), _mark(items))


def check_not_repeated(
    marks: Marks, bills: Iterable[StandingBill], *, told_apart: Collection[str] = ()
) -> None:
    """Raises LINES_ALREADY_SETTLED where a bill of the visit stands with the very same lines.

    `told_apart` are settlements whose lines are others than these by their ids.
    """
    for bill in bills:
        if bill.line_marks == marks.lines and bill.settlement_id not in told_apart:
            raise RuleError(
                Reason.LINES_ALREADY_SETTLED,
                f"settlement {bill.settlement_id} of the visit has the very same lines; lines "
                "that are others need ids (line_id)",
                settlement_id=bill.settlement_id,
            )


def contain_each_other(marks: bytes, others: bytes) -> bool:
    """Tells whether all lines of one of two bills stand in the other one too."""
    few, many = (marks, others) if len(marks) <= len(others) else (others, marks)
    # Bills that are no duplicates mostly differ in the first line that is looked for.
    if few[:_MARK_BYTES] not in many:
        return False
    return not Counter(_single(few)) - Counter(_single(many))


def _single(marks: bytes) -> list[bytes]:
    return [marks[at : at + _MARK_BYTES] for at in range(0, len(marks), _MARK_BYTES)]


def _marked(line: ChargedLine) -> str:
    """Returns by what a line is told apart: where it has no item, by the institution's own code."""
    return line.item_code or f"own {line.own_code}"


# Hospitals charge the same item at the same price again and again on a day.
@functools.lru_cache(maxsize=65_536)
def _mark_of(item_code: str, day: dt.date, unit_price: str, quantity: str) -> bytes:
    return _mark(f"{item_code}\n{day.isoformat()}\n{_shortest(unit_price)}\n{_shortest(quantity)}")


def _shortest(decimal: str) -> str:
    whole, _, fraction = decimal.partition(".")
    return f"{whole.lstrip('0')}.{fraction.rstrip('0')}"


def _mark(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=_MARK_BYTES).digest()
